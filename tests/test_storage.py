import errno
import math
import os
import socket
import subprocess
import sys

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
    "meta.json": lambda file: cache.write(file.parent, [], {"image": IMAGE}, {}),
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


def test_a_lock_is_one_processs_and_ends_with_it(tmp_path):
    """The other process is killed, and leaves its file behind."""
    code = f"""if True:
        from jaxgan import storage
        with storage.lock({str(tmp_path)!r}):
            print("locked", flush=True)
            input()"""
    command = [sys.executable, "-c", code]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"locked\n"
    holder = f"process {other.pid} on {socket.gethostname()}"
    with pytest.raises(BlockingIOError, match=holder), storage.lock(tmp_path):
        pass
    other.kill()
    other.communicate()
    assert os.listdir(tmp_path) == [storage.LOCK]
    with (
        storage.lock(tmp_path),
        pytest.raises(BlockingIOError, match=f"process {os.getpid()}"),
        storage.lock(tmp_path),
    ):
        pass
    assert os.listdir(tmp_path) == []
    (tmp_path / storage.LOCK).symlink_to("/dev/null")
    with pytest.raises(OSError, match="symbolic links"), storage.lock(tmp_path):
        pass


@pytest.mark.parametrize(
    ("mount", "problem"),
    [
        ("rw - ext4 /dev/sda rw", ""),
        ("rw - nfs4 host:/x rw,vers=4.2,local_lock=none", ""),
        ("rw - nfs host:/x rw,vers=3,nolock,local_lock=all", "(nfs, local_lock=all, nolock) locks"),
        ("rw - fuse.sshfs host:/x rw", "(fuse.sshfs) may have locks of one machine only"),
    ],
)
def test_disks_whose_locks_hold_on_one_machine_are_named(mount, problem, tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(f"1 1 0:1 / / rw - overlay none rw\n2 1 0:2 / /mnt/a\\040b {mount}\n")
    assert storage._scope("/mnt/a b/run", table).startswith(problem or "")
    assert bool(storage._scope("/mnt/a b/run", table)) == bool(problem)
    assert storage._scope("/mnt/a", table) == storage._scope("/x", tmp_path / "none") == ""


def test_a_disk_without_locks_is_told(tmp_path, monkeypatch, caplog):
    def fails(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(storage.fcntl, "flock", fails)
    with storage.lock(tmp_path):
        assert "its disk has no locks (No locks available); start one process" in caplog.text


def test_folders_that_killed_processes_left_are_deleted(tmp_path):
    left = tmp_path / f"{storage.PART}left"
    left.mkdir()
    (left / storage.LOCK).write_text("process 1 on nowhere")
    (left / "much").write_text("23 MB")
    (tmp_path / "mnist").mkdir()
    with storage.scratch_folder(tmp_path) as first:
        assert not left.exists()
        (first / "x").write_text("")
        with storage.scratch_folder(tmp_path) as second:
            assert first.is_dir() and second.is_dir() and first != second
    assert os.listdir(tmp_path) == ["mnist"]


def test_without_locks_no_folder_is_taken_for_left(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(storage, "_scope", lambda folder: "locks nothing")
    with storage.scratch_folder(tmp_path) as first, storage.scratch_folder(tmp_path):
        assert first.is_dir()
    assert os.listdir(tmp_path) == [] and not caplog.text


def test_unfinished_files_that_killed_processes_left_are_deleted(tmp_path):
    old, new = (tmp_path / f"{storage.PART}{name}.part" for name in ("old", "new"))
    for part in (old, new, tmp_path / "x.part"):
        part.write_text("")
    os.utime(old, (0, 0))
    storage.delete_parts(tmp_path)
    assert not old.exists() and new.exists()
    storage.delete_parts(tmp_path, age=0)
    assert os.listdir(tmp_path) == ["x.part"]
