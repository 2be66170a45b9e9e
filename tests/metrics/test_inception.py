import hashlib
import json
import re
import sys
import types

import jax
import numpy as np
import peer_inputs
import programs
import pytest

from jaxgan.errors import UserError
from jaxgan.metrics import inception, weights

RECORDED = peer_inputs.recorded()
SHAPES = json.loads(str(RECORDED["inception/shapes"]))
BLOCKS = [name.split("/")[1] for name in RECORDED if name.endswith("/mean")]
MISSING = "download https://github.com/mseitzer/pytorch-fid/releases/"


@pytest.fixture(scope="module")
def seen():
    """What the network makes of the peers' images: its input, blocks, features and logits."""
    variables = inception.convert(peer_inputs.inception_state(SHAPES))
    network = inception.Inception()

    @jax.jit
    def call(variables, x):
        blocks = {"capture_intermediates": lambda module, _: module.name in BLOCKS}
        return network.apply(variables, x, mutable="intermediates", **blocks)

    x = np.concatenate([inception.preprocess(image[None]) for image in peer_inputs.images()])
    (features, logits), state = call(variables, x)
    blocks = {name: out["__call__"][0] for name, out in state["intermediates"].items()}
    return {"input": x, "features": features, "logits": logits, **blocks}


def test_peers_resize_and_scale_alike(seen):
    index = peer_inputs.positions(seen["input"].shape, 200)
    np.testing.assert_allclose(seen["input"][index], RECORDED["inception/input"], atol=1e-6)


@pytest.mark.parametrize("name", BLOCKS)
def test_peers_block_returns_the_same(seen, name):
    value = np.asarray(seen[name], np.float64)
    mean, std = (RECORDED[f"inception/{name}/{of}"] for of in ("mean", "std"))
    np.testing.assert_allclose(value.mean((1, 2, 3)), mean, rtol=1e-4)
    np.testing.assert_allclose(value.std((1, 2, 3)), std, rtol=1e-4)
    index = peer_inputs.positions(value.shape, 64)
    expected = RECORDED[f"inception/{name}"]
    np.testing.assert_allclose(value[index], expected, rtol=1e-4, atol=1e-4 * std.min())


@pytest.mark.parametrize("name", ["features", "features_pytorch_fid", "logits"])
def test_peers_network_returns_the_same(seen, name):
    expected = RECORDED[f"inception/{name}"]
    found = seen[name.removesuffix("_pytorch_fid")]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_resize_matrix_by_hand():
    np.testing.assert_array_equal(
        inception.resize_matrix(2, 4), [[1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    )
    np.testing.assert_array_equal(inception.resize_matrix(4, 2), [[1, 0, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_array_equal(inception.resize_matrix(1, 3), [[1], [1], [1]])
    np.testing.assert_array_equal(inception.resize_matrix(299), np.eye(299))


def test_preprocessing_scales_and_repeats_one_channel():
    grey = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 1)).astype(np.uint8)
    x = inception.preprocess(grey)
    expected = np.repeat((grey / 128.0 - 1), 3, 3)
    np.testing.assert_allclose(x, expected, atol=1e-6)


class Tensor:
    """As much of a PyTorch tensor as the converter uses."""

    def __init__(self, value):
        self.value = value

    def detach(self):
        return self

    def numpy(self):
        return self.value


def stand_in_for_torch(monkeypatch, load):
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=load))


def test_converted_weights_read_back(monkeypatch, tmp_path, capsys):
    state = {name: np.full(shape, i, np.float32) for i, (name, shape) in enumerate(SHAPES.items())}
    state["Mixed_5b.branch1x1.bn.num_batches_tracked"] = np.array(7)
    state["fc.weight"][3, 5] = 0.25

    def load(path, map_location, weights_only):
        assert (map_location, weights_only) == ("cpu", True)
        return {name: Tensor(value) for name, value in state.items()}

    stand_in_for_torch(monkeypatch, load)
    given, out = tmp_path / "given.pth", tmp_path / "inception.npz"
    given.write_bytes(b"given")
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"given").hexdigest())
    inception.main([f"--convert={given}", f"--out={out}"])
    printed = capsys.readouterr().out
    monkeypatch.setenv(inception.VARIABLE, str(out))
    for path in (str(out), None):
        variables, checksum = inception.load(path)
        assert printed == f"wrote {out} (checksum {checksum})\n"
    expected = inception.convert(state)
    assert jax.tree.structure(variables) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, variables, expected)
    assert variables["params"]["fc"]["kernel"][5, 3] == 0.25


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "w.npz"
    weights.save(path, {"params": {"fc": {"kernel": np.zeros((2048, 10))}}})
    with pytest.raises(UserError, match=r"--inception: .*w.npz has .* of shape .*, not .*; it hol"):
        inception.load(str(path))


def test_wrong_shapes_are_named():
    state = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    state["Mixed_6c.branch7x7_2.conv.weight"] = np.zeros((160, 160, 7, 1), np.float32)
    with pytest.raises(UserError) as error:
        inception.check(inception.convert(state), "--here")
    assert str(error.value) == (
        "--here has ['params']['Mixed_6c']['branch7x7_2']['conv']['kernel'] of shape "
        "(7, 1, 160, 160), not (1, 7, 160, 160); it holds other weights than Inception's"
    )


def test_missing_weights(monkeypatch, tmp_path):
    monkeypatch.delenv(inception.VARIABLE, raising=False)
    with pytest.raises(UserError, match=f"^--features: .*{MISSING}.*--inception") as error:
        inception.load()
    assert inception.VARIABLE in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"^--inception: .*none.npz cannot be read"):
        inception.load(str(tmp_path / "none.npz"))
    monkeypatch.setenv(inception.VARIABLE, str(tmp_path / "none.npz"))
    with pytest.raises(UserError, match=f"^{inception.VARIABLE}: .*none.npz cannot be read"):
        inception.load()


def test_weights_with_a_wrong_checksum(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, a=np.zeros(3), sha256="0" * 64)
    with pytest.raises(UserError, match=r"^--inception: .*w.npz has the checksum"):
        inception.load(str(path))


def test_converter_program_refuses_a_missing_file(tmp_path):
    status, out, err = programs.run(
        "-m", "jaxgan.metrics.inception", f"--convert={tmp_path / 'none.pth'}", "--out=w.npz"
    )
    assert (status, out) == (2, "")
    assert err.startswith("error: --convert: no file") and MISSING in err and err.count("\n") == 1


def test_converter_takes_the_published_file_alone(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    path.write_bytes(b"half a file")
    other = hashlib.sha256(b"half a file").hexdigest()
    message = f"^--convert: .* has the SHA-256 {other}, the .* have {inception.SHA256}; {MISSING}"
    assert re.fullmatch("6726825d[0-9a-f]{56}", inception.SHA256)  # as in the published name
    with pytest.raises(UserError, match=message):
        inception.main([f"--convert={path}", "--out=w.npz"])
    monkeypatch.setattr(inception, "SHA256", other)
    with pytest.raises(UserError, match="run pip install torch"):
        inception.main([f"--convert={path}", "--out=w.npz"])


def test_converter_refuses_what_is_no_state_dict(monkeypatch, tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"")
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"").hexdigest())
    for content in ([1, 2], {"model": {}}, {"step": Tensor(np.ones(3))}):
        stand_in_for_torch(monkeypatch, lambda *args, content=content, **kwargs: content)
        with pytest.raises(
            UserError, match=f"^--convert: .*w.pth is no file of weights; {MISSING}"
        ):
            inception.main([f"--convert={path}", "--out=w.npz"])
