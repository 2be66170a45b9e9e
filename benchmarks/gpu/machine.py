"""The machine: device, versions, and the rates of its matrix products and of its memory."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp

from benchmarks.gpu.task import Row, Task

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "tensorflow-datasets", "torch")


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for each fact."""
    device = jax.devices()[0]
    facts = {
        "platform": device.platform,
        "device": device.device_kind,
        "devices": jax.device_count(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "missing"
    for fact, value in facts.items():
        yield {"fact": fact, "value": value}
    if device.platform == "cpu" and not task.small:  # a benchmark of the CPU is another program
        return
    size = 256 if task.small else 8192
    for dtype in ("float32", "bfloat16"):
        a = jax.random.normal(jax.random.key(0), (size, size), dtype)
        rate = 2 * size**3 / _seconds(jax.jit(jnp.matmul), a, a)
        yield {
            "fact": f"matrix product, {size} rows, {dtype}",
            "value": f"{rate / 1e12:.3g} TFLOP/s",
        }
    a = jnp.zeros(2**20 if task.small else 2**30, jnp.float32)
    rate = 2 * a.nbytes / _seconds(jax.jit(lambda x: x + 1), a)
    yield {
        "fact": f"memory, read and write of {a.nbytes / 1e6:,.0f} MB",
        "value": f"{rate / 1e9:.3g} GB/s",
    }


def _seconds(function: Callable[..., jax.Array], *args: jax.Array) -> float:
    """Returns the shortest of ten times of a compiled function."""
    jax.block_until_ready(function(*args))
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        jax.block_until_ready(function(*args))
        times.append(time.perf_counter() - begun)
    return min(times)
