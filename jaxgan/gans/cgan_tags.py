"""Conditional GAN of word vectors for image tagging: Mirza & Osindero 2014 (arXiv 1411.1784).

`V(D, G) = E log D(x|y) + E log(1 - D(G(z|y)|y))` (equation 2), where x is the vector of a word that
someone tagged an image with and y are features of the image (section 4.2). A batch has the features
as `feature` float32 [batch, features] beside the word vectors `image` [batch, 1, 1, dimensions].
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
from jaxgan.arguments import check_at_least, check_rate
from jaxgan.base import GAN, Batch, Players
from jaxgan.errors import UserError
from jaxgan.gans.gan import is_points
from jaxgan.nn.dropout import Dropout
from jaxgan.nn.dtypes import compute_dtype
from jaxgan.nn.maxout import Maxout


class Generator(nn.Module):
    """ReLU layers of noise and features, then joint layers, the last of them linear.

    Attributes:
      dimensions: of a word vector.
      units: of the noise's layer and of the features'.
      joint_layers: joint ReLU layers before the linear one; the paper has none.
      joint_units: of each of them.
      dropout: rate on every hidden layer's output.
      dtype: of the computation.
    """

    dimensions: int
    units: tuple[int, int] = (500, 2000)
    joint_layers: int = 0
    joint_units: int = 500
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latent: jax.Array, feature: jax.Array, train: bool = False) -> jax.Array:
        """Maps latent [batch, size] and feature [batch, features] to [batch, 1, 1, dimensions]."""
        drop = Dropout(self.dropout, deterministic=not train)
        z = nn.relu(nn.Dense(self.units[0], dtype=self.dtype)(latent))
        y = nn.relu(nn.Dense(self.units[1], dtype=self.dtype)(feature))
        x = drop(jnp.concatenate([z, y], -1))
        for _ in range(self.joint_layers):
            x = drop(nn.relu(nn.Dense(self.joint_units, dtype=self.dtype)(x)))
        x = nn.Dense(self.dimensions, dtype=self.dtype)(x)
        return x.astype(jnp.float32)[:, None, None]


class Discriminator(nn.Module):
    """ReLU layers of word vector and features, then a joint maxout layer.

    Attributes:
      units: of the word vector's layer and of the features'.
      maxout: outputs of the joint layer and linear pieces of each.
      dropout: rate on every hidden layer's output.
      dtype: of the computation.
    """

    units: tuple[int, int] = (500, 1200)
    maxout: tuple[int, int] = (1000, 3)
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, feature: jax.Array, train: bool = False) -> jax.Array:
        """Maps words [batch, 1, 1, dimensions] and feature [batch, features] to logits [batch]."""
        drop = Dropout(self.dropout, deterministic=not train)
        x = nn.relu(nn.Dense(self.units[0], dtype=self.dtype)(image.reshape(image.shape[0], -1)))
        self.sow("intermediates", "dense1", x)
        y = nn.relu(nn.Dense(self.units[1], dtype=self.dtype)(feature))
        self.sow("intermediates", "dense2", y)
        x = Maxout(*self.maxout, dtype=self.dtype)(drop(jnp.concatenate([x, y], -1)))
        self.sow("intermediates", "maxout1", x)
        return nn.Dense(1, dtype=self.dtype)(drop(x))[:, 0].astype(jnp.float32)


def make(
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    gen_units: tuple[int, int] = (500, 2000),
    joint_layers: int = 0,
    joint_units: int = 500,
    disc_units: tuple[int, int] = (500, 1200),
    maxout: tuple[int, int] = (1000, 3),
    latent_size: int = 100,
    loss: str = "nonsaturating",
    dropout: float = 0.0,
    penalty: str = "r1_r2",
    penalty_weight: float = 0.0,
    penalty_share: float = 1.0,
    dtype: str = "float32",
) -> GAN:
    """Returns the conditional GAN of word vectors; its `sample` takes features in place of labels.

    The default sizes are the paper's.

    Args:
      image_shape: (1, 1, dimensions of a word vector).
      num_classes: of the data; not used.
      gen_units: units of the generator's layers of noise and of features.
      joint_layers: ReLU layers of the generator between those and its linear output.
      joint_units: units of each of them.
      disc_units: units of the discriminator's layers of word vector and of features.
      maxout: outputs of its joint maxout layer, and linear pieces of each.
      latent_size: dimensions of the noise, which is normal.
      loss: a name of `losses.PAIRS`.
      dropout: rate on the output of every hidden layer, in [0, 1).
      penalty: a name of `penalties.PENALTIES`.
      penalty_weight: of the penalty, gamma for R1 and R2; 0 for none.
      penalty_share: share of the batch on which the penalties are estimated, in (0, 1].
      dtype: of the computation, `float32` or `bfloat16`.

    Raises:
      ValueError: an argument is out of its range.
    """
    del num_classes
    if not is_points(image_shape):
        raise ValueError(
            "name: 'cgan_tags' generates word vectors and the data are images; "
            "start from configs/cgan_tags_mnist.py"
        )
    pairs = {"gen_units": gen_units, "disc_units": disc_units, "maxout": maxout}
    for name, value in pairs.items():
        if len(value) != 2 or not all(isinstance(n, int) and n >= 1 for n in value):
            raise ValueError(f"{name}: {value} is not two whole numbers of 1 or more")
    check_at_least(0, joint_layers=joint_layers)
    check_at_least(1, joint_units=joint_units)
    check_rate(dropout=dropout)

    compute = compute_dtype(dtype)
    generator = Generator(
        image_shape[-1], tuple(gen_units), joint_layers, joint_units, dropout, compute
    )
    discriminator = Discriminator(tuple(disc_units), tuple(maxout), dropout, compute)
    networks = Networks(
        Nested(generator),
        Nested(discriminator),
        split_first(make_prior("normal", latent_size)),
        condition="feature",
    )
    penalised = Penalty(penalty, penalty_weight, penalty_share)
    gan = adversarial_gan(networks, loss=loss, penalty=penalised, value_range=None)

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        if "feature" not in batch:
            raise UserError(
                "--config.gan.name: 'cgan_tags' needs image features and the dataset has none; "
                "start from configs/cgan_tags_mnist.py"
            )
        return gan.init(key, batch)

    return gan._replace(init=init)
