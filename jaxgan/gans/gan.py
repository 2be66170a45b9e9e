"""Generative adversarial networks: Goodfellow et al. 2014 (arXiv 1406.2661).

`min_G max_D V(D, G) = E log D(x) + E log(1 - D(G(z)))` (equation 1), by Algorithm 1 with the
networks of the paper: fully connected for MNIST, fully connected and convolutional for CIFAR-10.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import losses, penalties
from jaxgan.base import GAN, Batch, Metrics, Players
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.initializers import symmetric_uniform
from jaxgan.nn.maxout import Maxout


class Generator(nn.Module):
    """The paper's generators; weights start in U(-.05, .05) and biases at 0.

    `mnist`: ReLU 1200, ReLU 1200, sigmoid. `cifar_fc`: ReLU 8000, sigmoid 8000, linear from
    U(-.5, .5). `cifar_conv`: ReLU 8000, sigmoid 8000 as 10x10x80, and a 5x5 transposed convolution
    of stride 3, linear.

    Attributes:
      image_shape: (height, width, channels).
      network: `mnist`, `cifar_fc` or `cifar_conv`.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    network: str = "mnist"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels]."""
        options = {"kernel_init": symmetric_uniform(0.05), "dtype": self.dtype}
        if self.network == "mnist":
            x = nn.relu(nn.Dense(1200, **options)(latent))
            x = nn.relu(nn.Dense(1200, **options)(x))
            x = nn.Dense(int(np.prod(self.image_shape)), name="output", **options)(x)
            return nn.sigmoid(x.astype(jnp.float32)).reshape(-1, *self.image_shape)
        x = nn.relu(nn.Dense(8000, **options)(latent))
        x = nn.sigmoid(nn.Dense(8000, **options)(x))
        if self.network == "cifar_conv":
            x = x.reshape(-1, 10, 10, 80)
            layer = ConvTranspose(
                self.image_shape[-1], (5, 5), strides=3, padding="VALID", name="output", **options
            )
            return layer(x).astype(jnp.float32)
        options["kernel_init"] = symmetric_uniform(0.5)
        x = nn.Dense(int(np.prod(self.image_shape)), name="output", **options)(x)
        return x.astype(jnp.float32).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """The paper's discriminators: maxout layers with dropout on every layer's input.

    Weights start in U(-.005, .005) and biases at 0. `mnist`: maxout 240 of 5 pieces, twice.
    `cifar_fc`: 1600 of 5, twice. `cifar_conv`: maxout convolutions of 2 pieces, 32 channels 8x8, 32
    channels 8x8 and 192 channels 5x5, each pooled by 2, and maxout 500 of 5.

    Attributes:
      network: `mnist`, `cifar_fc` or `cifar_conv`.
      input_dropout: rate on the image.
      dropout: rate on the input of every later layer.
      dtype: of the computation.
    """

    network: str = "mnist"
    input_dropout: float = 0.2
    dropout: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        """Maps images [batch, height, width, channels] to logits float32 [batch]."""
        options = {"kernel_init": symmetric_uniform(0.005), "dtype": self.dtype}
        drop = nn.Dropout(self.dropout, deterministic=not train)
        x = nn.Dropout(self.input_dropout, deterministic=not train)(image)
        if self.network == "cifar_conv":
            for channels, kernel, padding, pool in ((32, 8, 4, 4), (32, 8, 3, 4), (192, 5, 3, 2)):
                x = Conv(
                    2 * channels, (kernel, kernel), padding=[(padding, padding)] * 2, **options
                )(x)
                x = x.reshape(*x.shape[:-1], 2, channels).max(-2)
                x = drop(nn.max_pool(x, (pool, pool), (2, 2)))
            x = Maxout(500, 5, **options)(x.reshape(x.shape[0], -1))
        else:
            width = 240 if self.network == "mnist" else 1600
            x = Maxout(width, 5, **options)(x.reshape(x.shape[0], -1))
            x = Maxout(width, 5, **options)(drop(x))
        return nn.Dense(1, **options)(drop(x))[:, 0].astype(jnp.float32)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    network: str = "mnist",
    latent: str = "uniform",
    latent_size: int = 100,
    loss: str = "nonsaturating",
    input_dropout: float = 0.2,
    dropout: float = 0.5,
    penalty_weight: float = 0.0,
    output_bias: str = "mean",
    dtype: str = "float32",
) -> GAN:
    """Returns the GAN; it draws without regard to labels.

    Args:
      image_shape: (height, width, channels); 32x32 for `cifar_conv`.
      num_classes: of the data; not used.
      network: `mnist`, `cifar_fc` or `cifar_conv`, the paper's.
      latent: `uniform` on (-sqrt 3, sqrt 3), of unit variance, or `normal`.
      latent_size: dimensions of the noise.
      loss: a name of `losses.PAIRS`; `minimax` is Algorithm 1 to the letter.
      input_dropout: rate on the discriminator's image, in [0, 1).
      dropout: rate on the input of its later layers, in [0, 1).
      penalty_weight: gamma of `gamma / 2 (R1 + R2)`; 0 for none.
      output_bias: `mean`, so that the first samples have the data's mean image, as in the paper's
        code, or `zero`.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    known = {
        "network": (network, ("cifar_conv", "cifar_fc", "mnist")),
        "latent": (latent, ("normal", "uniform")),
        "loss": (loss, tuple(losses.PAIRS)),
        "output_bias": (output_bias, ("mean", "zero")),
    }
    for name, (value, names) in known.items():
        if value not in names:
            raise ValueError(f"{name}: unknown {value!r}; known: {', '.join(names)}")
    if latent_size < 1:
        raise ValueError(f"latent_size: {latent_size} is below 1")
    for name, rate in (("input_dropout", input_dropout), ("dropout", dropout)):
        if not 0 <= rate < 1:
            raise ValueError(f"{name}: {rate} is not in [0, 1)")
    if penalty_weight < 0:
        raise ValueError(f"penalty_weight: {penalty_weight} is below 0")
    if network == "cifar_conv" and tuple(image_shape[:2]) != (32, 32):
        raise ValueError(
            f"network: 'cifar_conv' needs images of 32x32, not {image_shape[0]}x{image_shape[1]}; "
            "set --config.dataset.image_size=32"
        )

    generator = Generator(image_shape, network, compute_dtype(dtype))
    discriminator = Discriminator(network, input_dropout, dropout, compute_dtype(dtype))
    disc_pair, gen_pair = losses.PAIRS[loss]
    low, high = value_range = (0.0, 1.0) if network == "mnist" else (-1.0, 1.0)

    def draw(key: jax.Array, count: int) -> jax.Array:
        if latent == "normal":
            return jax.random.normal(key, (count, latent_size))
        return jax.random.uniform(key, (count, latent_size), minval=-(3**0.5), maxval=3**0.5)

    def critic(disc: Any, image: jax.Array, key: jax.Array) -> jax.Array:
        return discriminator.apply(disc, image, True, rngs={"dropout": key})

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        gen_key, disc_key = jax.random.split(key)
        gen = generator.init(gen_key, jnp.zeros((2, latent_size)))
        if output_bias == "mean":
            mean = jnp.mean(batch["image"], 0)
            if network == "mnist":
                mean = jnp.clip(mean, 1e-3, 1 - 1e-3)
                mean = jnp.log(mean) - jnp.log1p(-mean)
            if network == "cifar_conv":
                mean = jnp.mean(mean, (0, 1))
            gen["params"]["output"]["bias"] = mean.ravel()
        return Players(gen, discriminator.init(disc_key, batch["image"][:2])), Players({}, {})

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        latent_key, critic_key, penalty_key = jax.random.split(key, 3)
        fakes = generator.apply(gen, draw(latent_key, batch["image"].shape[0]))
        both = jnp.concatenate([batch["image"], fakes])
        real, fake = jnp.split(critic(disc, both, critic_key), 2)
        loss = jnp.mean(disc_pair(real, fake))
        metrics = {
            "disc_loss": loss,
            "D(x)": jnp.mean(nn.sigmoid(real)),
            "D(G(z))": jnp.mean(nn.sigmoid(fake)),
        }
        if penalty_weight:
            norms = penalties.squared_gradient_norm(lambda x: critic(disc, x, penalty_key), both)
            metrics["penalty"] = penalty_weight * jnp.mean(norms)  # halved R1 + R2
            loss += metrics["penalty"]
        return loss, (variables, metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        latent_key, critic_key = jax.random.split(key)
        fakes = generator.apply(gen, draw(latent_key, batch["image"].shape[0]))
        fake = critic(disc, fakes, critic_key)
        real = critic(disc, batch["image"], critic_key)  # compiled away where not needed
        loss = jnp.mean(gen_pair(real, fake))
        return loss, (variables, {"gen_loss": loss})

    def sample(gen: Any, variables: Players, key: jax.Array, label: jax.Array) -> jax.Array:
        del variables
        return jnp.clip(generator.apply(gen, draw(key, label.shape[0])), low, high)

    return GAN(init, disc_loss, gen_loss, sample, value_range)
