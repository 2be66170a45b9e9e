"""WGAN-GP with residual networks: a variant as one file, beside the package.

Gulrajani et al. 2017 (arXiv 1704.00028): the critic's gradients have norm 1 between real and
generated examples (equation 3), with the residual networks of appendix F for 32x32 images.
`examples/wgan_gp_resnet_cifar10.py` is its configuration.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.adversarial import Networks, Penalty, adversarial_gan, make_prior
from jaxgan.arguments import check_at_least
from jaxgan.base import GAN
from jaxgan.nn.conv import Conv
from jaxgan.nn.norm import batch_norm

he_normal = nn.initializers.he_normal()


def upsample(x: jax.Array) -> jax.Array:
    """Doubles height and width of [batch, height, width, channels] by repetition."""
    return jnp.repeat(jnp.repeat(x, 2, 1), 2, 2)


def downsample(x: jax.Array) -> jax.Array:
    """Halves height and width of [batch, height, width, channels] by means of 2x2 pixels."""
    return nn.avg_pool(x, (2, 2), (2, 2))


class Generator(nn.Module):
    """A dense layer to an eighth of the resolution, three residual blocks, tanh.

    Attributes:
      image_shape: (height, width, channels), height and width divisible by 8.
      width: channels.
    """

    image_shape: tuple[int, int, int]
    width: int

    @nn.compact
    def __call__(self, latent: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels]."""

        def normalise(x: jax.Array) -> jax.Array:
            return nn.relu(batch_norm(batch_statistics=train)(x))

        def convolve(x: jax.Array, channels: int, size: int = 3) -> jax.Array:
            return Conv(channels, (size, size), strides=1, kernel_init=he_normal)(x)

        height, width, channels = self.image_shape
        x = nn.Dense(height // 8 * (width // 8) * self.width)(latent)
        x = x.reshape(-1, height // 8, width // 8, self.width)
        for _ in range(3):
            y = convolve(upsample(normalise(x)), self.width)
            y = convolve(normalise(y), self.width)
            x = convolve(upsample(x), self.width, size=1) + y
        return jnp.tanh(convolve(normalise(x), channels))


class Critic(nn.Module):
    """Four residual blocks, the first two of which halve the resolution; no normalisation.

    Attributes:
      width: channels.
    """

    width: int

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] to scores float32 [batch]."""
        del train

        def convolve(x: jax.Array, size: int = 3) -> jax.Array:
            return Conv(self.width, (size, size), strides=1, kernel_init=he_normal)(x)

        y = downsample(convolve(nn.relu(convolve(image))))
        x = convolve(downsample(image), size=1) + y
        self.sow("intermediates", "conv1", x)
        y = downsample(convolve(nn.relu(convolve(nn.relu(x)))))
        x = downsample(convolve(x, size=1)) + y
        self.sow("intermediates", "conv2", x)
        for i in (3, 4):
            x = x + convolve(nn.relu(convolve(nn.relu(x))))
            self.sow("intermediates", f"conv{i}", x)
        return nn.Dense(1)(jnp.mean(nn.relu(x), (1, 2)))[:, 0]


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    width: int = 128,
    latent_size: int = 128,
    penalty_weight: float = 10.0,
) -> GAN:
    """Returns the GAN.

    Args:
      image_shape: (height, width, channels), height and width divisible by 8.
      num_classes: not used.
      width: channels of both networks.
      latent_size: dimensions of the noise, which is normal.
      penalty_weight: lambda of equation 3.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    if image_shape[0] % 8 or image_shape[1] % 8:
        raise ValueError(f"name: needs sizes divisible by 8, not {image_shape[0]}x{image_shape[1]}")
    check_at_least(1, width=width)
    prior = make_prior("normal", latent_size)
    networks = Networks(Generator(image_shape, width), Critic(width), prior)
    return adversarial_gan(networks, loss="wasserstein", penalty=Penalty("wgan_gp", penalty_weight))
