"""DCGAN: Radford, Metz & Chintala 2015 (arXiv 1511.06434).

All-convolutional networks with batch normalisation, trained with the non-saturating loss of
Goodfellow et al. 2014. With `kernel=5` the layers of the paper's authors, with `kernel=4` those of
the widely used later version.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import rows
from jaxgan.adversarial import Networks, Penalty, adversarial_gan, make_prior, score_apart
from jaxgan.arguments import check_at_least, check_choice
from jaxgan.base import GAN, is_set
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.norm import batch_norm

small_normal = nn.initializers.normal(0.02)


class Generator(nn.Module):
    """Dense layer to a small map, then transposed convolutions, each doubling the resolution.

    No biases; batch normalisation and ReLU after every layer but the last, tanh after that. The
    dense layer's normalisation has a scale per channel with kernels of 4, where the layer stands
    for a 4x4 transposed convolution, and one per unit with kernels of 5.

    Attributes:
      image_shape: (height, width, channels), a square of 4 or 7 times a power of 2, 8 at least.
      width: channels before the last layer; they double with each halving of the resolution.
      kernel: rows and columns of every kernel.
      units: of a dense layer before the map; 0: none.
      mapping_layers: dense layers of `units` after the first, with a skip connection: the map is
        computed from the outputs of the first and of the last, concatenated. More layers allow
        steeper transitions between modes that the data have apart, where a continuous generator
        must draw something in between (Tanielian et al. 2020, arXiv 2006.04596).
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    width: int = 64
    kernel: int = 4
    units: int = 0
    mapping_layers: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, batch_statistics: bool) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels] in (-1, 1).

        Args:
          latent: noise.
          batch_statistics: normalise by those of this batch, or by the running ones.
        """

        def normalise(x: jax.Array) -> jax.Array:
            norm = batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)
            return nn.relu(norm(x))

        size, layers = base_and_layers(self.image_shape)
        channels = self.width * 2 ** (layers - 1)
        options = {"use_bias": False, "dtype": self.dtype, "kernel_init": small_normal}
        x = first = normalise(nn.Dense(self.units, **options)(latent)) if self.units else latent
        for _ in range(self.mapping_layers):
            x = normalise(nn.Dense(self.units, **options)(x))
        if self.mapping_layers:
            x = jnp.concatenate([first, x], -1)
        x = nn.Dense(size * size * channels, **options)(x)
        shape = (-1, size, size, channels)
        x = normalise(x.reshape(shape)) if self.kernel == 4 else normalise(x).reshape(shape)
        kernel = (self.kernel, self.kernel)
        for _ in range(layers - 1):
            channels //= 2
            x = normalise(ConvTranspose(channels, kernel, strides=2, **options)(x))
        x = ConvTranspose(self.image_shape[-1], kernel, strides=2, **options)(x)
        return jnp.tanh(x.astype(jnp.float32))


class Discriminator(nn.Module):
    """Strided convolutions, each halving the resolution, and a logit from all that is left.

    No biases; batch normalisation after every convolution but the first, LeakyReLU .2. Instead of
    batch normalisation, spectral normalisation of every layer (Miyato et al. 2018, arXiv
    1802.05957, section 2.1: one power iteration a call).

    Attributes:
      width: channels of the first layer; they double with each halving of the resolution.
      kernel: rows and columns of every kernel.
      norm: `batch`, `spectral` or `none`.
      units: of a dense layer before the logit; 0: none.
      dtype: of the computation.
    """

    width: int = 64
    kernel: int = 4
    norm: str = "batch"
    units: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, batch_statistics: bool = True) -> jax.Array:
        """Maps images [batch, height, width, channels] to logits float32 [batch].

        Args:
          image: real or generated.
          batch_statistics: normalise by those of this batch, as in training, or by running ones.
        """
        options = {"use_bias": False, "dtype": self.dtype, "kernel_init": small_normal}
        if self.norm == "none":
            options |= {"use_bias": True, "kernel_init": nn.initializers.he_normal()}

        def run(layer: nn.Module, x: jax.Array) -> jax.Array:
            if self.norm == "spectral":
                return nn.SpectralNorm(layer)(x, update_stats=batch_statistics)
            return layer(x)

        def hidden(layer: nn.Module, x: jax.Array, name: str) -> jax.Array:
            x = run(layer, x)
            if name != "conv1" and self.norm == "batch":
                x = batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)(x)
            x = nn.leaky_relu(x, 0.2)
            self.sow("intermediates", name, x)
            return x

        _, layers = base_and_layers(image.shape[1:])
        x, kernel = image, (self.kernel, self.kernel)
        for i in range(layers):
            layer = Conv(self.width * 2**i, kernel, strides=2, **options)
            x = hidden(layer, x, f"conv{i + 1}")
        x = x.reshape(x.shape[0], -1)
        if self.units:
            x = hidden(nn.Dense(self.units, **options), x, "dense1")
        x = run(nn.Dense(1, **options), x)
        return x[:, 0].astype(jnp.float32)


def base_and_layers(image_shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns the size of the smallest map, 4 or 7, and the doublings from it to the image.

    Raises:
      ValueError: the image is not a square of 4 or 7 times a power of 2, 8 at least.
    """
    height, width = image_shape[:2]
    for smallest in (4, 7):
        layers = (height // smallest).bit_length() - 1
        if height == width == smallest * 2**layers and layers > 0:
            return smallest, layers
    sizes = [smallest * 2**layers for layers in range(1, 12) for smallest in (4, 7)]
    size = max((size for size in sizes if size <= min(height, width)), default=8)
    raise ValueError(
        f"name: its networks draw squares of 8, 14, 16, 28, 32, 56, 64, ... pixels, not "
        f"{height}x{width}; set --config.dataset.image_size={size}"
    )


def check_norm_and_penalty(disc_norm: str, penalty_weight: float) -> None:
    """Raises `ValueError` for an unknown normalisation, and for a penalty with batch statistics."""
    check_choice(("batch", "none", "spectral"), disc_norm=disc_norm)
    if is_set(penalty_weight) and disc_norm == "batch":
        raise ValueError(
            f"penalty_weight: {penalty_weight} needs logits that depend on one example each; set "
            "--config.gan.disc_norm=none or spectral"
        )


def one_key(key: jax.Array, count: int) -> tuple[jax.Array, ...]:
    """Returns a key for each of its uses: the same, as networks without dropout allow."""
    return (key,) * count


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    latent: str = "uniform",
    latent_size: int = 100,
    width: int = 64,
    kernel: int = 4,
    loss: str = "nonsaturating",
    units: int = 0,
    mapping_layers: int = 0,
    instance_noise: float = 0.0,
    disc_norm: str = "batch",
    penalty: str = "r1_r2",
    penalty_weight: float = 0.0,
    penalty_share: float = 1.0,
    sample_statistics: str = "running",
    dtype: str = "float32",
) -> GAN:
    """Returns the DCGAN; it draws without regard to labels.

    Args:
      image_shape: (height, width, channels), a square of 4 or 7 times a power of 2, 8 at least.
      num_classes: of the data; not used.
      latent: `uniform` on [-1, 1), the paper's, or `normal`.
      latent_size: dimensions of the noise.
      width: channels at half the resolution; 128 in the paper.
      kernel: 4, or 5 as in the paper.
      loss: a name of `losses.PAIRS`.
      units: of a dense layer before the generator's first map and of one before the
        discriminator's logit, as the authors' networks for MNIST have them, with 1,024; 0: none.
      mapping_layers: dense layers of `units` after the generator's first, and a skip connection
        past them; needs `units`.
      instance_noise: standard deviation of Gaussian noise on every image that the discriminator
        sees in training, real or generated, where images are in [-1, 1] (Sønderby et al. 2017,
        arXiv 1610.04490; constant, where they let it fall); 0 for none. Whoever looks at a trained
        discriminator gives it images without, and the statistics of those with noise.
      disc_norm: of the discriminator: `batch`, `spectral`, or `none`, which starts from
        weights of the scale of He et al. 2015 and has biases.
      penalty: a name of `penalties.PENALTIES`.
      penalty_weight: of the penalty, gamma for R1 and R2; 0 for none. Not with `disc_norm=batch`,
        where a logit depends on the whole batch.
      penalty_share: of the batch on which it is estimated, in (0, 1].
      sample_statistics: what batch normalisation uses when sampling: `running`, so that a sample
        depends on its noise alone (for averaged weights those of `jaxgan.standing`), or `batch`, as
        in training.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    base_and_layers(image_shape)
    check_norm_and_penalty(disc_norm, penalty_weight)
    if kernel not in (4, 5):
        raise ValueError(f"kernel: {kernel} is not 4 or 5")
    check_at_least(1, width=width)
    check_at_least(0, units=units, mapping_layers=mapping_layers, instance_noise=instance_noise)
    if mapping_layers and not units:
        raise ValueError(
            f"mapping_layers: {mapping_layers} needs units; set --config.gan.units=512"
        )

    compute = compute_dtype(dtype)
    networks = Networks(
        Generator(image_shape, width, kernel, units, mapping_layers, compute),
        Discriminator(width, kernel, disc_norm, units, compute),
        make_prior(latent, latent_size),
        sample_statistics=sample_statistics,
    )

    def noisy(image: jax.Array, key: jax.Array) -> jax.Array:
        if not is_set(instance_noise):
            return image

        def normal(key: jax.Array, count: int) -> jax.Array:
            return jax.random.normal(key, (count, *image_shape))

        return image + instance_noise * rows.draw(normal, key, len(image))

    return adversarial_gan(
        networks,
        loss=loss,
        penalty=Penalty(penalty, penalty_weight, penalty_share),
        score=score_apart,
        keys=one_key,
        augment=noisy,
    )
