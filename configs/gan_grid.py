"""GAN (Goodfellow et al. 2014, arXiv 1406.2661) on 25 Gaussians on a grid.

Command: python train.py --config=configs/gan_grid.py

Fully connected networks, the generator with batch normalisation; the non-saturating loss and Adam.
How many modes are found, and how well: `python -m jaxgan.evaluate --workdir=runs/gan_grid`.

`python -m benchmarks.modes --config=configs/gan_grid.py`, 10 seeds of each as one program, 2,500
samples each, means with standard errors (6 to 10 minutes each on one CPU core):

  GAN, non-saturating      13.5 +- .5 of 25 modes   88.8 +- .5 % high quality
  GAN, R1 and R2           25.0 +- .0               75.2 +- 1.8 %
  relativistic, R1 and R2  25.0 +- .0               72.7 +- 2.6 %

The penalties have weight .1. Published for a GAN of other networks (Lin et al. 2018, PacGAN, arXiv
1712.04086): 17.3 modes, 94.8 %.
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
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
