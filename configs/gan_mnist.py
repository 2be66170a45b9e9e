"""Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661) on MNIST.

Command: python train.py --config=configs/gan_mnist.py

The paper's networks and recipe: ReLU generator of 2,503,984 parameters, maxout discriminator of
1,231,441 with dropout, uniform noise, one discriminator step, gradient descent with a momentum
that rises from .5 to .7 over 250 epochs, the first 50,000 training images. The discriminator's
loss is halved in the paper's code, which here is half the learning rate. Samples are of a moving
average of the generator over some 10,000 steps, which the paper has not.

Not trained to its end yet. A trial of 100,000 steps (80 minutes on one CPU core) had a Parzen
log-likelihood of 219.8 with a standard error of 2.2 (real training images 242, the paper 225).
There the learning rate was doubled at step 60,000, which changed little, and the average was one of
2,000 steps until step 85,000, with which the likelihood had come to rest at 208 (on the images that
choose the window it was 145, 178, 190, 196 and 204 at steps 10,000 to 50,000; without any average,
163 at the end). A learning rate falling to 0 over the second half brought nothing.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 200_000  # 400 epochs
    config.batch_size = 100
    config.ema_decay = 0.9999
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
    }
    config.optimizer = ConfigDict({"gen": dict(recipe), "disc": recipe | {"learning_rate": 0.05}})
    return config
