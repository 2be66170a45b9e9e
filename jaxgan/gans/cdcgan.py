"""Conditional DCGAN: the label is an input of every layer.

The objective of Mirza & Osindero 2014 (arXiv 1411.1784), equation 2, with the MNIST networks of the
code of Radford, Metz & Chintala 2015 (arXiv 1511.06434): dense layers at the small end, batch
normalisation, 5x5 kernels, and the one-hot label concatenated to the input of every layer.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.adversarial import Networks, Penalty, adversarial_gan, make_prior, score_apart
from jaxgan.arguments import check_at_least
from jaxgan.base import GAN
from jaxgan.gans.dcgan import base_and_layers, check_norm_and_penalty, one_key, small_normal
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.norm import batch_norm


def with_label(x: jax.Array, label: jax.Array) -> jax.Array:
    """Returns [batch, ..., channels] with the one-hot label [batch, classes] as more channels."""
    one = label.reshape(label.shape[0], *(1,) * (x.ndim - 2), label.shape[1]).astype(x.dtype)
    return jnp.concatenate([x, jnp.broadcast_to(one, (*x.shape[:-1], label.shape[1]))], -1)


class Generator(nn.Module):
    """Two dense layers, to a small map, then transposed convolutions; sigmoid at the end.

    Attributes:
      image_shape: (height, width, channels), a square of 4 or 7 times a power of 2, 8 at least.
      num_classes: number of labels.
      width: channels at half the resolution, doubled by each further halving.
      kernel: size of the convolutions' kernels.
      units: of the first dense layer.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    width: int = 64
    kernel: int = 5
    units: int = 1024
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, label: jax.Array, batch_statistics: bool) -> jax.Array:
        """Maps latent [batch, size] and label int [batch] to images [batch, ...] in (0, 1).

        Args:
          latent: noise.
          label: classes.
          batch_statistics: normalise by those of this batch, or by the running ones.
        """
        y = jax.nn.one_hot(label, self.num_classes)
        options = {"dtype": self.dtype, "kernel_init": small_normal}

        def normalise(x: jax.Array) -> jax.Array:
            norm = batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)
            return nn.relu(norm(x))

        size, layers = base_and_layers(self.image_shape)
        channels = self.width * 2 ** (layers - 1)
        x = normalise(nn.Dense(self.units, **options)(with_label(latent, y)))
        x = normalise(nn.Dense(size * size * channels, **options)(with_label(x, y)))
        x = x.reshape(-1, size, size, channels)
        options |= {"kernel_size": (self.kernel, self.kernel), "strides": 2}
        for _ in range(layers - 1):
            channels //= 2
            x = normalise(ConvTranspose(channels, **options)(with_label(x, y)))
        x = ConvTranspose(self.image_shape[-1], **options)(with_label(x, y))
        return nn.sigmoid(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Strided convolutions, a dense layer and a logit; batch normalisation but at the first layer.

    Attributes:
      num_classes: number of labels.
      width: channels of the first layer; they double with each halving of the resolution.
      kernel: size of the convolutions' kernels.
      units: of the dense layer.
      norm: `batch` or `none`.
      dtype: of the computation.
    """

    num_classes: int
    width: int = 64
    kernel: int = 5
    units: int = 1024
    norm: str = "batch"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, image: jax.Array, label: jax.Array, batch_statistics: bool = True
    ) -> jax.Array:
        """Maps images [batch, height, width, channels] and label int [batch] to logits [batch].

        Args:
          image: real or generated.
          label: classes.
          batch_statistics: normalise by those of this batch, as in training, or by running ones.
        """
        y = jax.nn.one_hot(label, self.num_classes)
        init = small_normal if self.norm == "batch" else nn.initializers.he_normal()
        options = {"dtype": self.dtype, "kernel_init": init}

        def normalise(x: jax.Array) -> jax.Array:
            if self.norm == "none":
                return x
            return batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)(x)

        _, layers = base_and_layers(image.shape[1:])
        x = image
        for i in range(layers):
            layer = Conv(self.width * 2**i, (self.kernel, self.kernel), strides=2, **options)
            x = layer(with_label(x, y))
            x = normalise(x) if i else x
            x = nn.leaky_relu(x, 0.2)
            self.sow("intermediates", f"conv{i + 1}", x)
        x = nn.Dense(self.units, **options)(with_label(x.reshape(x.shape[0], -1), y))
        x = nn.leaky_relu(normalise(x), 0.2)
        self.sow("intermediates", "dense1", x)
        return nn.Dense(1, **options)(with_label(x, y))[:, 0].astype(jnp.float32)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    latent: str = "uniform",
    latent_size: int = 100,
    width: int = 64,
    kernel: int = 5,
    units: int = 1024,
    loss: str = "nonsaturating",
    disc_norm: str = "batch",
    penalty: str = "r1_r2",
    penalty_weight: float = 0.0,
    penalty_share: float = 1.0,
    sample_statistics: str = "running",
    dtype: str = "float32",
) -> GAN:
    """Returns the conditional DCGAN.

    Args:
      image_shape: (height, width, channels), a square of 4 or 7 times a power of 2, 8 at least.
      num_classes: number of labels, at least 1.
      latent: `uniform` on [-1, 1) or `normal`.
      latent_size: dimensions of the noise.
      width: channels at half the resolution.
      kernel: 5, that of the authors' code, or 4.
      units: of the dense layers that are not maps; 1,024 in the authors' code.
      loss: a name of `losses.PAIRS`.
      disc_norm: normalisation in the discriminator, `batch` or `none`, which starts from weights of
        the scale of He et al. 2015.
      penalty: a name of `penalties.PENALTIES`.
      penalty_weight: of the penalty, gamma for R1 and R2; 0 for none. Not with `disc_norm=batch`,
        where a logit depends on the whole batch.
      penalty_share: of the batch on which it is estimated, in (0, 1].
      sample_statistics: what batch normalisation uses when sampling, `running` or `batch`.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    if num_classes < 1:
        raise ValueError("name: 'cdcgan' needs labels and the dataset has none; choose 'dcgan'")
    base_and_layers(image_shape)
    if kernel not in (4, 5):
        raise ValueError(f"kernel: {kernel} is neither 4 nor 5")
    if disc_norm == "spectral":
        raise ValueError("disc_norm: 'spectral' is not for 'cdcgan'; known: batch, none")
    check_norm_and_penalty(disc_norm, penalty_weight)
    check_at_least(1, width=width, units=units)

    sizes, compute = (num_classes, width, kernel, units), compute_dtype(dtype)
    networks = Networks(
        Generator(image_shape, *sizes, compute),
        Discriminator(*sizes, disc_norm, compute),
        make_prior(latent, latent_size),
        condition="label",
        sample_statistics=sample_statistics,
    )
    return adversarial_gan(
        networks,
        loss=loss,
        penalty=Penalty(penalty, penalty_weight, penalty_share),
        value_range=(0.0, 1.0),
        score=score_apart,
        keys=one_key,
    )
