"""Energy-based GAN with pulling-away term (Zhao, Mathieu & LeCun 2016, arXiv 1609.03126) on MNIST.

Command: python train.py --config=configs/ebgan_pt_mnist.py
Details: docs/experiments/ebgan_mnist.md

Time: 20 minutes on one CPU core. Scores by `python -m jaxgan.evaluate
--metrics=frechet,manifold,modified_score`, 10,000 samples, mean +- standard deviation of three
sampling seeds, after training with seed 0:

  modified score  2.126 +- .003  real 2.928
  classifier-FID  1.43 +- .03           .026
  precision       .723 +- .002         .864
  recall          .093 +- .004         .830
  coverage        .509 +- .003         .961
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
            "pulling_away_weight": 0.1,
        }
    )
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=1e-3)
    return config
