"""Energy-based GAN: Zhao, Mathieu & LeCun 2016 (arXiv 1609.03126).

The discriminator is an auto-encoder whose reconstruction error is the energy of an image:
`L_D = D(x) + [m - D(G(z))]^+` and `L_G = D(G(z))` (equations 1 and 2), with the fully connected
networks of the paper's grid search on MNIST (section 4.1) or convolutional ones (section 4.3), and
with the pulling-away term on the codes (section 2.4).
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import losses, penalties
from jaxgan.base import GAN, Batch, Metrics, Players, sample_by
from jaxgan.gans import dcgan
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.norm import batch_norm


class Generator(nn.Module):
    """Fully connected layers with batch normalisation and ReLU, tanh at the end.

    Attributes:
      image_shape: (height, width, channels).
      layers: how many, the last one included.
      width: units of each but the last.
      dtype: of the computation.
    """

    image_shape: tuple[int, int, int]
    layers: int = 5
    width: int = 800
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, batch_statistics: bool) -> jax.Array:
        """Maps latent [batch, size] to images float32 [batch, height, width, channels] in (-1, 1).

        Args:
          latent: noise.
          batch_statistics: normalise by those of this batch, or by the running ones.
        """
        x = latent
        for _ in range(self.layers - 1):
            x = nn.Dense(self.width, dtype=self.dtype)(x)
            x = nn.relu(batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)(x))
        height, width, channels = self.image_shape
        x = nn.Dense(height * width * channels, dtype=self.dtype)(x)
        return jnp.tanh(x.astype(jnp.float32)).reshape(-1, *self.image_shape)


class AutoEncoder(nn.Module):
    """Encoder and decoder, fully connected, with ReLU between their layers.

    Attributes:
      layers: of encoder and decoder together, even.
      width: units of each but the last.
      dropout: rate on the output of every layer of the encoder.
      dtype: of the computation.
    """

    layers: int = 2
    width: int = 1024
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        """Maps images [batch, ...] to their energies float32 [batch] and codes [batch, width].

        The energy is the Euclidean norm `||Dec(Enc(x)) - x||`.
        """
        flat = x = image.reshape(image.shape[0], -1)
        code = None
        for i in range(self.layers - 1):
            x = nn.relu(nn.Dense(self.width, dtype=self.dtype)(x))
            if i < self.layers // 2:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
                code = x
        x = nn.Dense(flat.shape[-1], dtype=self.dtype)(x)
        return distance(x, flat), code


class ConvAutoEncoder(nn.Module):
    """Strided convolutions to an eighth of the resolution, and transposed ones back.

    Batch normalisation but at the input and the output, LeakyReLU .2 in the encoder, ReLU in the
    decoder; weights from N(0, .002^2).

    Attributes:
      width: channels at half the resolution, doubled by each later halving.
      dtype: of the computation.
    """

    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        """Maps images [batch, h, w, c] to energies float32 [batch] and codes [batch, ...].

        Batch normalisation always takes the statistics of this batch.
        """
        del train
        options = {"strides": 2, "dtype": self.dtype}
        options["kernel_init"] = nn.initializers.normal(0.002)
        norm = functools.partial(batch_norm, batch_statistics=True, dtype=self.dtype)
        x = nn.leaky_relu(Conv(self.width, **options)(image), 0.2)
        for factor in (2, 4):
            x = nn.leaky_relu(norm()(Conv(factor * self.width, **options)(x)), 0.2)
        code = x
        for factor in (2, 1):
            x = nn.relu(norm()(ConvTranspose(factor * self.width, **options)(x)))
        x = ConvTranspose(image.shape[-1], **options)(x)
        return distance(x, image), code.reshape(code.shape[0], -1)


def distance(output: jax.Array, image: jax.Array) -> jax.Array:
    """Returns the Euclidean norms `||output - image||` of each pair, float32 [batch]."""
    difference = (output.astype(jnp.float32) - image).reshape(image.shape[0], -1)
    return jnp.sqrt(jnp.sum(jnp.square(difference), -1) + 1e-12)  # the root of 0 has no derivative


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    network: str = "mlp",
    latent_size: int = 100,
    margin: float = 10.0,
    pulling_away_weight: float = 0.0,
    gen_layers: int = 5,
    gen_width: int = 800,
    disc_layers: int = 2,
    disc_width: int = 1024,
    disc_dropout: float = 0.0,
    dtype: str = "float32",
) -> GAN:
    """Returns the energy-based GAN; it draws without regard to labels.

    Args:
      image_shape: (height, width, channels).
      num_classes: of the data; not used.
      network: `mlp`, or `conv`: a DCGAN generator of 4x4 kernels, a convolutional auto-encoder.
      latent_size: dimensions of the noise, which is normal.
      margin: m, the energy up to which the discriminator raises that of fakes, above 0.
      pulling_away_weight: of the pulling-away term in the generator's loss; .1 in the paper, 0 for
        none.
      gen_layers: layers of the generator, 2 at least; without effect for `conv`.
      gen_width: units of its hidden layers; for `conv` channels at half the resolution.
      disc_layers: layers of the auto-encoder, even; without effect for `conv`.
      disc_width: units of its hidden layers; for `conv` channels at half the resolution.
      disc_dropout: rate in the encoder of `mlp`, in [0, 1).
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    if network not in ("conv", "mlp"):
        raise ValueError(f"network: unknown {network!r}; known: conv, mlp")
    if not margin > 0:
        raise ValueError(f"margin: {margin} is not above 0")
    if gen_layers < 2:
        raise ValueError(f"gen_layers: {gen_layers} is below 2")
    if disc_layers < 2 or disc_layers % 2:
        raise ValueError(f"disc_layers: {disc_layers} is not an even number of 2 or more")
    if pulling_away_weight < 0:
        raise ValueError(f"pulling_away_weight: {pulling_away_weight} is below 0")
    if not 0 <= disc_dropout < 1:
        raise ValueError(f"disc_dropout: {disc_dropout} is not in [0, 1)")
    if disc_dropout and network == "conv":
        raise ValueError(f"disc_dropout: {disc_dropout} has no effect with network=conv; give 0.0")
    if network == "conv":
        dcgan.base_and_layers(image_shape)
        if image_shape[0] % 8:
            raise ValueError(f"network: conv needs sizes divisible by 8, not {image_shape[0]}")
    sizes = {"latent_size": latent_size, "gen_width": gen_width, "disc_width": disc_width}
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"{name}: {value} is below 1")

    compute = compute_dtype(dtype)
    generator: nn.Module
    discriminator: nn.Module
    if network == "mlp":
        generator = Generator(image_shape, gen_layers, gen_width, compute)
        discriminator = AutoEncoder(disc_layers, disc_width, disc_dropout, compute)
    else:
        generator = dcgan.Generator(image_shape, gen_width, 4, compute)
        discriminator = ConvAutoEncoder(disc_width, compute)

    def draw(key: jax.Array, count: int) -> jax.Array:
        return jax.random.normal(key, (count, latent_size))

    def generate(gen: Any, stats: Any, key: jax.Array, count: int) -> tuple[jax.Array, Any]:
        z = draw(key, count)
        return generator.apply({"params": gen, **stats}, z, True, mutable=["batch_stats"])

    def energy(
        disc: Any, stats: Any, image: jax.Array, key: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], Any]:
        weights = {"params": disc, **stats}
        return discriminator.apply(
            weights, image, True, rngs={"dropout": key}, mutable=["batch_stats"]
        )

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        gen_key, disc_key = jax.random.split(key)
        gen = dict(generator.init(gen_key, jnp.zeros((2, latent_size)), True))
        disc = dict(discriminator.init(disc_key, batch["image"][:2]))
        return Players(gen.pop("params"), disc.pop("params")), Players(gen, disc)

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fake_key, real_drop, fake_drop = jax.random.split(key, 3)
        fakes, _ = generate(gen, variables.gen, fake_key, batch["image"].shape[0])
        # Real and fake examples are batches of their own to the normalisation.
        (real, _), stats = energy(disc, variables.disc, batch["image"], real_drop)
        (fake, _), stats = energy(disc, stats, fakes, fake_drop)
        loss = jnp.mean(losses.ebgan_disc(real, fake, margin=margin))
        metrics = {"disc_loss": loss, "D(x)": jnp.mean(real), "D(G(z))": jnp.mean(fake)}
        return loss, (variables._replace(disc=stats), metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fake_key, drop_key = jax.random.split(key)
        fakes, stats = generate(gen, variables.gen, fake_key, batch["image"].shape[0])
        (fake, code), _ = energy(disc, variables.disc, fakes, drop_key)
        loss = jnp.mean(losses.ebgan_gen(fake))
        metrics = {}
        if pulling_away_weight:
            metrics["pulling_away"] = penalties.pulling_away(code)
            loss += pulling_away_weight * metrics["pulling_away"]
        return loss, (variables._replace(gen=stats), {"gen_loss": loss, **metrics})

    def decode(gen: Any, variables: Players, latent: jax.Array, label: jax.Array) -> jax.Array:
        del label
        return generator.apply({"params": gen, **variables.gen}, latent, False)

    sample = sample_by(draw, decode)
    return GAN(init, disc_loss, gen_loss, sample, (-1.0, 1.0), draw, decode)
