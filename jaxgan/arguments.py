"""Checks of arguments. Each raises a `ValueError` that names the argument and its value."""

from collections.abc import Collection
from typing import Any

import jax


def check_choice(known: Collection[str], **arguments: str) -> None:
    """Raises `ValueError` where an argument, by name, is not one of the known values."""
    for name, value in arguments.items():
        if value not in known:
            raise ValueError(f"{name}: unknown {value!r}; known: {', '.join(known)}")


def check_at_least(bound: float, **arguments: Any) -> None:
    """Raises `ValueError` where a number, by name, is below a bound; traced numbers pass."""
    for name, value in arguments.items():
        if not isinstance(value, jax.core.Tracer) and not value >= bound:
            raise ValueError(f"{name}: {value} is below {bound}")


def check_rate(**arguments: float) -> None:
    """Raises `ValueError` where a rate of dropout, by name, is not in [0, 1)."""
    for name, value in arguments.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name}: {value} is not in [0, 1)")


def check_no_effect(reason: str, **arguments: Any) -> None:
    """Raises `ValueError` where an argument, by name, is set although it has no effect.

    Args:
      reason: completes "has no effect ...".
      **arguments: values; those that are false, such as 0 and None, count as not set.
    """
    for name, value in arguments.items():
        if value:
            raise ValueError(f"{name}: {value} has no effect {reason}; give {type(value)()}")
