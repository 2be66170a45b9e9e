"""Between stored uint8 images and the float range that a network works in; random crops."""

import jax
import jax.numpy as jnp

from jaxgan import rows as rows_lib

_SPATIAL = ("image", "input")  # entries of a batch


def to_float(image: jax.Array, low: float, high: float) -> jax.Array:
    """Maps uint8 levels to floats: 0 becomes `low`, 255 becomes `high`.

    Args:
        image: uint8 [...].
        low: value of level 0.
        high: value of level 255.

    Returns:
        float32 [...] in [low, high].
    """
    unit = jnp.asarray(image).astype(jnp.float32) / 255.0
    return low * (1.0 - unit) + high * unit


def to_uint8(image: jax.Array, low: float, high: float) -> jax.Array:
    """Maps floats to the nearest uint8 level: the inverse of `to_float`.

    Args:
        image: float [...]; values outside [low, high] are clipped.
        low: value of level 0.
        high: value of level 255.

    Returns:
        uint8 [...].
    """
    unit = (jnp.asarray(image).astype(jnp.float32) - low) / (high - low)
    return jnp.clip(jnp.round(unit * 255.0), 0, 255).astype(jnp.uint8)


def centre(batch: dict[str, jax.Array], size: int) -> dict[str, jax.Array]:
    """Cuts the central square of `size` pixels out of `image` and `input` [..., H, W, channels]."""

    def cut(x: jax.Array) -> jax.Array:
        top, left = (x.shape[-3] - size) // 2, (x.shape[-2] - size) // 2
        return x[..., top : top + size, left : left + size, :]

    return {name: cut(x) if name in _SPATIAL else x for name, x in batch.items()}


def jitter(
    key: jax.Array, batch: dict[str, jax.Array], *, size: int | None, flip: bool
) -> dict[str, jax.Array]:
    """Crops a random square out of each example and mirrors half of them, left to right.

    The same for `image` and `input` of an example; other entries stay (Isola et al. 2017, arXiv
    1611.07004, appendix 6.2).

    Args:
        key: a PRNG key; the result is a pure function of it.
        batch: `image` and maybe `input`, [*batch, height, width, channels].
        size: side of the squares, at most height and width; None leaves images whole.
        flip: whether to mirror.

    Returns:
        The batch, with `image` and `input` [*batch, size, size, channels].
    """
    *lead, height, width, _ = batch["image"].shape
    rows, columns = (height, width) if size is None else (size, size)
    rows_key, columns_key, flip_key = jax.random.split(key, 3)

    def below(key: jax.Array, bound: int) -> jax.Array:
        def rule(key: jax.Array, count: int) -> jax.Array:
            return jax.random.randint(key, (count, *lead[:-1]), 0, bound)

        return jnp.moveaxis(rows_lib.draw(rule, key, lead[-1]), 0, -1)

    top, left = below(rows_key, height - rows + 1), below(columns_key, width - columns + 1)
    mirrored = below(flip_key, 2 if flip else 1) == 1

    def crop(x: jax.Array, top: jax.Array, left: jax.Array, mirrored: jax.Array) -> jax.Array:
        part = jax.lax.dynamic_slice(x, (top, left, 0), (rows, columns, x.shape[-1]))
        return jnp.where(mirrored, part[:, ::-1], part)

    for _ in lead:
        crop = jax.vmap(crop)
    return {
        name: crop(x, top, left, mirrored) if name in _SPATIAL else x for name, x in batch.items()
    }
