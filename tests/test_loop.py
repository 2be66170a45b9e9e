import errno
import json
import math
import random
import re
import shlex
import shutil
import signal
import time
from pathlib import Path

import chex
import jax
import numpy as np
import orbax.checkpoint as ocp
import programs
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import data, loop, watch, workdir
from jaxgan import population as populations
from jaxgan.errors import RunError, UserError

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def load(digits_file):
    def load(**changes):
        return config_lib.load(programs.CONFIG, programs.small(digits_file, **changes))

    return load


def final(folder):
    """Returns every array of the newest checkpoint."""
    state = workdir.load(folder).state
    state = state.replace(key=jax.random.key_data(state.key))
    return jax.tree.map(np.asarray, state)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, digits_file):
    """The work folder of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    config = config_lib.load(programs.CONFIG, programs.small(digits_file))
    assert loop.train(config, folder) == 0
    return folder


def about(folder):
    return json.loads((folder / "dataset.json").read_text())


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_leaves_pictures_curves_numbers_and_checkpoints(finished):
    assert [row["step"] for row in rows(finished)] == [1, 2, 3, 4, 5, 6]
    assert {"disc_loss", "gen_loss", "D(x)", "D(G(z))", "images_per_second"} <= set(
        rows(finished)[0]
    )
    grids = sorted(path.name for path in (finished / "samples").iterdir())
    assert grids == ["step_0000000.png", "step_0000003.png", "step_0000006.png"]
    with Image.open(finished / "samples" / grids[-1]) as image:
        assert image.size == (2 * (10 * 30 + 2), 2 * (10 * 30 + 2))
    with Image.open(finished / "samples.gif") as animation:
        assert animation.n_frames >= 2
    assert (finished / "curves.png").stat().st_size > 1000
    assert list((finished / "tensorboard").glob("events.*"))
    assert sorted(path.name for path in (finished / "checkpoints").iterdir()) == ["4", "6"]
    config = json.loads((finished / "config.json").read_text())
    assert config["steps"] == 6 and config["gan"]["width"] == 4


def test_finished_run_is_not_run_again(finished, load, tmp_path, capsys, monkeypatch):
    """Its last lines tell what there is, and a command that a shell understands."""
    monkeypatch.setattr(data, "batches", lambda *a, **k: pytest.fail("trained again"))
    folder = tmp_path / "my run"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "tensorboard")
    before = final(folder)
    assert loop.train(load(), folder) == 0
    chex.assert_trees_all_equal(final(folder), before)
    *_, told, command = capsys.readouterr().out.splitlines()
    there = "samples/ (3 grids), samples.gif, curves.png, metrics.jsonl, checkpoints/, config.json"
    assert told == f"6 steps done. In {folder}: {there}"
    words = shlex.split(command.removeprefix("More samples: "))
    assert words == ["python", "-m", "jaxgan.sample", f"--workdir={folder}"]


def test_same_seed_same_run_other_seed_another(finished, load, tmp_path):
    loop.train(load(), tmp_path / "same")
    chex.assert_trees_all_equal(final(tmp_path / "same"), final(finished))
    loop.train(load(seed=1), tmp_path / "other")
    with pytest.raises(AssertionError):
        chex.assert_trees_all_equal(final(tmp_path / "other").params, final(finished).params)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_saves_and_the_resumed_run_equals_an_uninterrupted_one(
    finished, load, tmp_path, monkeypatch, capsys, number
):
    batches = data.batches

    def interrupted(*args, **options):
        for i, batch in enumerate(batches(*args, **options)):
            if i == 0:  # before the first step nothing is lost, and a signal does not wait
                assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
            if i == 2:
                signal.raise_signal(number)
            yield batch

    monkeypatch.setattr(data, "batches", interrupted)
    assert loop.train(load(), tmp_path) == 128 + number
    assert f"stopped by {number.name} at step 3, saved" in capsys.readouterr().out
    assert final(tmp_path).step == 3
    monkeypatch.undo()
    assert loop.train(load(), tmp_path) == 0
    chex.assert_trees_all_equal(final(tmp_path), final(finished))
    assert [row["step"] for row in rows(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_several_steps_per_call_train_on_the_same_batches(finished, load, tmp_path):
    changes = {"steps_per_call": 2, "log_every": 2, "sample_every": 2}
    assert loop.train(load(**changes), tmp_path) == 0
    ours, theirs = rows(tmp_path), rows(finished)
    assert [row["step"] for row in ours] == [2, 4, 6]
    for row in ours:
        expected = next(other for other in theirs if other["step"] == row["step"])
        for name in ("disc_loss", "gen_loss", "D(x)"):
            np.testing.assert_allclose(row[name], expected[name], rtol=1e-3)


def test_several_steps_per_call_resume(load, tmp_path):
    changes = {"steps_per_call": 2, "log_every": 2, "sample_every": 2}
    batches = data.batches

    def interrupted(*args, **options):
        for i, batch in enumerate(batches(*args, **options)):
            if i == 1:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    assert loop.train(load(**changes), tmp_path / "whole") == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "batches", interrupted)
        assert loop.train(load(**changes), tmp_path / "resumed") == 128 + signal.SIGTERM
    assert final(tmp_path / "resumed").step == 4
    assert loop.train(load(**changes), tmp_path / "resumed") == 0
    chex.assert_trees_all_equal(final(tmp_path / "resumed"), final(tmp_path / "whole"))


def test_damaged_newest_checkpoint_costs_only_its_steps(finished, load, tmp_path, monkeypatch):
    batches = data.batches

    def interrupted(*args, **options):
        for i, batch in enumerate(batches(*args, **options)):
            if i == 4:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    monkeypatch.setattr(data, "batches", interrupted)
    loop.train(load(), tmp_path)
    monkeypatch.undo()
    newest = tmp_path / "checkpoints" / "5"
    file = max(newest.rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert loop.train(load(), tmp_path) == 0
    chex.assert_trees_all_equal(final(tmp_path), final(finished))


def test_kills_at_random_moments_change_nothing(digits_file, tmp_path):
    # Saves are made at every step and pictures often, so that many kills fall into one.
    flags = programs.small(digits_file, steps=80, checkpoint_every=1, sample_every=8)
    train = ("train.py", f"--config={programs.CONFIG}", *flags)
    status, _, err = programs.run(*train, f"--workdir={tmp_path / 'whole'}")
    assert status == 0, err
    rng = random.Random(0)
    folder = tmp_path / "killed"
    for attempt in range(5):
        process = programs.start(*train, f"--workdir={folder}")
        if attempt == 0:  # while it starts
            time.sleep(rng.uniform(0, 3))
        else:  # while it steps and saves, far from the end however fast the machine is
            target = newest(folder) + rng.randint(1, 9)
            while process.poll() is None and newest(folder) < target:
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.1))
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
    status, _, err = programs.run(*train, f"--workdir={folder}")
    assert status == 0, err
    chex.assert_trees_all_equal(final(folder), final(tmp_path / "whole"))
    assert [row["step"] for row in rows(folder)] == list(range(1, 81))
    pictures = sorted((folder / "samples").glob("*.png"))
    assert len(pictures) == 11
    for picture in pictures:
        assert picture.read_bytes() == (tmp_path / "whole/samples" / picture.name).read_bytes()


def newest(folder: Path) -> int:
    names = [path.name for path in (folder / "checkpoints").glob("*")]
    return max([int(name) for name in names if name.isdigit()], default=0)


def test_other_config_is_refused_with_the_keys(finished, load):
    with pytest.raises(UserError, match=r"different config \(batch_size: 8 -> 16; seed: 0 -> 2\)"):
        loop.train(load(seed=2, batch_size=16), finished)


def test_more_steps_go_on_where_no_learning_rate_depends_on_their_number(finished, load, tmp_path):
    falls = "optimizer.disc.decay_from"
    constant = {"optimizer.gen.decay_from": 1.0, "optimizer.disc.decay_from": 1.0}
    loop.train(load(**constant), tmp_path / "whole")
    loop.train(load(steps=4, **constant), tmp_path / "extended")
    loop.train(load(**constant), tmp_path / "extended")
    chex.assert_trees_all_equal(final(tmp_path / "extended"), final(tmp_path / "whole"))
    with pytest.raises(UserError, match=r"different config \(steps: 6 -> 4\)"):
        loop.train(load(steps=4, **constant), tmp_path / "extended")
    with pytest.raises(
        UserError, match=r"--config\.steps: 6 -> 8 changes learning rates that fall"
    ):
        loop.train(load(steps=8), finished)
    # Stopped before the first of the new steps is done, it is as it was.
    workdir.claim(tmp_path / "whole", load(steps=100, **constant), about(tmp_path / "whole"))
    assert loop.train(load(**constant), tmp_path / "whole") == 0
    workdir.claim(tmp_path / "one", load(**{**constant, falls: 0.5}), about(tmp_path / "whole"))
    with pytest.raises(UserError, match=r"steps: 6 -> 8 changes learning rates that fall"):
        workdir.check_owner(
            tmp_path / "one", load(steps=8, **{**constant, falls: 0.5}), extend=True
        )


def test_loss_that_is_not_finite_stops_the_run(load, tmp_path):
    config = load(**{"optimizer.gen.learning_rate": 1e30, "log_every": 3, "checkpoint_every": 1})
    with pytest.raises(
        RunError, match=r"not finite between steps \d and \d; checkpoint \d is kept"
    ):
        loop.train(config, tmp_path)
    assert newest_steps(tmp_path)
    for step in newest_steps(tmp_path):
        chex.assert_tree_all_finite(workdir.load(tmp_path, str(step)).state.params)


def newest_steps(folder):
    return [int(p.name) for p in (folder / "checkpoints").iterdir() if p.name.isdigit()]


def test_full_disk_is_one_line_and_keeps_the_earlier_checkpoints(load, tmp_path, monkeypatch):
    usage = shutil.disk_usage
    saves = []

    def filling_up(folder):
        saves.append(folder)
        return usage(folder)._replace(free=1000) if len(saves) == 3 else usage(folder)

    monkeypatch.setattr(shutil, "disk_usage", filling_up)
    with pytest.raises(RunError, match=r"--workdir: .* fails \(No space left on device\); .* room"):
        loop.train(load(), tmp_path)
    assert final(tmp_path).step == 4
    monkeypatch.undo()
    assert loop.train(load(), tmp_path) == 0


def test_failed_write_in_the_background_is_one_line(load, tmp_path, monkeypatch):
    monkeypatch.setattr(
        ocp.CheckpointManager,
        "wait_until_finished",
        lambda self: (_ for _ in ()).throw(ValueError("UNKNOWN: no\nmore")),
    )
    with pytest.raises(RunError, match=r"--workdir: .* fails \(checkpoint cannot be written: UNKN"):
        loop.train(load(), tmp_path)


def test_a_mistake_leaves_the_folder_free_for_the_corrected_command(load, tmp_path):
    for mistake in ({"gan.loss": "hing"}, {"dataset.path": tmp_path / "none.npz"}):
        with pytest.raises(UserError):
            loop.train(load(**mistake), tmp_path / "new" / "run")
        assert not (tmp_path / "new").exists()
    assert loop.train(load(), tmp_path / "run") == 0


def test_one_process_at_a_time_trains_in_a_folder_and_any_reads(finished, load, tmp_path):
    population = load(**{"population.seeds": 2})
    content = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    with workdir.lock(finished):
        for train, config in ((loop.train, load()), (populations.train, population)):
            with pytest.raises(UserError, match=r"is in use by process \d+ on .*; wait until"):
                train(config, finished)
        assert workdir.load(finished).state.step == 6
    assert content == {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}


def test_data_of_another_form_is_refused(finished, load, tmp_path, digits_file):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    other = json.loads((folder / "dataset.json").read_text()) | {"num_classes": 12}
    (folder / "dataset.json").write_text(json.dumps(other))
    with pytest.raises(UserError, match=r"with other data than .*\(num_classes: 12 -> 10\); choo"):
        loop.train(load(), folder)


def test_data_are_known_by_their_content(finished, load, tmp_path, digits_file, monkeypatch):
    """Moved and packed anew they are the same; other labels at the old place are not."""
    monkeypatch.setattr(data, "batches", lambda *a, **k: pytest.fail("trained again"))
    folder, moved = tmp_path / "run", tmp_path / "moved.npz"
    shutil.copytree(finished, folder)
    with np.load(digits_file) as file:
        arrays = dict(file)
    np.savez_compressed(moved, **arrays)
    settings = load(**{"dataset.path": moved, "dataset.data_dir": tmp_path})
    assert loop.train(settings, folder) == 0
    assert json.loads((folder / "config.json").read_text())["dataset"]["path"] == str(moved)
    np.savez(moved, **{**arrays, "label": arrays["label"][::-1]})
    with pytest.raises(UserError, match=r"other data than .*moved.npz \(label: \w+ -> \w+\); choo"):
        loop.train(settings, folder)
    np.savez(moved, **{name: array[:190] for name, array in arrays.items()})
    with pytest.raises(UserError, match=r"; num_examples: 200 -> 190\); choose another folder or"):
        loop.train(settings, folder)
    old = {k: v for k, v in about(folder).items() if k != "content"}
    (folder / "dataset.json").write_text(json.dumps(old))  # of an earlier version
    with pytest.raises(UserError, match=r"different config \(dataset.data_dir: .* dataset.path: "):
        loop.train(load(), folder)
    np.savez(moved, **arrays)
    assert loop.train(settings, folder) == 0
    assert about(folder) == about(finished)


def test_intervals_may_change(finished, load, tmp_path):
    changes = {"log_every": 2, "sample_every": 6, "checkpoint_every": 6, "keep_checkpoints": 1}
    shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "6")
    assert loop.train(load(**changes), tmp_path / "run") == 0
    chex.assert_trees_all_equal(final(tmp_path / "run"), final(finished))
    assert newest_steps(tmp_path / "run") == [6]


def test_a_folder_of_other_things_is_left_alone(load, tmp_path):
    for name in ("metrics.jsonl", "samples"):
        folder = tmp_path / name / "theirs"
        (folder / name).mkdir(parents=True)
        with pytest.raises(UserError, match=f"has {name} but no config.json; choose another"):
            loop.train(load(), folder)
        assert [path.name for path in folder.iterdir()] == [name]


def test_when_no_checkpoint_can_be_read_nothing_is_thrown_away(finished, load, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for manifest in folder.glob("checkpoints/*/state/manifest.ocdbt"):
        manifest.unlink()
    with pytest.raises(RunError, match="no checkpoint can be read"):
        loop.train(load(), folder)
    assert newest_steps(folder) and len(rows(folder)) == 6


def test_batch_that_devices_cannot_share(load, tmp_path):
    with pytest.raises(UserError, match=r"batch_size: 6 is not divisible by the 8 devices; try 8"):
        loop.train(load(batch_size=6), tmp_path)


def test_folder_that_cannot_be_made(load, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--workdir: .* cannot be written"):
        loop.train(load(), tmp_path / "file" / "run")


def test_a_full_disk_is_not_a_lack_of_memory(tmp_path):
    full = OSError(errno.ENOSPC, "checkpoint cannot be written: No space left on device")
    full.__cause__ = ValueError("RESOURCE_EXHAUSTED: Error writing [os_error_code='28']")
    assert re.search(r"--workdir: .* \(.*No space left.* make room", loop.explain(full, tmp_path))
    place = OSError(errno.EISDIR, "Is a directory", "run/.jaxgan-1.part", None, "run/curves.png")
    assert "--workdir: run/curves.png fails (Is a directory)" in loop.explain(place, tmp_path)
    large = OSError(errno.EFBIG, "File too large")
    assert "ulimit -f" in loop.explain(large, tmp_path)
    memory = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
    assert "batch_size" in loop.explain(memory, tmp_path)


def test_damaged_rows_of_metrics_stop_neither_a_finished_nor_a_resumed_run(
    finished, load, tmp_path, capsys
):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    shutil.rmtree(folder / "checkpoints" / "6")
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b'\xff\n12\n{"loss": 1}\n\0\0\n')
    assert loop.train(load(), folder) == 0
    assert [row["step"] for row in rows(folder)] == [1, 2, 3, 4, 5, 6]
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    assert loop.train(load(), folder) == 0


def test_a_value_that_is_not_finite_is_logged_without_a_warning(tmp_path, caplog):
    with loop.Log(tmp_path, 0, {}) as log:
        log.write(1, {"reverse_kl": math.nan, "loss": 1.0})
    assert not caplog.records
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["reverse_kl"] is None


def test_a_lost_run_is_told_and_stays_the_same(finished, load, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(watch, "STEPS", 2)
    monkeypatch.setattr(watch, "STILL", 1e9)
    monkeypatch.setattr(watch, "ALIKE", 1e9)
    assert loop.train(load(), tmp_path) == 0
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("warning: ")]
    assert [line.split(";")[0] for line in lines] == [
        "warning: the losses do not move since step 2",
        "warning: all samples are alike since step 3",
    ]
    chex.assert_trees_all_equal(final(tmp_path), final(finished))
