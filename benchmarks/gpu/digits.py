"""`configs/cgan_mnist.py` to its end, as a user runs it: seconds and scores."""

import json
import time
from collections.abc import Iterator

from benchmarks.gpu.task import Row, Task, start_program
from jaxgan.errors import RunError

TARGET = 60  # seconds
SMALL = (
    "steps=20 batch_size=8 parallel.devices=1 gan.width=4 evaluate_every=0 sample_every=20 "
    "checkpoint_every=20 log_every=10"
).split()


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for the run of the config, and one for the same with 50 steps in a call."""
    for per_call in (1,) if task.small else (1, 50):
        folder = task.scratch / f"cgan_mnist-{per_call}"
        changes = SMALL if task.small else [f"steps_per_call={per_call}"]
        argv = ["train.py", "--config=configs/cgan_mnist.py", f"--workdir={folder}"]
        argv += [f"--config.{change}" for change in [f"dataset.data_dir={task.data}", *changes]]
        begun = time.time()
        status = start_program(argv, task.out / "log.txt").wait()
        seconds = time.time() - begun
        if status:
            raise RunError(f"train.py ended with status {status}; see log.txt")
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        last: Row = {}
        for row in rows:
            last |= row
        names = [name for name in last if name not in {"step", "images/s", "steps/s"}]
        yield {
            "steps": last["step"],
            "steps in a call": per_call,
            "seconds, all": seconds,
            f"under {TARGET} s": seconds < TARGET,
            **{name: last[name] for name in names},
        }
