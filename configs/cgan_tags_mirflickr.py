"""Conditional GAN of word vectors (Mirza & Osindero 2014, arXiv 1411.1784) on MIR Flickr 25,000.

Command: python train.py --config=configs/cgan_tags_mirflickr.py
         --config.dataset.path=FOLDER --config.dataset.tags.features=FEATURES.npz

The networks and sizes of section 4.2; gradient descent as for the digits. Not trained yet. The
files and the length of the run: docs/experiments/cgan_tags_mirflickr.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib

EXAMPLES, EPOCHS = 150_000, 192


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    steps_per_epoch = EXAMPLES // config.batch_size
    config.steps = EPOCHS * steps_per_epoch
    config.sample_every = 12_000
    config.checkpoint_every = 12_000
    config.dataset.name = "mirflickr_tags"
    with config.unlocked():
        config.dataset.tags = ConfigDict(
            {"features": "inception", "vectors": "", "size": 200, "min_count": 20}
        )
    config.gan = ConfigDict({"name": "cgan_tags", "loss": "nonsaturating", "dropout": 0.5})
    config.optimizer = config_lib.optimizer_pair(
        "momentum_ramp",
        learning_rate=0.1,
        decay=1.00004,
        min_learning_rate=1e-6,
        momentum=0.5,
        final_momentum=0.7,
        ramp_epochs=EPOCHS,
        steps_per_epoch=steps_per_epoch,
    )
    return config
