"""Conditional DCGAN: the label is an input of every layer.

The objective of Mirza & Osindero 2014 (arXiv 1411.1784), equation 2, with the MNIST networks of the
code of Radford, Metz & Chintala 2015 (arXiv 1511.06434): dense layers at the small end, batch
normalisation, 5x5 kernels, and the one-hot label concatenated to the input of every layer.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import losses, penalties, rows
from jaxgan.base import GAN, Batch, Metrics, Players, is_set, sample_by, shown
from jaxgan.gans.dcgan import base_and_layers, check_norm_and_penalty, small_normal
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
    if latent not in ("uniform", "normal"):
        raise ValueError(f"latent: unknown {latent!r}; known: normal, uniform")
    if kernel not in (4, 5):
        raise ValueError(f"kernel: {kernel} is neither 4 nor 5")
    if loss not in losses.PAIRS:
        raise ValueError(f"loss: unknown {loss!r}; known: {', '.join(losses.PAIRS)}")
    if disc_norm == "spectral":
        raise ValueError("disc_norm: 'spectral' is not for 'cdcgan'; known: batch, none")
    check_norm_and_penalty(disc_norm, penalty, penalty_weight, penalty_share)
    if sample_statistics not in ("running", "batch"):
        raise ValueError(f"sample_statistics: unknown {sample_statistics!r}; known: batch, running")
    for name, value in {"latent_size": latent_size, "width": width, "units": units}.items():
        if value < 1:
            raise ValueError(f"{name}: {value} is below 1")

    sizes, compute = (num_classes, width, kernel, units), compute_dtype(dtype)
    generator = Generator(image_shape, *sizes, compute)
    discriminator = Discriminator(*sizes, disc_norm, compute)
    disc_pair, gen_pair = losses.PAIRS[loss]

    def draw(key: jax.Array, count: int) -> jax.Array:
        if latent == "normal":
            return jax.random.normal(key, (count, latent_size))
        return jax.random.uniform(key, (count, latent_size), minval=-1.0)

    def generate(gen: Any, stats: Any, key: jax.Array, label: jax.Array) -> tuple[jax.Array, Any]:
        z = rows.draw(draw, key, len(label))
        return generator.apply({"params": gen, **stats}, z, label, True, mutable=["batch_stats"])

    def critic(disc: Any, stats: Any, image: jax.Array, label: jax.Array) -> tuple[jax.Array, Any]:
        weights = {"params": disc, **stats}
        return discriminator.apply(weights, image, label, mutable=["batch_stats"])

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        gen_key, disc_key = jax.random.split(key)
        label = batch["label"][:2]
        gen = dict(generator.init(gen_key, jnp.zeros((2, latent_size)), label, True))
        disc = dict(discriminator.init(disc_key, batch["image"][:2], label))
        return Players(gen.pop("params"), disc.pop("params")), Players(gen, disc)

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        label = batch["label"]
        fakes, _ = generate(gen, variables.gen, key, label)
        # Real and fake examples are batches of their own to the normalisation.
        real, stats = critic(disc, variables.disc, batch["image"], label)
        fake, stats = critic(disc, stats, fakes, label)
        loss = jnp.mean(disc_pair(real, fake))
        metrics = {
            "disc_loss": loss,
            "D(x)": jnp.mean(nn.sigmoid(real)),
            "D(G(z))": jnp.mean(nn.sigmoid(fake)),
        }
        if is_set(penalty_weight):
            metrics["penalty"] = penalty_weight * penalties.estimate(
                penalties.PENALTIES[penalty],
                lambda x, y: critic(disc, stats, x, y)[0],
                batch["image"],
                fakes,
                jax.random.fold_in(key, 1),
                label,
                share=penalty_share,
            )
            loss += metrics["penalty"]
        return loss, (variables._replace(disc=stats), metrics)

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        label = batch["label"]
        fakes, stats = generate(gen, variables.gen, key, label)
        fake, _ = critic(disc, variables.disc, fakes, label)
        real, _ = critic(disc, variables.disc, batch["image"], label)  # compiled away if unused
        loss = jnp.mean(gen_pair(real, fake))
        return loss, (variables._replace(gen=stats), {"gen_loss": loss})

    def decode(gen: Any, variables: Players, latent: jax.Array, label: jax.Array) -> jax.Array:
        weights = {"params": gen, **variables.gen}
        if sample_statistics == "running":
            return generator.apply(weights, latent, label, False)
        return generator.apply(weights, latent, label, True, mutable=["batch_stats"])[0]

    def observe(
        disc: Any, variables: Players, image: jax.Array, label: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        weights = {"params": disc, **variables.disc}
        logits, state = discriminator.apply(weights, image, label, False, mutable=["intermediates"])
        return logits, shown(state)

    sample = sample_by(draw, decode)
    return GAN(init, disc_loss, gen_loss, sample, (0.0, 1.0), draw, decode, observe, True)
