"""Energy-based GAN (Zhao, Mathieu & LeCun 2016, arXiv 1609.03126) on faces of CelebA at 64x64.

Command: python train.py --config=configs/ebgan_celeba.py

The convolutional networks of the paper's section 4.3, a margin of 20 and the pulling-away term with
weight .1. Not trained yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 31_800  # 25 epochs
    config.batch_size = 128
    config.dataset.name = "celeb_a"
    config.dataset.image_size = 64
    config.gan = ConfigDict(
        {
            "name": "ebgan",
            "network": "conv",
            "margin": 20.0,
            "pulling_away_weight": 0.1,
        }
    )
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5)
    return config
