"""Properties of handwritten characters, from their pixels."""

import numpy as np


def weight(images: np.ndarray) -> np.ndarray:
    """Returns the mean intensity, in [0, 1], of each image uint8 [n, height, width, channels]."""
    return images.mean((1, 2, 3)) / 255


def slant(images: np.ndarray) -> np.ndarray:
    """Returns the angle in degrees by which each image leans to the right.

    It is that of the shear which would make it upright, `arctan(-mu11 / mu02)`, from the central
    moments of the intensity, with x to the right and y down; 0 for images without height.

    Args:
      images: uint8 [n, height, width, channels], bright on black.

    Returns:
      float [n] in (-90, 90).
    """
    mass = images.mean(3) + 1e-12
    mass /= mass.sum((1, 2), keepdims=True)
    y, x = (np.arange(size) for size in mass.shape[1:])
    y = y - np.einsum("nyx,y->n", mass, y)[:, None]
    x = x - np.einsum("nyx,x->n", mass, x)[:, None]
    mu11 = np.einsum("nyx,ny,nx->n", mass, y, x)
    mu02 = np.einsum("nyx,ny->n", mass, y**2)
    return np.degrees(np.arctan2(-mu11, np.maximum(mu02, 1e-9)))
