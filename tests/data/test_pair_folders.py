"""Tests of folders of pairs."""

import itertools
import os
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import data
from jaxgan.data import pair_folders
from jaxgan.errors import UserError

A, B = (200, 30, 40), (10, 20, 240)


def save(file, *parts, size=(8, 8)):
    """Writes an image of plain colours beside each other."""
    file.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = [np.full((height, width, 3), part, np.uint8) for part in parts]
    Image.fromarray(np.concatenate(pixels, 1)).save(file)


@pytest.fixture
def side(tmp_path):
    folder = tmp_path / "facades"
    for i in range(3):
        save(folder / "train" / f"{i}.png", (*A[:2], i), B)
    save(folder / "val" / "0.jpg", A, B)
    (folder / "train" / "notes.txt").write_text("not an image")
    (tmp_path / "tfds").mkdir()
    return {"path": folder, "pairs": "side_by_side", "data_dir": tmp_path / "tfds"}


@pytest.fixture
def two(tmp_path):
    folder = tmp_path / "scenes"
    for i in range(3):
        save(folder / "A" / "train" / f"{i}.png", (*A[:2], i), size=(4, 4))
        save(folder / "B" / "train" / f"{i}.bmp", B)
    (tmp_path / "tfds").mkdir()
    return {"path": folder, "pairs": "two_folders", "data_dir": tmp_path / "tfds"}


def plain(images):
    """Returns the colour of each image, which must have only one."""
    colours = images.reshape(len(images), -1, images.shape[-1])
    assert (colours == colours[:, :1]).all()
    return sorted(colours[:, 0].tolist())


@pytest.mark.parametrize("layout", ["side", "two"])
def test_both_layouts_and_directions(layout, request):
    options = request.getfixturevalue(layout)
    dataset = data.load(**options)
    assert (dataset.name, dataset.num_examples) == (options["path"].name, 3)
    assert dataset.image_shape == dataset.input_shape == (8, 8, 3)
    first = [[*A[:2], i] for i in range(3)]
    assert plain(dataset.inputs) == first and plain(dataset.images) == [list(B)] * 3
    turned = data.load(**options, direction="BtoA")
    assert plain(turned.images) == first and plain(turned.inputs) == [list(B)] * 3
    (batch,) = itertools.islice(data.batches(dataset, seed=0, batch_size=2), 1)
    assert jax.tree.map(np.shape, batch) == {"image": (1, 2, 8, 8, 3), "input": (1, 2, 8, 8, 3)}


def test_splits_and_images_without_splits(side, tmp_path):
    assert data.load(**side, split="val").num_examples == 1
    with pytest.raises(UserError, match=r"dataset.split='test': .*train \(3\), val \(1\)"):
        data.load(**side, split="test")
    for file in (side["path"] / "train").iterdir():
        shutil.copy(file, tmp_path / file.name)
    assert data.load(**{**side, "path": tmp_path}).num_examples == 3


def test_mixed_sizes_are_resized(side):
    save(side["path"] / "train" / "large.png", A, B, size=(30, 20))
    dataset = data.load(**side, image_size=6)
    assert dataset.images.shape == (4, 6, 6, 3)
    assert plain(dataset.images) == [list(B)] * 4
    with pytest.raises(UserError, match=r"dataset.image_size: image .* has shape"):
        data.load(**side)


@pytest.mark.parametrize("limit", [1 << 30, 10])
def test_unreadable_files_stop_or_are_skipped(side, caplog, limit):
    bad = side["path"] / "train" / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"bad.png cannot be read as an image .*unreadable=skip"):
        data.load(**side)
    for _ in range(2):  # in the second program it has been prepared
        caplog.clear()
        pair_folders._warn.cache_clear()
        for _ in range(2):
            dataset = data.load(**side, unreadable="skip", memory_limit=limit)
            assert dataset.num_examples == 3
        assert [r.getMessage() for r in caplog.records if "bad.png" in r.getMessage()] == [
            f"skipping {bad}: it cannot be read as an image (it is not an image of a known format)"
        ]
    assert plain(dataset.read(0)["image"][None]) == [list(B)]


def test_files_without_partner(two, caplog):
    save(two["path"] / "A" / "train" / "single.png", A)
    with pytest.raises(UserError, match=r"single.png has no partner"):
        data.load(**two)
    assert data.load(**two, unreadable="skip").num_examples == 3
    assert "single.png" in caplog.text
    (two["path"] / "A" / "train" / "single.png").unlink()
    save(two["path"] / "A" / "train" / "0.jpg", A)
    with pytest.raises(UserError, match=r"0.png has the name of 0.jpg; mend or remove it"):
        data.load(**two)


def test_prepared_once_and_again_after_a_change(side, caplog):
    caplog.set_level("INFO")
    for _ in range(2):
        data.load(**side)
    assert caplog.text.count("preparing the pairs") == 1
    save(side["path"] / "train" / "3.png", A, B)
    assert data.load(**side).num_examples == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "/none"}, "dataset.path='/none' is no folder"),
        ({"path": "."}, "has no pairs; give a folder with pictures of A beside B"),
        ({"pairs": "two_folders"}, "has no pairs; give a folder with A/train/"),
        ({"unreadable": "ignore"}, "dataset.unreadable='ignore' is unknown; give stop or skip"),
    ],
)
def test_mistakes(side, tmp_path, monkeypatch, options, message):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError, match=message) as error:
        data.load(**{**side, **options})
    assert "\n" not in str(error.value)


def test_pairs_that_two_splits_share(side):
    shared = {"first": "train[:2]", "second": "train[1:]+val"}
    assert data.shared(**shared, **side) == 1
    assert data.shared("train[:2]", "train[2:]", **side) == 0
    with pytest.raises(UserError, match=r"dataset.split=.train.none.: .*give another"):
        data.shared("train[:2]", "train+none", **side)


def test_whatever_a_folder_holds_is_named(side, tmp_path, caplog):
    """Links to nothing and to a device, a pipe, a single picture, an odd width, strange names."""
    train = side["path"] / "train"
    bad = {
        "dangling.png": "No such file",
        "zero.png": "not a regular file",
        "pipe.png": "not a regular file",
        "single.png": "8x8 pixels are not two images of one size beside each other: halves of 4x8",
        "odd.png": "17x8 pixels are not two images of one size beside each other: the width is odd",
    }
    (train / "dangling.png").symlink_to("none")
    (train / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(train / "pipe.png")
    save(train / "single.png", A)
    save(train / "odd.png", A, size=(17, 8))
    save(train / os.fsdecode(b"caf\xe9.png"), A, B)
    save(train / "escape\x1b[31m\n.png", A, B)
    (train / "escape\x1b[31m\n.tif").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"dangling.png cannot be read as an image \(No such file"):
        data.load(**side)
    for _ in range(2):
        caplog.clear()
        pair_folders._warn.cache_clear()
        assert data.load(**side, unreadable="skip").num_examples == 5
        for name, problem in bad.items():
            assert re.search(rf"skipping .*{name}: it cannot be read .*{problem}", caplog.text)
        messages = [r.getMessage() for r in caplog.records]
        assert any(r"escape\x1b[31m\n.tif" in m for m in messages)
        assert all(m.isprintable() for m in messages)


def test_halves_that_are_higher_than_wide_are_told(side, caplog):
    save(side["path"] / "train" / "photo.png", A, size=(12, 8))
    assert data.load(**side, image_size=4).num_examples == 4
    assert "in 1 of 4 pictures, such as" in caplog.text and "photo.png, the halves" in caplog.text


def test_grey_pairs_stay_grey(two):
    for level, folder in ((90, "A"), (91, "B")):
        for file in (two["path"] / folder / "train").iterdir():
            image = Image.new("LA", (8, 8), (level, 255))
            (image if file.suffix == ".png" else image.convert("L")).save(file)
    dataset = data.load(**two)
    assert dataset.image_shape == dataset.input_shape == (8, 8, 1)
    assert plain(dataset.inputs) == [[90]] * 3 and plain(dataset.images) == [[91]] * 3
    save(two["path"] / "A" / "train" / "0.png", A)
    assert data.load(**two).image_shape == (8, 8, 3)
