"""Convolutions whose derivatives are fast on every platform.

A convolution `y = conv(x, kernel)` is one of three sides of the trilinear form
`<conv(x, kernel), y>`; the others are the transposed convolution, linear in `y` and `kernel`, and
the gradient of the kernel, linear in `x` and `y`. Every derivative of each is one of the three
again. They are one JAX primitive here, so that each is computed in the way its platform is best
at, in derivatives of any order and direction; `_lower` is the one place that chooses:

- XLA's own convolutions by default;
- on CPU, where those are slow to transpose, matrix products over a space-to-depth layout for the
  transposed convolution and for the gradient of the kernel, a few examples at a time: memory that
  is used again stays in the caches, and none is asked of the system.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Padding = str | Sequence[tuple[int, int]]

FEW_POSITIONS = 64  # over the batch; up to so many, a kernel on CPU stays as it lies
CHUNK_BYTES = 2**23  # of patches made at a time on CPU; 4 to 16 MB are equally fast


class Window(NamedTuple):
    """What, besides the arrays, determines a convolution; rows first in every pair.

    Attributes:
      size: height and width of `x`.
      kernel: rows and columns of the kernel.
      strides: of both axes.
      padding: ((low, high), (low, high)), zeros to add to `x`; negative: to cut.
      turned: whether the kernel is stored as `flax.linen.ConvTranspose` has it, turned by 180
        degrees and [rows, columns, channels of y, channels of x].
    """

    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    turned: bool = False

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of `y`."""
        sides = zip(self.size, self.kernel, self.strides, self.padding, strict=True)
        return tuple((n + sum(pad) - k) // s + 1 for n, k, s, pad in sides)

    @property
    def blocks(self) -> tuple[int, int]:
        """How many blocks of the size of a stride cover the kernel."""
        return tuple(-(-k // s) for k, s in zip(self.kernel, self.strides, strict=True))

    @property
    def taps(self) -> tuple[int, int]:
        """Rows and columns of the kernel, filled up to whole blocks."""
        return tuple(b * s for b, s in zip(self.blocks, self.strides, strict=True))

    @property
    def num_taps(self) -> int:
        """How many those are."""
        return math.prod(self.taps)


def conv(
    x: jax.Array, kernel: jax.Array, strides: int | Sequence[int], padding: Padding
) -> jax.Array:
    """Convolution (cross-correlation), equal to `lax.conv_general_dilated`.

    Args:
      x: float [batch, height, width, inputs].
      kernel: float [rows, columns, inputs, outputs].
      strides: of both axes, or one number for both.
      padding: `SAME`, `VALID` or ((low, high), (low, high)).

    Returns:
      float [batch, (height + padding - rows) // stride + 1, ..., outputs].

    Raises:
      ValueError: an argument is not as above, or the kernel is larger than the padded `x`.
    """
    strides = _check(x, kernel, strides, padding)
    size = x.shape[1:3]
    if isinstance(padding, str):
        padding = jax.lax.padtype_to_pads(size, kernel.shape[:2], strides, padding)
    window = Window(size, kernel.shape[:2], strides, tuple(map(tuple, padding)))
    if min(window.out) < 1:
        raise ValueError(
            f"x: {size} with padding {padding} is smaller than the kernel {window.kernel}"
        )
    return _bind(x, kernel, "y", window)


def conv_transpose(
    x: jax.Array, kernel: jax.Array, strides: int | Sequence[int], padding: Padding
) -> jax.Array:
    """Transposed convolution, equal to `lax.conv_transpose`: inputs add multiples of the kernel.

    Args:
      x: float [batch, height, width, inputs].
      kernel: float [rows, columns, inputs, outputs].
      strides: of both axes, or one number for both.
      padding: `SAME` (height times stride), `VALID` (no output is left out) or ((low, high), ...),
        of which rows - 1 leave out no output and less leave out some at that edge.

    Returns:
      float [batch, (height - 1) * stride + 2 + padding - rows, ..., outputs].

    Raises:
      ValueError: an argument is not as above, or the padding leaves nothing.
    """
    strides = _check(x, kernel, strides, padding)
    if isinstance(padding, str):
        sides = zip(kernel.shape[:2], strides, strict=True)
        padding = [_transpose_padding(k, s, padding) for k, s in sides]
    crop = tuple(
        (k - 1 - low, k - 1 - high)
        for k, (low, high) in zip(kernel.shape[:2], padding, strict=True)
    )
    sides = zip(x.shape[1:3], kernel.shape[:2], strides, crop, strict=True)
    size = tuple((n - 1) * s + k - sum(cut) for n, k, s, cut in sides)
    if min(size) < 1:
        raise ValueError(f"padding: {padding} leaves nothing of {x.shape} and {kernel.shape}")
    window = Window(size, kernel.shape[:2], strides, crop, turned=True)
    return _bind(x, kernel, "x", window)


def _check(
    x: jax.Array, kernel: jax.Array, strides: int | Sequence[int], padding: Padding
) -> tuple[int, int]:
    """Returns the strides as a pair; raises `ValueError` where an argument is not sound."""
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"x: {x.shape} and kernel: {kernel.shape} are not [batch, height, width, inputs] and "
            "[rows, columns, inputs, outputs]"
        )
    pair = (strides, strides) if isinstance(strides, int) else tuple(strides)
    if len(pair) != 2 or min(pair) < 1:
        raise ValueError(f"strides: {strides} is not a number from 1 upwards, or two of them")
    named = padding in ("SAME", "VALID") if isinstance(padding, str) else None
    if named is None:
        named = np.shape(padding) == (2, 2)
    if not named:
        raise ValueError(f"padding: {padding!r} is not SAME, VALID or ((low, high), (low, high))")
    return pair


def _bind(a: jax.Array, b: jax.Array, of: str, window: Window) -> jax.Array:
    if any(jax.typeof(x).mat.varying for x in (a, b)):
        raise NotImplementedError("a convolution inside jax.shard_map needs check_vma=False")
    precision = jax.config.jax_default_matmul_precision  # of this place, not of the lowering's
    return _form_p.bind(a, b, of=of, window=window, maps=0, precision=precision)


def _transpose_padding(k: int, s: int, name: str) -> tuple[int, int]:
    """Returns what `lax.conv_transpose` means by the name of a padding."""
    if name == "SAME":
        total = k + s - 2
        low = k - 1 if s > k - 1 else -(-total // 2)
    else:
        total, low = k + s - 2 + max(k - s, 0), k - 1
    return low, total - low


# The primitive. `of` names the side that is computed from the other two, in the order x, kernel, y:
# operands are (x, kernel) for y, (y, kernel) for x and (x, y) for kernel. The last `maps` vmaps
# became leading axes of both operands and of the result.

_form_p = Primitive("convolution_form")


@functools.cache
def _compiled(**params: Any) -> Callable[..., jax.Array]:
    return jax.jit(functools.partial(_form_p.bind, **params))


@_form_p.def_impl
def _run(a: jax.Array, b: jax.Array, **params: Any) -> jax.Array:
    return _compiled(**params)(a, b)


@_form_p.def_abstract_eval
def _abstract(a: Any, b: Any, *, of: str, window: Window, maps: int, precision: Any) -> Any:
    del precision
    lead, (batch, *_, channels) = a.shape[:maps], a.shape[maps:]
    if a.dtype != b.dtype:
        raise TypeError(f"a convolution's operands must have one dtype, not {a.dtype}, {b.dtype}")
    x_channels, y_channels = (-1, -2) if window.turned else (-2, -1)  # in a kernel
    pair = (b.shape[-1], channels) if window.turned else (channels, b.shape[-1])
    shape = {
        "y": (batch, *window.out, b.shape[y_channels]),
        "x": (batch, *window.size, b.shape[x_channels]),
        "kernel": (*window.kernel, *pair),
    }[of]
    return jax.core.ShapedArray((*lead, *shape), a.dtype)


def _transpose_first(cotangent: jax.Array, a: Any, b: jax.Array, **params: Any) -> jax.Array:
    if params["of"] == "y":  # of x, from (y, kernel)
        return _form_p.bind(cotangent, b, **{**params, "of": "x"})
    if params["of"] == "x":  # of y, from (x, kernel)
        return _form_p.bind(cotangent, b, **{**params, "of": "y"})
    return _form_p.bind(b, cotangent, **{**params, "of": "x"})  # of x, from (y, kernel)


def _transpose_second(cotangent: jax.Array, a: jax.Array, b: Any, **params: Any) -> jax.Array:
    if params["of"] == "y":  # of kernel, from (x, y)
        return _form_p.bind(a, cotangent, **{**params, "of": "kernel"})
    if params["of"] == "x":  # of kernel, from (x, y)
        return _form_p.bind(cotangent, a, **{**params, "of": "kernel"})
    return _form_p.bind(a, cotangent, **{**params, "of": "y"})  # of y, from (x, kernel)


ad.defbilinear(_form_p, _transpose_first, _transpose_second)


def _batch(args: Sequence[Any], dims: Sequence[Any], *, maps: int, **params: Any) -> Any:
    a, b = args
    count = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    if dims[1] is None and params["of"] != "kernel" and not maps:
        a = jnp.moveaxis(a, dims[0], 0)  # one kernel for all: a larger batch
        size = a.shape[1]
        merged = _form_p.bind(a.reshape(count * size, *a.shape[2:]), b, maps=0, **params)
        return merged.reshape(count, size, *merged.shape[1:]), 0
    a, b = (
        jnp.broadcast_to(x[None], (count, *x.shape)) if d is None else jnp.moveaxis(x, d, 0)
        for x, d in zip(args, dims, strict=True)
    )
    return _form_p.bind(a, b, maps=maps + 1, **params), 0


batching.primitive_batchers[_form_p] = _batch


def _lower(rules: dict[str, Callable[..., jax.Array]], platform: str | None = None) -> None:
    """Makes `rules`, for each side one, what a platform computes."""

    def rule(
        a: jax.Array, b: jax.Array, *, of: str, window: Window, maps: int, precision: Any
    ) -> jax.Array:
        empty = 0 in a.shape + b.shape
        function = _LAX[of] if empty else rules[f"mapped {of}" if maps else of]
        function = functools.partial(function, window=window)
        for _ in range(maps):
            function = jax.vmap(function)
        with jax.default_matmul_precision(precision):
            return function(a, b)

    mlir.register_lowering(_form_p, mlir.lower_fun(rule, multiple_results=False), platform=platform)


# Formulations by XLA's convolutions.


def _lax_y(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    layout = "HWOI" if window.turned else "HWIO"
    # XLA on CPU reads beyond `x` where it shall cut one edge and pad the other.
    cuts = [(min(low, 0), min(high, 0), 0) for low, high in window.padding]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *cuts, (0, 0, 0)])
    return jax.lax.conv_general_dilated(
        x,
        jnp.flip(kernel, (0, 1)) if window.turned else kernel,
        window.strides,
        [(max(low, 0), max(high, 0)) for low, high in window.padding],
        dimension_numbers=("NHWC", layout, "NHWC"),
    )


def _lax_x(y: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    sides = zip(window.size, window.kernel, window.strides, window.padding, window.out, strict=True)
    padding = [(k - 1 - low, n - 1 + low - (m - 1) * s) for n, k, s, (low, _), m in sides]
    layout = "HWIO" if window.turned else "HWOI"
    return jax.lax.conv_general_dilated(
        y,
        kernel if window.turned else jnp.flip(kernel, (0, 1)),
        (1, 1),
        padding,
        lhs_dilation=window.strides,
        dimension_numbers=("NHWC", layout, "NHWC"),
    )


def _lax_kernel(x: jax.Array, y: jax.Array, window: Window) -> jax.Array:
    sides = zip(window.size, window.kernel, window.strides, window.padding, window.out, strict=True)
    padding = [(low, k + (m - 1) * s - n - low) for n, k, s, (low, _), m in sides]
    kernel = jax.lax.conv_general_dilated(
        x,
        y,
        (1, 1),
        padding,
        rhs_dilation=window.strides,
        dimension_numbers=("CHWN", "IHWO", "HWCN" if window.turned else "HWNC"),
    )
    return jnp.flip(kernel, (0, 1)) if window.turned else kernel


# Formulations by matrix products. Space-to-depth turns a convolution of any stride into one of
# stride 1 with a kernel of `window.blocks`.


def _patches(x: jax.Array, window: Window) -> jax.Array:
    """Returns [batch * positions, patch elements], the elements as in `_matrix`."""
    (height, width), (rows, columns), (down, right) = window.out, window.blocks, window.strides
    need = (height + rows - 1) * down, (width + columns - 1) * right
    edges = [
        (low, n - size - low, 0)
        for n, size, (low, _) in zip(need, window.size, window.padding, strict=True)
    ]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    x = x.reshape(-1, need[0] // down, down, need[1] // right, right, x.shape[-1])
    x = x.transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(*x.shape[:3], -1)
    x = jnp.stack(
        [
            jnp.stack([x[:, i : i + height, j : j + width] for j in range(columns)], 3)
            for i in range(rows)
        ],
        3,
    )
    return x.reshape(-1, math.prod(x.shape[3:]))


def _add_patches(patches: jax.Array, window: Window) -> jax.Array:
    """Adds patches that overlap to an image: is the transpose of `_patches`."""
    (height, width), (rows, columns), (down, right) = window.out, window.blocks, window.strides
    patches = patches.reshape(-1, height, width, patches.shape[-1])
    parts = iter(jnp.split(patches, rows * columns, -1))
    x = sum(
        jnp.pad(next(parts), ((0, 0), (i, rows - 1 - i), (j, columns - 1 - j), (0, 0)))
        for i in range(rows)
        for j in range(columns)
    )
    x = x.reshape(*x.shape[:3], down, right, -1).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(-1, x.shape[1] * down, x.shape[3] * right, x.shape[-1])
    edges = [
        (-low, size + low - n, 0)
        for n, size, (low, _) in zip(x.shape[1:3], window.size, window.padding, strict=True)
    ]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def _matrix(kernel: jax.Array, window: Window) -> jax.Array:
    """Lays a kernel out as [patch elements, outputs], or [outputs, patch elements] if turned."""
    kernel = jnp.flip(kernel, (0, 1)) if window.turned else kernel
    edges = [(0, n - k) for n, k in zip(window.taps, window.kernel, strict=True)]
    kernel = jnp.pad(kernel, [*edges, (0, 0), (0, 0)])
    (rows, columns), (down, right) = window.blocks, window.strides
    kernel = kernel.reshape(rows, down, columns, right, *kernel.shape[2:])
    if window.turned:
        return kernel.transpose(4, 0, 2, 1, 3, 5).reshape(kernel.shape[4], -1)
    return kernel.transpose(0, 2, 1, 3, 4, 5).reshape(-1, kernel.shape[5])


def _kernel(matrix: jax.Array, window: Window) -> jax.Array:
    """Is the transpose of `_matrix`."""
    (rows, columns), (down, right) = window.blocks, window.strides
    if window.turned:
        kernel = matrix.reshape(-1, rows, columns, down, right, matrix.shape[1] // window.num_taps)
        kernel = kernel.transpose(1, 3, 2, 4, 0, 5)
    else:
        kernel = matrix.reshape(rows, columns, down, right, -1, matrix.shape[1])
        kernel = kernel.transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(*window.taps, *kernel.shape[4:])
    kernel = kernel[: window.kernel[0], : window.kernel[1]]
    return jnp.flip(kernel, (0, 1)) if window.turned else kernel


def _contract(a: jax.Array, b: jax.Array, axis: int) -> jax.Array:
    """Returns the product of two matrices over the last axis of `a` and `axis` of `b`."""
    return jax.lax.dot_general(a, b, (((1,), (axis,)), ((), ())))


def _product_y(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    y = _contract(_patches(x, window), _matrix(kernel, window), 1 if window.turned else 0)
    return y.reshape(-1, *window.out, y.shape[-1])


def _product_x(y: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    outputs, inputs = y.shape[-1], kernel.shape[-1 if window.turned else -2]
    matrix = _matrix(kernel, window)

    def part_of_x(y: jax.Array) -> jax.Array:
        axis = 0 if window.turned else 1
        return _add_patches(_contract(y.reshape(-1, outputs), matrix, axis), window)

    patch_bytes = matrix.size // outputs * y.dtype.itemsize
    chunks = _chunks(y.shape[0], math.prod(window.out) * patch_bytes)
    if chunks == 1:
        return part_of_x(y)
    # Strided, so that devices that share the batch share every chunk.
    y = y.reshape(-1, chunks, *y.shape[1:])

    def body(i: jax.Array, x: jax.Array) -> jax.Array:
        part = part_of_x(jax.lax.dynamic_index_in_dim(y, i, 1, keepdims=False))
        return jax.lax.dynamic_update_index_in_dim(x, part, i, 1)

    x = jnp.zeros((y.shape[0], chunks, *window.size, inputs), y.dtype)
    return jax.lax.fori_loop(0, chunks, body, x).reshape(-1, *window.size, inputs)


def _product_kernel(x: jax.Array, y: jax.Array, window: Window) -> jax.Array:
    inputs, outputs = x.shape[-1], y.shape[-1]
    elements = window.num_taps * inputs
    # The product comes out as [outputs, elements] where the kernel is stored like that; else where
    # that is faster by more than it takes to transpose it back.
    outputs_first = window.turned or (
        elements >= 4 * outputs and (elements * outputs <= 2**18 or outputs <= 8)
    )

    def product(x: jax.Array, y: jax.Array) -> jax.Array:
        patches, y = _patches(x, window), y.reshape(-1, outputs)
        if outputs_first and outputs < elements:
            # The barrier makes XLA transpose y, for a faster product than that of y as it lies.
            return jax.lax.optimization_barrier(y.T) @ patches
        if outputs_first:
            return y.T @ patches
        return patches.T @ y

    chunks = _chunks(x.shape[0], math.prod(window.out) * elements * x.dtype.itemsize)
    if chunks == 1:
        matrix = product(x, y)
    else:
        x, y = (a.reshape(-1, chunks, *a.shape[1:]) for a in (x, y))

        def body(i: jax.Array, matrix: jax.Array) -> jax.Array:
            parts = (jax.lax.dynamic_index_in_dim(a, i, 1, keepdims=False) for a in (x, y))
            return matrix + product(*parts).astype(matrix.dtype)

        shape = (outputs, elements) if outputs_first else (elements, outputs)
        matrix = jnp.zeros(shape, jnp.promote_types(x.dtype, jnp.float32))
        matrix = jax.lax.fori_loop(0, chunks, body, matrix).astype(x.dtype)
    if outputs_first and not window.turned:
        matrix = matrix.T
    return _kernel(matrix, window)


# The same for small maps and small batches, where most of the work is to read the kernel: it stays
# as it lies, [taps, channels, channels], and the patches take its order.


def _tap_patches(x: jax.Array, window: Window) -> jax.Array:
    """Returns [batch * positions, taps of the kernel, inputs]."""
    (rows, columns), (down, right) = window.blocks, window.strides
    patches = _patches(x, window).reshape(-1, rows, columns, down, right, x.shape[-1])
    patches = patches.transpose(0, 1, 3, 2, 4, 5).reshape(-1, *window.taps, x.shape[-1])
    patches = patches[:, : window.kernel[0], : window.kernel[1]]
    patches = jnp.flip(patches, (1, 2)) if window.turned else patches
    return patches.reshape(-1, math.prod(window.kernel), x.shape[-1])


def _add_tap_patches(patches: jax.Array, window: Window) -> jax.Array:
    """Is the transpose of `_tap_patches`."""
    patches = patches.reshape(-1, *window.kernel, patches.shape[-1])
    patches = jnp.flip(patches, (1, 2)) if window.turned else patches
    edges = [(0, n - k) for n, k in zip(window.taps, window.kernel, strict=True)]
    patches = jnp.pad(patches, [(0, 0), *edges, (0, 0)])
    (rows, columns), (down, right) = window.blocks, window.strides
    patches = patches.reshape(-1, rows, down, columns, right, patches.shape[-1])
    patches = patches.transpose(0, 1, 3, 2, 4, 5)
    return _add_patches(patches.reshape(patches.shape[0], -1), window)


def _small_y(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    patches = _tap_patches(x, window)
    if window.turned:
        kernel = kernel.reshape(-1, *kernel.shape[2:])
        y = jnp.einsum("tnc,toc->tno", patches.swapaxes(0, 1), kernel).sum(0)
    else:
        y = patches.reshape(patches.shape[0], -1) @ kernel.reshape(-1, kernel.shape[-1])
    return y.reshape(-1, *window.out, y.shape[-1])


def _small_x(y: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    y = y.reshape(-1, y.shape[-1])
    if window.turned:
        kernel = kernel.reshape(-1, *kernel.shape[2:])
        y = jnp.broadcast_to(y, (kernel.shape[0], *y.shape))
        patches = jnp.einsum("tno,toc->tnc", y, kernel).swapaxes(0, 1)
    else:
        patches = _contract(y, kernel.reshape(-1, kernel.shape[-1]), 1)
        patches = patches.reshape(y.shape[0], -1, kernel.shape[2])
    return _add_tap_patches(patches, window)


def _small_kernel(x: jax.Array, y: jax.Array, window: Window) -> jax.Array:
    patches, y = _tap_patches(x, window), y.reshape(-1, y.shape[-1])
    if window.turned:
        y = jnp.broadcast_to(y.T, (patches.shape[1], *y.T.shape))
        kernel = jnp.einsum("ton,tnc->toc", y, patches.swapaxes(0, 1))
    else:
        kernel = patches.reshape(patches.shape[0], -1).T @ y
    return kernel.reshape(*window.kernel, -1, kernel.shape[-1])


def _chunks(batch: int, bytes_each: int) -> int:
    """Returns in how many equal parts to take a batch, 1 where none divides it well."""
    most = max(1, CHUNK_BYTES // bytes_each)
    size = max(n for n in range(1, min(batch, most) + 1) if batch % n == 0)
    return batch // size if 4 * size >= min(batch, most) else 1


def _positions(batched: jax.Array, window: Window) -> int:
    """Returns how many positions of `y` there are; few mean that the kernel takes the time."""
    return batched.shape[0] * math.prod(window.out)


def _cpu_y(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    positions = _positions(x, window)
    if positions <= FEW_POSITIONS:
        return _small_y(x, kernel, window)
    return (_product_y if positions <= 1024 else _lax_y)(x, kernel, window)


def _cpu_x(y: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    if _positions(y, window) <= FEW_POSITIONS:
        return _small_x(y, kernel, window)
    return (_lax_x if window.strides == (1, 1) else _product_x)(y, kernel, window)


def _cpu_kernel(x: jax.Array, y: jax.Array, window: Window) -> jax.Array:
    few = _positions(x, window) <= FEW_POSITIONS
    return (_small_kernel if few else _product_kernel)(x, y, window)


_LAX = {"y": _lax_y, "x": _lax_x, "kernel": _lax_kernel}
_PRODUCT = {"y": _product_y, "x": _product_x, "kernel": _product_kernel}
_SMALL = {"y": _small_y, "x": _small_x, "kernel": _small_kernel}
_CPU = {"y": _cpu_y, "x": _cpu_x, "kernel": _cpu_kernel}
_lower(_LAX | {f"mapped {of}": rule for of, rule in _LAX.items()})
_lower(_CPU | {f"mapped {of}": rule for of, rule in _PRODUCT.items()}, platform="cpu")


class _Layer(nn.Module):
    """What the two modules share: names and shapes of parameters are those of `flax.linen`.

    Attributes:
      features: output channels.
      kernel_size: rows and columns, or one number for both.
      strides: of both axes, or one number for both.
      padding: `SAME`, `VALID`, or explicit as `conv` or `conv_transpose` have it.
      use_bias: whether to add a bias.
      dtype: of the computation; None: what input and parameters promote to.
      kernel_init: initialiser of the kernel [rows, columns, inputs, features].
      bias_init: initialiser of the bias [features].
    """

    features: int
    kernel_size: int | Sequence[int] = (4, 4)
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    dtype: Any = None
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros

    def _apply(self, function: Callable[..., jax.Array], x: jax.Array) -> jax.Array:
        size = self.kernel_size
        size = (size, size) if isinstance(size, int) else size
        shape = (*size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        x = function(x, kernel, self.strides, self.padding)
        return x if bias is None else x + bias.reshape(1, 1, 1, -1)


class Conv(_Layer):
    """`conv` with the parameters of `flax.linen.Conv`."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, height, width, inputs] to [batch, height / stride, ..., features]."""
        return self._apply(conv, x)


class ConvTranspose(_Layer):
    """`conv_transpose` with the parameters of `flax.linen.ConvTranspose`."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, height, width, inputs] to [batch, stride * height, ..., features]."""
        return self._apply(conv_transpose, x)
