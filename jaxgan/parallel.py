"""Devices and processes: how they start, the mesh, where arrays lie on it, the compiled step."""

import contextlib
import functools
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan import rows
from jaxgan.errors import RunError, UserError

MODES = ("jit", "pmap")
HEARTBEAT = 30  # seconds without a sign of life after which a process is given up
SMALLEST = 4096  # values of the arrays that `state_shardings` divides


def start(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Joins the processes of a run, before anything touches a device.

    On Cloud TPU, Slurm, Open MPI and in an indexed Kubernetes job JAX finds out by itself;
    elsewhere the arguments tell; without both this is one process.

    Args:
      coordinator: `HOST:PORT` of process 0, the same for all.
      num_processes: of the run.
      process_id: of this one, from 0.

    Raises:
      UserError: some arguments are missing or out of range, the others do not come, or there is no
        device of the kind that is asked for.
    """
    given = {
        "--coordinator": coordinator,
        "--num-processes": num_processes,
        "--process-id": process_id,
    }
    missing = [name for name, value in given.items() if value is None]
    if len(missing) in (1, 2):
        raise UserError(f"{missing[0]}: missing; give all of {', '.join(given)}, or none")
    if not missing:
        host, _, port = coordinator.rpartition(":")
        if not host or not port.isdecimal():
            raise UserError(f"--coordinator: {coordinator!r} is not HOST:PORT; try 10.0.0.1:1234")
        if num_processes < 1:
            raise UserError(f"--num-processes: {num_processes} is below 1")
        if not 0 <= process_id < num_processes:
            raise UserError(
                f"--process-id: {process_id} is not one of 0 to {num_processes - 1}; each process "
                "has its own"
            )
    # Every Kubernetes pod has this variable, one of no job as well.
    alone = "KUBERNETES_SERVICE_HOST" in os.environ and "JOB_COMPLETION_INDEX" not in os.environ
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            cluster_detection_method="deactivate" if alone or not missing else None,
            heartbeat_timeout_seconds=HEARTBEAT,
        )
    except ValueError as error:
        if not missing:
            raise
        if "JOB_COMPLETION_INDEX" in os.environ and not alone:
            raise UserError(
                f"--coordinator: this Kubernetes job is not found out ({error}); pip install "
                f"'jax[k8s]', or give {', '.join(given)}"
            ) from error
    except RuntimeError as error:
        where = f"--coordinator: {coordinator}" if coordinator else "the cluster"
        raise UserError(
            f"{where}: the processes do not find each other ({str(error).splitlines()[0]}); start "
            "all of them, with one coordinator, within five minutes"
        ) from error
    check_platforms()


@functools.cache
def check_backend() -> None:
    """Checks the devices and, on CPU, a case with a known result.

    jaxlib 0.10.2 computes it wrong, without an error (github.com/jax-ml/jax/issues/39103).

    Raises:
      UserError: there is no device of the kind that `$JAX_PLATFORMS` asks for.
      RunError: the result is wrong.
    """
    check_platforms()
    if jax.default_backend() != "cpu":
        return
    rows = np.arange(36_000, dtype=np.float32)
    if not np.allclose(_row_norms(np.stack([rows, 0 * rows, 0 * rows], 1)), rows**2):
        raise RunError(
            f"jaxlib {jaxlib.__version__} computes wrong values on this machine's CPU; install "
            "another version: pip install 'jax!=0.10.2'"
        )


@jax.jit
def _row_norms(x: jax.Array) -> jax.Array:
    """Returns the squared norms of the rows of float32 [n, 3], as the published case does."""
    return jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2))(x)


def check_platforms() -> None:
    """Raises `UserError` where there is no device of the kind that `$JAX_PLATFORMS` asks for."""
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:  # an AssertionError without a word for CUDA
        boilerplate = r"^Unable to initialize backend .*?: |\.? *\(set JAX_PLATFORMS=.*"
        reason = re.sub(boilerplate, "", str(error))
        raise UserError(
            f"JAX_PLATFORMS: {jax.config.jax_platforms!r} cannot be used "
            f"({reason or 'no such device'}); set it to cpu, or not at all"
        ) from error


def is_main() -> bool:
    """Returns whether this process writes what one process writes: logs, pictures, notes."""
    return jax.process_index() == 0


@contextlib.contextmanager
def agreed(claims: dict[str, Any] | None = None) -> Iterator[None]:
    """Ends for all processes alike: a `UserError` inside of one becomes one of each.

    Args:
      claims: what must be the same for all, by name, as JSON can have it.

    Raises:
      UserError: that of this process, or of another, or processes have different claims.
    """
    mistake = None
    try:
        yield
    except UserError as error:
        mistake = error
    if jax.process_count() > 1:
        mine = {"claims": claims or {}, "mistake": mistake and str(mistake)}
        everyone = _exchange(json.loads(json.dumps(mine)))
        for index, other in enumerate(everyone if mistake is None else ()):
            if other["mistake"]:
                raise UserError(f"process {index}: {other['mistake']}")
            for name, value in other["claims"].items():
                first = everyone[0]["claims"].get(name)
                if value != first:
                    raise UserError(
                        f"{name}: {first!r} in process 0 and {value!r} in process {index}; start "
                        "all of them by the same command"
                    )
    if mistake is not None:
        raise mistake


def _exchange(value: Any) -> list[Any]:
    """Returns the values of all processes, which JSON can have."""
    mine = json.dumps(value).encode()
    lengths = multihost_utils.process_allgather(np.array([len(mine)], np.int32))
    padded = np.frombuffer(mine.ljust(int(lengths.max())), np.uint8)
    everyone = multihost_utils.process_allgather(padded)
    return [json.loads(text.tobytes()) for text in everyone]


def everywhere(value: bool) -> bool:
    """Returns whether something is so for all processes, each of which asks."""
    if jax.process_count() == 1:
        return value
    return bool(multihost_utils.process_allgather(np.array([value])).all())


def barrier(name: str) -> None:
    """Returns when all processes have come here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def stops_at(step: int, stop: list[int]) -> bool:
    """Returns whether the run ends after a step: one for all processes, which all ask at each.

    Args:
      step: counts the calls, one by one.
      stop: signals that this process had itself.
    """
    if jax.process_count() == 1:
        return bool(stop)
    return multihost_utils.reached_preemption_sync_point(step)


def make_mesh(
    count: int = 0, devices: Sequence[jax.Device] | None = None, *, mode: str = "jit"
) -> Mesh:
    """Returns a mesh with the one axis `data`, of the first `count` devices, 0 for all, or of some.

    Their order is that of their connections, but for `pmap` process by process, as it needs it.

    Raises:
      UserError: there are not so many, or several processes would not use all of theirs.
    """
    available = jax.device_count()
    if count > available or (count not in (0, available) and jax.process_count() > 1):
        raise UserError(
            f"--config.parallel.devices: {count} does not match the {available} devices of "
            f"{jax.process_count()} process(es); start what is missing, or give 0 for all"
        )
    devices = devices or jax.devices()[: count or None]
    if mode == "pmap":
        devices = sorted(devices, key=lambda device: (device.process_index, device.id))
        return Mesh(np.array(devices), ("data",), axis_types=(AxisType.Auto,))
    return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of what every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of batches [k, batch, ...]: the second axis over `data`."""
    return NamedSharding(mesh, PartitionSpec(None, "data"))


def row_sharding(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of arrays [batch, ...] over `data`."""
    return NamedSharding(mesh, PartitionSpec("data"))


def state_shardings(mesh: Mesh, state: Any, *, divide: bool) -> Any:
    """Returns a pytree of shardings for a train state.

    Args:
      mesh: the devices.
      state: the state, or its shapes.
      divide: whether devices share its arrays, each along its longest axis that can be divided
        equally, rather than all have all (ZeRO, Rajbhandari et al. 2020, arXiv 1910.02054, stage
        3). Arrays of fewer than `SMALLEST` values stay whole.
    """

    def of_leaf(x: Any) -> NamedSharding:
        axes = [axis for axis, size in enumerate(x.shape) if size % mesh.size == 0]
        if not divide or not axes or math.prod(x.shape) < SMALLEST:
            return replicated(mesh)
        longest = max(axes, key=lambda axis: x.shape[axis])
        return NamedSharding(mesh, PartitionSpec(*[None] * longest, "data"))

    return jax.tree.map(of_leaf, state)


def check_batch_size(batch_size: int, mesh: Mesh, accumulate: int = 1) -> None:
    """Raises `UserError` where the devices cannot share a batch, or its parts, equally."""
    wanted = mesh.size * accumulate
    if batch_size % wanted:
        nearest = max(wanted, batch_size // wanted * wanted)
        parts = f" in {accumulate} parts" if accumulate > 1 else ""
        raise UserError(
            f"--config.batch_size: {batch_size} is not divisible by the {mesh.size} devices"
            f"{parts}; try {nearest}"
        )


def compile_step(
    step: Callable[..., Any], mesh: Mesh, *, mode: str = "jit", shardings: Any = None
) -> Callable[..., Any]:
    """Returns `step(state, batch)` compiled for the mesh; by `jit` it consumes its state.

    Args:
      step: the pure step, for batches with leaves [k, batch, ...].
      mesh: the devices, which share the batch and the noise.
      mode: `jit`, one program whose arrays lie on all devices, to which the compiler adds the
        reduction of gradients; or `pmap`, a program for each device, which averages them itself,
        for a mesh made for it.
      shardings: of the state; None where every device has all of it, as `pmap` needs it.

    Raises:
      UserError: `mode` is unknown.
    """
    whole = replicated(mesh)
    if mode == "pmap":
        return _compile_pmap(step, mesh)
    if mode != "jit":
        raise UserError(f"--config.parallel.mode: unknown {mode!r}; known: {', '.join(MODES)}")

    def spread_step(state: Any, batch: Any) -> Any:
        with rows.at_hand(shares=mesh.size, sharding=row_sharding(mesh)):
            return step(state, batch)

    state_shardings = whole if shardings is None else shardings
    return jax.jit(
        spread_step,
        donate_argnums=0,
        in_shardings=(state_shardings, batch_sharding(mesh)),
        out_shardings=(state_shardings, whole),
    )


def _compile_pmap(step: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    def own_step(state: Any, batch: Any) -> Any:
        with rows.at_hand(shares=mesh.size, axis="data"):
            state, metrics = step(state, batch)
            return state, rows.mean(metrics)

    mapped = jax.pmap(
        own_step, "data", in_axes=(None, 0), out_axes=None, devices=list(mesh.devices.flat)
    )

    def by_device(x: jax.Array) -> jax.Array:
        x = x.reshape(x.shape[0], mesh.size, -1, *x.shape[2:])
        return x.swapaxes(0, 1)

    split = jax.jit(lambda batch: jax.tree.map(by_device, batch), out_shardings=row_sharding(mesh))

    def call(state: Any, batch: Any) -> Any:
        batch = split(batch)
        if jax.process_count() == 1:
            return mapped(state, batch)
        # Each process gives and gets what its own devices have.
        every, own = PartitionSpec(), PartitionSpec("data")
        state = multihost_utils.global_array_to_host_local_array(state, mesh, every)
        batch = multihost_utils.global_array_to_host_local_array(batch, mesh, own)
        result = mapped(state, batch)
        return multihost_utils.host_local_array_to_global_array(result, mesh, every)

    return call
