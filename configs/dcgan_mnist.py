"""DCGAN (Radford, Metz & Chintala 2015, arXiv 1511.06434) on MNIST, without labels.

Command: python train.py --config=configs/dcgan_mnist.py

4x4 kernels, 32 and 64 channels, a dense layer of 512 units in both networks (the authors' for MNIST
have 1,024), uniform noise, Adam with learning rates of .001 and .0003, a moving average of the
generator.

Time: 11 minutes on one CPU core. Scores by `python -m jaxgan.evaluate`, 10,000 samples, mean +-
standard deviation of three sampling seeds, after training with seed 0:

  classifier-FID   .137 +- .010   real .026   (.16 after 8,000 steps)
  precision        .822 +- .002        .864
  recall           .710 +- .005        .830
  coverage         .898 +- .004        .961
  inception score  6.64 +- .04         7.83

That is above `cgan_mnist` (.0895) and `cdcgan_mnist` (.055), which are told the classes: here some
digits are between two. What was tried: with running statistics of batch normalisation in place of
those of the averaged weights (`jaxgan.standing`) .20. Learning rates that fall to 0 until step
24,000: .156, as the discriminator gets ahead (D(x) .77, D(G(z)) .2) and precision falls; the mean
of checkpoints from 16,000 on .144. One rate of .001 for both: .209 by running statistics. By 5,000
samples: 64 channels and 1,024 units .224 and .183 after 4,000 and 6,000 steps (these .245, .209),
in four times the time; batches of 128 .26 after 2,000 (.55); 5x5 kernels .30 after 4,000. Far
worse, and stopped early: without normalisation in the discriminator, with R1 or with the
relativistic loss and R1 and R2; spectral normalisation with the hinge loss.

Without the dense layers the generator has nothing between the noise and maps that see only their
neighbours: the distance was 1.73 after 4,000 steps.
"""

from ml_collections import ConfigDict

from jaxgan import config as config_lib


def get_config() -> ConfigDict:
    """Returns the configuration."""
    config = config_lib.base()
    config.steps = 24_000
    config.batch_size = 32
    config.ema_decay = 0.9995
    config.evaluate_every = 1000
    config.gan = ConfigDict(
        {
            "name": "dcgan",
            "width": 32,
            "kernel": 4,
            "units": 512,
            "mapping_layers": 2,
            "instance_noise": 0.2,
        }
    )
    adam = {"name": "adam", "learning_rate": 1e-3, "b1": 0.5}
    config.optimizer = ConfigDict({"gen": dict(adam), "disc": adam | {"learning_rate": 3e-4}})
    return config
