"""Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661) on MNIST.

Command: python train.py --config=configs/gan_mnist.py

The paper's networks and recipe: ReLU generator of 2,503,984 parameters, maxout discriminator of
1,231,441 with dropout, uniform noise, one discriminator step, gradient descent with a momentum
that rises from .5 to .7 over 250 epochs, the first 50,000 training images. The discriminator's
loss is halved in the paper's code, which here is half the learning rate. Samples are of a moving
average of the generator, which the paper has not. Not trained to its end yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 100_000  # 200 epochs
    config.batch_size = 100
    config.ema_decay = 0.9995
    config.dataset.split = "train[:50000]"
    config.evaluate_every = 10_000
    config.evaluation.metrics = "parzen"
    config.evaluation.best = "parzen_valid"
    config.evaluation.num = 10_000
    config.evaluation.valid_split = "train[50000:51000]"
    config.gan = ConfigDict({"name": "gan", "network": "mnist"})
    recipe = {
        "name": "momentum_ramp",
        "learning_rate": 0.1,
        "decay": 1.000004,
        "min_learning_rate": 1e-6,
        "momentum": 0.5,
        "final_momentum": 0.7,
        "ramp_epochs": 250,
        "steps_per_epoch": 500,
        "decay_from": 0.5,
    }
    config.optimizer = ConfigDict({"gen": dict(recipe), "disc": recipe | {"learning_rate": 0.05}})
    return config
