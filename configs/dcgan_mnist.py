"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on MNIST, without labels.

Command: python train.py --config=configs/dcgan_mnist.py

4x4 kernels, widths 64 and 128, uniform noise, Adam as in the paper with a learning rate that falls
over the second half, a moving average of the generator.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 8_000
    config.batch_size = 64
    config.ema_decay = 0.999
    config.evaluate_every = 1000
    config.gan = ConfigDict({"name": "dcgan", "width": 64, "kernel": 4})
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
