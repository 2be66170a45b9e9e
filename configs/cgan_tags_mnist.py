"""Conditional GAN of word vectors (Mirza & Osindero 2014, arXiv 1411.1784): tags of MNIST digits.

Command: python train.py --config=configs/cgan_tags_mnist.py

150 words that describe digits and the tags of simulated users (`jaxgan.tagging.digits`), skip-gram
vectors trained from those tags, features of the project's MNIST classifier. It needs gensim: pip
install gensim. Tags of images: `python -m jaxgan.tag`; scores: `python -m jaxgan.tagging.evaluate`.

Time: 84 seconds on one CPU core, features and word vectors included.
Scores at the last step, mean +- standard error of seeds 0, 1 and 2 of training, all 10,000 test
images, against the words that hold:

                               precision@10  recall@10 (at most .331)
  this GAN                       .952 +- .001  .315 +- .001
  most frequent tags             .538          .180
  1, 10, 100 nearest images      .760 .929 .988   .250 .307 .327

32.9 +- .3 distinct words among 100 samples of an image, 76.5 +- .3 % of them true; of 100 tags
borrowed from the 100 nearest training images 43.6 are distinct, 75.6 % true.
With a tenth of the penalty, after 2,500 steps, it was 8.5 words with a precision of .939 (1,000
images): under a weak penalty the words of an image collapse.
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
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.0, "b2": 0.99, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
