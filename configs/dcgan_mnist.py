"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on MNIST, without labels.

Command: python train.py --config=configs/dcgan_mnist.py

Time: 27 minutes on one CPU core. Scores by `python -m jaxgan.evaluate`, 10,000 samples, mean +-
standard deviation of three sampling seeds, after training with seeds 0 and 1:

  classifier-FID   .065 +- .002    .067 +- .007    real .026
  precision        .876 +- .002    .873 +- .003         .864
  recall           .687 +- .001    .699 +- .004         .830
  coverage         .923 +- .004    .926 +- .006         .961
  inception score  7.34 +- .01     7.33 +- .03          7.83

What each part does, and what did not help: docs/experiments/dcgan_mnist.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 24_000
    config.batch_size = 32
    config.ema_decay = 0.9995
    config.evaluate_every = 1000
    config.gan = ConfigDict(
        {
            "name": "dcgan",
            "width": 32,
            "kernel": 4,
            "units": 512,
            "mapping_layers": 2,
            "instance_noise": 0.2,
        }
    )
    config.optimizer = config_lib.optimizer_pair(
        "adam", learning_rate=1e-3, disc_learning_rate=3e-4, b1=0.5
    )
    return config
