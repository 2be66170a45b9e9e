"""Tests of jaxgan.data.transforms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import transforms
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


def test_jitter_is_the_same_for_both_images():
    """Images that tell where each pixel was: all crops and both orientations come about."""
    places = jnp.arange(6 * 6, dtype=jnp.uint8).reshape(6, 6, 1)
    image = jnp.broadcast_to(places, (2, 50, 6, 6, 1))
    batch = {"image": image, "input": 100 + image, "label": jnp.arange(100).reshape(2, 50)}
    made = transforms.jitter(jax.random.key(0), batch, size=5, flip=True)
    assert made["image"].shape == (2, 50, 5, 5, 1) and made["image"].dtype == jnp.uint8
    np.testing.assert_array_equal(made["input"], 100 + made["image"])
    np.testing.assert_array_equal(made["label"], batch["label"])
    corners = {(int(x[0, 0, 0]), int(x[0, -1, 0])) for x in made["image"].reshape(-1, 5, 5, 1)}
    starts = {top * 6 + left for top in (0, 1) for left in (0, 1)}
    assert corners == {(s, s + 4) for s in starts} | {(s + 4, s) for s in starts}
    again = transforms.jitter(jax.random.key(0), batch, size=5, flip=True)
    np.testing.assert_array_equal(made["image"], again["image"])
    still = transforms.jitter(jax.random.key(1), batch, size=6, flip=False)
    np.testing.assert_array_equal(still["image"], image)


def test_centre():
    batch = {"image": jnp.arange(36).reshape(1, 6, 6, 1), "label": jnp.arange(1)}
    assert transforms.centre(batch, 2)["image"][0, ..., 0].tolist() == [[14, 15], [20, 21]]


def test_mirroring_leaves_images_whole():
    image = jnp.arange(2 * 3 * 5.0).reshape(1, 2, 3, 5, 1)[:, :, :, :, :]
    batch = {"image": jnp.tile(image, (8, 1, 1, 1, 1)), "label": jnp.zeros((8, 2))}
    found = transforms.jitter(jax.random.key(0), batch, size=None, flip=True)["image"]
    assert found.shape == batch["image"].shape
    same = jnp.all(found == batch["image"], (2, 3, 4))
    mirrored = jnp.all(found == batch["image"][:, :, :, ::-1], (2, 3, 4))
    assert jnp.all(same ^ mirrored) and same.any() and mirrored.any()
