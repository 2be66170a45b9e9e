"""Improved precision and recall."""

import jax
import jax.numpy as jnp
import numpy as np


@jax.jit
def _squared_distances(a: jax.Array, b: jax.Array) -> jax.Array:
    squares = jnp.sum(a * a, 1)[:, None] + jnp.sum(b * b, 1)[None, :]
    return jnp.maximum(squares - 2 * a @ b.T, 0)


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall.

    A point lies in the manifold of a set if it is within the distance of some member to that
    member's k-th nearest neighbour. Precision is the share of fakes in the manifold of the real
    examples (quality), recall the share of real examples in the manifold of the fakes (variety);
    Kynkäänniemi et al. 2019 (arXiv 1904.06991), equations 1 and 2.

    Args:
      real: features, float [n, dim].
      fake: features, float [m, dim].
      k: neighbours, below n and m.

    Returns:
      Precision and recall, each in [0, 1].

    Raises:
      ValueError: `k` is not in 1 .. min(n, m) - 1.
    """
    if not 1 <= k < min(len(real), len(fake)):
        raise ValueError(f"k: {k} is not between 1 and {min(len(real), len(fake)) - 1}")
    center = np.mean(real, 0)  # distances do not change, float32 cancellation does
    real, fake = (np.asarray(x - center, np.float32) for x in (real, fake))

    def radii(x: np.ndarray) -> np.ndarray:
        distances = np.array(_squared_distances(x, x))
        np.fill_diagonal(distances, 0)
        return np.partition(distances, k, axis=1)[:, k]  # column 0 is the point itself

    between = np.asarray(_squared_distances(real, fake))
    precision = np.mean(np.any(between <= radii(real)[:, None], axis=0))
    recall = np.mean(np.any(between <= radii(fake)[None, :], axis=1))
    return float(precision), float(recall)
