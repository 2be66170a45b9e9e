import json
import math

import numpy as np
import programs
import pytest

from jaxgan import config as config_lib
from jaxgan import data, loop, monitor, workdir
from jaxgan.errors import UserError
from jaxgan.metrics import suite


def options(mnist_dir, **changes):
    values = {
        "dataset.data_dir": mnist_dir,
        "dataset.split": "train[:2000]",
        "evaluate_every": 2,
        "evaluation.num": 200,
        "evaluation.test_split": "test[:500]",
        **changes,
    }
    return config_lib.load(programs.CONFIG, [f"--config.{k}={v}" for k, v in values.items()])


def make(mnist_dir, folder, **changes):
    return monitor.Monitor(options(mnist_dir, **changes), folder, (28, 28, 1), [1] * 10)


@pytest.fixture(scope="module")
def real(mnist_dir):
    dataset = data.load("mnist", split="test[600:1600]", data_dir=mnist_dir)
    by_label = {d: dataset.images[dataset.labels == d] for d in range(10)}

    def sampler(noise):
        """Returns a sampler of real digits with so much noise."""

        def sample(key, label):
            images = [by_label[d][i % len(by_label[d])] for i, d in enumerate(label.ravel())]
            rng = np.random.default_rng(0)
            grain = rng.integers(0, noise + 1, (label.size, 28, 28, 1))
            images = np.minimum(np.stack(images) + grain, 255).astype(np.uint8)
            return images.reshape(*label.shape, 28, 28, 1)

        return sample

    return sampler


@pytest.mark.parametrize(("metric", "steps"), [("", {2, 6}), ("agreement", {2, 6})])
def test_the_best_state_is_kept(mnist_dir, real, tmp_path, metric, steps):
    watch = make(mnist_dir, tmp_path, **{"evaluation.best": metric})
    watch.open()
    values = {}
    for step, noise in ((2, 100), (4, 250), (6, 0), (8, 150)):
        values[step] = watch(step, real(noise), {"step": np.full(3, step)})
        assert watch._checkpoints.steps() == [max(s for s in steps if s <= step)]
    watch.close()
    note = workdir.read_best(tmp_path)
    assert note["real"] == watch.floors[metric or "classifier-FID"]
    name = metric or "classifier-FID"
    assert note["metric"] == name
    assert note["best"] == {"step": 6, "value": values[6][name]}
    assert note["last"] == {"step": 8, "value": values[8][name]}
    assert values[6]["classifier-FID"] < values[2]["classifier-FID"]
    assert values[6]["agreement"] > 0.97


def test_classes_are_drawn_in_the_shares_of_training(mnist_dir, tmp_path):
    changes = {"evaluation.metrics": "manifold"}
    watch = monitor.Monitor(options(mnist_dir, **changes), tmp_path, (28, 28, 1), [90, 0, 10])
    assert np.bincount(watch._label).tolist() == [180, 0, 20]


def test_a_kill_before_the_note_is_made_good(mnist_dir, real, tmp_path):
    for _ in range(2):  # the second time as if the process had been killed after the save
        watch = make(mnist_dir, tmp_path)
        watch.open()
        watch(2, real(0), {"step": np.full(3, 2)})
        watch.close()
        assert workdir.read_best(tmp_path)["best"]["step"] == 2
        (tmp_path / "best.json").unlink()


def test_a_later_best_of_another_time_gives_way(mnist_dir, real, tmp_path):
    watch = make(mnist_dir, tmp_path)
    watch.open()
    watch(6, real(100), {"step": np.full(3, 6)})
    watch(4, real(0), {"step": np.full(3, 4)})  # resumed from before 6, on other hardware
    assert watch._checkpoints.steps() == [4]
    watch.close()


def test_a_resumed_run_notes_what_an_uninterrupted_one_does(mnist_dir, digits_file, tmp_path):
    flags = {
        "dataset.path": "",
        "dataset.data_dir": mnist_dir,
        "dataset.split": "train[:2000]",
        "evaluation.num": 200,
        "evaluation.test_split": "test[:500]",
        "evaluate_every": 2,
        "checkpoint_every": 3,
        "parallel.devices": 2,
    }
    rows, notes = [], []
    for name, stops in (("whole", [8]), ("parts", [4, 8])):
        folder = tmp_path / name
        for steps in stops:
            settings = programs.small(digits_file, **flags, steps=8)
            settings = config_lib.load(programs.CONFIG, settings)
            if steps < 8:
                _stop_after(folder, settings, steps)
            else:
                loop.train(settings, folder)
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        rows.append([{k: v for k, v in line.items() if "per_second" not in k} for line in lines])
        notes.append((folder / "best.json").read_text())
    assert rows[0] == rows[1]
    assert notes[0] == notes[1]
    assert [row["step"] for row in rows[0] if "classifier-FID" in row] == [2, 4, 6, 8]
    assert (tmp_path / "whole" / "curves.png").exists()


def _stop_after(folder, settings, step):
    """Runs until an evaluation later than the newest checkpoint, then fails as a full disk does."""
    original = monitor.Monitor.__call__

    def call(self, at, *rest):
        values = original(self, at, *rest)
        if at == step:
            raise OSError("full")
        return values

    with pytest.MonkeyPatch.context() as patch, pytest.raises(loop.RunError, match="full"):
        patch.setattr(monitor.Monitor, "__call__", call)
        loop.train(settings, folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation.num": 100}, "--config.evaluation.num: 100 is too few for frechet"),
        ({"evaluation.metrics": "memorisation"}, "--config.evaluation.metrics: memorisation choo"),
        ({"evaluation.best": "parzen", "evaluation.metrics": "parzen"}, "unknown 'parzen'; known"),
        ({"evaluation.test_split": "train[:99]"}, "test_split: test images: 99 is too few"),
        ({"evaluation.test_split": "train[:500]"}, "--config.evaluation.test_split: 100 %"),
        ({"evaluation.metrics": "all,fid"}, "--config.evaluation.metrics: unknown 'all'"),
        ({"evaluation.best": "FID"}, "--config.evaluation.best: unknown 'FID'; known: classifier-"),
        ({"evaluation.features": "vgg"}, "--config.evaluation.features: unknown 'vgg'"),
        (
            {"evaluation.features": "inception", "evaluation.metrics": "frechet"},
            "no Inception weights .* or turn it off by",
        ),
        ({"evaluation.test_split": "tests"}, "--config.evaluation.test_split='tests'"),
    ],
)
def test_mistakes(mnist_dir, tmp_path, changes, message, monkeypatch):
    monkeypatch.delenv("JAXGAN_INCEPTION", raising=False)
    with pytest.raises(UserError, match=message):
        make(mnist_dir, tmp_path, **changes)


def test_notes_of_nan_and_damaged_ones(mnist_dir, real, tmp_path, monkeypatch, caplog):
    watch = make(mnist_dir, tmp_path)
    watch.open()
    values = iter([math.nan, 5.0, math.nan, 4.0])
    monkeypatch.setattr(suite, "measure", lambda *args: {"classifier-FID": next(values)})
    for step, best in ((1, 1), (2, 2), (3, 2), (4, 4)):
        watch(step, real(0), {"step": np.full(3, step)})
        note = workdir.read_best(tmp_path)
        assert note["best"]["step"] == best and watch._checkpoints.steps() == [best]
        text = (tmp_path / "best.json").read_text()
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        assert (
            ('"value": null' in text) == (step in (1, 3)) == ("nan" in workdir.describe_best(note))
        )
    watch.close()
    note = workdir.read_best(tmp_path)
    for damage in ("{", '{"best": 3}', '{"metric": "x", "best": {}, "last": {}, "real": "?"}'):
        (tmp_path / "best.json").write_text(damage)
        assert workdir.read_best(tmp_path) is None and "best.json is damaged" in caplog.text
    (tmp_path / "metrics.jsonl").write_text(
        '{"step": 2, "classifier-FID": 5.0}\n{"step": 3, "disc_loss": 1.0}\n'
        '{"step": 4, "classifier-FID": 4.0}\n{"step": 5, "classifier-FID": 9.0}\n'
    )
    watch.open()  # by the checkpoint and the metrics
    watch.close()
    assert workdir.read_best(tmp_path) == {**note, "last": {"step": 5, "value": 9.0}}
