"""pix2pix (Isola et al. 2017, arXiv 1611.07004) on edges to photographs of shoes.

Command: python train.py --config=configs/pix2pix_edges2shoes.py --config.dataset.path=FOLDER

FOLDER is the dataset as its authors distribute it: pictures with A beside B, in train/ (about
50,000) and val/, read one by one as they do not fit in memory. As published: U-Net-256, the 70x70
PatchGAN, L1 with weight 100, batches of 4, 15 epochs, no jitter. Not trained to its end yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 187_500  # 15 epochs
    config.batch_size = 4
    config.sample_every = 5000
    config.checkpoint_every = 5000
    config.evaluation.test_split = "val"
    config.dataset.name = "edges2shoes"
    config.dataset.pairs = "side_by_side"
    config.dataset.direction = "AtoB"
    config.dataset.image_size = 256
    config.gan = ConfigDict({"name": "pix2pix", "width": 64, "disc_layers": 3, "l1_weight": 100.0})
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5)
    return config
