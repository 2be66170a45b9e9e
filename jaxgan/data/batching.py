"""`batches`: the training batches of every step, as a pure function of (seed, step)."""

import itertools
import os
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan.data.dataset import Dataset
from jaxgan.data.order import examples_at
from jaxgan.data.stream import StepSource, read_ahead
from jaxgan.errors import UserError


def batches(
    dataset: Dataset,
    *,
    seed: int,
    batch_size: int,
    disc_steps: int = 1,
    start_step: int = 0,
    sharding: NamedSharding | None = None,
    num_workers: int | None = None,
) -> Iterator[dict[str, jax.Array]]:
    """Yields the real batches of steps `start_step`, `start_step + 1`, ... without end.

    The examples form one endless stream, epoch after epoch, each epoch in the
    order `epoch_order(seed, epoch, num_examples)`. With k = `disc_steps` and
    B = `batch_size`, batch j of step t is the part [b B, (b + 1) B) of the stream,
    b = t k + j. So a batch depends on nothing but (seed, step): not on the number
    of processes, devices or workers, nor on where training was resumed.

    Args:
        dataset: what `load` returned.
        seed: seed of the order, 0 <= seed < 2**63.
        batch_size: size of a batch over all devices, B.
        disc_steps: batches per step, k.
        start_step: first step.
        sharding: sharding of the batch axis, axis 1, e.g.
            `NamedSharding(mesh, PartitionSpec(None, "data"))`, over a mesh of `AxisType.Auto`;
            None for the first device.
        num_workers: processes that read ahead if the dataset is not in memory; 0 reads in a
            thread. Default: one per CPU core but one, at most 8.

    Yields:
        `image` uint8 [k, B, H, W, C] and, with labels, `label` int32 [k, B], of pairs `input`
        uint8 [k, B, *input_shape], with features, `feature` float32 [k, B, size]. Close the
        iterator to end the workers.

    Raises:
        UserError: for a bad argument, or while reading, for a damaged record.
    """
    for name, value, least in [
        ("seed", seed, 0),
        ("batch_size", batch_size, 1),
        ("disc_steps", disc_steps, 1),
        ("start_step", start_step, 0),
        ("num_workers", 0 if num_workers is None else num_workers, 0),
    ]:
        if not isinstance(value, int | np.integer) or not least <= value < 2**63:
            raise UserError(f"{name}={value!r}: give a whole number from {least} upwards")
    if sharding is None:
        mesh = jax.sharding.Mesh(np.array(jax.local_devices()[:1]), ("data",))
        sharding = NamedSharding(mesh, PartitionSpec(None, "data"))
    num_devices = sharding.mesh.size
    parts = num_devices // sharding.shard_shape((disc_steps, num_devices))[1]
    if batch_size % parts:
        raise UserError(
            f"batch_size={batch_size}: give a multiple of {parts}, "
            "the number of devices that share a batch"
        )
    make = _from_memory if dataset.images is not None else _from_stream
    return make(dataset, seed, batch_size, disc_steps, start_step, sharding, num_workers)


def _from_memory(
    dataset: Dataset,
    seed: int,
    batch_size: int,
    disc_steps: int,
    start_step: int,
    sharding: NamedSharding,
    num_workers: int | None,
) -> Iterator[dict[str, jax.Array]]:
    """Puts the dataset on every device once; each device then gathers its own rows."""
    del num_workers
    replicated = NamedSharding(sharding.mesh, PartitionSpec())
    arrays = {"image": dataset.images}
    if dataset.labels is not None:
        arrays["label"] = dataset.labels
    if dataset.features is not None:
        arrays |= {"feature": dataset.features, "feature_index": dataset.feature_index}
    if dataset.inputs is not None:
        arrays["input"] = dataset.inputs
    arrays = {
        key: jax.make_array_from_callback(value.shape, replicated, value.__getitem__)
        for key, value in arrays.items()
    }

    @jax.jit(out_shardings=sharding)
    def gather(arrays: dict[str, jax.Array], indices: jax.Array) -> dict[str, jax.Array]:
        rows = dict.fromkeys(arrays, indices)
        if "feature" in rows:  # many examples share one
            rows["feature"] = (
                arrays["feature_index"].at[rows.pop("feature_index")].get(mode="promise_in_bounds")
            )
        return {key: arrays[key].at[row].get(mode="promise_in_bounds") for key, row in rows.items()}

    shape = (disc_steps, batch_size)
    size = disc_steps * batch_size
    for step in itertools.count(start_step):
        positions = np.arange(step * size, (step + 1) * size)
        indices = examples_at(positions, seed, dataset.num_examples).astype(np.int32)
        indices = jax.make_array_from_callback(shape, sharding, indices.reshape(shape).__getitem__)
        yield gather(arrays, indices)


def _from_stream(
    dataset: Dataset,
    seed: int,
    batch_size: int,
    disc_steps: int,
    start_step: int,
    sharding: NamedSharding,
    num_workers: int | None,
) -> Iterator[dict[str, jax.Array]]:
    """Reads the rows that this process's devices hold, and hands each device its own."""
    if num_workers is None:
        num_workers = min(8, (os.cpu_count() or 1) - 1)
    shape = (disc_steps, batch_size)
    spans = sharding.addressable_devices_indices_map(shape).values()
    rows = np.unique(np.concatenate([np.arange(batch_size)[span[1]] for span in spans]))
    source = StepSource(dataset, seed, batch_size, disc_steps, start_step, rows)
    for local in read_ahead(source, num_workers):
        yield {
            key: jax.make_array_from_callback(
                (disc_steps, batch_size, *value.shape[2:]), sharding, _share(value, rows)
            )
            for key, value in local.items()
        }


def _share(value: np.ndarray, rows: np.ndarray) -> Callable[[tuple[slice, ...]], np.ndarray]:
    """Returns the function from a device's part of the batch to that part of `value`.

    Args:
        value: [k, L, ...], rows `rows` of the batch.
        rows: int [L].
    """

    def part(index: tuple[slice, ...]) -> np.ndarray:
        start = np.searchsorted(rows, index[1].start or 0)
        stop = len(rows) if index[1].stop is None else np.searchsorted(rows, index[1].stop)
        return value[:, start:stop]

    return part
