import contextlib
import io
import random
import shutil
import traceback

import pytest

from benchmarks import forks, kills, mistakes
from jaxgan import config, parallel
from jaxgan.errors import RunError, UserError


class InProcess:
    """Takes the place of `forks.Job`: runs the program at once, or not where it is killed."""

    def __init__(self, call, folder, log, environment=None):
        self._call, self._folder, self._environment = call, folder, environment or {}

    def wait(self, kill=None):
        if kill:
            return forks.Outcome(-kill[1], "", "", 0.1)
        out, err, status = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(self._folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.MonkeyPatch.context() as patch,
        ):
            for name, value in self._environment.items():
                patch.setenv(name, value)
            try:
                status = self._call() or 0
            except (UserError, RunError) as error:
                status = 2 if isinstance(error, UserError) else 1
                print(f"error: {error}", file=err)
            except Exception:
                status = 1
                traceback.print_exc(file=err)
        return forks.Outcome(status, out.getvalue(), err.getvalue(), 0.1)


@pytest.fixture
def in_process(monkeypatch):
    monkeypatch.setattr(forks, "Job", InProcess)
    monkeypatch.setattr(parallel, "start", lambda *args: None)  # JAX has started already
    monkeypatch.setattr(
        forks, "program", lambda name, arguments: lambda: forks.main_of(name)(list(arguments))
    )


def test_a_few_mistakes(in_process, tmp_path):
    base = tmp_path / "base" / "work"
    base.mkdir(parents=True)
    mistakes.make_base(base, ["points"])
    flags = {name: mistakes.known_flags(name) for name in ("train.py", *mistakes.COMMANDS)}
    assert "--workdir" in flags["train.py"] and "--property" in flags["jaxgan.latent"]
    keys = {"points": list(config.flatten(config.load("gan_ring")))}
    setting = mistakes.Setting(base, tmp_path, flags, keys, False)
    statuses = []
    for index in range(16):
        result = mistakes.run(setting, 0, index)
        assert not result.faults, (result.faults, result.case.command(), result.outcome)
        statuses.append(result.outcome.status)
    assert {0, 2} <= set(statuses) and statuses.count(2) > 5


def test_a_kill_and_damages(in_process, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    mistakes.make_data(data)
    setting = kills.Setting(data, tmp_path, 6, False)
    kept = kills.reference("population", setting)
    assert len(kept.final) == 64
    killed = kills.kill(setting, ("0", kept, 1))
    assert (len(killed.moments), killed.faults) == (1, [])
    for seed in ("0", "1"):
        damaged = kills.harm(setting, (seed, kept))
        assert damaged.notes and not damaged.faults, damaged
    wrong = kills.harm(setting, ("0", kept._replace(final="another")))
    assert wrong.status or wrong.faults == ["the final arrays differ"]


def test_a_case_is_made_again_by_its_number(tmp_path):
    """And has a mistake."""
    keys = {"points": list(config.flatten(config.load("gan_ring")))}
    flags = {name: ["--seed", "--num"] for name in ("train.py", *mistakes.COMMANDS)}
    setting = mistakes.Setting(tmp_path / "base", tmp_path, flags, keys, False)
    setting.base.mkdir()
    mistakes.make_data(setting.base)
    for index in range(40):
        made = []
        for _ in range(2):
            folder = tmp_path / "work"
            shutil.copytree(setting.base, folder, symlinks=True)
            rng = random.Random(index)
            made.append((mistakes.make_case(rng, setting, folder), mistakes.content(folder)))
            shutil.rmtree(folder)
        assert made[0] == made[1]
        case, files = made[0]
        right = mistakes.working(random.Random(index), ["points"])
        changed = case.environment or case.notes or files != mistakes.content(setting.base)
        assert changed or (case.program, list(case.arguments)) != right


BEFORE = {"a.png": "1", "runs/a/config.json": "2", "runs/a/metrics.jsonl": "3"}
RIGHT = forks.Outcome(2, "", "error: --num: 0 is too small; give 1 or more\n", 0.1)


@pytest.mark.parametrize(
    ("program", "outcome", "after", "found"),
    [
        ("jaxgan.sample", RIGHT, BEFORE, []),
        ("jaxgan.sample", RIGHT._replace(err="Traceback (most\nerror: a\n"), BEFORE, ["traceback"]),
        ("jaxgan.sample", RIGHT._replace(status=-9), BEFORE, ["status -9 after 0 s"]),
        ("jaxgan.sample", RIGHT._replace(err="error: a\nb\nc\nd\n"), BEFORE, ["4 lines"]),
        ("jaxgan.sample", RIGHT._replace(err="  3%| | 1/9\rerror: a\n"), BEFORE, []),
        ("jaxgan.sample", RIGHT._replace(err=""), BEFORE, ["no error line"]),
        ("jaxgan.sample", RIGHT._replace(out="\x1b[31m"), BEFORE, ["control characters"]),
        ("jaxgan.sample", RIGHT, {**BEFORE, "a.png": "4"}, ["changed 'a.png'"]),
        ("jaxgan.sample", RIGHT, {**BEFORE, "b.png": "4"}, ["a mistake made 'b.png'"]),
        (
            "jaxgan.sample",
            RIGHT._replace(status=0),
            {**BEFORE, "b.png": "4", "c.tmp": "5"},
            ["left 'c.tmp'"],
        ),
        ("train.py", RIGHT, {**BEFORE, "runs/a/metrics.jsonl": "4"}, []),
        (
            "jaxgan.sample",
            RIGHT,
            dict(list(BEFORE.items())[:2]),
            ["deleted 'runs/a/metrics.jsonl'"],
        ),
    ],
)
def test_what_is_wrong_is_seen(program, outcome, after, found):
    case = mistakes.Case(program, ("--workdir=runs/a",), {}, ())
    assert mistakes.faults(case, outcome, BEFORE, after) == found
