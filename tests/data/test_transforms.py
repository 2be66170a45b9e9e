"""Tests of jaxgan.data.transforms."""

import numpy as np
import pytest

from jaxgan.data.transforms import to_float, to_uint8

LEVELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (-3.0, 0.5)])
def test_there_and_back(low, high):
    floats = to_float(LEVELS, low, high)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (low, high)
    assert np.all(np.diff(floats) > 0)
    back = to_uint8(floats, low, high)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, LEVELS)


def test_rounds_and_clips():
    values = np.array([-9.0, -1.0, 0.0, 0.6 / 255, 1.0, 7.0], np.float32)
    np.testing.assert_array_equal(to_uint8(values, 0.0, 1.0), [0, 0, 0, 1, 255, 255])
