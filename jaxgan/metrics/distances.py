"""Distances between sets of features, a block of rows at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

BLOCK = 500  # rows whose distances to the whole other set are held at once


def squared_distances(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Returns squared Euclidean distances, float32 [n, m], of [n, dim] to [m, dim].

    Centre the sets first: the rounding error grows with the squared norm.
    """
    squares = jnp.sum(rows * rows, 1)[:, None] + jnp.sum(columns * columns, 1)[None, :]
    product = jnp.matmul(rows, columns.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum(squares - 2 * product, 0)


def centred(*sets: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the sets in float32, shifted by the mean of the first, which keeps distances."""
    mean = jnp.mean(jnp.asarray(sets[0], jnp.float32), 0, keepdims=True)
    return tuple(jnp.asarray(x, jnp.float32) - mean for x in sets)


def by_rows(function: Callable[[jax.Array], Any], rows: jax.Array, *more: jax.Array) -> Any:
    """Returns `function(block, *blocks of more)` for blocks of rows, put together again.

    Args:
      function: maps [b, ...] to arrays or a tree of arrays [b, ...].
      rows: [n, ...].
      *more: [n, ...] each.
    """

    def one(row: tuple[jax.Array, ...]) -> Any:
        return jax.tree.map(lambda x: x[0], function(*(x[None] for x in row)))

    return jax.lax.map(one, (rows, *more), batch_size=BLOCK)
