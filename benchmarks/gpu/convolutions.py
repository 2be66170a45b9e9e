"""Formulations of convolutions: XLA's own against matrix products, on each side of the primitive.

The layers are those of the DCGAN for 64x64 images. `_lower` in `jaxgan.nn.conv`
should choose the faster formulation for the platform.
"""

import functools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.task import Row, Task
from jaxgan.nn import conv

LAYERS = ((32, 3, 64), (16, 64, 128), (8, 128, 256), (4, 256, 512))  # output size, channels
FORMULATIONS = {"XLA": conv._LAX, "products": conv._PRODUCT}


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for each layer, dtype and side."""
    batch, rounds, calls = (2, 2, 2) if task.small else (256, 7, 20)
    layers = ((4, 3, 8),) if task.small else LAYERS
    if jax.default_backend() != "cpu":
        conv.CHUNK_BYTES = 2**40  # the products take a batch in parts only for caches of a CPU
    for dtype in ("bfloat16", "float32"):
        for size, inputs, outputs in layers:
            for turned in (False, True):
                window = conv.Window((2 * size, 2 * size), (4, 4), (2, 2), ((1, 1), (1, 1)), turned)
                channels = (outputs, inputs) if turned else (inputs, outputs)
                yield from _sides(window, channels, (inputs, outputs), batch, dtype, rounds, calls)


def _sides(
    window: conv.Window,
    kernel_channels: tuple[int, int],
    channels: tuple[int, int],
    batch: int,
    dtype: str,
    rounds: int,
    calls: int,
) -> Iterator[Row]:
    keys = jax.random.split(jax.random.key(0), 3)
    arrays = {
        "x": jax.random.normal(keys[0], (batch, *window.size, channels[0]), dtype),
        "y": jax.random.normal(keys[1], (batch, *window.out, channels[1]), dtype),
        "kernel": jax.random.normal(keys[2], (*window.kernel, *kernel_channels), dtype),
    }
    for side, operands in {"y": "x kernel", "x": "y kernel", "kernel": "x y"}.items():
        given = [arrays[name] for name in operands.split()]
        jitted = [
            jax.jit(functools.partial(rules[side], window=window))
            for rules in FORMULATIONS.values()
        ]
        with ThreadPoolExecutor() as pool:
            lowered = [function.lower(*given) for function in jitted]
            functions = list(pool.map(lambda program: program.compile(), lowered))
        found = [np.asarray(f(*given).astype(jnp.float32)) for f in functions]
        difference = np.linalg.norm(found[1] - found[0]) / np.linalg.norm(found[0])
        times = np.array([[_seconds(f, given, calls) for f in functions] for _ in range(rounds)])
        ours = 1e3 * np.median(times, 0)
        ratio = float(np.median(times[:, 1] / times[:, 0]))
        flops = 2 * np.prod(arrays["y"].shape) * channels[0] * np.prod(window.kernel)
        yield {
            "layer": f"{window.out[0]}, {channels[0]}-{channels[1]}",
            "batch": batch,
            "dtype": dtype,
            "kernel of": "ConvTranspose" if window.turned else "Conv",
            "side": side,
            "XLA, ms": float(ours[0]),
            "products, ms": float(ours[1]),
            "products / XLA": ratio,
            "TFLOP/s of the faster": float(flops / (1e9 * ours.min())),
            "difference": float(difference),
            "ok": bool(difference < 2e-2),
        }


def _seconds(function: Callable[..., jax.Array], args: list[jax.Array], calls: int) -> float:
    """Returns the seconds of a call, of several that the device takes one after the other."""
    begun = time.perf_counter()
    for _ in range(calls):
        result = function(*args)
    result.block_until_ready()
    return (time.perf_counter() - begun) / calls
