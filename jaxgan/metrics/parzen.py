"""Parzen-window log-likelihood, the measure of the GAN paper."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.arguments import Array, check_features
from jaxgan.metrics.distances import (
    centred,
    in_enough_precision,
    rounding,
    squared_distances,
)

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())  # of the GAN paper's code
_BLOCK = 1000


class Parzen(NamedTuple):
    """A Parzen-window estimate.

    Attributes:
      mean: log-likelihood in nats, over the test examples.
      standard_error: of that mean.
      sigma: the width of the window.
      valid: log-likelihood in nats, over the examples that chose sigma.
    """

    mean: float
    standard_error: float
    sigma: float
    valid: float


def parzen_log_likelihood(x: Array, samples: Array, sigma: Array) -> np.ndarray:
    """Log-likelihood under Gaussian windows around samples.

    `log p(x) = log mean_i exp(-||x - s_i||^2 / (2 sigma^2)) - dim log(sigma sqrt(2 pi))`;
    Goodfellow et al. 2014 (arXiv 1406.2661), section 5, after Breuleux et al. 2011.

    Args:
      x: examples, float [n, dim].
      samples: centres of the windows, float [m, dim].
      sigma: widths of the windows, float [s], above 0.

    Returns:
      float32 [s, n], in nats.

    Raises:
      ValueError: the shapes disagree, a value is not finite, or a width is not above 0.
    """
    check_features(x=x, samples=samples)
    sigma = np.asarray(sigma, np.float32)
    if sigma.ndim != 1 or not (np.isfinite(sigma) & (sigma > 0)).all():
        raise ValueError(f"sigma: {sigma} is not [s] of numbers above 0")
    normaliser = x.shape[1] * np.log(sigma * math.sqrt(2 * math.pi)) + math.log(len(samples))
    sums = [log_sums(x[i : i + _BLOCK], samples, sigma) for i in range(0, len(x), _BLOCK)]
    return np.concatenate(sums, 1) - normaliser[:, None]


def log_sums(x: jax.Array, samples: jax.Array, sigma: jax.Array) -> jax.Array:
    """Returns `log sum_i exp(-||x - s_i||^2 / (2 sigma^2))`, float32 [s, n].

    Those of two sets of samples are merged by `jnp.logaddexp`. Arguments as for
    `parzen_log_likelihood`.
    """
    return _log_sums(x, samples, sigma)


@in_enough_precision
def _log_sums(x: jax.Array, samples: jax.Array, sigma: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, samples = centred(x, samples)
    exponents = (-0.5 / jnp.square(sigma), squared_distances(x, samples))
    found = jax.lax.map(lambda scale: jax.nn.logsumexp(scale * exponents[1], 1), exponents[0])
    return found, -jnp.min(exponents[0]) * rounding(x, samples) < 0.1  # nats


def parzen(samples: Array, valid: Array, test: Array, sigmas: Array = SIGMAS) -> Parzen:
    """The GAN paper's protocol: sigma is chosen on one set and the likelihood measured on another.

    Goodfellow et al. 2014, section 5; the grid of widths is that of their code. The standard error
    is the standard deviation over the test examples, over the root of their number.

    Args:
      samples: of the model, float [m, dim].
      valid: real examples that choose sigma, float [v, dim].
      test: real examples, float [n, dim], at least 2.
      sigmas: the widths to choose from, float [s].

    Raises:
      ValueError: as `parzen_log_likelihood`, or `test` has fewer than 2 examples.
    """
    check_features(2, test=test)
    sigmas = np.asarray(sigmas)
    means = parzen_log_likelihood(valid, samples, sigmas).mean(1, dtype=np.float64)
    best = int(means.argmax())
    values = parzen_log_likelihood(test, samples, sigmas[best : best + 1])[0].astype(np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values))
    return Parzen(float(values.mean()), float(error), float(sigmas[best]), float(means[best]))
