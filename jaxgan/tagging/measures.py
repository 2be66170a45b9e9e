"""Measures of tags against what holds of images, and the baselines that tags are compared with."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse

from jaxgan.metrics.arguments import check_features
from jaxgan.metrics.distances import (
    by_rows,
    centred,
    in_enough_precision,
    rounding,
    squared_distances,
)
from jaxgan.metrics.spread import standard_error


class Agreement(NamedTuple):
    """Agreement of k tags with the true words, means over images.

    Attributes:
      precision: share of the tags that are true.
      recall: share of the true words that are among the tags.
      precision_error: standard error of the precision over the images.
      recall_error: that of the recall.
    """

    precision: float
    recall: float
    precision_error: float
    recall_error: float


class Diversity(NamedTuple):
    """Diversity of sampled words.

    Attributes:
      words: distinct words among an image's samples, mean over images.
      entropy: of the words of an image's samples, in nats, mean over images.
      vocabulary: share of the vocabulary that is sampled for any image.
      kl: divergence of the words' frequencies over all images from those of real tags, in nats.
    """

    words: float
    entropy: float
    vocabulary: float
    kl: float


def agreement(tags: np.ndarray, truth: scipy.sparse.csr_array) -> Agreement:
    """Returns precision and recall at k; images without a true word in the vocabulary are left out.

    Args:
      tags: numbers of words, int [n, k], distinct in each row.
      truth: true words, bool [n, V].

    Raises:
      ValueError: no image has a true word.
    """
    true = np.diff(truth.indptr)
    if not true.any():
        raise ValueError("truth: no image has a true word of the vocabulary")
    rows = np.repeat(np.arange(len(tags)), tags.shape[1])
    chosen = indicator(rows, tags.ravel(), truth.shape)
    right = np.asarray(chosen.multiply(truth).sum(1)).ravel()
    some = true > 0
    both = np.stack([right[some] / tags.shape[1], right[some] / true[some]], 1)
    return Agreement(*map(float, (*both.mean(0), *standard_error(both))))


def greatest_recall(truth: scipy.sparse.csr_array, k: int) -> float:
    """Returns the greatest recall that k tags can have: that of k true words for each image."""
    true = np.diff(truth.indptr)
    true = true[true > 0]
    return float(np.mean(np.minimum(true, k) / true))


def diversity(sampled: np.ndarray, frequency: np.ndarray) -> Diversity:
    """Returns the diversity of sampled words.

    Args:
      sampled: numbers of words, int [n, samples].
      frequency: of real tags by word, [V], all above 0.
    """
    size = len(frequency)
    per_image = np.zeros((len(sampled), size), np.int32)
    np.add.at(per_image, (np.arange(len(sampled))[:, None], sampled), 1)
    share = per_image / sampled.shape[1]
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1)), 1)
    overall = per_image.sum(0) / sampled.size
    target = frequency / frequency.sum()
    kl = np.sum(overall * np.log(np.where(overall > 0, overall, 1) / target))
    return Diversity(
        float((per_image > 0).sum(1).mean()),
        float(entropy.mean()),
        float((overall > 0).mean()),
        float(kl),
    )


def indicator(
    image: np.ndarray, word: np.ndarray, shape: tuple[int, int]
) -> scipy.sparse.csr_array:
    """Returns pairs of numbers of images and words, int [N] each, as bool [n, V], sparse."""
    ones = np.ones(len(image), np.int32)
    table = scipy.sparse.coo_array((ones, (image, word)), shape).tocsr()  # repeated pairs add up
    return table.astype(bool)


def most_frequent(train: scipy.sparse.csr_array, n: int, k: int) -> np.ndarray:
    """Returns the same k tags for each of n images: those of most training images, int [n, k].

    Args:
      train: tags of training images, bool [m, V].
      n: how many images.
      k: tags of each.
    """
    order = np.argsort(-frequencies(train), kind="stable")[:k]
    return np.tile(order, (n, 1))


def frequencies(tags: scipy.sparse.csr_array) -> np.ndarray:
    """Returns how many images have each word as a tag, int [V]."""
    return np.asarray(tags.sum(0)).ravel()


def nearest_images(points: np.ndarray, train: np.ndarray, count: int) -> np.ndarray:
    """Returns the nearest training images of each point, the nearest first, int32 [n, count].

    Args:
      points: features, float [n, size].
      train: features, float [m, size], m >= count.
      count: how many.

    Raises:
      ValueError: the shapes disagree, or there are too few training images.
    """
    check_features(points=points, train=train)
    if not 1 <= count <= len(train):
        raise ValueError(f"count: {count} is not in 1 to {len(train)}, the training images")
    return np.asarray(_nearest_images(points, train, count=count))


@functools.partial(in_enough_precision, static_argnames="count")
def _nearest_images(
    points: jax.Array, train: jax.Array, *, count: int
) -> tuple[jax.Array, jax.Array]:
    train, points = centred(train, points)
    negative, index = by_rows(
        lambda block: jax.lax.top_k(-squared_distances(block, train), count), points
    )
    return index, jnp.all(-negative[:, -1] > 1000 * rounding(points, train))


def borrowed(
    nearest: np.ndarray, train: scipy.sparse.csr_array, rng: np.random.Generator
) -> np.ndarray:
    """Returns a random tag of each nearest training image, int [n, neighbours].

    Args:
      nearest: numbers of training images, int [n, neighbours].
      train: tags of training images, bool [m, V], at least one of each.
      rng: source of the chance.
    """
    first, count = train.indptr[nearest], np.diff(train.indptr)[nearest]
    return train.indices[first + rng.integers(count)]


def votes(nearest: np.ndarray, train: scipy.sparse.csr_array, k: int) -> np.ndarray:
    """Returns the k tags that are most common among the nearest training images, int [n, k].

    Of tags that are as common the one that is more frequent in training comes first, so that
    there are k of them however few the neighbours have.

    Args:
      nearest: numbers of training images, int [n, neighbours].
      train: tags of training images, bool [m, V].
      k: tags of each image.
    """
    n, count = nearest.shape
    frequency = frequencies(train)
    prior = frequency / (frequency.sum() + 1)  # below 1: it only decides ties
    table, parts = train.astype(np.int32), []
    for start in range(0, n, 1000):
        part = nearest[start : start + 1000]
        ones = np.ones(part.size, np.int32)
        rows = np.repeat(np.arange(len(part)), count)
        chosen = scipy.sparse.coo_array((ones, (rows, part.ravel())), (len(part), train.shape[0]))
        score = (chosen.tocsr() @ table).toarray() + prior
        parts.append(np.argsort(-score, 1, kind="stable")[:, :k])
    return np.concatenate(parts)
