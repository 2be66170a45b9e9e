"""Convolutions as matrix products.

XLA's CPU convolutions are slow to differentiate, the transposed and the twice differentiated ones
tens of times. Space-to-depth turns a convolution of any stride into one of stride 1, which is one
matrix product over its patches; every derivative is again products, slices and pads. The
transposed convolution is the mirror image: one product, then overlapping patches are added.
"""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp


def conv(
    x: jax.Array, kernel: jax.Array, stride: int, padding: Sequence[Sequence[int]]
) -> jax.Array:
    """Convolution (cross-correlation), equal to `lax.conv_general_dilated`.

    Args:
      x: float [batch, height, width, inputs].
      kernel: float [rows, columns, inputs, outputs].
      stride: of both axes.
      padding: ((low, high), (low, high)), zeros to add to height and width.

    Returns:
      float [batch, (height + padding - rows) // stride + 1, ..., outputs].
    """
    rows, columns, inputs, outputs = kernel.shape
    blocks = -(-rows // stride), -(-columns // stride)  # of stride x stride, to cover the kernel
    out = [
        (x.shape[axis + 1] + sum(padding[axis]) - kernel.shape[axis]) // stride + 1
        for axis in (0, 1)
    ]
    need = [(out[axis] + blocks[axis] - 1) * stride for axis in (0, 1)]
    x = jax.lax.pad(
        x,
        jnp.zeros((), x.dtype),
        (
            (0, 0, 0),
            *(
                (padding[axis][0], need[axis] - x.shape[axis + 1] - padding[axis][0], 0)
                for axis in (0, 1)
            ),
            (0, 0, 0),
        ),
    )
    x = x.reshape(-1, need[0] // stride, stride, need[1] // stride, stride, inputs)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(
        -1, need[0] // stride, need[1] // stride, stride * stride * inputs
    )
    patches = [
        x[:, i : i + out[0], j : j + out[1]] for i in range(blocks[0]) for j in range(blocks[1])
    ]
    patches = jnp.concatenate(patches, -1)
    x = patches.reshape(-1, patches.shape[-1]) @ _blocked(kernel, stride, blocks)
    return x.reshape(-1, *out, outputs)


def conv_transpose(
    x: jax.Array, kernel: jax.Array, stride: int, crop: Sequence[Sequence[int]]
) -> jax.Array:
    """Transposed convolution: each input adds its multiple of the flipped kernel to the output.

    Args:
      x: float [batch, height, width, inputs].
      kernel: float [rows, columns, inputs, outputs].
      stride: of both axes.
      crop: ((low, high), (low, high)), what to cut from the full height and width.

    Returns:
      float [batch, (height - 1) * stride + rows - crop, ..., outputs].
    """
    rows, columns, _, outputs = kernel.shape
    blocks = -(-rows // stride), -(-columns // stride)
    _, height, width, inputs = x.shape
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)  # [rows, columns, outputs, inputs]
    x = x.reshape(-1, inputs) @ _blocked(flipped, stride, blocks).T
    x = x.reshape(-1, height, width, x.shape[-1])
    # `split`, for its derivative is one concatenation; that of indexing is a sum of padded arrays.
    patches = iter(jnp.split(x, blocks[0] * blocks[1], -1))
    x = sum(
        jnp.pad(next(patches), ((0, 0), (i, blocks[0] - 1 - i), (j, blocks[1] - 1 - j), (0, 0)))
        for i in range(blocks[0])
        for j in range(blocks[1])
    )
    x = x.reshape(-1, height + blocks[0] - 1, width + blocks[1] - 1, stride, stride, outputs)
    x = x.transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(-1, x.shape[1] * stride, x.shape[3] * stride, outputs)
    size = (height - 1) * stride + rows, (width - 1) * stride + columns
    return x[:, crop[0][0] : size[0] - crop[0][1], crop[1][0] : size[1] - crop[1][1]]


def _blocked(kernel: jax.Array, stride: int, blocks: tuple[int, int]) -> jax.Array:
    """Lays a kernel out as the matrix [patch elements, outputs] of its space-to-depth form."""
    rows, columns, inputs, outputs = kernel.shape
    extra = blocks[0] * stride - rows, blocks[1] * stride - columns
    kernel = jnp.pad(kernel, ((0, extra[0]), (0, extra[1]), (0, 0), (0, 0)))
    kernel = kernel.reshape(blocks[0], stride, blocks[1], stride, inputs, outputs)
    return kernel.transpose(0, 2, 1, 3, 4, 5).reshape(-1, outputs)


class Conv(nn.Module):
    """Convolution with the parameters and the `SAME` padding of `flax.linen.Conv`.

    Attributes:
      features: output channels.
      kernel_size: rows and columns.
      stride: of both axes.
      kernel_init: initialiser of the kernel [rows, columns, inputs, features].
    """

    features: int
    kernel_size: tuple[int, int] = (4, 4)
    stride: int = 2
    kernel_init: Any = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, height, width, inputs] to [batch, height / stride, ..., features]."""
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        padding = jax.lax.padtype_to_pads(
            x.shape[1:3], self.kernel_size, (self.stride, self.stride), "SAME"
        )
        return conv(x, kernel, self.stride, padding) + bias.reshape(1, 1, 1, -1)


class ConvTranspose(nn.Module):
    """Transposed convolution with the parameters and `SAME` padding of `flax.linen.ConvTranspose`.

    Attributes:
      features: output channels.
      kernel_size: rows and columns, none below the stride.
      stride: of both axes.
      kernel_init: initialiser of the kernel [rows, columns, inputs, features].
      bias_init: initialiser of the bias [features].
    """

    features: int
    kernel_size: tuple[int, int] = (4, 4)
    stride: int = 2
    kernel_init: Any = nn.initializers.lecun_normal()
    bias_init: Any = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, height, width, inputs] to [batch, stride * height, ..., features]."""
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", self.bias_init, (self.features,))
        excess = [size - self.stride for size in self.kernel_size]
        crop = [(n // 2, n - n // 2) for n in excess]
        return conv_transpose(x, kernel, self.stride, crop) + bias.reshape(1, 1, 1, -1)
