"""Conditional GAN of word vectors (Mirza & Osindero 2014, arXiv 1411.1784) on MIR Flickr 25,000.

Command: python train.py --config=configs/cgan_tags_mirflickr.py
         --config.dataset.path=FOLDER --config.dataset.tags.features=FEATURES.npz

The networks and sizes of section 4.2; gradient descent as for the digits. FOLDER is MIR Flickr
25,000 as distributed (`jaxgan.tagging.mirflickr`). FEATURES.npz has `feature` float [n, size], of
the paper 4,096 numbers of a network trained on ImageNet, and `name` [n], im1, im2, ...; `inception`
in its place takes the project's Inception network, whose weights $JAXGAN_INCEPTION names. Word
vectors are trained from the tags with gensim (pip install gensim), or read from a file of word2vec
or fastText: --config.dataset.tags.vectors=FILE.

An epoch is 1,500 steps, the paper's 150,000 examples in batches of 100. The paper does not give a
length; its learning rate is at its floor after 287,829 steps, so that is where the run ends, and
where the momentum is at .7. Examples whose word has no vector are left out: then an epoch of the
schedule is more than one of the data. Not trained yet.
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
    recipe = {
        "name": "momentum_ramp",
        "learning_rate": 0.1,
        "decay": 1.00004,
        "min_learning_rate": 1e-6,
        "momentum": 0.5,
        "final_momentum": 0.7,
        "ramp_epochs": EPOCHS,
        "steps_per_epoch": steps_per_epoch,
    }
    config.optimizer = ConfigDict({"gen": dict(recipe), "disc": dict(recipe)})
    return config
