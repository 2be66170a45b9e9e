"""Times the convolutions of DCGAN-64 one by one: `python -m benchmarks.layers`.

For each layer, with kernels of 4 and strides of 2, the milliseconds of the convolution and of its
two gradients, in jaxgan and in PyTorch by turns, and those of one matrix product with as many
operations, which is the floor.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from jaxgan import cli
from jaxgan.nn.conv import conv

BATCH = 64
LAYERS = ((32, 3, 64), (16, 64, 128), (8, 128, 256), (4, 256, 512))  # output size, channels
ROUNDS = 15


def milliseconds(functions: dict[str, Callable[[], Any]]) -> dict[str, str]:
    """Returns the median time of functions that are called in turns, and its 10 to 90 % range.

    Args:
      functions: by name; each returns when its work is done.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for i in range(ROUNDS + 2):  # the first two warm up
        for name, function in functions.items():
            begun = time.perf_counter()
            function()
            if i > 1:
                times[name].append(1e3 * (time.perf_counter() - begun))
    found = {name: np.quantile(values, [0.1, 0.5, 0.9]) for name, values in times.items()}
    return {
        name: f"{mid:.1f} ({low:.1f} to {high:.1f})" for name, (low, mid, high) in found.items()
    }


def layer(size: int, inputs: int, outputs: int) -> dict[str, Callable[[], Any]]:
    """Returns what is timed of one layer.

    Args:
      size: height and width of the result.
      inputs: channels.
      outputs: channels.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, 2 * size, 2 * size, inputs)).astype(np.float32)
    kernel = rng.normal(size=(4, 4, inputs, outputs)).astype(np.float32)
    y = rng.normal(size=(BATCH, size, size, outputs)).astype(np.float32)

    def forward(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return conv(x, kernel, (2, 2), ((1, 1), (1, 1)))

    def gradient(of: int) -> Callable[[], Any]:
        compiled = jax.jit(lambda x, kernel, y: jax.vjp(forward, x, kernel)[1](y)[of])
        return lambda: compiled(*ours).block_until_ready()

    ours = tuple(map(jnp.asarray, (x, kernel, y)))
    compiled = jax.jit(forward)
    rows = jnp.ones((BATCH * size * size, 16 * inputs))
    columns = jnp.ones((16 * inputs, outputs))
    product = jax.jit(jnp.matmul)

    x_, y_ = (torch.tensor(a).permute(0, 3, 1, 2).contiguous() for a in (x, y))
    kernel_ = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous()

    def gradient_(of: int) -> Callable[[], Any]:
        mask = [i == of for i in range(3)]
        geometry = [2, 2], [1, 1], [1, 1], False, [0, 0], 1
        backward = torch.ops.aten.convolution_backward
        return lambda: backward(y_, x_, kernel_, [0], *geometry, mask)

    return {
        "product": lambda: product(rows, columns).block_until_ready(),
        "forward, jaxgan": lambda: compiled(*ours[:2]).block_until_ready(),
        "forward, PyTorch": lambda: torch.nn.functional.conv2d(x_, kernel_, stride=2, padding=1),
        "of input, jaxgan": gradient(0),
        "of input, PyTorch": gradient_(0),
        "of kernel, jaxgan": gradient(1),
        "of kernel, PyTorch": gradient_(1),
    }


def main(argv: list[str]) -> None:
    """Prints a Markdown table."""
    parser = cli.Parser("python -m benchmarks.layers", "Time the convolutions of DCGAN-64.")
    parser.parse_args(argv)
    for i, sizes in enumerate(LAYERS):
        times = milliseconds(layer(*sizes))
        if i == 0:
            print(f"| output size, channels | {' | '.join(times)} |")
            print("| --- " * (1 + len(times)) + "|")
        print(f"| {sizes[0]}, {sizes[1]}-{sizes[2]} | {' | '.join(times.values())} |", flush=True)


if __name__ == "__main__":
    cli.run(main)
