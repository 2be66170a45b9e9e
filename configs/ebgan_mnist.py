"""Energy-based GAN (Zhao, Mathieu & LeCun 2016, arXiv 1609.03126) on MNIST.

Command: python train.py --config=configs/ebgan_mnist.py

A fully connected generator of 5 layers with 800 units and an auto-encoder with 1024, margin 10,
Adam with a learning rate of .001: the best of the paper's grid, as far as is known.
Not trained to its end yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 12_000  # 20 epochs
    config.batch_size = 100
    config.evaluate_every = 2000
    config.evaluation.metrics = "frechet,manifold,modified_score"
    config.gan = ConfigDict(
        {
            "name": "ebgan",
            "margin": 10.0,
            "pulling_away_weight": 0.0,
        }
    )
    adam = {"name": "adam", "learning_rate": 1e-3}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
