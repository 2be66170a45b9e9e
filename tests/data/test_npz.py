"""Tests of `.npz` datasets."""

import os
import zipfile

import numpy as np
import pytest

from jaxgan.data import files, load, shared
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


def test_a_file_of_the_same_size_and_time_is_read_again(tmp_path):
    """As archives and copies that keep times unpack it; what counts is the content."""
    file, changed = tmp_path / "data.npz", IMAGES ^ 1
    for images in (IMAGES, changed):
        np.savez(file, image=images)
        os.utime(file, (0, 0))
        np.testing.assert_array_equal(load(path=file, data_dir=tmp_path).images, images)


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
        ({"image": IMAGES.astype(np.int64)}, r"int64 from 0 to 255 .* by astype\(np.uint8\)"),
        ({"image": IMAGES.astype(np.int64) - 1}, "int64 from -1 to 254 .*; scale and round it"),
        ({"image": IMAGES > 9}, "bool .*; scale"),
        ({"image": IMAGES[0, 0]}, "shape"),
        ({"image": IMAGES[..., :2]}, "channels"),
        ({"image": IMAGES[:0]}, "no images"),
        ({"image": np.array([None, 1])}, "has `image` of Python objects, as np.savez makes of a"),
        ({"image": IMAGES, "input": IMAGES}, "give dataset.pairs='file' to use them as pairs"),
        ({"image": IMAGES[:3], "label": [0, 4999, 9999]}, r"has 3 different .* by np\.unique"),
        ({"image": IMAGES[:1], "label": [2_000_000]}, "make 2000000 classes without an image"),
        ({"image": IMAGES, "label": LABELS[:9]}, "10 images"),
        ({"image": IMAGES, "label": LABELS - 1}, "labels from -1"),
        ({"image": IMAGES, "label": LABELS * 1.0}, "float64"),
        ({"image": IMAGES, "label": LABELS[:, None]}, "shape"),
    ],
)
def test_bad_arrays(save, arrays, problem):
    fails(rf"dataset\.path=.*({problem})", **save(**arrays))


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("limit", [10, 1 << 30])
def test_pairs_of_a_file(save, channels, limit):
    inputs = np.random.default_rng(1).integers(0, 256, (10, 6, 8, channels), np.uint8)
    options = {**save(image=IMAGES, input=inputs, label=LABELS), "pairs": "file"}
    for _ in range(2):  # the second time from the cache
        dataset = load(**options, memory_limit=limit)
        assert (dataset.image_shape, dataset.input_shape) == ((6, 8, 3), (6, 8, channels))
        example = dataset.read(7)
        np.testing.assert_array_equal(example["image"], IMAGES[7])
        np.testing.assert_array_equal(example["input"], inputs[7])
        assert example["label"] == LABELS[7]
    turned = load(**options, direction="BtoA", memory_limit=limit)
    np.testing.assert_array_equal(turned.read(7)["input"], IMAGES[7])
    assert load(**options, image_size=4, memory_limit=limit).input_shape == (4, 4, channels)


def test_refused_pairs_of_a_file(save):
    fails("dataset.path: pairs of a file are read from a .npz, not of mnist", pairs="file")
    fails("has no array `input`, as dataset.pairs='file' needs", **save(image=IMAGES), pairs="file")
    options = save(image=IMAGES, input=IMAGES[:, :4])
    fails(r"has `input` of shape \(10, 4, 8, 3\) for `image` of", **options, pairs="file")
    fails("give dataset.pairs='file'", **save(image=IMAGES, input=IMAGES), pairs="edges")


def test_classes_are_counted(save):
    label = np.repeat([0, 1, 3], [5, 3, 2])
    assert load(**save(image=IMAGES, label=label)).class_counts == [5, 3, 0, 2]
    assert load(**save(image=IMAGES, label=label), memory_limit=9).class_counts == [5, 3, 0, 2]
    half = load(**save(image=IMAGES, label=label), split="train[:60%]")
    assert half.class_counts == [5, 1, 0, 0]
    assert load(**save(image=IMAGES)).class_counts is None


def test_files_that_unpack_to_more_than_allowed(save, monkeypatch):
    options = save(image=np.zeros((100, 64, 64), np.uint8))
    monkeypatch.setenv("JAXGAN_MAX_BYTES", "409600")
    fails("unpacks to 409,728 bytes, more than the 409,600 allowed; .*_MAX_BYTES=409728", **options)
    monkeypatch.undo()
    monkeypatch.setattr(files, "_LEAST_BYTES", 2**16)
    fails("unpacks to 409,728 bytes, more than the 65,536 allowed", **options)
    monkeypatch.setattr(files, "_GREATEST_RATIO", 1000)  # of zeros it is about 900
    assert load(**options).num_examples == 100


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (10, 100000000000, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28)}",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': 'q' * 9, 'fortran_order': False, 'shape': (1,)}",
        "{'descr': [('a', '|u1', -2)], 'fortran_order': 1, 'shape': ()}",
        "{'shape': (((((",
        "[" * 5000,
        "",
    ],
)
def test_crafted_headers(save, header):
    options = save(image=IMAGES)
    content = header.encode().ljust(118 + len(header)) + b"\n"
    with zipfile.ZipFile(options["path"], "w") as archive:
        length = len(content).to_bytes(2, "little")
        archive.writestr("image.npy", b"\x93NUMPY\x01\x00" + length + content + bytes(60))
    fails(r"data\.npz' (is damaged or not a \.npz file|has no images)", **options)


def test_damage_is_found_by_the_checksum(save):
    options = save(image=IMAGES)
    np.savez(options["path"], image=IMAGES)
    content = bytearray(options["path"].read_bytes())
    for place in range(200, len(content) - 200, 97):
        content[place] ^= 1
        options["path"].write_bytes(content)
        fails(r"data\.npz' is damaged", **options)
        content[place] ^= 1


def test_bad_files(save, tmp_path):
    arguments = save(image=IMAGES)
    content = arguments["path"].read_bytes()
    for damaged in (content[:-300], b"", b"hello", content[:200] + b"x" * 99 + content[299:]):
        arguments["path"].write_bytes(damaged)
        fails(r"dataset\.path=.*data\.npz", **arguments)
    np.save(tmp_path / "single.npy", IMAGES)
    fails(r"dataset\.path=.*single array", path=tmp_path / "single.npy", data_dir=tmp_path)
    fails(r"dataset\.path=.*none\.npz", path=tmp_path / "none.npz", data_dir=tmp_path)
    fails(r"dataset\.path=.* is not a regular file", path=tmp_path, data_dir=tmp_path)
    os.mkfifo(tmp_path / "fifo.npz")
    fails("is not a regular file", path=tmp_path / "fifo.npz", data_dir=tmp_path)


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


def test_the_default_data_folder_is_made_where_it_is_missing(save, tmp_path, monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    path = save(image=IMAGES)["path"]
    assert load(path=path).num_examples == len(IMAGES)
    assert (tmp_path / "new" / "tensorflow_datasets").is_dir()


def test_a_name_that_no_file_can_have_is_one_line(tmp_path):
    fails(r"dataset\.path=.*File name too long", name="x", path="x" * 300, data_dir=tmp_path)
