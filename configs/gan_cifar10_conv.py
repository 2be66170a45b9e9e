"""Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661) on CIFAR-10, the
convolutional networks of the paper.

Command: python train.py --config=configs/gan_cifar10_conv.py

The paper's recipe: normal noise, dropout in the discriminator, gradient descent with a momentum
that rises from .5 to .7 over 250 epochs, the first 40,000 training images. The discriminator's
loss is halved in the paper's code, which here is half the learning rate. Images are scaled to [-1,
1]; the paper's code normalises the contrast of each. Not trained: a CPU core takes 3.6 seconds a
step, 32 hours in all.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 31_250  # 100 epochs
    config.batch_size = 128
    config.dataset.name = "cifar10"
    config.dataset.split = "train[:40000]"
    config.gan = ConfigDict(
        {"name": "gan", "network": "cifar_conv", "latent": "normal", "output_bias": "zero"}
    )
    config.optimizer = config_lib.optimizer_pair(
        "momentum_ramp",
        learning_rate=0.004,
        disc_learning_rate=0.002,
        decay=1.000004,
        min_learning_rate=1e-6,
        momentum=0.5,
        final_momentum=0.7,
        ramp_epochs=250,
        steps_per_epoch=312,
    )
    return config
