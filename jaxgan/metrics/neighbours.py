"""Nearest training examples, and whether samples are nearer to them than they should be."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.arguments import Array, check_features
from jaxgan.metrics.distances import (
    by_rows,
    centred,
    in_enough_precision,
    rounding,
    squared_distances,
)


def nearest(points: Array, train: Array) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nearest training example of each point.

    Args:
      points: features, float [n, dim].
      train: features, float [m, dim]. Of two parts of it, the smaller distance is that of both.

    Returns:
      Euclidean distances float32 [n] and indices int32 [n].

    Raises:
      ValueError: the shapes disagree, or a value is not finite.
    """
    check_features(points=points, train=train)
    distance, index = _nearest(points, train)
    return np.asarray(distance), np.asarray(index)


@in_enough_precision
def _nearest(points: jax.Array, train: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    given = points, train
    train, points = centred(train, points)
    index = by_rows(lambda block: jnp.argmin(squared_distances(block, train), 1), points)
    # Once more, without cancellation, so that a copy has distance 0.
    copies = jnp.all(given[0] == given[1][index], 1)
    squares = jnp.sum(jnp.square(points - train[index]), 1)
    enough = copies | (squares > 1000 * rounding(points, train))
    return (jnp.sqrt(squares), index), jnp.all(enough)


def memorisation(fake: Array, held_out: Array) -> float:
    """Share of pairs in which the sample is nearer to the training data than a held-out example.

    `P(d(x_fake) < d(x_test)) + P(d(x_fake) = d(x_test)) / 2` for distances `d` to the nearest
    training example: the U statistic of the data-copying test of Meehan et al. 2020 (arXiv
    2004.05675), section 3, without cells, and with its sign turned. 1/2 is what new examples of
    the same law have, 1 what copies have; poor samples, far from any data, go below 1/2 and can
    hide copies among them.

    Args:
      fake: distances of samples, float [n].
      held_out: distances of real examples that were not trained on, float [m].

    Raises:
      ValueError: an argument is not one-dimensional, is empty, or has NaN.
    """
    for name, value in (("fake", fake), ("held_out", held_out)):
        if value.ndim != 1 or not value.size:
            raise ValueError(f"{name}: shape {value.shape} is not [n] with n >= 1")
        if np.isnan(value).any():
            raise ValueError(f"{name}: a distance is not a number")
    ordered = np.sort(held_out)
    below = np.searchsorted(ordered, fake, side="left")
    up_to = np.searchsorted(ordered, fake, side="right")
    return float(1 - np.mean((below + up_to) / 2) / ordered.size)
