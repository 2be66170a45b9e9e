"""GAN (Goodfellow et al. 2014, arXiv 1406.2661) on 8 Gaussians on a circle.

Command: python train.py --config=configs/gan_ring.py

Scores by `python -m benchmarks.modes --config=configs/gan_ring.py --config.steps_per_call=10`: 10
seeds of each, 2,500 samples each, means with standard errors (a minute each on 2 CPU cores):

  GAN, non-saturating      6.0 +- .3 of 8 modes   95.0 +- .6 % high quality  reverse KL .571 +- .081
  GAN, R1 and R2           8.0 +- .0              87.2 +- 1.1 %               .003 +- .001
  relativistic, R1 and R2  8.0 +- .0              86.3 +- 1.2 %               .003 +- .001

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
    config.dataset.name = "gaussian_ring"
    config.gan = ConfigDict(
        {
            "name": "gan",
            "network": "mlp",
            "gen_layers": 4,
            "gen_width": 64,
            "disc_layers": 4,
            "disc_width": 64,
            "latent": "normal",
            "latent_size": 2,
            "dropout": 0.0,
        }
    )
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=1e-3, b1=0.5, decay_from=0.5)
    return config
