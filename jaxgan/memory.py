"""Memory of the host and of devices, and what a training step needs of it at least."""

import contextlib
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from ml_collections import FrozenConfigDict

from jaxgan import parallel
from jaxgan.errors import UserError
from jaxgan.state import TrainState

CGROUPS = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"


def host_bytes() -> float:
    """Returns the memory that this process may have: the machine's, or its control group's limit.

    It is infinite where the system does not tell.
    """
    limits = [math.inf]
    with contextlib.suppress(AttributeError, OSError, ValueError):  # another system than POSIX
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in CGROUPS:
        with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
            limits.append(int(pathlib.Path(file).read_text()))
    return min(limits)


def device_bytes(mesh: jax.sharding.Mesh) -> float:
    """Returns the memory of each device of a mesh; those of the CPU share the host's."""
    stats = mesh.local_devices[0].memory_stats() or {}
    return stats.get("bytes_limit") or host_bytes() / len(mesh.local_devices)


def check_images(where: str, count: int, shape: Sequence[int]) -> None:
    """Raises `UserError`, which begins with `where`, where images do not fit in memory.

    Args:
      where: the argument that says how many.
      count: how many.
      shape: of each, uint8.
    """
    needed, there = count * math.prod(shape), host_bytes()
    if needed > there:
        raise UserError(
            f"{where}: {count} images take {_text(needed)} of memory, and this machine has "
            f"{_text(there)}; give less"
        )


def check_step(
    config: FrozenConfigDict,
    state: TrainState,
    about: Mapping[str, Any],
    mesh: jax.sharding.Mesh,
    members: int | None = None,
) -> None:
    """Raises `UserError` where a training step cannot fit in the memory of a device.

    The estimate is a lower bound: parameters, optimizer states and average, the gradients of one
    player, a batch and its generated counterpart. It has no activations.

    Args:
      config: the configuration.
      state: shapes of the train state.
      about: the form of the data, as in `workdir.make_model`.
      mesh: the devices.
      members: of a population, that each device trains at once; None where the devices share the
        batch of one GAN.
    """
    shardings = parallel.state_shardings(mesh, state, divide=config.parallel.shard_state)

    def bytes_of(tree: Any, places: Any) -> int:
        sizes = jax.tree.map(lambda x, s: math.prod(s.shard_shape(x.shape)), tree, places)
        itemsizes = jax.tree.map(lambda x: x.dtype.itemsize, tree)
        return sum(jax.tree.leaves(jax.tree.map(lambda n, m: n * m, sizes, itemsizes)))

    gradients = max(map(bytes_of, state.params, shardings.params))
    model = (members or 1) * (bytes_of(state, shardings) + gradients)
    pixels = math.prod(about["image_shape"]) + math.prod(about.get("input_shape") or (0,))
    rows = config.batch_size * members if members else config.batch_size / mesh.size
    kept = rows * config.disc_steps * config.steps_per_call  # as uint8
    computed = 2 * 4 * rows / config.parallel.accumulate  # real and generated, as float32
    batch = pixels * (kept + computed)
    there = device_bytes(mesh)
    if model + batch <= there:
        return
    needs = f"{_text(model + batch)} or more on each device, which has {_text(there)}"
    if batch > model:
        updates = config.disc_steps * config.steps_per_call
        raise UserError(
            f"--config.batch_size: batches of {config.batch_size} for {updates} updates "
            f"(disc_steps, steps_per_call) take {needs}; give less"
        )
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(state.params)) * (members or 1)
    raise UserError(
        f"--config.gan: {count:,} parameters take {needs}, with gradients and optimizer states; "
        "give smaller widths, or --config.parallel.shard_state=true on several devices"
    )


def _text(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"
