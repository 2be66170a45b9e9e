"""Distances between sets of features, a block of rows at a time."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

BLOCK = 500  # rows whose distances to the whole other set are held at once


def in_enough_precision(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Returns the function, compiled, in float32 or, where that is not enough, in float64.

    Args:
      function: `(*sets) -> (result, enough)`, sets of features [n, dim] and `enough` a bool scalar,
        whether rounding, by `rounding`, leaves the result right. It may have keyword arguments.
      options: of `jax.jit`.

    Returns:
      `(*sets) -> result`, whose arrays are of 32 bits.
    """
    compiled = jax.jit(function, **options)

    @functools.wraps(function)
    def call(*sets: Any, **arguments: Any) -> Any:
        result, enough = compiled(*(jnp.asarray(x, jnp.float32) for x in sets), **arguments)
        if enough:
            return result
        with jax.enable_x64(True):
            wide = (jnp.asarray(np.asarray(x), jnp.float64) for x in sets)
            found, _ = compiled(*wide, **arguments)
        return jax.tree.map(lambda x, like: jnp.asarray(np.asarray(x), like.dtype), found, result)

    return call


def squared_distances(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Returns squared Euclidean distances, float [n, m], of [n, dim] to [m, dim].

    They are differences of squared norms and products, whose error `rounding` bounds: `centred`
    sets have smaller norms.
    """
    squares = jnp.sum(rows * rows, 1)[:, None] + jnp.sum(columns * columns, 1)[None, :]
    product = jnp.matmul(rows, columns.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum(squares - 2 * product, 0)


def rounding(*sets: jax.Array) -> jax.Array:
    """Returns an upper estimate of the error of the `squared_distances` of sets, a scalar."""
    largest = jnp.max(jnp.stack([jnp.max(jnp.sum(x * x, 1)) for x in sets]))
    return 4 * jnp.finfo(largest.dtype).eps * largest


def centred(*sets: jax.Array) -> tuple[jax.Array, ...]:
    """Returns float32 sets shifted by the mean of the first, which keeps distances.

    Sets in float64 stay where they are: their distances are right to what float32 features resolve,
    which the mean of examples with outliers, far from all others, would spoil.
    """
    if sets[0].dtype == jnp.float64:
        return sets
    mean = jnp.mean(sets[0], 0, keepdims=True)
    return tuple(x - mean for x in sets)


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
