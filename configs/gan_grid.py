"""GAN (Goodfellow et al. 2014, arXiv 1406.2661) on 25 Gaussians on a grid.

Command: python train.py --config=configs/gan_grid.py

Scores by `python -m benchmarks.modes --config=configs/gan_grid.py`: 10 seeds of each, 2,500 samples
each, means with standard errors (6 to 10 minutes each on one CPU core):

  GAN, non-saturating      13.5 +- .5 of 25 modes   88.8 +- .5 % high quality
  GAN, R1 and R2           25.0 +- .0               75.2 +- 1.8 %
  relativistic, R1 and R2  25.0 +- .0               72.7 +- 2.6 %

The penalties have weight .1. Details: docs/experiments/gan_rings_and_grids.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 20_000
    config.batch_size = 128
    config.sample_every = 1000
    config.checkpoint_every = 5000
    config.evaluate_every = 5000
    config.evaluation.metrics = "mixture"
    config.evaluation.num = 2500
    config.dataset.name = "gaussian_grid"
    config.gan = ConfigDict(
        {
            "name": "gan",
            "network": "mlp",
            "gen_layers": 4,
            "gen_width": 128,
            "disc_layers": 4,
            "disc_width": 128,
            "latent": "normal",
            "latent_size": 2,
            "dropout": 0.0,
        }
    )
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=1e-3, b1=0.5, decay_from=0.5)
    return config
