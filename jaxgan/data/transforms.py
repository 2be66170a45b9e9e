"""Between stored uint8 images and the float range that a network works in."""

import jax
import jax.numpy as jnp


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
