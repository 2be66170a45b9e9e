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

from jaxgan import losses, penalties, rows
from jaxgan.adversarial import Networks, make_prior
from jaxgan.arguments import check_at_least, check_choice, check_no_effect, check_rate
from jaxgan.base import GAN, Batch, Metrics, Players, below, is_set, sample_by
from jaxgan.gans import dcgan
from jaxgan.gans.gan import MLPGenerator, is_points
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dropout import Dropout
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.norm import batch_norm


class AutoEncoder(nn.Module):
    """Encoder and decoder, fully connected, with ReLU between their layers.

    The decoder is one layer (section 4.1).

    Attributes:
      layers: of encoder and decoder together, 2 at least.
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
        for i in range(self.layers - 1):
            x = nn.relu(nn.Dense(self.width, dtype=self.dtype)(x))
            self.sow("intermediates", f"dense{i + 1}", x)
            x = Dropout(self.dropout, deterministic=not train)(x)
        decoded = nn.Dense(flat.shape[-1], dtype=self.dtype)(x)
        return distance(decoded, flat), x


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
        """Maps images [batch, h, w, c] to energies float32 [batch] and codes [batch, units].

        Args:
          image: images.
          train: normalise by the statistics of this batch, or by the running ones.
        """
        options = {"strides": 2, "dtype": self.dtype}
        options["kernel_init"] = nn.initializers.normal(0.002)
        norm = functools.partial(batch_norm, batch_statistics=train, dtype=self.dtype)
        x = nn.leaky_relu(Conv(self.width, **options)(image), 0.2)
        self.sow("intermediates", "conv1", x)
        for i, factor in enumerate((2, 4), 2):
            x = nn.leaky_relu(norm()(Conv(factor * self.width, **options)(x)), 0.2)
            self.sow("intermediates", f"conv{i}", x)
        code = x
        for i, factor in enumerate((2, 1), 1):
            x = nn.relu(norm()(ConvTranspose(factor * self.width, **options)(x)))
            self.sow("intermediates", f"decoder{i}", x)
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
    gen_layers: int = 0,
    gen_width: int = 0,
    disc_layers: int = 0,
    disc_width: int = 0,
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
      gen_layers: layers of the generator of `mlp`, 2 at least; 0: 5.
      gen_width: units of its hidden layers; of `conv`, channels at half the size; 0: 800, 128.
      disc_layers: layers of the auto-encoder of `mlp`, the decoder's included, 2 at least; 0: 2.
      disc_width: units of its hidden layers; of `conv`, channels at half the size; 0: 1024, 64.
      disc_dropout: rate in the encoder of `mlp`, in [0, 1).
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    check_choice(("conv", "mlp"), network=network)
    if below(margin, 0) or not is_set(margin):
        raise ValueError(f"margin: {margin} is not above 0")
    layers = {"gen_layers": gen_layers, "disc_layers": disc_layers}
    check_at_least(2, **{name: value for name, value in layers.items() if value})
    check_at_least(
        0, pulling_away_weight=pulling_away_weight, gen_width=gen_width, disc_width=disc_width
    )
    check_rate(disc_dropout=disc_dropout)
    if network == "conv":
        check_no_effect("on network=conv", disc_dropout=disc_dropout, **layers)
        dcgan.base_and_layers(image_shape)
        if image_shape[0] % 8:
            raise ValueError(
                f"network: conv needs sizes divisible by 8, not {image_shape[0]}; set "
                f"--config.dataset.image_size={image_shape[0] // 7 * 4}"
            )

    compute = compute_dtype(dtype)
    generator: nn.Module
    discriminator: nn.Module
    if network == "mlp":
        generator = MLPGenerator(image_shape, gen_layers or 5, gen_width or 800, compute)
        discriminator = AutoEncoder(disc_layers or 2, disc_width or 1024, disc_dropout, compute)
    else:
        generator = dcgan.Generator(image_shape, gen_width or 128, 4, dtype=compute)
        discriminator = ConvAutoEncoder(disc_width or 64, compute)

    prior = make_prior("normal", latent_size)
    networks = Networks(generator, discriminator, prior)

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fake_key, real_drop, fake_drop = jax.random.split(key, 3)
        fakes, _ = networks.generate(gen, fake_key, variables.gen, batch)
        # Real and fake examples are batches of their own to the normalisation.
        (real, _), stats = networks.critic(disc, real_drop, variables.disc, batch["image"])
        (fake, _), stats = networks.critic(disc, fake_drop, stats, fakes)
        loss = jnp.mean(losses.ebgan_disc(real, fake, margin=margin))
        metrics = {"disc_loss": loss, "D(x)": jnp.mean(real), "D(G(z))": jnp.mean(fake)}
        return loss, (variables._replace(disc=stats), metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fake_key, drop_key = jax.random.split(key)
        fakes, stats = networks.generate(gen, fake_key, variables.gen, batch)
        (fake, code), _ = networks.critic(disc, drop_key, variables.disc, fakes)
        loss = jnp.mean(losses.ebgan_gen(fake))
        metrics = {}
        if is_set(pulling_away_weight):
            metrics["pulling_away"] = penalties.pulling_away(rows.gather(code))
            loss += pulling_away_weight * metrics["pulling_away"]
        return loss, (variables._replace(gen=stats), {"gen_loss": loss, **metrics})

    def observe(
        disc: Any, variables: Players, image: jax.Array, label: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        (energies, _), features = networks.observe(disc, variables, image, label)
        return -energies, features

    sample, decode = sample_by(prior, networks.decode), networks.decode
    value_range = None if is_points(image_shape) else (-1.0, 1.0)
    return GAN(networks.init, disc_loss, gen_loss, sample, value_range, prior, decode, observe)
