import numpy as np
import pytest
from scipy import ndimage

from jaxgan.errors import UserError
from jaxgan.metrics import pixels

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 20, 16, 3), np.uint8)
TARGETS = np.clip(IMAGES + RNG.normal(0, 30, IMAGES.shape), 0, 255).astype(np.uint8)


def test_by_hand():
    images = np.array([[[[0]], [[255]]], [[[10]], [[20]]]], np.uint8)
    targets = np.array([[[[51]], [[255]]], [[[20]], [[10]]]], np.uint8)
    np.testing.assert_allclose(pixels.l1(images, targets), [25.5 / 255, 10 / 255])
    # Mean squares 51^2 / 2 = 1300.5 and 100: 10 log10(50) and 10 log10(650.25).
    np.testing.assert_allclose(pixels.psnr(images, targets), [16.9897, 28.1308], atol=1e-4)
    assert np.isinf(pixels.psnr(images, images)).all()


def test_ssim_of_plain_images_by_hand():
    """No variance: (2 * 100 * 150 + 6.5025) / (100^2 + 150^2 + 6.5025)."""
    plain = [np.full((1, 12, 12, 1), level, np.uint8) for level in (100, 150)]
    np.testing.assert_allclose(pixels.ssim(*plain), 30006.5025 / 32506.5025, rtol=1e-9)
    np.testing.assert_allclose(pixels.ssim(IMAGES, IMAGES), 1)


def test_ssim_as_by_another_gaussian_filter():
    def blur(x):
        return ndimage.gaussian_filter(x, 1.5, truncate=3.5, axes=(1, 2))[:, 5:-5, 5:-5]

    x, y = IMAGES.astype(float), TARGETS.astype(float)
    mx, my = blur(x), blur(y)
    sx, sy, sxy = blur((x) ** 2) - mx**2, blur(y**2) - my**2, blur(x * y) - mx * my
    c1, c2 = 6.5025, 58.5225
    value = (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (sx + sy + c2))
    np.testing.assert_allclose(pixels.ssim(IMAGES, TARGETS), value.mean((1, 2, 3)), rtol=1e-9)


def test_parts_do_not_matter(monkeypatch):
    whole = pixels.ssim(IMAGES, TARGETS), pixels.colour_intersection(IMAGES, TARGETS)
    monkeypatch.setattr(pixels, "_CHUNK", 1)
    np.testing.assert_allclose(pixels.ssim(IMAGES, TARGETS), whole[0])
    assert pixels.colour_intersection(IMAGES, TARGETS) == whole[1]


def test_colour_intersection():
    assert pixels.colour_intersection(IMAGES, IMAGES) == pytest.approx({"L": 1, "a": 1, "b": 1})
    # Half white and half black; white alone shares half of L, and all of a and b, which are 0.
    both = np.zeros((1, 4, 4, 3), np.uint8)
    both[:, :2] = 255
    white = np.full((2, 3, 3, 3), 255, np.uint8)
    assert pixels.colour_intersection(white, both) == {"L": 0.5, "a": 1.0, "b": 1.0}
    red = np.broadcast_to(np.array([255, 0, 0], np.uint8), (1, 2, 2, 3))
    assert pixels.colour_intersection(red, both) == {"L": 0.0, "a": 0.0, "b": 0.0}


@pytest.mark.parametrize("metric", [pixels.l1, pixels.psnr, pixels.ssim])
def test_mistakes(metric):
    with pytest.raises(UserError, match="images: shape"):
        metric(IMAGES[:, 1:], TARGETS)
    with pytest.raises(UserError, match="is not uint8"):
        metric(IMAGES.astype(float), TARGETS)
    with pytest.raises(UserError, match="images: 2 for 3 targets"):
        metric(IMAGES[:2], TARGETS)


def test_small_images_have_no_ssim():
    with pytest.raises(UserError, match="images: 10x16 is too small"):
        pixels.ssim(IMAGES[:, :10], TARGETS[:, :10])
