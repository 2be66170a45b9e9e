"""Kernel distance: the squared maximum mean discrepancy of features."""

import functools

import jax
import jax.numpy as jnp

from jaxgan.metrics.arguments import Array, check_features


def kernel_distance(
    real: Array, fake: Array, key: jax.Array, *, subsets: int = 100, subset_size: int = 1000
) -> tuple[float, float]:
    """Unbiased squared maximum mean discrepancy of two sets of features.

    The mean over pairs of `k(x, x') + k(y, y') - 2 k(x, y)`, x not x' and y not y', with the
    kernel `k(x, y) = (x . y / dim + 1)^3`, averaged over random subsets; Binkowski et al. 2018
    (arXiv 1801.01401), section 4, and Gretton et al. 2012, equation 3. In float64.

    Args:
      real: features, float [n, dim].
      fake: features, float [m, dim].
      key: PRNG key that chooses the subsets, without replacement within each.
      subsets: how many.
      subset_size: examples of each kind in a subset, at least 2.

    Returns:
      The mean and the standard deviation over the subsets.

    Raises:
      ValueError: a set is smaller than `subset_size`, or a value is not finite.
    """
    if subsets < 1:
        raise ValueError(f"subsets: {subsets} is below 1")
    if subset_size < 2:
        raise ValueError(f"subset_size: {subset_size} is below 2")
    check_features(subset_size, real=real, fake=fake)
    with jax.enable_x64(True):
        mean, deviation = _over_subsets(real, fake, key, subsets, subset_size)
    return float(mean), float(deviation)


@functools.partial(jax.jit, static_argnums=(3, 4))
def _over_subsets(
    real: jax.Array, fake: jax.Array, key: jax.Array, subsets: int, size: int
) -> tuple[jax.Array, jax.Array]:
    real, fake = (jnp.asarray(x, jnp.float64) for x in (real, fake))

    def kernel(x: jax.Array, y: jax.Array) -> jax.Array:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: jax.Array) -> jax.Array:
        values = kernel(x, x)
        return (jnp.sum(values) - jnp.trace(values)) / (size * (size - 1))

    def distance(key: jax.Array) -> jax.Array:
        x, y = (
            of[jax.lax.top_k(jax.random.uniform(k, of.shape[:1], jnp.float32), size)[1]]
            for k, of in zip(jax.random.split(key), (real, fake), strict=True)
        )
        return within(x) + within(y) - 2 * jnp.mean(kernel(x, y))

    values = jax.lax.map(distance, jax.random.split(key, subsets))
    return jnp.mean(values), jnp.std(values)
