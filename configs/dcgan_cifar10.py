"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on CIFAR-10.

Command: python train.py --config=configs/dcgan_cifar10.py

4x4 kernels, widths 64, 128 and 256, normal noise, Adam as in the paper, a moving average of the
generator. Another file of 32x32 images: `--config.dataset.path=FILE.npz`.

On 5,085 images of CIFAR-10 in such a file, 4,000 steps (50 epochs) in 27 minutes on one CPU core,
seed 0: no collapse (`docs/cifar10.png`). Of 1,000 samples (`python -m jaxgan.sample --num=1000
--out=FILE.npz`) the mean distance of two is 19.8 (of training images 18.9; values in [0, 1]), the
least of all pairs 5.3 (4.6), the standard deviation of a pixel .26 (.25). The discriminator is
ahead (D(x) .8 to .9, D(G(z)) .1 to .2), as few images let it. Not trained on all of CIFAR-10, and
its FID not measured, which needs a GPU and the weights of Inception.
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
    adam = {"name": "adam", "learning_rate": 2e-4, "b1": 0.5, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
