"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on MNIST, without labels.

Command: python train.py --config=configs/dcgan_mnist.py

4x4 kernels, 32 and 64 channels, a dense layer of 512 units in both networks (the authors' for
MNIST have 1,024), uniform noise, Adam with a learning rate of .001 that falls to 0 over the second
half, a moving average of the generator.

Time: 13 minutes on one CPU core. Scores by `python -m jaxgan.evaluate --seeds=1` after training
with seed 0: classifier-FID .215 (real .026), precision .800 (.864), recall .683 (.830), coverage
.870 (.961). Three times as many steps with an average of .9995 bring nothing: .209 +- .003 (three
sampling seeds), .165 (5,000 samples) at step 16,000; the discriminator gets ahead (D(x) .9, D(G(z))
.1) and precision falls from .824 to .793 while recall rises to .745.

Without the dense layers the generator has nothing between the noise and maps that see only their
neighbours: the distance was 1.73 after 4,000 steps, in place of about .4, and 1.5 after
12,000 with the relativistic loss and penalties of R3GAN.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 8_000
    config.batch_size = 32
    config.ema_decay = 0.999
    config.evaluate_every = 1000
    config.gan = ConfigDict({"name": "dcgan", "width": 32, "kernel": 4, "units": 512})
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5, "decay_from": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return config
