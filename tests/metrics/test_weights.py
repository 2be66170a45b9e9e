import jax
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.metrics import weights

TREE = {"params": {"fc": {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.ones(3, np.float32)}}}


def test_saved_weights_read_back(tmp_path):
    checksum = weights.save(tmp_path / "w.npz", TREE)
    loaded, found = weights.load(tmp_path / "w.npz")
    assert found == checksum and len(checksum) == 64
    assert jax.tree.structure(loaded) == jax.tree.structure(TREE)
    for x, y in zip(jax.tree.leaves(loaded), jax.tree.leaves(TREE), strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, y)


def test_checksum_is_of_names_shapes_and_values(tmp_path):
    x = np.arange(6.0)
    trees = [{"a": x}, {"b": x}, {"a": x[None]}, {"a": x + 1}, {"a": x.astype(np.float32)}]
    checksums = {weights.save(tmp_path / "w.npz", tree) for tree in trees}
    assert len(checksums) == len(trees)
    assert weights.save(tmp_path / "v.npz", {"a": x}) in checksums


def test_changed_values_are_refused(tmp_path):
    path = tmp_path / "w.npz"
    weights.save(path, TREE)
    with np.load(path) as file:
        content = dict(file)
    content["params/fc/bias"][1] += 1e-6
    np.savez(path, **content)
    with pytest.raises(UserError, match=r"^--here: .*w.npz has the checksum .* not .* as it says"):
        weights.load(path, "--here")
    del content["sha256"]
    np.savez(path, **content)
    with pytest.raises(UserError, match=r"not none as it says"):
        weights.load(path)


# NumPy leaves the file of a damaged archive open.
def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "w.npz"
    with pytest.raises(UserError, match=r"^--here: .*w.npz cannot be read \(No such file"):
        weights.load(path, "--here")
    weights.save(path, TREE)
    whole = path.read_bytes()
    for content in (b"", b"no archive", whole[:-30], whole[:40] + bytes(40) + whole[80:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"damaged or not a .npz file; give a .npz of weigh"):
            weights.load(path)
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    with pytest.raises(UserError, match=r"single array, not a .npz file; give a .npz of w"):
        weights.load(path)
