"""Tests of the cache of decoded images."""

import logging
import subprocess
import sys

import numpy as np

from jaxgan.data import cache, load

IMAGES = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
LABELS = np.array([3, 1], np.int32)


def write(folder):
    arrays = {"image": IMAGES, "label": LABELS}
    cache.write(folder / "a", ["source"], arrays, {"num_classes": 5})


def test_round_trip(tmp_path):
    write(tmp_path)
    arrays, about = cache.read(tmp_path / "a", ["source"], 104)
    np.testing.assert_array_equal(arrays["image"], IMAGES)
    np.testing.assert_array_equal(arrays["label"], LABELS)
    assert about == {"num_classes": 5} and arrays["label"].dtype == np.int32
    cache.write(tmp_path / "a", ["source"], {"image": IMAGES}, {})
    assert cache.read(tmp_path / "a", ["source"], 96)[0].keys() == {"image"}


def test_not_used(tmp_path):
    write(tmp_path)
    assert cache.read(tmp_path / "b", ["source"], 104) is None
    assert cache.read(tmp_path / "a", ["changed"], 104) is None
    assert cache.read(tmp_path / "a", ["source"], 103) is None


def test_damage_is_never_accepted_and_never_raises(tmp_path):
    """Bytes that are cut, changed, repeated or exchanged; texts that are still JSON; no file."""
    write(tmp_path)
    files = {path: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    rng = np.random.default_rng(0)
    edits = [(b'"num_classes": 5', b'"num_classes": 6'), (b"|u1", b"|i1"), (b"<i4", b">i4")]
    edits += [(b'"image"', b'"label"'), (b"(2, 4, 4, 3)", b"(4, 2, 4, 3)"), (b": 3", b": 2")]
    unchanged = 0
    for case in range(600):
        path, content = list(files.items())[case % len(files)]
        start, stop = sorted(rng.integers(0, len(content) + 1, 2))
        kinds = [
            content[:start],
            content[:start] + bytes(rng.integers(0, 256, 1, np.uint8)) + content[start + 1 :],
            content[:start] + content[stop:],
            content[:stop] + content[start:],
            content.replace(*edits[rng.integers(len(edits))]),
        ]
        path.write_bytes(kinds[rng.integers(len(kinds))])
        found = cache.read(tmp_path / "a", ["source"], 104)
        if found is not None:  # white space of the description
            unchanged += path.read_bytes() != content
            arrays, about = found
            assert about == {"num_classes": 5} and arrays.keys() == {"image", "label"}
            for array, wanted in ((arrays["image"], IMAGES), (arrays["label"], LABELS)):
                assert array.dtype == wanted.dtype
                np.testing.assert_array_equal(array, wanted)
        path.write_bytes(content)
    assert unchanged < 12
    for path, content in files.items():
        path.unlink()
        assert cache.read(tmp_path / "a", ["source"], 104) is None
        path.write_bytes(content)
    assert cache.read(tmp_path / "a", ["source"], 104) is not None


def test_damaged_cache_is_rebuilt(mnist_dir):
    arguments = {"split": "test[:50]", "data_dir": mnist_dir}
    first = load(**arguments)
    (file,) = (mnist_dir / "jaxgan_cache").glob("*test__50_*/image.npy")
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
