"""Batches of a dataset that does not fit in memory, read ahead by worker processes."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxgan.data.dataset import Dataset
from jaxgan.data.order import examples_at

_READ_AHEAD = 2  # Batches that each process holds ready.


class StepSource:
    """Element i is what this process needs of the batch of step `start_step + i`."""

    def __init__(
        self,
        dataset: Dataset,
        seed: int,
        batch_size: int,
        disc_steps: int,
        start_step: int,
        rows: np.ndarray,
    ):
        """Creates the source.

        Args:
            dataset: the dataset.
            seed: seed of the order.
            batch_size: size of the whole batch, B.
            disc_steps: batches per step, k.
            start_step: step of element 0.
            rows: int [L], rows of every batch that this process holds, increasing.
        """
        self._dataset = dataset
        self._seed = seed
        self._positions = (np.arange(disc_steps)[:, None] * batch_size + rows).astype(np.int64)
        self._step_size = disc_steps * batch_size
        self._start_step = start_step

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Is called in a worker process: it is to end when the process that wants its batches does.

        A worker that waits for room to put a batch would not notice that its parent was killed.
        """
        self.__dict__.update(state)
        parent = multiprocessing.parent_process()
        if parent is not None:
            threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()

    def __len__(self) -> int:
        return 2**40  # The stream has no end.

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Returns `image` uint8 [k, L, H, W, C] and what else there is: `label`, `input`."""
        positions = (self._start_step + index) * self._step_size + self._positions
        indices = examples_at(positions.ravel(), self._seed, self._dataset.num_examples)
        examples = [self._dataset.read(i) for i in indices]
        return {
            key: np.stack([example[key] for example in examples]).reshape(
                *positions.shape, *examples[0][key].shape
            )
            for key in examples[0]
        }


def _exit_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def read_ahead(source: StepSource, num_workers: int) -> Iterator[dict[str, np.ndarray]]:
    """Yields a source's elements in order; closing the iterator ends the workers.

    Args:
        source: the source.
        num_workers: worker processes; 0 reads in threads of this process.

    Yields:
        What `source[0]`, `source[1]`, ... return.
    """
    import grain
    from absl import flags

    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=_READ_AHEAD)
    stream = grain.MapDataset.source(source).to_iter_dataset(options)
    if num_workers:
        if not flags.FLAGS.is_parsed():  # Grain's worker processes read absl flags.
            flags.FLAGS.mark_as_parsed()
        stream = stream.mp_prefetch(
            grain.MultiprocessingOptions(num_workers, per_worker_buffer_size=_READ_AHEAD)
        )
    iterator = iter(stream)
    try:
        yield from iterator
    finally:
        iterator.close()
