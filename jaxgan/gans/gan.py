"""Generative adversarial networks: Goodfellow et al. 2014 (arXiv 1406.2661).

`min_G max_D V(D, G) = E log D(x) + E log(1 - D(G(z)))` (equation 1), by Algorithm 1 with the
networks of the paper, fully connected for MNIST and fully connected or convolutional for CIFAR-10,
or with plain fully connected ones of any size.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.adversarial import Networks, Penalty, adversarial_gan, make_prior
from jaxgan.arguments import check_at_least, check_choice, check_no_effect, check_rate
from jaxgan.base import GAN, Batch, Players, sample_by
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dropout import Dropout
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.initializers import symmetric_uniform
from jaxgan.nn.maxout import Maxout
from jaxgan.nn.norm import batch_norm

NETWORKS = ("cifar_conv", "cifar_fc", "mlp", "mnist")


class PaperGenerator(nn.Module):
    """The paper's generators; weights start in U(-.05, .05) and biases at 0.

    `mnist`: ReLU 1200, ReLU 1200, sigmoid. `cifar_fc`: ReLU 8000, sigmoid 8000, linear from
    U(-.5, .5). `cifar_conv`: ReLU 8000, sigmoid 8000 as 10x10x80, and a 5x5 transposed convolution
    of stride 3, linear, with a bias for every pixel.

    Attributes:
      image_shape: (height, width, channels).
      network: `mnist`, `cifar_fc` or `cifar_conv`.
      width: units of both hidden layers.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    network: str = "mnist"
    width: int = 1200
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels]."""
        del train
        options = {"kernel_init": symmetric_uniform(0.05), "dtype": self.dtype}
        x = nn.relu(nn.Dense(self.width, **options)(latent))
        x = nn.Dense(self.width, **options)(x)
        x = nn.relu(x) if self.network == "mnist" else nn.sigmoid(x)
        if self.network == "cifar_conv":
            x = x.reshape(-1, 10, 10, self.width // 100)
            options |= {"strides": 3, "padding": "VALID", "use_bias": False}
            x = ConvTranspose(self.image_shape[-1], (5, 5), **options)(x).astype(jnp.float32)
            return x + self.param("bias", nn.initializers.zeros, self.image_shape)[None]
        if self.network == "cifar_fc":
            options["kernel_init"] = symmetric_uniform(0.5)
        x = nn.Dense(int(np.prod(self.image_shape)), name="output", **options)(x)
        x = x.astype(jnp.float32).reshape(-1, *self.image_shape)
        return nn.sigmoid(x) if self.network == "mnist" else x


class PaperDiscriminator(nn.Module):
    """The paper's discriminators: maxout layers with dropout on every layer's input.

    Weights start in U(-.005, .005) and biases at 0. `mnist`: maxout 240 of 5 pieces, twice.
    `cifar_fc`: 1600 of 5, twice. `cifar_conv`: maxout convolutions of 2 pieces, 32 channels 8x8, 32
    channels 8x8 and 192 channels 5x5, each pooled with stride 2 so that no pixel is left out, and
    maxout 500 of 5.

    Attributes:
      network: `mnist`, `cifar_fc` or `cifar_conv`.
      width: outputs of the fully connected maxout layers.
      input_dropout: rate on the image.
      dropout: rate on the input of every later layer.
      dtype: of the computation.
    """

    network: str = "mnist"
    width: int = 240
    input_dropout: float = 0.2
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] to logits float32 [batch]."""
        options = {"kernel_init": symmetric_uniform(0.005), "dtype": self.dtype}
        drop = Dropout(self.dropout, deterministic=not train)
        x = Dropout(self.input_dropout, deterministic=not train)(image)
        if self.network == "cifar_conv":
            shapes = ((32, 8, 4, 4), (32, 8, 3, 4), (192, 5, 3, 2))
            for i, (channels, size, pad, pool) in enumerate(shapes, 1):
                layer = Conv(
                    2 * channels, (size, size), padding=((pad, pad), (pad, pad)), **options
                )
                x = layer(x)
                x = x.reshape(*x.shape[:-1], 2, channels).max(-2)
                self.sow("intermediates", f"conv{i}", x)
                x = drop(nn.max_pool(x, (pool, pool), (2, 2), ((0, 1), (0, 1))))
        else:
            x = Maxout(self.width, 5, **options)(x.reshape(x.shape[0], -1))
            self.sow("intermediates", "maxout1", x)
            x = drop(x)
        x = Maxout(self.width, 5, **options)(x.reshape(x.shape[0], -1))
        self.sow("intermediates", "maxout1" if self.network == "cifar_conv" else "maxout2", x)
        return nn.Dense(1, **options)(drop(x))[:, 0].astype(jnp.float32)


class MLPGenerator(nn.Module):
    """Fully connected layers with batch normalisation and ReLU, tanh at the end for images.

    Attributes:
      image_shape: (height, width, channels).
      layers: how many, the last one included.
      width: units of each but the last.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    layers: int = 3
    width: int = 400
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels]."""
        x = latent
        for _ in range(self.layers - 1):
            x = nn.Dense(self.width, dtype=self.dtype)(x)
            x = nn.relu(batch_norm(batch_statistics=train, dtype=self.dtype)(x))
        x = nn.Dense(int(np.prod(self.image_shape)), dtype=self.dtype, name="output")(x)
        x = x.astype(jnp.float32).reshape(-1, *self.image_shape)
        return x if is_points(self.image_shape) else jnp.tanh(x)


class MLPDiscriminator(nn.Module):
    """Fully connected layers with ReLU and dropout.

    Attributes:
      layers: how many, the logit's included.
      width: units of each but the last.
      dropout: rate on the input of every layer but the first.
      norm: `none`, or `spectral` for the spectral normalisation of every layer (Miyato et al. 2018,
        arXiv 1802.05957, section 2.1: one power iteration a call).
      dtype: of the computation.
    """

    layers: int = 3
    width: int = 200
    dropout: float = 0.0
    norm: str = "none"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] to logits float32 [batch]."""

        def dense(units: int, x: jax.Array) -> jax.Array:
            layer = nn.Dense(units, dtype=self.dtype)
            if self.norm == "spectral":
                return nn.SpectralNorm(layer)(x, update_stats=train)
            return layer(x)

        x = image.reshape(image.shape[0], -1)
        for i in range(1, self.layers):
            x = nn.relu(dense(self.width, x))
            self.sow("intermediates", f"dense{i}", x)
            x = Dropout(self.dropout, deterministic=not train)(x)
        return dense(1, x)[:, 0].astype(jnp.float32)


def is_points(image_shape: tuple[int, ...]) -> bool:
    """Returns whether the data are points, [1, 1, dimensions], and not images."""
    return tuple(image_shape[:2]) == (1, 1)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    network: str = "mnist",
    gen_layers: int = 0,
    gen_width: int = 0,
    disc_layers: int = 0,
    disc_width: int = 0,
    latent: str = "uniform",
    latent_size: int = 100,
    loss: str = "nonsaturating",
    input_dropout: float | None = None,
    dropout: float = 0.5,
    penalty: str = "r1_r2",
    penalty_weight: float = 0.0,
    disc_norm: str = "none",
    output_bias: str = "mean",
    dtype: str = "float32",
) -> GAN:
    """Returns the GAN; it draws without regard to labels.

    Args:
      image_shape: (height, width, channels); 32x32 for `cifar_conv`.
      num_classes: of the data; not used.
      network: `mnist`, `cifar_fc` or `cifar_conv`, the paper's; or `mlp`, ReLU layers with batch
        normalisation in the generator, also for points.
      gen_layers: layers of the generator of `mlp`, 2 at least; 0: 3, or the paper's network.
      gen_width: units of the generator's hidden layers; 0: the paper's, 400 for `mlp`.
      disc_layers: layers of the discriminator of `mlp`, 2 at least; 0: the same.
      disc_width: units of the discriminator's hidden layers; 0: the paper's, 200 for `mlp`.
      latent: `uniform` on (-sqrt 3, sqrt 3), of unit variance, or `normal`.
      latent_size: dimensions of the noise.
      loss: a name of `losses.PAIRS`; `minimax` is Algorithm 1 to the letter.
      input_dropout: rate on the discriminator's image, in [0, 1); None: .2, the paper's, and none
        in `mlp`.
      dropout: rate on the input of its later layers, in [0, 1).
      penalty: a name of `penalties.PENALTIES`.
      penalty_weight: of the penalty, gamma for R1 and R2; 0 for none.
      disc_norm: of the discriminator of `mlp`: `none` or `spectral`.
      output_bias: `mean`, so that the first samples have the data's mean image, as in the paper's
        code for MNIST, or `zero`.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    check_choice(NETWORKS, network=network)
    check_choice(("none", "spectral"), disc_norm=disc_norm)
    check_choice(("mean", "zero"), output_bias=output_bias)
    if is_points(image_shape) and network != "mlp":
        raise ValueError(f"network: {network!r} is for images and the data are points; give 'mlp'")
    if network == "cifar_conv" and tuple(image_shape[:2]) != (32, 32):
        raise ValueError(
            f"network: 'cifar_conv' needs images of 32x32, not {image_shape[0]}x{image_shape[1]}; "
            "set --config.dataset.image_size=32"
        )
    layers = {"gen_layers": gen_layers, "disc_layers": disc_layers}
    if network != "mlp":
        check_no_effect(f"on network={network}", **layers)
    check_at_least(2, **{name: value for name, value in layers.items() if value})
    if disc_norm != "none" and network != "mlp":
        raise ValueError(f"disc_norm: {disc_norm!r} is for network=mlp, not {network}; give 'none'")
    if input_dropout is not None and network == "mlp":
        raise ValueError(f"input_dropout: {input_dropout} has no effect on network=mlp; give None")
    input_dropout = 0.2 if input_dropout is None else input_dropout
    check_at_least(0, gen_width=gen_width, disc_width=disc_width)
    if network == "cifar_conv" and gen_width % 100:
        raise ValueError(f"gen_width: {gen_width} is not divisible by 100, for maps of 10x10")
    check_rate(input_dropout=input_dropout, dropout=dropout)

    compute = compute_dtype(dtype)
    generator: nn.Module
    discriminator: nn.Module
    if network == "mlp":
        generator = MLPGenerator(image_shape, gen_layers or 3, gen_width or 400, compute)
        sizes = (disc_layers or 3, disc_width or 200)
        discriminator = MLPDiscriminator(*sizes, dropout, disc_norm, compute)
    else:
        paper = {"mnist": (1200, 240), "cifar_fc": (8000, 1600), "cifar_conv": (8000, 500)}
        gen_width, disc_width = gen_width or paper[network][0], disc_width or paper[network][1]
        generator = PaperGenerator(image_shape, network, gen_width, compute)
        discriminator = PaperDiscriminator(network, disc_width, input_dropout, dropout, compute)
    points = is_points(image_shape)
    low, high = (0.0, 1.0) if network == "mnist" else (-1.0, 1.0)
    prior = make_prior(latent, latent_size, -(3**0.5), 3**0.5)
    gan = adversarial_gan(
        Networks(generator, discriminator, prior),
        loss=loss,
        penalty=Penalty(penalty, penalty_weight),
        value_range=None if points else (low, high),
    )

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        params, variables = gan.init(key, batch)
        if output_bias == "mean":
            mean = jnp.mean(batch["image"], 0)
            if network == "mnist":  # before the sigmoid
                mean = jnp.clip(mean, 1e-3, 1 - 1e-3)
                mean = jnp.log(mean) - jnp.log1p(-mean)
            elif network == "mlp" and not points:  # before the tanh
                mean = jnp.arctanh(jnp.clip(mean, -0.999, 0.999))
            if network == "cifar_conv":
                params.gen["bias"] = mean
            else:
                params.gen["output"]["bias"] = mean.ravel()
        return params, variables

    def decode(gen: Any, variables: Players, latent: jax.Array, label: jax.Array) -> jax.Array:
        images = gan.decode(gen, variables, latent, label)
        return images if points else jnp.clip(images, low, high)

    return gan._replace(init=init, decode=decode, sample=sample_by(prior, decode))
