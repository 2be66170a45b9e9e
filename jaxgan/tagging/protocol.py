"""From samples of word vectors to tags: Mirza & Osindero 2014 (arXiv 1411.1784), section 4.2.

100 samples for each image; of each sample the 20 words nearest to it by cosine; the 10 words that
are most common among all those are the tags.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import seed_key
from jaxgan.errors import UserError
from jaxgan.tagging.words import Words

SAMPLES, NEAREST, COMMON = 100, 20, 10


class Tags(NamedTuple):
    """Tags of n images, as numbers of words.

    Attributes:
      tags: int32 [n, common], the most common first.
      sampled: int32 [n, samples], the nearest word of each sample.
    """

    tags: np.ndarray
    sampled: np.ndarray


@functools.partial(jax.jit, static_argnames=("nearest", "common"))
def most_common(
    samples: jax.Array, vectors: jax.Array, *, nearest: int = NEAREST, common: int = COMMON
) -> tuple[jax.Array, jax.Array]:
    """Returns the words that are most often among the nearest words of an image's samples.

    Of words that are as common the one with the greater mean cosine, over the samples that it is
    near to, comes first.

    Args:
      samples: float32 [images, samples, dimensions].
      vectors: of the words, float32 [V, dimensions].
      nearest: words counted for each sample, at most V.
      common: words returned, at most V.

    Returns:
      int32 [images, common], and the nearest word of each sample, int32 [images, samples].
    """
    unit = vectors / jnp.linalg.norm(vectors, axis=1, keepdims=True)

    def one(sample: jax.Array) -> tuple[jax.Array, jax.Array]:
        length = jnp.linalg.norm(sample, axis=1, keepdims=True)
        cosine, word = jax.lax.top_k(sample / jnp.maximum(length, 1e-12) @ unit.T, nearest)
        zeros = jnp.zeros(len(vectors))
        count = zeros.at[word.ravel()].add(1.0)
        mean = zeros.at[word.ravel()].add(cosine.ravel()) / jnp.maximum(count, 1)
        return jax.lax.top_k(count + 0.49 * mean, common)[1], word[:, 0]

    return jax.lax.map(one, samples)


def tag(
    sample: Callable[[jax.Array, Any], jax.Array],
    features: np.ndarray,
    words: Words,
    *,
    seed: int = 0,
    samples: int = SAMPLES,
    nearest: int = NEAREST,
    common: int = COMMON,
    chunk: int = 50,
    tick: Callable[[int], Any] = lambda count: None,
) -> Tags:
    """Tags images by the paper's protocol.

    Args:
      sample: `(key, feature float32 [n, features]) -> float32 [n, 1, 1, dimensions]`.
      features: of the images, float32 [n, features].
      words: the vocabulary.
      seed: of the noise; the same seed gives the same tags.
      samples: per image.
      nearest: words counted for each sample.
      common: tags of an image.
      chunk: images per call.
      tick: called with the number of images of each chunk, when they are there.

    Raises:
      UserError: a number is out of its range.
    """
    if samples < 1:
        raise UserError(f"--samples: {samples} is too small; give 1 or more")
    for name, value in {"nearest": nearest, "common": common}.items():
        if not 1 <= value <= len(words.words):
            raise UserError(
                f"--{name}: {value} is not in 1 to {len(words.words)}, the words of the vocabulary"
            )
    vectors, key, parts = jnp.asarray(words.vectors), seed_key(seed), []
    chunk = min(chunk, len(features))
    for start in range(0, len(features), chunk):
        part = features[start : start + chunk]
        padded = np.pad(part, ((0, chunk - len(part)), (0, 0)))
        drawn = sample(jax.random.fold_in(key, start), np.repeat(padded, samples, 0))
        drawn = jnp.reshape(drawn, (chunk, samples, -1))
        result = most_common(drawn, vectors, nearest=nearest, common=common)
        parts.append([np.asarray(x)[: len(part)] for x in result])
        tick(len(part))
    return Tags(*(np.concatenate(x) for x in zip(*parts, strict=True)))
