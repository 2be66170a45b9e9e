"""pix2pix (Isola et al. 2017, arXiv 1611.07004) from grey to colour on CIFAR-10.

Command: python train.py --config=configs/pix2pix_colourise_cifar10.py

The lightness L* is the input, the colours a* and b* are the target, as in the paper's section 4.2.
A file instead of TFDS's: `--config.dataset.path=FILE.npz`, with
`--config.dataset.split=train[:90%] --config.evaluation.test_split=train[90%:]`. A U-Net of 5
halvings and 32 channels with a PatchGAN of 2 strided layers (34x34), batches of 32. Not trained to
its end yet.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 20_000
    config.batch_size = 32
    config.dataset.name = "cifar10"
    config.dataset.pairs = "colour"
    config.dataset.flip = True
    config.gan = ConfigDict({"name": "pix2pix", "width": 32, "disc_layers": 2})
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5, decay_from=0.5)
    return config
