"""Devices: the mesh, where arrays lie on it, and the compiled step."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.base import rows_spread_by
from jaxgan.errors import UserError


def make_mesh() -> Mesh:
    """Returns a mesh of all devices with the one axis `data`."""
    return jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of what every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of batches [k, batch, ...]: the second axis over `data`."""
    return NamedSharding(mesh, PartitionSpec(None, "data"))


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Raises `UserError` where the devices cannot share a batch equally."""
    if batch_size % mesh.size:
        nearest = max(mesh.size, batch_size // mesh.size * mesh.size)
        raise UserError(
            f"--config.batch_size: {batch_size} is not divisible by the {mesh.size} devices; "
            f"try {nearest}"
        )


def compile_step(step: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Returns `step(state, batch)` compiled for the mesh; it consumes its state.

    The state is replicated, the batch and the noise are sharded; the compiler adds the reduction of
    gradients.
    """
    whole, rows = replicated(mesh), NamedSharding(mesh, PartitionSpec("data"))

    def spread_step(state: Any, batch: Any) -> Any:
        with rows_spread_by(rows):
            return step(state, batch)

    return jax.jit(
        spread_step,
        donate_argnums=0,
        in_shardings=(whole, batch_sharding(mesh)),
        out_shardings=(whole, whole),
    )
