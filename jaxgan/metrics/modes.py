"""Modes: how many there are among samples, and how evenly."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.metrics.arguments import Array, check_features


class ModeCoverage(NamedTuple):
    """What a histogram over modes says.

    Attributes:
      modes: how many have at least one sample.
      reverse_kl: KL(samples || data) in nats; log of the number of modes where all samples are
        of one mode and the data of all alike.
    """

    modes: int
    reverse_kl: float


def mode_coverage(counts: Array, target: Array | None = None) -> ModeCoverage:
    """Modes covered, and the divergence of their shares from the data's.

    `KL(q || p) = sum_i q_i log(q_i / p_i)` for shares q of the samples and p of the data, after
    Srivastava et al. 2017 (VEEGAN, arXiv 1705.07761) and Metz et al. 2017 (arXiv 1611.02163).

    Args:
      counts: samples by mode, int [modes]; counts of two batches are merged by adding them.
      target: the data's shares or counts, [modes], all above 0; None where all are equal.

    Raises:
      ValueError: a shape is another, a count is negative or not finite, nothing was counted, or a
        target is not above 0 or not finite.
    """
    counts = np.asarray(counts, np.float64)
    target = np.ones_like(counts) if target is None else np.asarray(target, np.float64)
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"counts: {counts.min()} to {counts.max()} are not finite and 0 or more")
    if counts.ndim != 1 or not counts.sum():
        raise ValueError(f"counts: shape {counts.shape} with sum {counts.sum():g} has no sample")
    if target.shape != counts.shape or not (np.isfinite(target) & (target > 0)).all():
        raise ValueError(f"target: {target.shape} is not {counts.shape} with numbers above 0")
    q, p = counts / counts.sum(), target / target.sum()
    kl = np.sum(np.where(q > 0, q * np.log(np.maximum(q, 1e-300) / p), 0.0))
    return ModeCoverage(int((counts > 0).sum()), float(max(kl, 0.0)))


@jax.jit
def mixture_counts(points: jax.Array, centres: jax.Array, std: jax.Array) -> jax.Array:
    """Counts the points within three standard deviations of their nearest centre.

    Args:
      points: float [n, dim].
      centres: float [modes, dim].
      std: scalar, of each component.

    Returns:
      int32 [modes]; those of two batches are merged by adding them.
    """
    points, centres = (jnp.asarray(x, jnp.float32) for x in (points, centres))
    distances = jnp.sum(jnp.square(points[:, None] - centres[None]), 2)  # few centres
    mode, good = jnp.argmin(distances, 1), jnp.min(distances, 1) <= jnp.square(3 * std)
    return jnp.zeros(centres.shape[0], jnp.int32).at[mode].add(good)


class MixtureMeasures(NamedTuple):
    """How samples stand to a mixture of Gaussians.

    Attributes:
      modes: components with a high-quality sample.
      high_quality: share of samples within three standard deviations of a centre, in [0, 1].
      reverse_kl: KL(samples || data) over components, of the high-quality samples; NaN if none.
    """

    modes: int
    high_quality: float
    reverse_kl: float


def mixture_measures(points: Array, centres: Array, std: float) -> MixtureMeasures:
    """Modes, high-quality share and reverse KL of samples of a mixture of equal Gaussians.

    The protocol of Srivastava et al. 2017 (VEEGAN, arXiv 1705.07761) and Lin et al. 2018 (PacGAN,
    arXiv 1712.04086), section 4, for rings and grids.

    Args:
      points: samples, float [n, dim].
      centres: of the components, float [modes, dim].
      std: standard deviation of each component in each dimension, above 0.

    Raises:
      ValueError: the shapes disagree, a value is not finite, or `std` is not above 0.
    """
    check_features(points=points, centres=centres)
    if not std > 0:
        raise ValueError(f"std: {std} is not above 0")
    counts = np.asarray(mixture_counts(points, centres, std))
    if not counts.any():
        return MixtureMeasures(0, 0.0, float("nan"))
    modes, kl = mode_coverage(counts)
    return MixtureMeasures(modes, float(counts.sum() / len(points)), kl)


def stacked_counts(predicted: Array, classes: int = 10) -> np.ndarray:
    """Counts combinations of classes over the channels of stacked digits.

    Metz et al. 2017 (arXiv 1611.02163), section 3.3.1: three channels with a digit each have
    1,000 modes.

    Args:
      predicted: int [n, channels], the class that a classifier sees in each channel.
      classes: their number.

    Returns:
      int64 [classes ** channels], for `mode_coverage`.

    Raises:
      ValueError: the shape is another, or a class is out of range.
    """
    predicted = np.asarray(predicted)
    if predicted.ndim != 2 or predicted.size == 0:
        raise ValueError(f"predicted: shape {predicted.shape} is not [n, channels]")
    if predicted.min() < 0 or predicted.max() >= classes:
        raise ValueError(
            f"predicted: {predicted.min()} to {predicted.max()} not in 0..{classes - 1}"
        )
    channels = predicted.shape[1]
    mode = np.ravel_multi_index(tuple(predicted.T), (classes,) * channels)
    return np.bincount(mode, minlength=classes**channels)
