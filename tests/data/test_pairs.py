"""Tests of pairs that are derived from single images."""

import itertools
import pickle

import jax
import numpy as np
import pytest

from jaxgan import data
from jaxgan.data import colour, pairs
from jaxgan.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 12, 10, 3), np.uint8)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "images.npz"
    np.savez(path, image=IMAGES, label=np.arange(6))
    return {"path": path, "data_dir": tmp_path}


def test_the_edge_of_a_step_is_one_pixel_wide():
    image = np.zeros((1, 6, 8, 1), np.uint8)
    image[:, :, 4:] = 255
    drawn = pairs.edges(image)
    assert drawn.shape == (1, 6, 8, 1) and set(np.unique(drawn)) == {0, 255}
    expected = np.full((6, 8), 255)
    expected[:, 3] = 0  # the gradient is the same on both sides of the step: the first is kept
    np.testing.assert_array_equal(drawn[0, ..., 0], expected)
    turned = pairs.edges(image.swapaxes(1, 2))
    np.testing.assert_array_equal(turned[0, ..., 0], expected.T)


def test_a_diagonal_edge_is_thin_and_a_faint_one_is_not_drawn():
    rows, columns = np.mgrid[:12, :12]
    image = np.where(rows > columns, 255, 0).astype(np.uint8)[None, ..., None]
    inside = pairs.edges(image)[0, 2:-2, 2:-2, 0] == 0
    assert inside.sum(1).min() >= 1 and inside.sum(1).max() <= 2
    # A step of 60 levels has a gradient of 60, below 64; one of 68 is above.
    for step, drawn in ((60, False), (68, True)):
        image = np.where(columns > 5, step, 0).astype(np.uint8)[None, ..., None]
        assert (pairs.edges(image) == 0).any() == drawn


def test_masked_is_a_hole_of_half_the_sides():
    hidden, image = pairs.derive("masked", IMAGES)
    np.testing.assert_array_equal(image, IMAGES)
    changed = np.zeros((12, 10), bool)
    changed[3:9, 2:8] = True
    assert (hidden[:, changed] == 128).all()
    np.testing.assert_array_equal(hidden[:, ~changed], IMAGES[:, ~changed])


def test_colour_is_lightness_to_colours():
    lightness, colours = pairs.derive("colour", IMAGES)
    assert (lightness.shape[-1], colours.shape[-1]) == (1, 2)
    lab = colour.rgb_to_lab(IMAGES)
    np.testing.assert_allclose(lightness[..., 0] / 2.55, lab[..., 0], atol=0.2)
    shown, whole = pairs.pictures("colour", input=lightness, image=colours)
    assert np.abs(whole.astype(int) - IMAGES).mean() < 2  # but for rounding of a* and b*
    assert np.ptp(shown.astype(int), axis=-1).max() <= 4  # grey


def test_direction():
    a, b = pairs.derive("masked", IMAGES)
    c, d = pairs.derive("masked", IMAGES, "BtoA")
    np.testing.assert_array_equal((c, d), (b, a))
    np.testing.assert_array_equal(b, IMAGES)
    with pytest.raises(UserError, match="'side_by_side': such pairs are stored, not derived"):
        pairs.derive("side_by_side", IMAGES)


def test_pictures_have_the_same_channels():
    a, b = pairs.derive("edges", IMAGES)
    shown, image = pairs.pictures("edges", input=a, image=b)
    assert shown.shape == image.shape == IMAGES.shape


@pytest.mark.parametrize("limit", [1 << 30, 10])
def test_batches_have_inputs_beside_images(file, limit):
    dataset = data.load(**file, pairs="edges", direction="BtoA", memory_limit=limit)
    assert (dataset.images is None) == (limit == 10)
    assert (dataset.input_shape, dataset.image_shape) == ((12, 10, 3), (12, 10, 1))
    assert dataset.num_examples == 6
    made = data.batches(dataset, seed=1, batch_size=4, disc_steps=2, num_workers=0)
    for batch in itertools.islice(made, 2):
        batch = jax.tree.map(np.asarray, batch)
        np.testing.assert_array_equal(batch["input"], IMAGES[batch["label"]])
        for image, source in zip(batch["image"], batch["input"], strict=True):
            np.testing.assert_array_equal(image, pairs.edges(source))
    made.close()


def test_examples_can_be_sent_to_workers(file):
    dataset = pickle.loads(pickle.dumps(data.load(**file, pairs="masked", memory_limit=10)))
    np.testing.assert_array_equal(dataset.read(2)["image"], IMAGES[2])
    np.testing.assert_array_equal(dataset.read(2)["input"], pairs.masked(IMAGES)[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": "edge"}, "dataset.pairs='edge' is unknown; give one of edges, colour, masked"),
        ({"pairs": "edges", "direction": "AB"}, "dataset.direction='AB' is unknown"),
        ({"pairs": "colour", "direction": "BtoA"}, "dataset.direction='BtoA'"),
        ({"pairs": "edges", "path": None, "name": "gaussian_ring"}, "gaussian_ring has no images"),
        ({"pairs": "side_by_side", "path": None, "name": "facades"}, "dataset.path: side_by_side"),
    ],
)
def test_mistakes(file, options, message):
    with pytest.raises(UserError, match=message):
        data.load(**{**file, **options})


def test_grey_images_have_no_colours():
    with pytest.raises(UserError, match=r"dataset.pairs='colour': images of 1 channels"):
        pairs.derive("colour", IMAGES[..., :1])
