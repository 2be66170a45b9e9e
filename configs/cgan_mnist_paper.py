"""Conditional GAN on MNIST by the recipe of Mirza & Osindero 2014 (arXiv 1411.1784, section 4.1).

Command: python train.py --config=configs/cgan_mnist_paper.py

The paper's networks, objective, prior, dropout, learning rate and momentum schedules, for 100
epochs of the first 50,000 training images. The paper stops at the best validation Parzen score,
which the checkpoint `best` has. Not measured yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 50_000  # 100 epochs
    config.dataset.split = "train[:50000]"
    config.evaluate_every = 2500
    config.evaluation.metrics = "parzen,frechet,manifold,agreement"
    config.evaluation.best = "parzen_valid"
    config.evaluation.num = 10_000
    config.evaluation.valid_split = "train[50000:51000]"
    config.gan = ConfigDict(
        {
            "name": "cgan",
            "network": "mlp",
            "latent": "uniform",
            "latent_size": 100,
            "loss": "nonsaturating",
            "dropout": 0.5,
        }
    )
    config.optimizer = config_lib.optimizer_pair(
        "momentum_ramp",
        learning_rate=0.1,
        decay=1.00004,
        min_learning_rate=1e-6,
        momentum=0.5,
        final_momentum=0.7,
        ramp_epochs=250,
        steps_per_epoch=500,
    )
    return config
