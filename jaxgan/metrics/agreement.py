"""Label agreement: does a classifier see the class that was asked for?"""

import functools

import jax
import jax.numpy as jnp
import numpy as np


@functools.partial(jax.jit, static_argnames="classes")
def confusion(label: jax.Array, predicted: jax.Array, *, classes: int) -> jax.Array:
    """Counts pairs of asked and seen class; the counts of two batches are merged by adding them.

    Args:
      label: int [n], the class asked for.
      predicted: int [n], the class that the classifier sees.
      classes: their number.

    Returns:
      int32 [classes, classes], rows by `label`.
    """
    return jnp.zeros((classes, classes), jnp.int32).at[label, predicted].add(1)


def agreement(counts: jax.Array) -> tuple[float, np.ndarray]:
    """Returns the share of agreement, overall and by class.

    Args:
      counts: from `confusion`.

    Returns:
      A number in [0, 1], and float64 [classes], NaN for a class that was never asked for.

    Raises:
      ValueError: nothing was counted, or a count is negative.
    """
    counts = np.asarray(counts)
    if not (counts >= 0).all():
        raise ValueError(f"counts: {counts.min()} is below 0 or not a number")
    asked = counts.sum(1)
    if not asked.any():
        raise ValueError("counts: all are 0; give at least one example")
    by_class = np.where(asked > 0, counts.diagonal() / np.maximum(asked, 1), np.nan)
    return float(counts.trace() / counts.sum()), by_class
