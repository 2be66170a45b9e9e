"""sRGB and CIE L*a*b* (IEC 61966-2-1, CIE 15), with the white point D65."""

import numpy as np

# Linear RGB to XYZ, and the XYZ of white, the sums of its rows.
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(1)
_DELTA = 6 / 29  # where the cube root gives way to a line
_AB_RANGE = 110.0  # of a* and b*; those of sRGB lie in -107.9 to 98.3


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """Converts sRGB to L*a*b*.

    Args:
        rgb: uint8 [..., 3].

    Returns:
        float64 [..., 3]: L* in 0 to 100, a* and b* in about -108 to 99.
    """
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)[rgb]
    ratio = linear @ (_TO_XYZ / _WHITE[:, None]).T
    x, y, z = np.moveaxis(
        np.where(ratio > _DELTA**3, np.cbrt(ratio), ratio / (3 * _DELTA**2) + 4 / 29), -1, 0
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """Converts L*a*b*, float [..., 3], to the nearest sRGB, uint8 [..., 3], by clipping."""
    lightness, a, b = np.moveaxis(np.asarray(lab, np.float64), -1, 0)
    y = (lightness + 16) / 116
    root = np.stack([y + a / 500, y, y - b / 200], -1)
    ratio = np.where(root > _DELTA, root**3, 3 * _DELTA**2 * (root - 4 / 29))
    linear = np.clip((ratio * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * value).astype(np.uint8)


def lab_to_levels(lab: np.ndarray) -> np.ndarray:
    """Rounds L*a*b* to levels, uint8 [..., 3]: L* of 0 to 100, a* and b* of -110 to 110."""
    lab = np.asarray(lab, np.float64)
    unit = np.concatenate([lab[..., :1] / 100, lab[..., 1:] / (2 * _AB_RANGE) + 0.5], -1)
    return np.round(255 * np.clip(unit, 0, 1)).astype(np.uint8)


def levels_to_lab(levels: np.ndarray) -> np.ndarray:
    """Is the inverse of `lab_to_levels`; float64 [..., 3]."""
    unit = np.asarray(levels, np.float64) / 255
    return np.concatenate([100 * unit[..., :1], 2 * _AB_RANGE * (unit[..., 1:] - 0.5)], -1)
