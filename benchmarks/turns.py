"""Times workers in turns, so that what else the machine does falls on all of them alike."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.worker import Worker


def turn_length(worker: Worker, seconds: float) -> int:
    """Warms a worker up and returns how many of its iterations last `seconds`."""
    worker.call("run", 2)
    return math.ceil(seconds / worker.call("run", 2))


def take_turns(
    workers: Sequence[Worker],
    lengths: Sequence[int],
    rounds: int,
    on_round: Callable[[], Any] = lambda: None,
) -> np.ndarray:
    """Returns the seconds of an iteration, float64 [workers, rounds].

    Args:
      workers: those that take turns.
      lengths: iterations of a turn of each worker, from `turn_length`.
      rounds: turns of each worker.
      on_round: called after each round.
    """
    times = np.empty((len(workers), rounds))
    for i in range(rounds):
        times[:, i] = [
            worker.call("run", length) for worker, length in zip(workers, lengths, strict=True)
        ]
        on_round()
    return times
