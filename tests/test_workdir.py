import json
import os

import programs
import pytest

from jaxgan import config as config_lib
from jaxgan import workdir
from jaxgan.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """A work folder whose checkpoints have not been reached."""
    settings = config_lib.load(programs.CONFIG, ["--config.gan.width=4"])
    workdir.claim(tmp_path, settings, {"image_shape": [8, 8, 1], "num_classes": 3})
    return tmp_path


def change(file, key, *value):
    """Sets a dotted key of a JSON file, or takes it out."""
    whole = part = json.loads(file.read_text())
    *parents, leaf = key.split(".")
    for parent in parents:
        part = part[parent]
    part.pop(leaf)
    if value:
        part[leaf] = value[0]
    file.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gan.name", [], "gan.name: '' should be one of cdcgan, "),
        ("gan", [], "gan.name: '' should be one of cdcgan, "),
        ("gan", ["cgan"], "gan: 'cgan' should be an object"),
        ("optimizer.gen", [3], "optimizer.gen: 3 should be an object"),
        ("gan.width", ["4"], "gan.width: '4' should be an integer"),
        ("steps", [None], "steps: None should be an integer"),
        ("steps", [0], "steps: 0 is too small; give 1 or more"),
        ("gan.loss", ["hing"], "gan.loss: unknown 'hing'; known: "),
        ("dataset.flip", [1], "dataset.flip: 1 should be true or false"),
    ],
)
def test_a_changed_key_of_the_configuration_is_named(folder, key, value, message):
    change(folder / "config.json", key, *value)
    with pytest.raises(UserError, match=rf"^--workdir: {folder}/config.json: {message}"):
        workdir.load(folder)


def test_missing_keys_have_their_defaults_with_a_line(folder, caplog):
    for key in ("dataset.flip", "gan.width"):
        change(folder / "config.json", key)
    with pytest.raises(UserError, match="has no sound checkpoint"):
        workdir.load(folder)
    assert "config.json has no dataset.flip=False, gan.width=64; the defaults are" in caplog.text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image_shape", [], "image_shape is missing; it should be three integers above 0"),
        ("image_shape", [[8, 8]], r"image_shape is \[8, 8\]; it should be three integers"),
        ("image_shape", [8], "image_shape is 8; it should be three integers"),
        ("num_classes", ["3"], "num_classes is '3'; it should be an integer from 0 to 16777216"),
        ("num_classes", [10**9], "num_classes is 1000000000; it should be an integer from 0 to"),
        ("class_counts", [[1, 2]], r"class_counts is \[1, 2\]; it should be an integer of 0 or mo"),
    ],
)
def test_a_changed_key_of_the_form_is_named(folder, key, value, message):
    file = folder / "dataset.json"
    file.write_text(json.dumps({"class_counts": [1, 1, 1], **json.loads(file.read_text())}))
    change(file, key, *value)
    with pytest.raises(UserError, match=rf"^--workdir: {file}: {message}"):
        workdir.load(folder)


def test_a_population_names_its_members(folder):
    change(folder / "config.json", "population.seeds", 3)
    with pytest.raises(UserError, match=r"is a population; let train.py finish it, then give one"):
        workdir.load(folder)
    for i in range(3):
        (folder / f"member_{i:03d}").mkdir()
    with pytest.raises(UserError, match=r"give one of its 3 members, .*/member_000 to member_002"):
        workdir.load(folder)


def test_damaged_files_are_one_line(folder):
    for text in ("{", "[]", "[" * 100_000):
        (folder / "config.json").write_text(text)
        with pytest.raises(UserError, match=r"^--workdir: .*config.json is damaged \(.*\); choose"):
            workdir.load(folder)
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")  # whose reading would not end
    with pytest.raises(UserError, match=r"config.json is damaged \(it is not a regular file\); ch"):
        workdir.load(folder)


def test_a_file_in_place_of_a_folder_is_named(folder):
    (folder / "samples").rmdir()
    (folder / "samples").touch()
    settings = config_lib.load(programs.CONFIG, ["--config.gan.width=4"])
    with pytest.raises(UserError, match=r"^--workdir: .*/samples cannot be written \(File exists"):
        workdir.claim(folder, settings, {"image_shape": [8, 8, 1], "num_classes": 3})
