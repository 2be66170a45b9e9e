"""Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661) on MNIST.

Command: python train.py --config=configs/gan_mnist.py

The paper's networks and recipe. Time: 80 minutes on one CPU core. Parzen log-likelihood after
training with seed 1, 10,000 samples +- standard error; the paper has 225 +- 2:

  mean of the checkpoints from step 20,000 on  229.0 +- 2.2
  moving average at the end                    219.6 +- 2.3
  real training images in place of samples     242.6 +- 2.1

The first 1,000 steps decide whether the run succeeds: where D(G(z)) is about .001 after 1,500
steps, start again with another seed. Details: docs/experiments/gan_mnist.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.seed = 1
    config.steps = 100_000  # 200 epochs
    config.batch_size = 100
    config.ema_decay = 0.9999
    config.dataset.split = "train[:50000]"
    config.checkpoint_every = 5000
    config.keep_checkpoints = 20  # all of them, 40 MB each
    config.evaluate_every = 20_000
    config.evaluation.metrics = "parzen"
    config.evaluation.best = "parzen_valid"
    config.evaluation.num = 10_000
    config.evaluation.valid_split = "train[50000:51000]"
    config.gan = ConfigDict({"name": "gan", "network": "mnist"})
    config.optimizer = config_lib.optimizer_pair(
        "momentum_ramp",
        learning_rate=0.1,
        disc_learning_rate=0.05,  # the paper's code halves the loss instead
        decay=1.000004,
        min_learning_rate=1e-6,
        momentum=0.5,
        final_momentum=0.7,
        ramp_epochs=250,
        steps_per_epoch=500,
    )
    return config
