"""Divergences of laws, and what they say about the game of a GAN at its best discriminator.

Discrete laws are probabilities [..., n]; those of the whole last axis sum to 1. Logarithms are
natural, so that divergences are in nats. Every function works inside `jax.jit`, where the values of
laws are not checked.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy

from jaxgan.losses import FDivergence


def check_law(name: str, law: jax.Array) -> jax.Array:
    """Returns probabilities as an array.

    Raises:
      ValueError: they are negative, do not sum to 1 within .00001, or are not floating point.
    """
    law = jnp.asarray(law)
    if law.ndim < 1 or not jnp.issubdtype(law.dtype, jnp.floating):
        raise ValueError(f"{name}: probabilities are floats [..., n], got {law.dtype}{law.shape}")
    if not isinstance(law, jax.core.Tracer):
        if not np.all(np.asarray(law) >= 0):
            raise ValueError(f"{name}: a probability is below 0 or no number")
        total = np.asarray(law, np.float64).sum(-1)
        if not np.all(np.abs(total - 1) < 1e-5):
            raise ValueError(f"{name}: the probabilities sum to {total}, not to 1")
    return law


def _both(p: jax.Array, q: jax.Array) -> tuple[jax.Array, jax.Array]:
    p, q = check_law("p", p), check_law("q", q)
    if p.shape != q.shape:
        raise ValueError(f"q: shape {q.shape} is not that of p, {p.shape}")
    return p, q


def optimal_discriminator(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `D* = p / (p + q)`, [..., n], 1/2 where neither law has anything.

    Proposition 1 of Goodfellow et al. 2014 (arXiv 1406.2661).

    Args:
      p: of the data, [..., n].
      q: of the generator, [..., n].
    """
    p, q = _both(p, q)
    total = p + q
    return jnp.where(total > 0, p / jnp.where(total > 0, total, 1), 0.5)


def value(p: jax.Array, q: jax.Array, discriminator: jax.Array) -> jax.Array:
    """Returns `V = E_p log D + E_q log(1 - D)`, [...].

    Equation 1 of Goodfellow et al. 2014.

    Args:
      p: of the data, [..., n].
      q: of the generator, [..., n].
      discriminator: D in [0, 1], [..., n].

    Raises:
      ValueError: p or q is no law, or D of another shape or out of its range.
    """
    p, q = _both(p, q)
    if jnp.shape(discriminator) != p.shape:
        shape = jnp.shape(discriminator)
        raise ValueError(f"discriminator: shape {shape} is not that of p, {p.shape}")
    if not isinstance(discriminator, jax.core.Tracer):
        if not np.all((np.asarray(discriminator) >= 0) & (np.asarray(discriminator) <= 1)):
            raise ValueError("discriminator: a value is not in [0, 1]")
    return jnp.sum(xlogy(p, discriminator) + xlogy(q, 1 - discriminator), -1)


def criterion(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `C(G) = max_D V = -log 4 + 2 JSD(p || q)`, [...], at least `-log 4`.

    Theorem 1 of Goodfellow et al. 2014.
    """
    return 2 * jensen_shannon(p, q) - jnp.log(4.0)


def kl(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `KL(p || q) = sum p log(p / q)`, [...]; infinite where q lacks what p has."""
    p, q = _both(p, q)
    safe = jnp.where(p > 0, q, 1)
    return jnp.sum(xlogy(p, p) - jnp.where(p > 0, p * jnp.log(safe), 0), -1)


def jensen_shannon(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `JSD = KL(p || (p + q) / 2) / 2 + KL(q || (p + q) / 2) / 2`, [...], 0 to log 2."""
    p, q = _both(p, q)
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def total_variation(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `TV = sum |p - q| / 2`, [...], 0 to 1."""
    p, q = _both(p, q)
    return jnp.sum(jnp.abs(p - q), -1) / 2


def f_divergence(p: jax.Array, q: jax.Array, divergence: FDivergence) -> jax.Array:
    """Returns `D_f(p || q) = sum q f(p / q)`, [...], of laws without zeros.

    Equation 2 of Nowozin et al. 2016 (arXiv 1606.00709).

    Args:
      p: of the data, [..., n].
      q: of the generator, [..., n].
      divergence: such as `losses.F_DIVERGENCES["kl"]`.

    Raises:
      ValueError: p or q is no law, or has a zero.
    """
    p, q = _both(p, q)
    for name, law in {"p": p, "q": q}.items():
        if not isinstance(law, jax.core.Tracer) and not np.all(np.asarray(law) > 0):
            raise ValueError(f"{name}: a probability is 0")
    return jnp.sum(q * divergence.function(p / q), -1)


def energy_value(p: jax.Array, q: jax.Array, margin: float) -> jax.Array:
    """Returns `min_D V = m sum min(p, q) = m (1 - TV)`, [...], of the energy-based game.

    From the proof of theorem 1 of Zhao et al. 2016 (arXiv 1609.03126): the best energies are 0
    where `p >= q` and m elsewhere (lemma 1). It is greatest, m, where `p = q`.

    Args:
      p: of the data, [..., n].
      q: of the generator, [..., n].
      margin: m, above 0.

    Raises:
      ValueError: the margin is not above 0, or p or q is no law.
    """
    if not margin > 0:
        raise ValueError(f"margin: {margin} is not above 0")
    return margin * (1 - total_variation(p, q))


def gaussian_kl(mean: float, std: float, other_mean: float, other_std: float) -> jax.Array:
    """Returns `KL(N(mean, std^2) || N(other_mean, other_std^2))`.

    Raises:
      ValueError: a standard deviation is not above 0.
    """
    _check_std(std=std, other_std=other_std)
    shift = jnp.square((mean - other_mean) / other_std)
    return jnp.log(other_std / std) + (jnp.square(std / other_std) + shift - 1) / 2


def gaussian_optimal_logit(
    x: jax.Array, mean: float, std: float, other_mean: float, other_std: float
) -> jax.Array:
    """Returns the logit of `D*(x)` for data N(mean, std^2) and samples N(other_mean, other_std^2).

    It is `log p(x) - log q(x)`, by Proposition 1; a parabola, or a line where the deviations agree.

    Args:
      x: places, any shape.
      mean: of the data.
      std: of the data, above 0.
      other_mean: of the generator.
      other_std: of the generator, above 0.
    """
    _check_std(std=std, other_std=other_std)
    p = -jnp.square((x - mean) / std) / 2 - jnp.log(std)
    return p + jnp.square((x - other_mean) / other_std) / 2 + jnp.log(other_std)


def gaussian_expectation(
    function: Callable[[jax.Array], jax.Array], mean: float, std: float, nodes: int = 128
) -> jax.Array:
    """Returns `E f(x)` for `x` from N(mean, std^2), by Gauss-Hermite quadrature.

    Args:
      function: of an array [nodes], to one of that shape.
      mean: of the law.
      std: of the law, above 0.
      nodes: exact for polynomials of degree `2 nodes - 1`; at least 1.

    Raises:
      ValueError: a number is out of its range.
    """
    _check_std(std=std)
    if nodes < 1:
        raise ValueError(f"nodes: {nodes} is below 1")
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return jnp.sum(weights / np.sqrt(2 * np.pi) * function(mean + std * places))


def gaussian_jensen_shannon(
    mean: float, std: float, other_mean: float, other_std: float
) -> jax.Array:
    """Returns the JSD of two Gaussians of one dimension, from 0 to log 2.

    `log 2 - E_p [softplus(-l) + softplus(l) exp(-l)] / 2`, where `l = log p - log q` and p is the
    narrower law. Both terms are expectations under p, the second after a change of measure from q,
    and vary on its scale however wide q is; the trapezoidal rule over 12 of its deviations on
    either side is exact to rounding.

    Raises:
      ValueError: a standard deviation is not above 0.
    """
    _check_std(std=std, other_std=other_std)
    narrow, wide = jnp.minimum(std, other_std), jnp.maximum(std, other_std)
    ratio, shift = narrow / wide, (mean - other_mean) / wide
    z = np.linspace(-12, 12, 1201)
    weights = np.exp(-np.square(z) / 2) / np.exp(-np.square(z) / 2).sum()
    square = (ratio - 1) * (ratio + 1) * np.square(z) + 2 * ratio * shift * z + jnp.square(shift)
    logit = jnp.minimum(square / 2 - jnp.log(ratio), 80)  # above it neither term counts
    terms = jax.nn.softplus(-logit) + jax.nn.softplus(logit) * jnp.exp(-logit)
    return jnp.log(2.0) - jnp.sum(weights * terms) / 2


def _check_std(**stds: float) -> None:
    for name, x in stds.items():
        if not isinstance(x, jax.core.Tracer) and not np.all(np.asarray(x) > 0):
            raise ValueError(f"{name}: {x} is not above 0")
