"""Tests of finding, preparing and reading TFDS datasets."""

import importlib.util
import json
import pickle
import shlex
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from array_record.python.array_record_data_source import ArrayRecordDataSource
from test_tfrecord import frame

from jaxgan.data import load, prepared
from jaxgan.errors import UserError


def colours(count, shape=(6, 8, 3)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


def fails(pattern, *args, **kwargs):
    """Checks that `load` fails with one line that matches."""
    with pytest.raises(UserError, match=pattern) as error:
        load(*args, **kwargs)
    assert "\n" not in str(error.value)


@pytest.fixture
def tfrecord_dir(mnist_dir, tmp_path):
    """A data folder with MNIST's test split as TFDS's default format, in two shards."""
    source = mnist_dir / "mnist" / "3.0.1"
    folder = tmp_path / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    shutil.copy(source / "features.json", folder)
    info = json.loads((source / "dataset_info.json").read_text())
    info["fileFormat"] = "tfrecord"
    info["splits"] = [split for split in info["splits"] if split["name"] == "test"]
    info["splits"][0]["shardLengths"] = ["600", "400"]
    (folder / "dataset_info.json").write_text(json.dumps(info))
    records = ArrayRecordDataSource([str(source / "mnist-test.array_record-00000-of-00001")])
    for shard, (start, stop) in enumerate([(0, 600), (600, 1000)]):
        data = b"".join(frame(records[i]) for i in range(start, stop))
        (folder / f"mnist-test.tfrecord-0000{shard}-of-00002").write_bytes(data)
    return tmp_path


def test_tfrecord(mnist_dir, tfrecord_dir):
    whole = load("mnist", split="test", data_dir=mnist_dir)
    for split, part in [("test", slice(0, 1000)), ("test[590:610]", slice(590, 610))]:
        dataset = load("mnist", split=split, data_dir=tfrecord_dir)
        np.testing.assert_array_equal(dataset.images, whole.images[part])
        np.testing.assert_array_equal(dataset.labels, whole.labels[part])


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damaged_tfrecord(tfrecord_dir, damage):
    path = tfrecord_dir / "mnist" / "3.0.1" / "mnist-test.tfrecord-00001-of-00002"
    content = bytearray(path.read_bytes())
    content[5000] ^= 4
    path.write_bytes(content if damage == "flip" else content[:3000])
    if damage == "gone":
        path.unlink()
    fails(r"dataset\.name='mnist': .*3\.0\.1 cannot be read", split="test", data_dir=tfrecord_dir)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "mnist-test"])
def test_damaged_array_record(mnist_dir, tmp_path, name):
    shutil.copytree(mnist_dir / "mnist", tmp_path / "mnist")
    path = next((tmp_path / "mnist" / "3.0.1").glob(f"{name}*"))
    content = path.read_bytes()
    path.write_bytes(content[:200_000].replace(b"IDAT", b"IDIT") if "-" in name else b"{")
    fails(r"dataset\.name='mnist': .*3\.0\.1 cannot be read", split="test", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("split", "start", "stop"),
    [
        ("test[:2000]", 0, 2000),
        ("test[9000:]", 9000, 10000),
        ("test[:10%]", 0, 1000),
        ("test[-100:]", 9900, 10000),
    ],
)
def test_slices(mnist_dir, split, start, stop):
    whole = load("mnist", split="test", data_dir=mnist_dir)
    part = load("mnist", split=split, data_dir=mnist_dir)
    assert part.num_examples == stop - start
    np.testing.assert_array_equal(part.images, whole.images[start:stop])


def test_joined_splits(mnist_dir):
    dataset = load("mnist", split="train[:300]+test[:200]", data_dir=mnist_dir)
    whole = load("mnist", split="test", data_dir=mnist_dir)
    assert dataset.num_examples == 500
    np.testing.assert_array_equal(dataset.labels[300:], whole.labels[:200])


@pytest.mark.parametrize("split", ["validation", "test[", "test[0:0]", "train[:99999]", ""])
def test_unknown_split(mnist_dir, split):
    fails(r"dataset\.split=", "mnist", split=split, data_dir=mnist_dir)


def test_unknown_split_names_the_known(mnist_dir):
    fails(r"train \(60000\), test \(10000\)", split="validation", data_dir=mnist_dir)


def test_other_dataset_without_labels(make_dataset):
    images = colours(5)
    data_dir = make_dataset("holiday", images)
    dataset = load("holiday", data_dir=data_dir)
    assert (dataset.num_classes, dataset.labels) == (None, None)
    assert dataset.image_shape == (6, 8, 3)
    assert sorted(x.tobytes() for x in dataset.images) == sorted(x.tobytes() for x in images)
    assert load("holiday:1.2.0", data_dir=data_dir).num_examples == 5
    streamed = load("holiday", data_dir=data_dir, memory_limit=0)
    assert streamed.images is None
    assert streamed.read(3).keys() == {"image"}
    np.testing.assert_array_equal(streamed.read(3)["image"], dataset.images[3])


def test_labels_and_image_size(make_dataset):
    data_dir = make_dataset("holiday", colours(4), [6, 6, 6, 6])
    dataset = load("holiday", data_dir=data_dir, image_size=4)
    assert dataset.image_shape == (4, 4, 3)
    assert dataset.num_classes == 7
    assert dataset.labels.tolist() == [6] * 4


def test_different_shapes_need_image_size(make_dataset):
    data_dir = make_dataset("holiday", colours(3) + colours(3, (10, 6, 3)))
    fails(r"dataset\.image_size: image", "holiday", data_dir=data_dir)
    assert load("holiday", data_dir=data_dir, image_size=5).images.shape == (6, 5, 5, 3)
    streamed = load("holiday", data_dir=data_dir, memory_limit=0)
    with pytest.raises(UserError, match=r"dataset\.image_size"):
        [streamed.read(i) for i in range(6)]


def test_missing_label(make_dataset):
    data_dir = make_dataset("holiday", colours(3), [1, -1, 2])
    fails(r"dataset\.split", "holiday", data_dir=data_dir)


def test_no_image_feature(make_dataset):
    features = {"number": tfds.features.Scalar(np.int64)}
    data_dir = make_dataset("numbers", [None] * 3, features=features)
    fails(r"dataset\.name='numbers' has no `image` feature", "numbers", data_dir=data_dir)


def test_newest_version_and_default_config(tmp_path):
    for folder in ("thing/a/1.9.0", "thing/a/1.10.0", "thing/b/2.0.0"):
        path = tmp_path / folder
        path.mkdir(parents=True)
        (path / "dataset_info.json").touch()
        (path / "features.json").touch()
    (tmp_path / "thing" / "a" / "3.0.0").mkdir()  # Not a dataset: no files.
    assert prepared.find("thing/a", tmp_path) == tmp_path / "thing" / "a" / "1.10.0"
    assert prepared.find("thing/a:1.9.0", tmp_path) == tmp_path / "thing" / "a" / "1.9.0"
    assert prepared.find("thing", tmp_path) is None
    (tmp_path / "thing" / ".config").mkdir()
    (tmp_path / "thing" / ".config" / "metadata.json").write_text('{"default_config_name": "b"}')
    assert prepared.find("thing", tmp_path) == tmp_path / "thing" / "b" / "2.0.0"


def test_unknown_names(tmp_path):
    fails(r"dataset\.name='minst' .*nearest: .*mnist.*dataset\.path", "minst", data_dir=tmp_path)
    fails(r"dataset\.name='lsun/bedrom'.*lsun/bedroom", "lsun/bedrom", data_dir=tmp_path)
    fails(r"dataset\.name='../mnist'", "../mnist", data_dir=tmp_path)
    fails(r"dataset\.name='mnist:1.0.0'", "mnist:1.0.0", data_dir=tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="has TensorFlow")
@pytest.mark.parametrize("name", ["cifar10", "lsun/bedroom", "celeb_a"])
def test_unprepared_without_tensorflow(tmp_path, name):
    folder = tmp_path / "my data"
    folder.mkdir()
    with pytest.raises(UserError, match=rf"dataset\.name='{name}' .*tensorflow .*{name}") as error:
        load(name, data_dir=folder)
    *_, python, option, code = shlex.split(str(error.value).partition("run once: ")[2])
    assert (python, option) == ("python", "-c") and compile(code, "", "exec")
    assert f'"{name}"' in code and f'"{folder}"' in code


def test_unprepared_with_tensorflow(make_dataset, tmp_path, monkeypatch):
    class Builder:
        data_path = make_dataset("holiday", colours(3)) / "holiday" / "1.2.0"
        error = None

        def download_and_prepare(self):
            if self.error:
                raise self.error

    asked = {}
    monkeypatch.setattr(tfds, "builder", lambda name, **options: asked.update(options) or Builder())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert load("cifar10", data_dir=tmp_path).num_examples == 3
    assert asked == {"data_dir": tmp_path, "file_format": "array_record"}
    Builder.error = OSError("no network\nat all")
    fails(r"dataset\.name='cifar10': .*\(no network\)", "cifar10", data_dir=tmp_path)


def test_data_dir(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    fails(r"dataset\.data_dir=.*file", data_dir=tmp_path / "file")
    fails(r"dataset\.data_dir='gs://", data_dir="gs://bucket/tfds")
    mistyped = tmp_path / "tfsd"
    fails(
        r"dataset\.data_dir='.*tfsd' does not exist; mend the name or make the", data_dir=mistyped
    )
    monkeypatch.setenv("TFDS_DATA_DIR", str(mistyped))
    fails(r"dataset\.data_dir='.*tfsd', as \$TFDS_DATA_DIR says, does not exist", split="test[:9]")
    assert not mistyped.exists()


@pytest.mark.parametrize("size", [0, -4, 1.5, "64"])
def test_image_size(mnist_dir, size):
    fails(r"dataset\.image_size=", image_size=size, data_dir=mnist_dir)


def test_pickle(mnist_dir):
    folder = mnist_dir / "mnist" / "3.0.1"
    examples = prepared.PreparedExamples("mnist", folder, "test", 14)
    copy = pickle.loads(pickle.dumps(examples))
    np.testing.assert_array_equal(copy[7]["image"], examples[7]["image"])
    assert copy[7]["image"].shape == (14, 14, 1)


@pytest.mark.parametrize("key", ["pythonClassName", "python_class_name", "type"])
def test_classes_that_are_not_of_tfds_are_not_imported(make_dataset, tmp_path, monkeypatch, key):
    data_dir = make_dataset("holiday", colours(3))
    file = data_dir / "holiday" / "1.2.0" / "features.json"
    about = json.loads(file.read_text())
    image = about["featuresDict"]["features"]["image"]
    del image["pythonClassName"]
    image |= {key: "evilmod.Image", "content": {}}
    file.write_text(json.dumps(about))
    (tmp_path / "evilmod.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    fails(
        r"features\.json names the class 'evilmod\.Image', not one of", "holiday", data_dir=data_dir
    )
