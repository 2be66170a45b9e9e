"""Runs that are killed at random moments, and checkpoints that are damaged.

Whatever happens to it, a run that is started until it is done has the parameters of one that
nothing disturbed, bit for bit.
"""

import hashlib
import json
import pathlib
import random
import shutil
import signal
from typing import Any, NamedTuple

from benchmarks import forks
from benchmarks.mistakes import LINES, NARROW, damage, said

_OFTEN = {
    "batch_size": 8,
    "log_every": 1,
    "sample_every": 10,
    "checkpoint_every": 3,
    "evaluate_every": 0,
}
_DIGITS = {**_OFTEN, "dataset.path": "digits.npz", "gan.width": 4}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("cgan_mnist", _DIGITS),
    "batch_norm": ("cdcgan_mnist", {**_DIGITS, "gan.units": 8}),
    "population": ("gan_ring", {**_OFTEN, **NARROW, "population.seeds": 3}),
}
MEMBERS = 3
DAMAGES = ("flip", "truncate", "empty", "delete")


class Reference(NamedTuple):
    """A run that nothing disturbed.

    Attributes:
      name: of `RUNS`.
      seconds: that it took, with compiled programs from the cache.
      final: a hash of all its arrays at the end.
    """

    name: str
    seconds: float
    final: str


class Setting(NamedTuple):
    """What all runs share.

    Attributes:
      base: a folder with the data.
      scratch: a folder for the runs.
      steps: of a run.
      keep: whether the folders of failing runs stay.
    """

    base: pathlib.Path
    scratch: pathlib.Path
    steps: int
    keep: bool


class Killed(NamedTuple):
    """What became of a run that was killed.

    Attributes:
      name: of `RUNS`.
      seed: that determines the moments.
      moments: signal and seconds after each start.
      faults: what is wrong; nothing where the list is empty.
    """

    name: str
    seed: str
    moments: list[str]
    faults: list[str]


def arguments(name: str, folder: pathlib.Path, steps: int) -> list[str]:
    """Returns the arguments of `train.py` for a run."""
    config, values = RUNS[name]
    flags = (f"--config.{key}={value}" for key, value in {**values, "steps": steps}.items())
    return [f"--config={config}", *flags, f"--workdir={folder}"]


def start(name: str, folder: pathlib.Path, setting: Setting) -> forks.Job:
    """Starts or resumes a run."""
    call = forks.program("train.py", arguments(name, folder, setting.steps))
    return forks.Job(call, setting.base, folder.with_suffix(".err"), forks.homes(setting.scratch))


def final(name: str, folder: pathlib.Path, setting: Setting) -> str:
    """Returns a hash of all arrays of a run that is done, or what is wrong with it."""

    def call() -> None:
        import jax
        import numpy as np

        from jaxgan import workdir

        members = [folder]
        if name == "population":
            members = [folder / f"member_{i:03d}" for i in range(MEMBERS)]
        found = hashlib.sha256()
        for member in members:
            state = workdir.load(member).state
            state = state.replace(key=jax.random.key_data(state.key))
            for x in jax.tree.leaves(state):
                found.update(np.asarray(x).tobytes())
        print(found.hexdigest())

    log = folder.with_suffix(".final")
    outcome = forks.Job(call, setting.base, log, forks.homes(setting.scratch)).wait()
    return outcome.out.strip() or f"cannot be read: {outcome.err.strip()[-300:]}"


def reference(name: str, setting: Setting) -> Reference:
    """Trains a run that nothing disturbs, twice: the first time compiles.

    Raises:
      RuntimeError: it fails, or the two differ.
    """
    made = []
    for i in range(2):
        folder = setting.scratch / f"{name} {i}"
        outcome = start(name, folder, setting).wait()
        if outcome.status:
            raise RuntimeError(f"{name}: status {outcome.status}, {outcome.err}")
        made.append(Reference(name, outcome.seconds, final(name, folder, setting)))
    if made[0].final != made[1].final:
        raise RuntimeError(f"{name}: two runs that nothing disturbed differ")
    return made[1]


def rows_faults(folder: pathlib.Path, count: int) -> list[str]:
    """Returns what is wrong with the rows of a run that is done."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows]
    return [] if steps == list(range(1, count + 1)) else [f"rows of steps {steps}"]


def kill(setting: Setting, case: tuple[str, Reference, int]) -> Killed:
    """Starts a run until it is done and kills it at random moments.

    A fifth of the signals is SIGTERM, which stops a run after saving.

    Args:
      setting: what all runs share.
      case: the seed, the same run undisturbed, and the most kills.
    """
    seed, kept, most = case
    rng = random.Random(seed)
    folder = setting.scratch / f"killed {seed}"
    moments: list[str] = []
    found: list[str] = []
    while True:
        if len(moments) == most:
            outcome = start(kept.name, folder, setting).wait()
            moment = "no more kills"
        else:
            number = signal.SIGTERM if rng.random() < 0.2 else signal.SIGKILL
            seconds = rng.uniform(0.05, 1.1) * kept.seconds
            outcome = start(kept.name, folder, setting).wait((seconds, number))
            moment = f"{number.name} after {seconds:.2f} s"
        if outcome.status == 0:
            break
        moments.append(moment)
        lines = said(outcome.err)
        if "Traceback" in outcome.err or len(lines) > LINES:
            found.append(f"{moment}: {outcome.err[-500:]}")
        if outcome.status not in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM):
            found.append(f"{moment}: status {outcome.status}, {outcome.err[-500:]}")
            break
    if outcome.status == 0:
        if final(kept.name, folder, setting) != kept.final:
            found.append("the final arrays differ")
        found += rows_faults(folder, setting.steps)
    if not (found and setting.keep):
        shutil.rmtree(folder, ignore_errors=True)
    return Killed(kept.name, seed, moments, found)


class Damaged(NamedTuple):
    """What became of a run whose checkpoints were damaged.

    Attributes:
      name: of `RUNS`.
      seed: that determines the damage.
      notes: what was damaged.
      status: exit status of the resumed run.
      faults: what is wrong; nothing where the list is empty.
    """

    name: str
    seed: str
    notes: list[str]
    status: int
    faults: list[str]


def harm(setting: Setting, case: tuple[str, Reference]) -> Damaged:
    """Damages a file of the checkpoints of a run that is done and resumes the run.

    In half of the cases the newest checkpoint is gone, so that there are steps to be taken.

    Args:
      setting: what all runs share.
      case: the seed, and the same run undisturbed.
    """
    seed, kept = case
    rng = random.Random(seed)
    folder = setting.scratch / f"damaged {seed}"
    shutil.copytree(setting.scratch / f"{kept.name} 1", folder)
    if kept.name == "population":
        for member in folder.glob("member_*"):
            shutil.rmtree(member)
    checkpoints = folder / "checkpoints"
    steps = sorted(int(path.name) for path in checkpoints.iterdir() if path.name.isdigit())
    if rng.random() < 0.5:
        shutil.rmtree(checkpoints / str(steps[-1]))
    files = sorted(
        (path for path in checkpoints.rglob("*") if path.is_file()),
        key=lambda path: (path.parent, path.stat().st_size, path.name),
    )
    count = 1 if rng.random() < 0.8 else 3
    notes = [damage(rng, file, rng.choice(DAMAGES), folder) for file in rng.sample(files, count)]
    outcome = start(kept.name, folder, setting).wait()
    lines, found = said(outcome.err), []
    if outcome.status not in (0, 1, 2) or "Traceback" in outcome.err or len(lines) > LINES:
        found.append(f"status {outcome.status}, {outcome.err[-500:]}")
    if outcome.status == 0 and final(kept.name, folder, setting) != kept.final:
        found.append("the final arrays differ")
    if not (found and setting.keep):
        shutil.rmtree(folder)
    return Damaged(kept.name, seed, notes, outcome.status, found)
