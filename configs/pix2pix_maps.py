"""pix2pix (Isola et al. 2017, arXiv 1611.07004) on maps, from aerial photographs to maps.

Command: python train.py --config=configs/pix2pix_maps.py --config.dataset.path=FOLDER

FOLDER is the dataset as its authors distribute it: pictures with A beside B, in train/ (1,096) and
val/. As published: U-Net-256, the 70x70 PatchGAN, L1 with weight 100, 256 pixels cropped out of 286
and mirrored at random, batches of 1, 200 epochs. Not trained to its end yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 219_200  # 200 epochs
    config.batch_size = 1
    config.sample_every = 5000
    config.checkpoint_every = 5000
    config.evaluation.test_split = "val"
    config.dataset.name = "maps"
    config.dataset.pairs = "side_by_side"
    config.dataset.direction = "AtoB"
    config.dataset.image_size = 256
    config.dataset.jitter_size = 286
    config.dataset.flip = True
    config.gan = ConfigDict({"name": "pix2pix", "width": 64, "disc_layers": 3, "l1_weight": 100.0})
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5)
    return config
