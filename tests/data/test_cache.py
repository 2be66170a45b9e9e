"""Tests of the cache of decoded images."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from jaxgan.data import cache, load

IMAGES = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
LABELS = np.array([3, 1], np.int32)


def test_round_trip(tmp_path):
    cache.write(tmp_path / "a", ["source"], IMAGES, LABELS, 5)
    images, labels, num_classes = cache.read(tmp_path / "a", ["source"], 96)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert num_classes == 5
    cache.write(tmp_path / "a", ["source"], IMAGES, None, None)
    assert cache.read(tmp_path / "a", ["source"], 96)[1:] == (None, None)


def test_not_used(tmp_path):
    cache.write(tmp_path / "a", ["source"], IMAGES, LABELS, 5)
    assert cache.read(tmp_path / "b", ["source"], 96) is None
    assert cache.read(tmp_path / "a", ["changed"], 96) is None
    assert cache.read(tmp_path / "a", ["source"], 95) is None


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "meta.json"])
def test_damaged(tmp_path, name):
    path = tmp_path / "a" / name
    for damage in (lambda b: b[:-1], lambda b: b"", lambda b: b[:-1] + b"\x07", None):
        cache.write(tmp_path / "a", ["source"], IMAGES, LABELS, 5)
        assert cache.read(tmp_path / "a", ["source"], 96) is not None
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage(path.read_bytes()))
        usable = cache.read(tmp_path / "a", ["source"], 96)
        if name == "meta.json" and usable is not None:  # Only its last newline was lost.
            np.testing.assert_array_equal(usable[0], IMAGES)
        else:
            assert usable is None


def test_damaged_cache_is_rebuilt(mnist_dir):
    arguments = {"split": "test[:50]", "data_dir": mnist_dir}
    first = load(**arguments)
    (file,) = (mnist_dir / "jaxgan_cache").glob("*test__50_*/images.npy")
    content = file.read_bytes()
    file.write_bytes(content[:1000])
    np.testing.assert_array_equal(load(**arguments).images, first.images)
    assert file.read_bytes() == content


def test_folders_differ(tmp_path):
    keys = [{"split": "a/b"}, {"split": "a_b"}]
    folders = {cache.folder(tmp_path, key["split"], key) for key in keys}
    assert len(folders) == 2
    assert all(folder.parent == tmp_path for folder in folders)


def test_unwritable(tmp_path, caplog):
    np.savez(tmp_path / "data.npz", image=IMAGES)
    (tmp_path / "jaxgan_cache").touch()  # A file where the folder should be.
    with caplog.at_level(logging.WARNING):
        dataset = load(path=tmp_path / "data.npz", data_dir=tmp_path)
    np.testing.assert_array_equal(dataset.images, IMAGES)
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert "jaxgan_cache" in record.getMessage()


def test_warm_start_imports_little(mnist_dir):
    code = (
        "import sys; import jaxgan.data as data; "
        "dataset = data.load('mnist', split='test', data_dir=sys.argv[1]); "
        "heavy = {'tensorflow_datasets', 'grain', 'PIL', 'jax', 'array_record'}; "
        "print(dataset.images.shape, sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(mnist_dir)], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "(10000, 28, 28, 1) []"
