"""Which example stands where in the endless stream: a pure function of the seed."""

import functools
from collections.abc import Callable

import numpy as np


def epoch_order(seed: int, epoch: int, num_examples: int) -> np.ndarray:
    """Returns the order in which epoch `epoch` visits the examples.

    Args:
        seed: 0 <= seed < 2**64.
        epoch: 0, 1, 2, ...
        num_examples: size of the dataset.

    Returns:
        int64 [num_examples], a permutation of 0, ..., num_examples - 1.
    """
    key = np.array([seed, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(num_examples)


_cached_epoch_order = functools.lru_cache(maxsize=4)(epoch_order)


def examples_at(
    positions: np.ndarray,
    seed: int,
    num_examples: int,
    order: Callable[[int, int, int], np.ndarray] = _cached_epoch_order,
) -> np.ndarray:
    """Returns the examples at some positions of the stream.

    The stream is epoch after epoch: position p holds example
    `epoch_order(seed, p // N, N)[p % N]`.

    Args:
        positions: int64 [n], increasing.
        seed: seed of the stream.
        num_examples: size of the dataset, N.
        order: `epoch_order`, which a caller with many seeds may cache by itself.

    Returns:
        int64 [n], example numbers.
    """
    epochs, offsets = np.divmod(positions, num_examples)
    result = np.empty_like(positions)
    for epoch in range(epochs[0], epochs[-1] + 1):
        here = epochs == epoch
        result[here] = order(seed, epoch, num_examples)[offsets[here]]
    return result
