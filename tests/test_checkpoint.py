import errno
import logging
import os
import resource
import shutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import checkpoint, parallel
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.errors import UserError

# Orbax abandons coroutines where a checkpoint cannot be read.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
MESH = parallel.make_mesh()


def state(value):
    tree = {
        "key": jax.random.key(value),
        "step": jnp.int32(value),
        "params": [jax.random.normal(jax.random.key(value), (64, 50)), jnp.zeros(())],
    }
    return jax.device_put(tree, parallel.replicated(MESH))


LIKE = abstract(state(0), parallel.replicated(MESH))


def as_arrays(tree):
    return jax.tree.map(
        lambda x: np.asarray(
            jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x
        ),
        tree,
    )


@pytest.fixture
def folder(tmp_path):
    """Checkpoints 1, 2 and 3, of which two are kept."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (1, 2, 3):
        checkpoints.save(step, state(step))
    checkpoints.close()
    return tmp_path / "checkpoints"


def restore(folder, **options):
    checkpoints = Checkpoints(folder, **options)
    try:
        return checkpoints.restore_newest(LIKE)
    finally:
        checkpoints.close()


def test_round_trip_is_exact(folder):
    step, restored = restore(folder)
    assert step == 3
    chex.assert_trees_all_equal(as_arrays(restored), as_arrays(state(3)))


@pytest.mark.parametrize("kind", ["pipe", "link to itself"])
def test_a_file_that_is_not_regular_is_not_waited_for(folder, kind, caplog):
    file = next((folder / "3" / "state" / "array_metadatas").iterdir())
    file.unlink()
    os.mkfifo(file) if kind == "pipe" else file.symlink_to(file.name)
    assert restore(folder)[0] == 2
    assert f"checkpoint 3 cannot be read: {file.name} is not a regular file" in caplog.text


def test_keeps_the_newest(folder):
    checkpoints = Checkpoints(folder)
    assert checkpoints.steps() == [2, 3]
    checkpoints.close()


def test_empty_folder(tmp_path):
    assert restore(tmp_path / "new") is None


def largest(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def flip(folder):
    file = largest(folder)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def cut_short(folder):
    file = largest(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def lose_manifest(folder):
    (folder / "state" / "manifest.ocdbt").unlink()


def bare_folder(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", [flip, cut_short, lose_manifest, bare_folder])
def test_damaged_newest_is_reported_and_the_one_before_used(folder, damage, caplog):
    damage(folder / "3")
    with caplog.at_level(logging.WARNING):
        step, restored = restore(folder)
    assert step == 2
    chex.assert_trees_all_equal(as_arrays(restored), as_arrays(state(2)))
    assert any("checkpoint 3 cannot be read" in r.getMessage() for r in caplog.records)
    assert (folder / "damaged-3").is_dir() and not (folder / "3").exists()
    # and its step can be saved again
    checkpoints = Checkpoints(folder)
    checkpoints.save(3, state(3))
    checkpoints.close()
    assert restore(folder)[0] == 3


def test_unfinished_save_is_ignored(folder):
    shutil.copytree(folder / "3", folder / "4.orbax-checkpoint-tmp")
    assert restore(folder)[0] == 3


def test_reading_leaves_a_damaged_folder_as_it_is(folder):
    flip(folder / "3")
    assert restore(folder, read_only=True)[0] == 2
    assert (folder / "3").is_dir()


def test_reading_while_a_run_saves_and_deletes(folder):
    reader, run = Checkpoints(folder, read_only=True), Checkpoints(folder, keep=2)
    for step in (4, 5):
        run.save(step, state(step))
    run.close()
    assert reader.steps() == [2, 3]
    assert reader.restore_newest(LIKE)[0] == 5
    reader.close()


def test_restore_onto_fewer_devices(folder):
    one = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    checkpoints = Checkpoints(folder)
    restored = checkpoints.restore(3, abstract(state(0), one))
    checkpoints.close()
    chex.assert_trees_all_equal(as_arrays(restored), as_arrays(state(3)))


def test_file_size_limit_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(
        resource, "getrlimit", lambda kind: (150_000, -1)
    )  # 13 kB and what is around
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    with pytest.raises(OSError, match="File too large") as error:
        checkpoints.save(1, state(1))
    assert error.value.errno == errno.EFBIG and not checkpoints.steps()
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (160_000, -1))
    checkpoints.save(1, state(1))
    checkpoints.close()


def test_the_room_asked_for_is_what_a_checkpoint_takes(folder):
    taken = sum(p.stat().st_blocks * 512 for p in (folder / "3").rglob("*"))
    arrays = sum(x.nbytes for x in jax.tree.leaves(state(3)))
    assert arrays < taken <= checkpoint._size_on_disk(state(3)) < arrays + 200_000


def test_error_of_the_system_inside_an_error_of_tensorstore(folder, monkeypatch):
    def fail(*args, **options):
        raise ValueError("RESOURCE_EXHAUSTED: Error writing \"a\": [os_error_code='28']")

    checkpoints = Checkpoints(folder)
    monkeypatch.setattr(checkpoints._manager, "save", fail)
    with pytest.raises(OSError, match="checkpoint cannot be written: No space left") as error:
        checkpoints.save(4, state(4))
    assert error.value.errno == errno.ENOSPC
    checkpoints.close()


def test_another_model_is_named_and_nothing_set_aside(folder):
    other = {**LIKE, "params": [jax.ShapeDtypeStruct((64, 40), jnp.float32), LIKE["params"][1]]}
    checkpoints = Checkpoints(folder)
    message = r"--workdir: .*/3 is of another model .*\(params.0: \(64, 50\) -> \(64, 40\)\); give"
    for call in (checkpoints.restore_newest, lambda like: checkpoints.restore(3, like)):
        with pytest.raises(UserError, match=message):
            call(abstract(other, parallel.replicated(MESH)))
    checkpoints.close()
    assert restore(folder)[0] == 3


def test_a_fallback_is_one_line(folder, caplog):
    checkpoints = Checkpoints(folder, keep=3)
    checkpoints.save(4, state(4))
    checkpoints.close()
    for step in (3, 4):
        lose_manifest(folder / str(step))
    with caplog.at_level(logging.WARNING, "jaxgan"):
        assert restore(folder)[0] == 2
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("jaxgan")]
    assert line.startswith("checkpoint 4 cannot be read: ") and "\n" not in line
    assert line.endswith(", nor can 3; checkpoint 2 is used")
