"""Checks that several metrics share; each raises a `UserError`, a `ValueError`, that names what."""

import jax
import numpy as np

from jaxgan.data.files import describe_levels
from jaxgan.errors import UserError

Array = np.ndarray | jax.Array


def check_features(least: int = 1, **sets: Array) -> None:
    """Checks sets of features.

    Args:
      least: examples that each set must have.
      **sets: by argument name, float [n, dim], `dim` the same in all.

    Raises:
      UserError: a shape is another, an example is missing, or a value is not finite.
    """
    dim = None
    for name, features in sets.items():
        if features.ndim != 2 or features.shape[1] != (dim or features.shape[1]):
            raise UserError(f"{name}: shape {features.shape} is not [n, {dim or 'dim'}]")
        dim = features.shape[1]
        if len(features) < least:
            raise UserError(f"{name}: {len(features)} examples are too few; give {least} or more")
        if not np.isfinite(features).all():
            raise UserError(f"{name}: not all values are finite; look at what they come from")


def check_images(name: str, images: Array, shape: tuple[int, ...]) -> None:
    """Checks images.

    Args:
      name: of the argument.
      images: uint8 [n, *shape].
      shape: (height, width, channels).

    Raises:
      UserError: the shape or the type is another.
    """
    if images.ndim != 4 or images.shape[1:] != tuple(shape):
        wanted = ", ".join(map(str, shape))
        raise UserError(f"{name}: shape {images.shape} is not [n, {wanted}]")
    if images.dtype != np.uint8:
        raise UserError(f"{name}: {describe_levels(np.asarray(images))}")


def check_labels(name: str, label: Array, num_classes: int) -> None:
    """Raises `UserError` where `label`, int [n], has values outside of 0 .. num_classes - 1."""
    if label.ndim != 1 or not np.issubdtype(label.dtype, np.integer):
        raise UserError(
            f"{name}: {label.dtype} of shape {label.shape} is not integer [n]; give integers "
            f"from 0 to {num_classes - 1}"
        )
    if len(label) and not 0 <= label.min() <= label.max() < num_classes:
        raise UserError(
            f"{name}: {label.min()} to {label.max()} are not classes of the {num_classes} "
            f"that the network knows; give 0 to {num_classes - 1}"
        )
