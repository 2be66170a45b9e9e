import numpy as np

from jaxgan.metrics import strokes


def test_weight_and_slant():
    images = np.zeros((5, 9, 9, 1), np.uint8)
    images[0, 1:8, 4] = 255  # upright
    images[1, range(8), range(8, 0, -1)] = 100  # leans to the right by one column a row
    images[2, range(8), range(8)] = 100
    images[3, 4, 2:7] = 255  # without height
    np.testing.assert_allclose(strokes.slant(images), [0, 45, -45, 0, 0], atol=1e-6)
    np.testing.assert_allclose(strokes.weight(images)[[0, 4]], [7 / 81, 0])
