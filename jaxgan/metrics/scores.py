"""Scores from a classifier's probabilities: the inception score and EBGAN's modified one."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class ScoreSums(NamedTuple):
    """Sums over the examples of each split; those of two batches are merged by adding them.

    Attributes:
      count: float32 [splits].
      probability: sum of p(y|x), float32 [splits, classes].
      log_probability: sum of log p(y|x), float32 [splits, classes].
      negative_entropy: sum of p(y|x) . log p(y|x), float32 [splits].
    """

    count: jax.Array
    probability: jax.Array
    log_probability: jax.Array
    negative_entropy: jax.Array


@functools.partial(jax.jit, static_argnames="splits")
def score_sums(logits: jax.Array, split: jax.Array, *, splits: int) -> ScoreSums:
    """Returns the sums of a batch.

    Args:
      logits: of a classifier, float [n, classes].
      split: int [n], the part in 0 .. splits - 1 that each example counts to.
      splits: number of parts.
    """
    log_p = jax.nn.log_softmax(jnp.asarray(logits, jnp.float32))
    p = jnp.exp(log_p)
    # A sum of sums: adding one by one rounds away 1e-4 of a small probability in 50,000 examples.
    parts = 128
    segment = jnp.asarray(split, jnp.int32) * parts + jnp.arange(p.shape[0]) % parts

    def total(x: jax.Array) -> jax.Array:
        sums = jax.ops.segment_sum(x, segment, splits * parts)
        return jnp.sum(sums.reshape(splits, parts, *x.shape[1:]), 1)

    return ScoreSums(*map(total, (jnp.ones(p.shape[0]), p, log_p, jnp.sum(p * log_p, 1))))


def inception_score(sums: ScoreSums) -> tuple[float, float]:
    """Inception score: `exp E_x KL(p(y|x) || p(y))`.

    Salimans et al. 2016 (arXiv 1606.03498), section 4. It is 1 where the classifier sees no
    difference between samples, and at most the number of classes.

    Args:
      sums: from `score_sums`, with examples in every split.

    Returns:
      The mean and the standard deviation over the splits.

    Raises:
      ValueError: a split has no example.
    """
    count, probability, _, negative_entropy = _float64(sums)
    marginal = probability / count[:, None]
    own = np.sum(marginal * np.log(np.maximum(marginal, 1e-300)), 1)
    scores = np.exp(negative_entropy / count - own)
    return float(scores.mean()), float(scores.std())


def modified_inception_score(sums: ScoreSums) -> float:
    """EBGAN's modified score: `E_x KL(p(y) || p(y|x))`, over all splits together.

    Zhao et al. 2016 (arXiv 1609.03126), section 4.1. It is large where the classifier is sure of
    each sample and the samples are spread over all classes.

    Args:
      sums: from `score_sums`.

    Raises:
      ValueError: a split has no example.
    """
    count, probability, log_probability, _ = _float64(sums)
    marginal = probability.sum(0) / count.sum()
    own = np.sum(marginal * np.log(np.maximum(marginal, 1e-300)))
    return float(own - np.sum(marginal * log_probability.sum(0)) / count.sum())


def _float64(sums: ScoreSums) -> list[np.ndarray]:
    arrays = [np.asarray(x, np.float64) for x in sums]
    if not arrays[0].all():
        raise ValueError("sums: a split has no example; give at least as many as there are splits")
    if not np.isfinite(arrays[2]).all():
        raise ValueError("sums: not all logits were finite")
    return arrays
