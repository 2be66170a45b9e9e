"""The error of a mean."""

import numpy as np


def standard_error(values: np.ndarray) -> np.ndarray:
    """Returns the standard error of the mean of independent values, that of a share from 0s and 1s.

    Args:
      values: [n, ...], of n seeds, images, ...

    Returns:
      float64 [...], `std / sqrt(n)` by the unbiased variance; NaN where n is 1 or a value is
      infinite.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    with np.errstate(invalid="ignore"):
        return values.std(0, ddof=1) / np.sqrt(len(values))
