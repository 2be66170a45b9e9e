"""pix2pix: Isola et al. 2017 (arXiv 1611.07004), image to image translation.

`G* = arg min_G max_D L_cGAN(G, D) + lambda L_L1(G)` (equation 4). A batch has the images to
translate as `input` beside their targets `image`; dropout is the only noise (section 3.2.1).
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import losses
from jaxgan.adversarial import disc_metrics
from jaxgan.arguments import check_at_least, check_choice, check_rate
from jaxgan.base import GAN, Batch, Metrics, Players
from jaxgan.errors import UserError
from jaxgan.nn.conv import Conv, ConvTranspose
from jaxgan.nn.dropout import Dropout
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.norm import batch_norm

small_normal = nn.initializers.normal(0.02)


def depth_for(height: int, width: int) -> int:
    """Returns the halvings that bring the shorter side of an image to one pixel, rounded up."""
    return max(2, (min(height, width) - 1).bit_length())


class UNet(nn.Module):
    """Encoder and decoder with skips between layers of the same resolution (appendix 6.1.1).

    4x4 kernels without biases. The noise of dropout stays when sampling too. Images of any size
    are taken: their edges are repeated up to a multiple of 2^depth, and the result is cut back.

    Attributes:
      outputs: channels of the result.
      depth: halvings; as many as lead to one pixel in the paper.
      width: channels of the first layer; they double with each layer, up to 8 times that.
      dropout: rate in the three innermost decoder layers.
      skips: False: the paper's ablation, an encoder and a decoder with nothing beside.
      dtype: of the computation.
    """

    outputs: int
    depth: int
    width: int = 64
    dropout: float = 0.5
    skips: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, batch_statistics: bool = True) -> jax.Array:
        """Maps [batch, height, width, channels] to float32 [batch, height, width, outputs].

        Args:
          image: the images to translate.
          batch_statistics: normalise by those of this batch, as in training, or by running ones.

        Returns:
          Images in (-1, 1).
        """
        options = {"strides": 2, "use_bias": False, "dtype": self.dtype}
        options["kernel_init"] = small_normal

        def normalise(x: jax.Array) -> jax.Array:
            return batch_norm(batch_statistics=batch_statistics, dtype=self.dtype)(x)

        depth, (height, width) = self.depth, image.shape[1:3]
        missing = [-side % 2**depth for side in (height, width)]
        edges = [(0, 0), *((n // 2, n - n // 2) for n in missing), (0, 0)]
        image = jnp.pad(image, edges, mode="edge") if any(missing) else image
        channels = [self.width * min(2**i, 8) for i in range(depth)]
        x, encoded = image, []
        for i in range(depth):
            x = Conv(channels[i], **options)(nn.leaky_relu(x, 0.2) if i else x)
            x = normalise(x) if 0 < i < depth - 1 else x  # of one pixel it would leave nothing
            encoded.append(x)
        for i in reversed(range(depth - 1)):
            x = normalise(ConvTranspose(channels[i], **options)(nn.relu(x)))
            if i >= depth - 4:
                x = Dropout(self.dropout, deterministic=False)(x)
            x = jnp.concatenate([x, encoded[i]], -1) if self.skips else x
        x = ConvTranspose(self.outputs, **options)(nn.relu(x))
        (top, _), (left, _) = edges[1:3]
        x = x[:, top : top + height, left : left + width]
        return jnp.tanh(x.astype(jnp.float32))


class PatchDiscriminator(nn.Module):
    """A logit for each patch of an image (section 3.2.2, appendix 6.1.2).

    4x4 kernels without biases, padding 1, LeakyReLU .2, batch normalisation by the batch's
    statistics after every layer but the first and the last.

    Attributes:
      layers: strided ones; the receptive field is 16, 34, 70, 142 or 286 pixels for 1 to 5, and
        1 pixel (1x1 kernels) for 0.
      width: channels of the first layer; they double with each layer, up to 8 times that.
      dtype: of the computation.
    """

    layers: int = 3
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, condition: jax.Array, image: jax.Array) -> jax.Array:
        """Maps two batches [batch, height, width, ...] to logits float32 [batch, rows, columns]."""
        size, pad = (1, 0) if self.layers == 0 else (4, 1)
        options = {"kernel_size": (size, size), "padding": ((pad, pad), (pad, pad))}
        options |= {"use_bias": False, "dtype": self.dtype, "kernel_init": small_normal}
        x = jnp.concatenate([condition, image], -1)
        for i in range(max(self.layers, 1) + 1):
            strides = 2 if i < self.layers else 1
            x = Conv(self.width * min(2**i, 8), strides=strides, **options)(x)
            x = batch_norm(batch_statistics=True, dtype=self.dtype)(x) if i else x
            x = nn.leaky_relu(x, 0.2)
        return Conv(1, strides=1, **options)(x)[..., 0].astype(jnp.float32)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    l1_weight: float = 100.0,
    gan_weight: float = 1.0,
    disc_layers: int = 3,
    width: int = 64,
    dropout: float = 0.5,
    skips: bool = True,
    sample_statistics: str = "batch",
    dtype: str = "float32",
) -> GAN:
    """Returns the image translator; its `sample` takes input images in place of labels.

    Args:
      image_shape: (height, width, channels) of targets; inputs may have other channels. The depth
        of the generator follows it.
      num_classes: of the data; not used.
      l1_weight: lambda of equation 4; 0 leaves the conditional GAN alone.
      gan_weight: weight of the adversarial loss in the generator's; 0 leaves L1 alone.
      disc_layers: strided layers of the discriminator, 0 to 5.
      width: channels of both first layers.
      dropout: rate in the generator, in [0, 1), when sampling too.
      skips: whether the generator is a U-Net; False: an encoder and a decoder.
      sample_statistics: samples are normalised by those of their `batch`, as published, or by
        `running` ones, so that each stands for itself.
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    height, columns, channels = image_shape
    if min(height, columns) < 4:
        raise ValueError(
            f"name: 'pix2pix' needs images of 4x4 or more, not {height}x{columns}; "
            "set --config.dataset.image_size=256"
        )
    if not 0 <= disc_layers <= 5:
        raise ValueError(f"disc_layers: {disc_layers} is not in 0 to 5")
    if disc_layers and min(height, columns) < 4 * 2**disc_layers:
        raise ValueError(
            f"disc_layers: {disc_layers} leave nothing of {height}x{columns}; give fewer"
        )
    check_rate(dropout=dropout)
    check_at_least(1, width=width)
    check_at_least(0, l1_weight=l1_weight, gan_weight=gan_weight)
    if l1_weight == gan_weight == 0:
        raise ValueError(
            f"l1_weight: {l1_weight} and gan_weight are both 0; give the generator a loss"
        )
    check_choice(("running", "batch"), sample_statistics=sample_statistics)

    generator = UNet(
        channels, depth_for(height, columns), width, dropout, skips, compute_dtype(dtype)
    )
    discriminator = PatchDiscriminator(disc_layers, width, compute_dtype(dtype))

    def generate(gen: Any, stats: Any, key: jax.Array, image: jax.Array) -> tuple[jax.Array, Any]:
        weights = {"params": gen, **stats}
        return generator.apply(weights, image, rngs={"dropout": key}, mutable=["batch_stats"])

    def critic(disc: Any, stats: Any, *images: jax.Array) -> tuple[jax.Array, Any]:
        return discriminator.apply({"params": disc, **stats}, *images, mutable=["batch_stats"])

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        if "input" not in batch:
            raise UserError(
                "--config.gan.name: 'pix2pix' needs pairs of images and the dataset has none; "
                "set --config.dataset.pairs=edges, or choose another variant"
            )
        gen_key, disc_key = jax.random.split(key)
        first = batch["input"][:1], batch["image"][:1]
        gen = dict(generator.init({"params": gen_key, "dropout": gen_key}, first[0]))
        disc = dict(discriminator.init(disc_key, *first))
        params = Players(gen.pop("params"), disc.pop("params"))
        return params, Players(gen, disc)

    def disc_loss(
        disc: Any, gen: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fakes, _ = generate(gen, variables.gen, key, batch["input"])
        real, stats = critic(disc, variables.disc, batch["input"], batch["image"])
        fake, stats = critic(disc, stats, batch["input"], fakes)
        # Halved, to slow the discriminator down (section 3.3).
        loss = jnp.mean(losses.minimax_disc(real, fake)) / 2
        return loss, (variables._replace(disc=stats), disc_metrics(loss, real, fake))

    def gen_loss(
        gen: Any, disc: Any, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        fakes, stats = generate(gen, variables.gen, key, batch["input"])
        fake, _ = critic(disc, variables.disc, batch["input"], fakes)
        adversarial = jnp.mean(losses.nonsaturating_gen(fake))
        l1 = jnp.mean(jnp.abs(batch["image"] - fakes))
        loss = gan_weight * adversarial + l1_weight * l1
        metrics = {"gen_loss": loss, "l1": l1}
        return loss, (variables._replace(gen=stats), metrics)

    def sample(gen: Any, variables: Players, key: jax.Array, image: jax.Array) -> jax.Array:
        weights = {"params": gen, **variables.gen}
        by_batch = sample_statistics == "batch"
        rngs = {"dropout": key}
        return generator.apply(weights, image, by_batch, rngs=rngs, mutable=["batch_stats"])[0]

    return GAN(init, disc_loss, gen_loss, sample, value_range=(-1.0, 1.0), translator=True)
