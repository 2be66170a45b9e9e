"""Normalisation layers as the GAN papers use them."""

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import rows
from jaxgan.errors import UserError

MOMENTUM = 0.9  # of running statistics


def near_one(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """Draws from N(1, .02^2), how DCGAN starts the scale of batch normalisation."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


class BatchNorm(nn.BatchNorm):
    """Flax's batch normalisation, which refuses statistics of a single value.

    A single value is its own mean, so that the output would be the bias, whatever the input.
    """

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises x [..., channels].

        Raises:
          UserError: each channel has one value in the whole batch.
        """
        if not (self.use_running_average or self.is_initializing()):
            count = math.prod(x.shape[:-1])
            if self.axis_name is not None:
                count *= jax.lax.psum(1, self.axis_name)
            if count == 1:
                raise UserError(
                    "batch normalisation has a single value for each channel and would give the "
                    "same output for every input"
                )
        return super().__call__(x)


def batch_norm(*, batch_statistics: bool, dtype: Any = None, name: str | None = None) -> nn.Module:
    """Returns batch normalisation (Ioffe & Szegedy 2015, arXiv 1502.03167) as DCGAN has it.

    Scale from N(1, .02^2), epsilon 1e-5, running statistics with momentum .9; statistics in
    float32, and of the global batch where it is sharded. The variance is `E x^2 - (E x)^2`, right
    to 1 % for means of up to 50 standard deviations.

    Args:
      batch_statistics: normalise by the batch's own statistics, and update the running ones where
        the collection `batch_stats` is mutable; False: normalise by the running ones.
      dtype: of the result; None: that of the input.
      name: of the module.
    """
    return BatchNorm(
        use_running_average=not batch_statistics,
        momentum=MOMENTUM,
        epsilon=1e-5,
        dtype=dtype,
        axis_name=rows.axis(),
        scale_init=near_one,
        name=name,
    )
