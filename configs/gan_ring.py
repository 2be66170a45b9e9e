"""GAN (Goodfellow et al. 2014, arXiv 1406.2661) on 8 Gaussians on a circle.

Command: python train.py --config=configs/gan_ring.py

Fully connected networks, the generator with batch normalisation; the non-saturating loss and Adam.
How many modes are found, and how well: `python -m jaxgan.evaluate --workdir=runs/gan_ring`.
Not trained to its end yet.
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
