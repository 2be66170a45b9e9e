"""Energy-based GAN (Zhao, Mathieu & LeCun 2016, arXiv 1609.03126) on MNIST.

Command: python train.py --config=configs/ebgan_mnist.py

A fully connected generator of 5 layers with 800 units and an auto-encoder with 1024, margin 10,
Adam with a learning rate of .001: the best of the paper's grid, as far as is known.

Time: 20 minutes on one CPU core. Scores by `python -m jaxgan.evaluate
--metrics=frechet,manifold,modified_score`, 10,000 samples, mean +- standard deviation of three
sampling seeds, after training with seed 0:

  modified score  2.099 +- .003  real 2.928
  classifier-FID  1.45 +- .03           .026
  precision       .720 +- .003         .864
  recall          .091 +- .006         .830
  coverage        .519 +- .005         .961

All still rise at the end (modified score, 5,000 samples: 1.43, 1.86, 2.08 after 4,000, 8,000 and
12,000 steps). With the pulling-away term (`ebgan_pt_mnist`) 2.126.
Many architectures of GAN, EBGAN and EBGAN-PT: docs/ebgan.md.
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
