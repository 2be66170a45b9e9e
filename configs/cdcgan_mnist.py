"""Conditional DCGAN on MNIST: the objective of Mirza & Osindero 2014 (arXiv 1411.1784), networks of
the code of Radford et al. 2015 (arXiv 1511.06434), labels at every layer.

Command: python train.py --config=configs/cdcgan_mnist.py
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
    config.evaluation.metrics = "frechet,manifold,agreement"
    config.gan = ConfigDict({"name": "cdcgan", "width": 64})
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
