"""Tests of the conversion between sRGB and L*a*b*, against numbers worked by hand."""

import numpy as np

from jaxgan.data import colour


def test_white_black_and_grey():
    lab = colour.rgb_to_lab(np.array([[255] * 3, [0] * 3, [128] * 3], np.uint8))
    np.testing.assert_allclose(lab[:, 1:], 0, atol=1e-9)
    # Grey: ((128/255 + .055) / 1.055)^2.4 = .2158605; 116 * .2158605^(1/3) - 16 = 53.585.
    np.testing.assert_allclose(lab[:, 0], [100, 0, 53.585], atol=1e-3)


def test_red_and_a_dark_blue_by_hand():
    """Red has X, Y, Z relative to white .433953, .2126729, .017756, cube roots f.

    f = .757106, .596933, .260848 (the last above 6/29): L = 116 * .596933 - 16 = 53.244,
    a = 500 * (.757106 - .596933) = 80.09, b = 200 * (.596933 - .260848) = 67.20.
    """
    lab = colour.rgb_to_lab(np.array([255, 0, 0], np.uint8))
    np.testing.assert_allclose(lab, [53.24, 80.09, 67.20], atol=0.01)
    # The line near black: blue 10 is linear 10/255/12.92 = .0030353, Y = .072175 of that, far
    # below (6/29)^3: L = 903.2963 * .00021907 = .19789.
    lab = colour.rgb_to_lab(np.array([0, 0, 10], np.uint8))
    np.testing.assert_allclose(lab[0], 0.19789, atol=1e-4)


def test_there_and_back():
    side = np.arange(0, 256, 15)
    rgb = np.stack(np.meshgrid(side, side, side), -1).astype(np.uint8)
    lab = colour.rgb_to_lab(rgb)
    np.testing.assert_array_equal(colour.lab_to_rgb(lab), rgb)
    assert lab[..., 1:].min() > -110 and lab[..., 1:].max() < 110
    levels = colour.lab_to_levels(lab)
    assert levels.dtype == np.uint8
    back = colour.levels_to_lab(levels)
    np.testing.assert_allclose(back[..., 0], lab[..., 0], atol=50 / 255 + 1e-9)
    np.testing.assert_allclose(back[..., 1:], lab[..., 1:], atol=110 / 255 + 1e-9)


def test_colours_beyond_srgb_are_clipped():
    rgb = colour.lab_to_rgb(np.array([[50, 109, -109], [120, 0, 0]]))
    assert rgb.dtype == np.uint8 and rgb[1].tolist() == [255] * 3
