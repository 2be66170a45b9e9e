"""Conditional GAN: Mirza & Osindero 2014 (arXiv 1411.1784).

`V(D, G) = E log D(x|y) + E log(1 - D(G(z|y)|y))` (equation 2), with the paper's fully connected
networks (section 4.1) or with small convolutional ones, and with the paper's objective or with the
relativistic one and zero-centred gradient penalties.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.adversarial import (
    Nested,
    Networks,
    Penalty,
    adversarial_gan,
    make_prior,
    split_first,
)
from jaxgan.arguments import check_choice, check_no_effect, check_rate
from jaxgan.base import GAN
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dropout import Dropout
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.initializers import symmetric_uniform
from jaxgan.nn.maxout import Maxout

he_normal = nn.initializers.he_normal()


class MLPGenerator(nn.Module):
    """The paper's generator: noise and label have hidden layers of their own, then a joint one.

    Weights start in U(-.05, .05) and biases at 0, as in the GAN paper's code.

    Attributes:
      image_shape: (height, width, channels).
      num_classes: number of labels.
      dropout: rate on every layer's input but the noise and the label.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, label: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] and label int [batch] to images [batch, ...] in (0, 1)."""
        drop = Dropout(self.dropout, deterministic=not train)
        init = symmetric_uniform(0.05)
        y = jax.nn.one_hot(label, self.num_classes)
        options = {"kernel_init": init, "dtype": self.dtype}
        z = nn.relu(nn.Dense(200, **options)(latent))
        y = nn.relu(nn.Dense(1000, **options)(y))
        x = nn.relu(nn.Dense(1200, **options)(drop(jnp.concatenate([z, y], -1))))
        height, width, channels = self.image_shape
        x = nn.Dense(height * width * channels, **options)(drop(x))
        return nn.sigmoid(x.astype(jnp.float32)).reshape(-1, *self.image_shape)


class MLPDiscriminator(nn.Module):
    """The paper's discriminator: maxout layers for image and label, then a joint one.

    Weights start in U(-.005, .005) and biases at 0, as in the GAN paper's code.

    Attributes:
      num_classes: number of labels.
      dropout: rate on every hidden layer's output.
      dtype: of the computation.
    """

    num_classes: int
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, label: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] and label int [batch] to logits [batch]."""
        drop = Dropout(self.dropout, deterministic=not train)
        init = symmetric_uniform(0.005)
        y = jax.nn.one_hot(label, self.num_classes)
        options = {"kernel_init": init, "dtype": self.dtype}
        x = Maxout(240, 5, **options)(image.reshape(image.shape[0], -1))
        y = Maxout(50, 5, **options)(y)
        self.sow("intermediates", "maxout1", x)
        x = Maxout(240, 4, **options)(drop(jnp.concatenate([x, y], -1)))
        self.sow("intermediates", "maxout2", x)
        return nn.Dense(1, **options)(drop(x))[:, 0].astype(jnp.float32)


class ConvGenerator(nn.Module):
    """Dense layer of noise and label, then two transposed convolutions.

    Attributes:
      image_shape: (height, width, channels), height and width divisible by 4.
      num_classes: number of labels.
      width: channels at a quarter of the resolution.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, label: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] and label int [batch] to images [batch, ...] in (0, 1)."""
        del train
        height, width, channels = self.image_shape
        x = jnp.concatenate([latent, 2 * jax.nn.one_hot(label, self.num_classes)], -1)
        units = height // 4 * (width // 4) * self.width
        x = nn.Dense(units, kernel_init=he_normal, dtype=self.dtype)(x)
        x = nn.leaky_relu(x, 0.2).reshape(-1, height // 4, width // 4, self.width)
        # Each output of a 4x4 transposed convolution of stride 2 is a sum over a 2x2 window.
        init = nn.initializers.variance_scaling(8.0, "fan_in", "normal")
        options = {"strides": 2, "kernel_init": init, "dtype": self.dtype}
        x = nn.leaky_relu(ConvTranspose(self.width // 2, **options)(x), 0.2)
        x = ConvTranspose(channels, bias_init=nn.initializers.constant(-1.0), **options)(x)
        return nn.sigmoid(x.astype(jnp.float32))


class ConvDiscriminator(nn.Module):
    """Two strided convolutions, a dense layer, and a logit chosen by the label.

    The logit is `b + <w_0 + w_y, h>` for features `h`: the projection of Miyato & Koyama 2018
    (arXiv 1802.05637), equation 3, with a one-hot embedding.

    Attributes:
      num_classes: number of labels.
      width: channels at a quarter of the resolution.
      dtype: of the computation.
    """

    num_classes: int
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, label: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] and label int [batch] to logits [batch]."""
        del train
        x = 2 * image - 1
        options = {"kernel_init": he_normal, "dtype": self.dtype}
        x = nn.leaky_relu(Conv(self.width // 2, strides=2, **options)(x), 0.2)
        self.sow("intermediates", "conv1", x)
        x = nn.leaky_relu(Conv(self.width, strides=2, **options)(x), 0.2)
        self.sow("intermediates", "conv2", x)
        x = nn.leaky_relu(nn.Dense(128, **options)(x.reshape(x.shape[0], -1)), 0.2)
        self.sow("intermediates", "dense1", x)
        x = nn.Dense(1 + self.num_classes, dtype=self.dtype)(x)
        x = x.astype(jnp.float32)
        return x[:, 0] + jnp.sum(x[:, 1:] * jax.nn.one_hot(label, self.num_classes), -1)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    network: str = "mlp",
    latent: str = "uniform",
    latent_size: int = 100,
    loss: str = "nonsaturating",
    dropout: float = 0.0,
    penalty: str = "r1_r2",
    penalty_weight: float = 0.0,
    penalty_share: float = 1.0,
    width: int = 64,
    dtype: str = "float32",
) -> GAN:
    """Returns the conditional GAN.

    Args:
      image_shape: (height, width, channels).
      num_classes: number of labels, at least 1.
      network: `mlp`, the paper's, or `conv`.
      latent: `uniform` on [0, 1), the paper's, or `normal`.
      latent_size: dimensions of the noise.
      loss: a name of `losses.PAIRS`.
      dropout: rate of the `mlp` networks, in [0, 1).
      penalty: a name of `penalties.PENALTIES`.
      penalty_weight: of the penalty, gamma for R1 and R2; 0 for none.
      penalty_share: share of the batch on which the penalties are estimated, in (0, 1].
      width: channels of the `conv` networks at a quarter of the resolution, even.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    if num_classes < 1:
        raise ValueError("name: 'cgan' needs labels and the dataset has none; choose another")
    check_choice(("conv", "mlp"), network=network)
    check_rate(dropout=dropout)
    if network == "conv":
        check_no_effect("with network=conv", dropout=dropout)
    if width < 2 or width % 2:
        raise ValueError(f"width: {width} is not an even number of 2 or more")
    if network == "conv" and (image_shape[0] % 4 or image_shape[1] % 4):
        raise ValueError(
            f"network: conv needs images divisible by 4, not {image_shape[0]}x{image_shape[1]}; "
            f"set --config.dataset.image_size={max(4, min(image_shape[:2]) // 4 * 4)}"
        )

    compute = compute_dtype(dtype)
    generator: nn.Module
    discriminator: nn.Module
    if network == "mlp":
        generator = MLPGenerator(image_shape, num_classes, dropout, compute)
        discriminator = MLPDiscriminator(num_classes, dropout, compute)
    else:
        generator = ConvGenerator(image_shape, num_classes, width, compute)
        discriminator = ConvDiscriminator(num_classes, width, compute)
    networks = Networks(
        Nested(generator),
        Nested(discriminator),
        split_first(make_prior(latent, latent_size, low=0.0)),
        condition="label",
    )
    penalised = Penalty(penalty, penalty_weight, penalty_share)
    return adversarial_gan(networks, loss=loss, penalty=penalised, value_range=(0.0, 1.0))
