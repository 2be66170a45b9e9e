"""Tests of the packaged MNIST and its TFDS builder."""

import gzip
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from jaxgan.data import load, mnist_builder, prepared
from jaxgan.errors import UserError


def idx(prefix):
    """Reads the packaged files on their own: uint8 [N, 28, 28, 1] and [N]."""
    images = gzip.decompress((mnist_builder.FILES / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((mnist_builder.FILES / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(images[16:], np.uint8).reshape(-1, 28, 28, 1), np.frombuffer(
        labels[8:], np.uint8
    )


def in_order(images, labels):
    """Returns the examples as a sorted list of bytes: TFDS shuffles when it prepares."""
    return sorted(
        image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True)
    )


@pytest.mark.parametrize(("split", "prefix"), [("test", "t10k"), ("train", "train")])
def test_equals_the_files(mnist_dir, split, prefix):
    dataset = load("mnist", split=split, data_dir=mnist_dir)
    assert dataset.image_shape == (28, 28, 1)
    assert dataset.num_classes == 10
    assert dataset.images.dtype == np.uint8
    assert dataset.labels.dtype == np.int32
    assert in_order(dataset.images, dataset.labels) == in_order(*idx(prefix))


def test_stock_tfds_reads_the_folder(mnist_dir):
    assert (mnist_dir / "mnist" / "3.0.1" / "dataset_info.json").is_file()
    assert sorted(path.name for path in mnist_dir.iterdir()) == ["jaxgan_cache", "mnist"]
    builder = tfds.builder("mnist", data_dir=mnist_dir)
    source = builder.as_data_source("test")
    dataset = load("mnist", split="test", data_dir=mnist_dir)
    for index in (0, 5000, 9999):
        np.testing.assert_array_equal(source[index]["image"], dataset.images[index])
        assert source[index]["label"] == dataset.labels[index]


def test_same_features_as_stock(mnist_dir, tmp_path):
    stock = tfds.builder("mnist", data_dir=tmp_path).info
    ours = tfds.builder_from_directory(mnist_dir / "mnist" / "3.0.1").info
    assert repr(stock.features) == repr(ours.features)
    assert stock.version == ours.version
    assert stock.supervised_keys == ours.supervised_keys


def test_flipped_byte_is_refused(tmp_path, monkeypatch):
    files = tmp_path / "mnist"
    shutil.copytree(mnist_builder.FILES, files)
    path = files / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="missing or damaged") as error:
        mnist_builder.read_checked(path)
    assert "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(UserError, match="missing or damaged"):
        mnist_builder.read_checked(path)


def test_two_processes_prepare_at_once(tmp_path, monkeypatch):
    # Fewer examples, so that both are done soon.
    code = (
        "import sys; from pathlib import Path; from jaxgan.data import mnist_builder, prepared; "
        "whole = mnist_builder.Mnist._generate_examples; "
        "mnist_builder.Mnist._generate_examples = lambda self, prefix: "
        "(pair for pair in whole(self, 't10k') if pair[0] < 500); "
        "print(prepared.prepare('mnist', Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.strip() == str(tmp_path / "mnist" / "3.0.1")
    assert [path.name for path in tmp_path.iterdir()] == ["mnist"]
    folder = prepared.find("mnist", tmp_path)
    assert len(prepared.PreparedExamples("mnist", folder, "train+test", None)) == 1000
