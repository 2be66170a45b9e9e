"""Tests of `.npz` datasets."""

import numpy as np
import pytest

from jaxgan.data import load, shared
from jaxgan.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 6, 8, 3), np.uint8)
LABELS = np.arange(10) % 4


@pytest.fixture
def save(tmp_path):
    """Returns a function that saves arrays and returns the arguments of `load`."""

    def save(**arrays):
        np.savez_compressed(tmp_path / "data.npz", **arrays)
        return {"path": tmp_path / "data.npz", "data_dir": tmp_path}

    return save


def fails(pattern, **kwargs):
    with pytest.raises(UserError, match=pattern) as error:
        load(**kwargs)
    assert "\n" not in str(error.value)


def test_images_and_labels(save):
    dataset = load(**save(image=IMAGES, label=LABELS))
    assert (dataset.name, dataset.split, dataset.num_examples) == ("data", "train", 10)
    assert dataset.image_shape == (6, 8, 3)
    assert dataset.num_classes == 4
    assert dataset.labels.dtype == np.int32
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.labels, LABELS)


def test_grey_without_labels(save):
    dataset = load(**save(image=IMAGES[..., 0]))
    assert dataset.images.shape == (10, 6, 8, 1)
    assert (dataset.num_classes, dataset.labels) == (None, None)


def test_a_changed_file_is_read_again(save):
    load(**save(image=IMAGES))
    np.testing.assert_array_equal(load(**save(image=IMAGES[:4])).images, IMAGES[:4])


def test_not_in_memory(save):
    dataset = load(**save(image=IMAGES, label=LABELS), memory_limit=10)
    assert dataset.images is None
    np.testing.assert_array_equal(dataset.read(3)["image"], IMAGES[3])
    assert dataset.read(3)["label"] == LABELS[3]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_image_size(save, channels):
    halves = np.zeros((2, 8, 20, channels), np.uint8)
    halves[:, :, 6:14] = 200  # The central square is of one colour.
    halves[1, 4:] = 100
    dataset = load(**save(image=halves), image_size=4)
    assert dataset.image_shape == (4, 4, channels)
    np.testing.assert_array_equal(dataset.images[0], np.full((4, 4, channels), 200))
    assert np.all(dataset.images[1, 0] > 190)
    assert np.all(dataset.images[1, -1] < 110)


def test_image_size_equal_to_size_changes_nothing(save):
    square = IMAGES[:, :, 1:7]
    np.testing.assert_array_equal(load(**save(image=IMAGES), image_size=6).images, square)


@pytest.mark.parametrize(
    ("split", "chosen"),
    [
        ("train[:4]", [0, 1, 2, 3]),
        ("train[8:]", [8, 9]),
        ("train[:20%]", [0, 1]),
        ("train[-2:]", [8, 9]),
        ("train[:1]+train[9:]", [0, 9]),
        ("train[:]", list(range(10))),
    ],
)
def test_slices(save, split, chosen):
    dataset = load(**save(image=IMAGES, label=LABELS), split=split)
    np.testing.assert_array_equal(dataset.images, IMAGES[chosen])
    assert dataset.num_classes == 4  # Of the whole file.


@pytest.mark.parametrize(
    "split", ["test", "", "train[", "train[3:3]", "train[:11]", "train[:200%]", "train+test"]
)
def test_bad_splits(save, split):
    fails(r"dataset\.split=", **save(image=IMAGES), split=split)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"images": IMAGES}, "no array `image`"),
        ({}, "no array `image`"),
        ({"image": IMAGES / 255.0}, "float64"),
        ({"image": IMAGES.astype(np.int64)}, "int64"),
        ({"image": IMAGES[0, 0]}, "shape"),
        ({"image": IMAGES[..., :2]}, "channels"),
        ({"image": IMAGES[:0]}, "no images"),
        ({"image": np.array([None, 1])}, "damaged|type"),
        ({"image": IMAGES, "label": LABELS[:9]}, "10 images"),
        ({"image": IMAGES, "label": LABELS - 1}, "labels from -1"),
        ({"image": IMAGES, "label": LABELS * 1.0}, "float64"),
        ({"image": IMAGES, "label": LABELS[:, None]}, "shape"),
    ],
)
def test_bad_arrays(save, arrays, problem):
    fails(rf"dataset\.path=.*({problem})", **save(**arrays))


def test_bad_files(save, tmp_path):
    arguments = save(image=IMAGES)
    content = arguments["path"].read_bytes()
    for damaged in (content[:-300], b"", b"hello", content[:200] + b"x" * 99 + content[299:]):
        arguments["path"].write_bytes(damaged)
        fails(r"dataset\.path=.*data\.npz", **arguments)
    np.save(tmp_path / "single.npy", IMAGES)
    fails(r"dataset\.path=.*single array", path=tmp_path / "single.npy", data_dir=tmp_path)
    fails(r"dataset\.path=.*none\.npz", path=tmp_path / "none.npz", data_dir=tmp_path)
    fails(r"dataset\.path=", path=tmp_path, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ("train[:6]", "train[6:]", 0),
        ("train[:60%]", "train[50%:]", 1),
        ("train", "train[8:]", 2),
        ("train[:2]+train[8:]", "train[1:9]", 2),
        ("train", "test", 0),
    ],
)
def test_examples_that_two_splits_share(save, first, second, count):
    assert shared(first, second, **save(image=IMAGES)) == count


def test_no_shared_examples_of_a_bad_split(save):
    with pytest.raises(UserError, match=r"dataset\.split='train\[3:3\]' is empty"):
        shared("train", "train[3:3]", **save(image=IMAGES))
