import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import programs
import pytest

from jaxgan import data, disc_features, workdir
from jaxgan.data import transforms
from jaxgan.errors import UserError

SPLITS = ("--train-split=train[:150]", "--test-split=train[150:]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits_file):
    folder = tmp_path_factory.mktemp("runs") / "dcgan"
    return programs.untrained("configs/dcgan_mnist.py", programs.small(digits_file), folder)


def test_grid_max_by_hand():
    x = jnp.arange(64.0).reshape(1, 8, 8, 1)
    rows = np.array([9, 25, 41, 57])  # the last of each cell of 2x2
    np.testing.assert_array_equal(
        disc_features.grid_max(x)[0, ..., 0], rows[:, None] + [0, 2, 4, 6]
    )


def test_grid_max_of_sizes_that_do_not_divide():
    x = jnp.arange(7.0).reshape(1, 1, 7, 1)  # cells 0-1, 1-3, 3-5, 5-6
    assert disc_features.grid_max(x).ravel().tolist() == [1, 3, 5, 6]
    assert disc_features.grid_max(jnp.zeros((2, 3, 4, 5))).shape == (2, 3, 4, 5)


def test_features_of_all_convolutions(folder, digits_file):
    trained = workdir.load(folder)
    dataset = data.load(path=digits_file, data_dir=digits_file.parent)
    extract = disc_features.make_extract(trained.model.gan, ["conv1", "conv2"])
    weights = trained.state.params.disc, trained.state.variables
    found = disc_features.features(functools.partial(extract, *weights), dataset)
    assert found.shape == (200, 16 * (4 + 8)) and found.dtype == np.float32
    image = transforms.to_float(dataset.images[150:152], -1, 1)
    maps = trained.model.gan.critic(*weights, image, jnp.zeros(2))[1]
    shapes = {"conv1": (2, 14, 14, 4), "conv2": (2, 7, 7, 8), "dense1": (2, 512)}
    assert jax.tree.map(jnp.shape, maps) == shapes
    second = disc_features.grid_max(maps["conv2"]).reshape(2, -1)
    # Each image for itself: in another batch it has the same features.
    np.testing.assert_allclose(found[150:152, 64:], second, rtol=1e-3, atol=1e-5)


def test_standardise_layer_by_layer():
    rng = np.random.default_rng(0)
    scale = np.array([1.0, 2, 1000, 3000])
    train, test = (rng.normal(5, 1, (400, 4)) * scale for _ in range(2))
    before = train.copy()
    disc_features.standardise(train, test, [1, 3])
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.mean(train[:, :1] ** 2), 1)
    np.testing.assert_allclose(np.mean(train[:, 1:] ** 2), 1)
    factor = (before - before.mean(0)) / train  # one number for each layer
    np.testing.assert_allclose(factor[:, 1:], np.full((400, 3), factor[0, 1]), rtol=1e-6)
    assert np.abs(test.mean(0)).max() < 0.3


def test_accuracy_of_classes_that_a_line_parts():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    label = np.arange(300) % 3
    x = (3 * np.eye(3)[label] - 1 + rng.normal(size=(300, 3)) / 10).astype(np.float32)
    assert disc_features.accuracy(x[:200], label[:200], x[200:], label[200:]) == 1
    assert disc_features.accuracy(x[:200], label[:200], x[200:], (label[200:] + 1) % 3) == 0


def test_the_program(folder, capsys):
    pytest.importorskip("sklearn")
    disc_features.main([f"--workdir={folder}", *SPLITS])
    result = json.loads((folder / "disc_features.json").read_text())
    assert result["accuracy"] > 0.5 and result["accuracy_untrained"] > 0.5
    about = result["protocol"]
    assert about["layers"] == ["conv1", "conv2"] and about["dimensions"] == 192
    assert about["train_images"] == 150 and about["test_images"] == 50 and about["step"] == 1
    assert f"accuracy {100 * result['accuracy']:.2f} +- " in capsys.readouterr().out


def test_the_other_accuracy_is_of_other_weights(folder, monkeypatch):
    pytest.importorskip("sklearn")
    seen = []
    monkeypatch.setattr(disc_features, "accuracy", lambda *x: seen.append(x[0]) or 0.0)
    disc_features.main([f"--workdir={folder}", *SPLITS])
    assert np.abs(seen[0] - seen[1]).max() > 0.01


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], r"--test-split: .*digits.npz has no split `test`"),
        ([SPLITS[1], "--train-split=train[:1]"], "--train-split: .* has one class"),
        ([*SPLITS, "--dataset=/none.npz"], "--dataset='/none.npz' cannot be read"),
        ([SPLITS[1], "--train-split=trian"], "--train-split='trian': a .npz file has one split"),
        ([SPLITS[0], "--test-split=tst"], "--test-split='tst': a .npz file has one split"),
        ([*SPLITS, "--checkpoint=9"], "--checkpoint: no '9'"),
        (["--train-split=train", "--test-split=train"], "--test-split: 100 % of its images are"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
    ],
)
def test_mistakes(folder, flags, message):
    pytest.importorskip("sklearn")
    with pytest.raises(UserError, match=message):
        disc_features.main([f"--workdir={folder}", "--overwrite", *flags])


def test_data_that_do_not_fit(folder, tmp_path):
    pytest.importorskip("sklearn")
    plain, colour = tmp_path / "plain.npz", tmp_path / "colour.npz"
    np.savez(plain, image=np.zeros((8, 28, 28, 1), np.uint8))
    np.savez(colour, image=np.zeros((8, 28, 28, 3), np.uint8), label=np.arange(8))
    for file, message in ((plain, "has no labels"), (colour, r"shape \(28, 28, 3\), the model's")):
        with pytest.raises(UserError, match=f"--dataset: .*{message}"):
            disc_features.main(
                [f"--workdir={folder}", f"--dataset={file}", "--test-split=train", "--overwrite"]
            )


def test_a_discriminator_without_convolutions(folder, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.setattr(disc_features.latent, "shown_layers", lambda *_: {"dense1": (200,)})
    with pytest.raises(UserError, match=r"--workdir: .* without convolutions; give"):
        disc_features.main([f"--workdir={folder}", "--overwrite"])


def test_without_scikit_learn(folder, monkeypatch):
    monkeypatch.setattr(disc_features.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"scikit-learn: .* pip install scikit-learn"):
        disc_features.main([f"--workdir={folder}"])
