"""Conditional GAN of word vectors (Mirza & Osindero 2014, arXiv 1411.1784): tags of MNIST digits.

Command: python train.py --config=configs/cgan_tags_mnist.py
It needs gensim: pip install gensim.

Time: 84 seconds on one CPU core, features and word vectors included. Scores by
`python -m jaxgan.tagging.evaluate` at the last step, all 10,000 test images, mean +- standard error
of training seeds 0, 1 and 2:

  precision@10  .952 +- .001  most frequent tags .538  100 nearest images .988
  recall@10     .315 +- .001                     .180                     .327 (at most .331)

Other baselines and diversity: docs/experiments/cgan_tags_mnist.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 5000
    config.batch_size = 128
    config.sample_every = 1000
    config.checkpoint_every = 1000
    config.ema_decay = 0.999
    config.dataset.name = "mnist_tags"
    with config.unlocked():
        config.dataset.tags = ConfigDict(
            {"features": "classifier", "vectors": "", "size": 32, "min_count": 5}
        )
    config.gan = ConfigDict(
        {
            "name": "cgan_tags",
            "gen_units": (64, 256),
            "joint_layers": 1,
            "joint_units": 256,
            "disc_units": (256, 256),
            "maxout": (128, 3),
            "latent_size": 50,
            "loss": "relativistic",
            "penalty_weight": 1.0,
            "penalty_share": 0.25,
        }
    )
    config.optimizer = config_lib.optimizer_pair(
        "adam", learning_rate=1e-3, b1=0.0, b2=0.99, decay_from=0.5
    )
    return config
