"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on bedrooms of LSUN at 64x64.

Command: python train.py --config=configs/dcgan_lsun.py

The layers of the paper's authors: 5x5 kernels, 128 to 1024 channels, 18,885,760 and 17,232,768
parameters; 25 epochs, without the paper's weight decay of 1e-5. `--config.gan.kernel=4
--config.gan.width=64 --config.gan.latent=normal` is the widely used later version. Not trained yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 592000  # 25 epochs
    config.batch_size = 128
    config.dataset.name = "lsun/bedroom"
    config.dataset.image_size = 64
    config.gan = ConfigDict({"name": "dcgan", "width": 128, "kernel": 5})
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5)
    return config
