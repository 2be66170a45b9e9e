"""Conditional GAN of word vectors (Mirza & Osindero 2014, arXiv 1411.1784) on MIR Flickr 25,000.

Command: python train.py --config=configs/cgan_tags_mirflickr.py
         --config.dataset.path=FOLDER --config.dataset.tags.features=FEATURES.npz

The networks and sizes of section 4.2; gradient descent as for the digits. FOLDER is MIR Flickr
25,000 as distributed (`jaxgan.tagging.mirflickr`). FEATURES.npz has `feature` float [n, size], of
the paper 4,096 numbers of a network trained on ImageNet, and `name` [n], im1, im2, ...; `inception`
in its place takes the project's Inception network, whose weights $JAXGAN_INCEPTION names. Word
vectors are trained from the tags with gensim (pip install gensim), or read from a file of word2vec
or fastText: --config.dataset.tags.vectors=FILE. Not trained yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 150_000  # 100 epochs
    config.sample_every = 10_000
    config.checkpoint_every = 10_000
    config.dataset.name = "mirflickr_tags"
    with config.unlocked():
        config.dataset.tags = ConfigDict(
            {"features": "inception", "vectors": "", "size": 200, "min_count": 20}
        )
    config.gan = ConfigDict({"name": "cgan_tags", "loss": "nonsaturating", "dropout": 0.5})
    recipe = {
        "name": "momentum_ramp",
        "learning_rate": 0.1,
        "decay": 1.00004,
        "min_learning_rate": 1e-6,
        "momentum": 0.5,
        "final_momentum": 0.7,
        "ramp_epochs": 250,
        "steps_per_epoch": 1500,
    }
    config.optimizer = ConfigDict({"gen": dict(recipe), "disc": dict(recipe)})
    return config
