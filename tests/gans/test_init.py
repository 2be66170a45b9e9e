"""Variants by name, among them modules beside the package."""

import json
import pathlib

import numpy as np
import pytest

from jaxgan import config as config_lib
from jaxgan import gans, loop
from jaxgan.errors import UserError

EXAMPLE = pathlib.Path("examples/wgan_gp_resnet.py")
CONFIG = "examples/wgan_gp_resnet_cifar10.py"


@pytest.fixture
def colours(tmp_path):
    """A `.npz` of 16 images 8x8."""
    image = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype(np.uint8)
    np.savez(tmp_path / "colours.npz", image=image)
    return tmp_path / "colours.npz"


def write(folder, name, text):
    (folder / f"{name}.py").write_text(text)
    return name


def test_a_variant_beside_the_package_is_one_file_that_trains(colours, tmp_path):
    assert len(EXAMPLE.read_text().splitlines()) <= 120
    values = {"gan.width": 4, "gan.latent_size": 4, "batch_size": 8, "disc_steps": 1, "steps": 3}
    values |= {"dataset.path": colours, "log_every": 1, "sample_every": 3, "checkpoint_every": 3}
    flags = [f"--config.{key}={value}" for key, value in values.items()]
    assert loop.train(config_lib.load(CONFIG, flags), tmp_path / "run") == 0
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert len({row["disc_loss"] for row in rows}) == 3 and all(row["penalty"] > 0 for row in rows)
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["gan"] == {
        "name": "examples.wgan_gp_resnet",
        "width": 4,
        "latent_size": 4,
        "penalty_weight": 10.0,
    }
    assert config_lib.restore(saved)[1] == []


def test_the_example_refuses_other_sizes():
    with pytest.raises(UserError, match=r"^--config\.gan\.name: needs sizes divisible by 8, not"):
        gans.make({"name": "examples.wgan_gp_resnet"}, image_shape=(28, 28, 1), num_classes=0)


def test_a_module_of_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "my_first_gan", "from jaxgan.gans.gan import make\n")
    assert gans.defaults("my_first_gan") == gans.defaults("gan")
    gan = gans.make({"name": "my_first_gan"}, image_shape=(4, 4, 1), num_classes=0)
    assert gan.value_range == (0.0, 1.0)
    with pytest.raises(UserError, match=r"^--config\.gan\.widht: my_first_gan has no such option"):
        gans.make({"name": "my_first_gan", "widht": 3}, image_shape=(4, 4, 1), num_classes=0)


@pytest.mark.parametrize("name", ["cgn", "no.such.module", "cgan.py", "", "../cgan", "json"])
def test_unknown_names(name):
    assert gans.defaults(name) == {}
    with pytest.raises(UserError, match=rf"^--config\.gan\.name: unknown '{name}'; known: .*ebgan"):
        gans.make({"name": name}, image_shape=(4, 4, 1), num_classes=0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def make(:\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_fails_is_told_with_the_reason(text, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "failing_gan", text)
    with pytest.raises(UserError, match=rf"^--config\.gan\.name: 'failing_gan' .*{reason}"):
        gans.defaults("failing_gan")
