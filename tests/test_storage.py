import math
import os

import numpy as np
import pytest
from PIL import Image

from jaxgan import storage, viz
from jaxgan.data import cache
from jaxgan.metrics import weights
from jaxgan.tagging import words

IMAGE = np.zeros((4, 4, 3), np.uint8)
WRITERS = {  # everything that writes a file: a text, arrays, pictures
    "x.txt": lambda file: storage.write_atomically(file, "new"),
    "x.png": lambda file: viz.save_image(IMAGE, file),
    "x.jpg": lambda file: viz.save_image(IMAGE, file),
    "y.png": lambda file: viz.save_points(np.eye(2), np.eye(2), file),
    "w.npz": lambda file: weights.save(file, {"a": IMAGE}),
    "words.npz": lambda file: words.save(words.Words(("a",), np.ones((1, 2))), file),
    "meta.json": lambda file: cache.write(file.parent, [], IMAGE[None], None, None),
}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "x"
    file.write_text("old")
    with pytest.raises(KeyError), storage.replacing(file) as opened:
        opened.write(b"half")
        raise KeyError
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["x"]
    storage.write_atomically(file, "näw")
    assert file.read_bytes() == "näw".encode() and os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize("name", WRITERS)
def test_every_write_is_whole_and_follows_no_link(name, tmp_path, monkeypatch):
    """Of a foreseeable name too: a file of that name, put there by another, is left alone."""
    secret = tmp_path / "secret"
    secret.write_text("theirs")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).symlink_to(secret)
    WRITERS[name](folder / name)
    assert secret.read_text() == "theirs" and not (folder / name).is_symlink()
    before = sorted(os.listdir(folder))
    monkeypatch.setattr(storage.secrets, "token_hex", lambda count: "foreseen")
    (folder / f"{storage.PART}foreseen.part").symlink_to(secret)
    if name == "meta.json":  # a cache that cannot be written is only warned of
        WRITERS[name](folder / name)
    else:
        with pytest.raises(FileExistsError):
            WRITERS[name](folder / name)
    assert secret.read_text() == "theirs"
    assert sorted(os.listdir(folder)) == sorted([*before, f"{storage.PART}foreseen.part"])


def test_a_name_as_long_as_a_file_system_takes(tmp_path):
    viz.save_image(IMAGE, tmp_path / f"{'x' * 251}.png")
    with Image.open(tmp_path / f"{'x' * 251}.png") as image:
        assert image.size == (4, 4)


def test_json_has_null_for_numbers_that_are_not_finite(tmp_path):
    value = {"a": math.nan, "b": [math.inf, (-math.inf, 1.5)], "c": "NaN", "d": True}
    storage.write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text()
    assert text == '{"a": null, "b": [null, [null, 1.5]], "c": "NaN", "d": true}\n'


DAMAGED = (
    *(b"\xff\xfe", b"12", b"{}", b'{"loss": 1}', b"\0" * 9, b'{"step": 3, "lo', b"[" * 10**5),
    *(b'{"step": "3"}', b'{"step": 3, "loss": [1]}', b'{"step": null}', b'{"step": 1e999}', b""),
)


def test_damaged_rows_of_metrics_are_left_out_with_one_line(tmp_path, caplog):
    file = tmp_path / "metrics.jsonl"
    good = [b'{"step": 1, "loss": 0.5}', b'{"step": 2, "loss": NaN}', b'{"step": 3, "loss": null}']
    file.write_bytes(b"\n".join([good[0], *DAMAGED, *good[1:]]) + b"\n")
    rows = storage.read_metrics(file)
    assert [row["step"] for row in rows] == [1, 2, 3] and rows[0]["loss"] == 0.5
    assert all(math.isnan(row["loss"]) for row in rows[1:])
    assert [r.getMessage() for r in caplog.records] == [f"{file}: 12 damaged rows are left out"]
