"""Energy-based GAN: Zhao, Mathieu & LeCun 2016 (arXiv 1609.03126).

The discriminator is an auto-encoder whose reconstruction error is the energy of an image:
`L_D = D(x) + [m - D(G(z))]^+` and `L_G = D(G(z))` (equations 1 and 2), with the fully connected
networks of the paper's grid search on MNIST (section 4.1).
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.base import GAN, Batch, Metrics, Players
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
      dtype: of the computation.
    """

    layers: int = 2
    width: int = 1024
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps images [batch, ...] to their energies float32 [batch] and codes [batch, width].

        The energy is the Euclidean norm `||Dec(Enc(x)) - x||`.
        """
        flat = x = image.reshape(image.shape[0], -1)
        code = None
        for i in range(self.layers - 1):
            x = nn.relu(nn.Dense(self.width, dtype=self.dtype)(x))
            if i == self.layers // 2 - 1:
                code = x
        x = nn.Dense(flat.shape[-1], dtype=self.dtype)(x)
        squares = jnp.sum(jnp.square(x.astype(jnp.float32) - flat), -1)
        return jnp.sqrt(squares + 1e-12), code  # the root of 0 has no derivative


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    latent_size: int = 100,
    margin: float = 10.0,
    gen_layers: int = 5,
    gen_width: int = 800,
    disc_layers: int = 2,
    disc_width: int = 1024,
    dtype: str = "float32",
) -> GAN:
    """Returns the energy-based GAN; it draws without regard to labels.

    Args:
      image_shape: (height, width, channels).
      num_classes: of the data; not used.
      latent_size: dimensions of the noise, which is normal.
      margin: m, the energy up to which the discriminator raises that of fakes, above 0.
      gen_layers: layers of the generator, 2 at least.
      gen_width: units of its hidden layers.
      disc_layers: layers of the auto-encoder, even.
      disc_width: units of its hidden layers.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    if not margin > 0:
        raise ValueError(f"margin: {margin} is not above 0")
    if gen_layers < 2:
        raise ValueError(f"gen_layers: {gen_layers} is below 2")
    if disc_layers < 2 or disc_layers % 2:
        raise ValueError(f"disc_layers: {disc_layers} is not an even number of 2 or more")
    sizes = {"latent_size": latent_size, "gen_width": gen_width, "disc_width": disc_width}
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"{name}: {value} is below 1")

    generator = Generator(image_shape, gen_layers, gen_width, compute_dtype(dtype))
    discriminator = AutoEncoder(disc_layers, disc_width, compute_dtype(dtype))

    def generate(gen: Any, stats: Any, key: jax.Array, count: int) -> tuple[jax.Array, Any]:
        z = jax.random.normal(key, (count, latent_size))
        return generator.apply({"params": gen, **stats}, z, True, mutable=["batch_stats"])

    def energy(disc: Any, image: jax.Array) -> jax.Array:
        return discriminator.apply({"params": disc}, image)[0]

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        gen_key, disc_key = jax.random.split(key)
        gen = dict(generator.init(gen_key, jnp.zeros((2, latent_size)), True))
        disc = discriminator.init(disc_key, batch["image"][:2])["params"]
        return Players(gen.pop("params"), disc), Players(gen, {})

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fakes, _ = generate(gen, variables.gen, key, batch["image"].shape[0])
        both = energy(disc, jnp.concatenate([batch["image"], fakes]))
        real, fake = jnp.split(both, 2)
        loss = jnp.mean(losses.ebgan_disc(real, fake, margin=margin))
        metrics = {"disc_loss": loss, "D(x)": jnp.mean(real), "D(G(z))": jnp.mean(fake)}
        return loss, (variables, metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fakes, stats = generate(gen, variables.gen, key, batch["image"].shape[0])
        loss = jnp.mean(losses.ebgan_gen(energy(disc, fakes)))
        return loss, (variables._replace(gen=stats), {"gen_loss": loss})

    def sample(gen: Any, variables: Players, key: jax.Array, label: jax.Array) -> jax.Array:
        z = jax.random.normal(key, (label.shape[0], latent_size))
        return generator.apply({"params": gen, **variables.gen}, z, False)

    return GAN(init, disc_loss, gen_loss, sample, value_range=(-1.0, 1.0))
