"""Precision and recall, density and coverage: quality and variety as shares of neighbourhoods."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.metrics.arguments import Array, check_features
from jaxgan.metrics.distances import (
    by_rows,
    centred,
    in_enough_precision,
    rounding,
    squared_distances,
)


class ManifoldMeasures(NamedTuple):
    """Shares of examples in one another's neighbourhoods.

    Attributes:
      precision: share of fakes in the manifold of the real examples (quality), in [0, 1].
      recall: share of real examples in the manifold of the fakes (variety), in [0, 1].
      density: real neighbourhoods that a fake lies in, over k; 1 is expected of real examples.
      coverage: share of real neighbourhoods with a fake in them (variety), in [0, 1].
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_measures(
    real: Array, fake: Array, *, k: int = 3, density_k: int = 5
) -> ManifoldMeasures:
    """Improved precision and recall, density and coverage.

    A point's neighbourhood reaches to its k-th nearest neighbour in its own set; the manifold of
    a set is the union of its neighbourhoods. Kynkäänniemi et al. 2019 (arXiv 1904.06991),
    equations 1 and 2, for precision and recall; Naeem et al. 2020 (arXiv 2002.09797), equations 4
    and 5, for density and coverage.

    Args:
      real: features, float [n, dim].
      fake: features, float [m, dim].
      k: neighbours for precision and recall, at least 1.
      density_k: neighbours for density and coverage, at least 1.

    Raises:
      ValueError: a `k` is below 1, a set has no more than `k` examples, or a value is not finite.
    """
    for name, value in (("k", k), ("density_k", density_k)):
        if value < 1:
            raise ValueError(f"{name}: {value} is below 1")
    check_features(max(k, density_k) + 1, real=real, fake=fake)
    return ManifoldMeasures(*map(float, _measures(real, fake, k=k, density_k=density_k)))


@functools.partial(in_enough_precision, static_argnames=("k", "density_k"))
def _measures(
    real: jax.Array, fake: jax.Array, *, k: int, density_k: int
) -> tuple[ManifoldMeasures, jax.Array]:
    real, fake = centred(real, fake)
    most = max(k, density_k)

    def nearest(x: jax.Array) -> jax.Array:
        """Returns squared distances to the nearest `most` others, [n, most], in order."""

        def of_block(block: jax.Array, index: jax.Array) -> jax.Array:
            distances = squared_distances(block, x)
            itself = index[:, None] == jnp.arange(x.shape[0])[None, :]
            return -jax.lax.top_k(-jnp.where(itself, jnp.inf, distances), most)[0]

        return by_rows(of_block, x, jnp.arange(x.shape[0]))

    real_nearest, fake_nearest = nearest(real), nearest(fake)

    def of_reals(block: jax.Array, radius: jax.Array) -> tuple[jax.Array, jax.Array]:
        distances = squared_distances(block, fake)
        recalled = jnp.any(distances <= fake_nearest[None, :, k - 1], 1)
        return recalled, jnp.min(distances, 1) <= radius

    def of_fakes(block: jax.Array) -> tuple[jax.Array, jax.Array]:
        distances = squared_distances(block, real)
        precise = jnp.any(distances <= real_nearest[None, :, k - 1], 1)
        return precise, jnp.sum(distances <= real_nearest[None, :, density_k - 1], 1)

    recalled, covered = by_rows(of_reals, real, real_nearest[:, density_k - 1])
    precise, around = by_rows(of_fakes, fake)
    found = ManifoldMeasures(
        jnp.mean(precise), jnp.mean(recalled), jnp.mean(around) / density_k, jnp.mean(covered)
    )
    least = jnp.minimum(jnp.min(real_nearest[:, -1]), jnp.min(fake_nearest[:, -1]))
    return found, least > 1000 * rounding(real, fake)
