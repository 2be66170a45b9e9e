"""Fréchet distance between Gaussians fitted to two sets of features.

```python
real = functools.reduce(merge, map(moments, batches_of_features))
frechet_distance(real, moments(fake))
```
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError


def in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function, compiled, with float64 within; float64 arrays may come and go."""
    compiled = jax.jit(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        with jax.enable_x64(True):
            return compiled(*args)

    return call


class Moments(NamedTuple):
    """Count, mean and scatter of a set of features.

    Attributes:
      count: float64 scalar.
      mean: float64 [dim].
      scatter: float64 [dim, dim], the sum of outer products of deviations from the mean.
    """

    count: jax.Array
    mean: jax.Array
    scatter: jax.Array

    def covariance(self) -> np.ndarray:
        """Returns the unbiased sample covariance, float64 [dim, dim]."""
        return np.asarray(self.scatter) / (float(self.count) - 1)


@in_float64
def moments(features: jax.Array) -> Moments:
    """Returns the moments of features, float [n, dim], computed in float64."""
    x = jnp.asarray(features, jnp.float64)
    mean = jnp.mean(x, 0)
    deviation = x - mean[None, :]
    return Moments(jnp.float64(x.shape[0]), mean, deviation.T @ deviation)


@in_float64
def merge(a: Moments, b: Moments) -> Moments:
    """Returns the moments of both sets together.

    Chan, Golub & LeVeque 1979 (Stanford STAN-CS-79-773), equation 2.1b: no cancellation however
    far the means are from 0.
    """
    count = a.count + b.count
    shift = b.mean - a.mean
    between = jnp.outer(shift, shift) * (a.count * b.count / count)
    return Moments(count, a.mean + shift * (b.count / count), a.scatter + b.scatter + between)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Fréchet distance between Gaussians with the moments of two sets of features.

    `||m_a - m_b||^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))`; Heusel et al. 2017 (arXiv 1706.08500),
    equation 6. In float64; the trace of the root is the sum of the roots of the eigenvalues of
    the symmetric `S_a^(1/2) S_b S_a^(1/2)`.

    Args:
      a: moments of the one set.
      b: moments of the other, of the same dimension.

    Returns:
      The distance, in squared units of the features.

    Raises:
      UserError: the dimensions disagree, a value is not finite, or a set has no more examples
        than dimensions.
    """
    if a.mean.shape != b.mean.shape:
        raise UserError(f"a, b: dimensions {a.mean.shape} and {b.mean.shape} disagree")
    dim = a.mean.shape[0]
    for name, of in (("a", a), ("b", b)):
        if float(of.count) <= dim:
            raise UserError(
                f"{name}: {int(of.count)} examples are too few for {dim} dimensions; "
                "give more than there are dimensions"
            )
        if not np.isfinite(of.scatter).all():
            raise UserError(f"{name}: not all values are finite")
    cov_a, cov_b = a.covariance(), b.covariance()
    mean = np.square(np.asarray(a.mean) - np.asarray(b.mean)).sum()
    return float(mean + np.trace(cov_a + cov_b) - 2 * float(_trace_of_root(cov_a, cov_b)))


@in_float64
def _trace_of_root(a: jax.Array, b: jax.Array) -> jax.Array:
    values, vectors = jnp.linalg.eigh(a)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0))[None, :]) @ vectors.T
    return jnp.sum(jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(root @ b @ root), 0)))
