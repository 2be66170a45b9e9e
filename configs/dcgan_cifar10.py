"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on CIFAR-10.

Command: python train.py --config=configs/dcgan_cifar10.py

4x4 kernels, widths 64, 128 and 256, normal noise, Adam as in the paper, a moving average of the
generator. Another file of 32x32 images: `--config.dataset.path=FILE.npz`.

Not trained on all of CIFAR-10; FID not measured. 4,000 steps on 5,085 of its images took 27 minutes
on one CPU core: docs/experiments/dcgan_cifar10.md.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 78_000  # 100 epochs
    config.batch_size = 64
    config.ema_decay = 0.999
    config.dataset.name = "cifar10"
    config.gan = ConfigDict({"name": "dcgan", "width": 64, "kernel": 4, "latent": "normal"})
    config.optimizer = config_lib.optimizer_pair("adam", learning_rate=2e-4, b1=0.5, decay_from=0.5)
    return config
