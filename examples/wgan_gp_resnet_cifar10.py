"""WGAN-GP with residual networks (Gulrajani et al. 2017, arXiv 1704.00028) on CIFAR-10.

Command: python train.py --config=examples/wgan_gp_resnet_cifar10.py

The settings of appendix F. Not trained to its end.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 100_000
    config.batch_size = 64
    config.disc_steps = 5
    config.dataset.name = "cifar10"
    config.gan = ConfigDict({"name": "examples.wgan_gp_resnet", "width": 128})
    adam = {"learning_rate": 2e-4, "b1": 0.0, "b2": 0.9, "decay_from": 0.0}
    config.optimizer = config_lib.optimizer_pair("adam", **adam)
    return config
