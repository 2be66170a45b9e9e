"""Initialisers that the papers use and Flax has not."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


def symmetric_uniform(bound: float) -> nn.initializers.Initializer:
    """Returns an initialiser that draws from U(-bound, bound), bound above 0."""

    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
