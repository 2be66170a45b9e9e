"""`configs/cgan_mnist.py` to its end, as a user runs it: seconds and scores."""

import json
import time
from collections.abc import Iterator

from benchmarks.gpu.task import Row, Task, start_program, wait_or_stop

TARGET = 60  # seconds
RESERVE = 8.0  # seconds to save, and to end
SMALL = (
    "steps=20 batch_size=8 parallel.devices=1 gan.width=4 evaluate_every=0 sample_every=20 "
    "checkpoint_every=20 log_every=10"
).split()


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for the run of the config, and one for the same with 50 steps in a call.

    The second run finds data and programs of evaluations that the first one has prepared.
    """
    for per_call in (1,) if task.small else (1, 50):
        folder = task.scratch / f"cgan_mnist-{per_call}"
        changes = SMALL if task.small else [f"steps_per_call={per_call}"]
        argv = ["train.py", "--config=configs/cgan_mnist.py", f"--workdir={folder}"]
        argv += [f"--config.{change}" for change in [f"dataset.data_dir={task.data}", *changes]]
        begun = time.time()
        status = wait_or_stop(start_program(argv, task.out / "log.txt"), task, RESERVE)
        seconds = time.time() - begun
        file = folder / "metrics.jsonl"
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        last: Row = {}
        for row in rows:
            last |= row
        names = [name for name in last if name not in {"step", "images/s"}]
        yield {
            "steps": last.get("step", 0),
            "steps in a call": per_call,
            "seconds, all": seconds,
            "finished": status == 0,
            f"under {TARGET} s": status == 0 and seconds < TARGET,
            **{name: last[name] for name in names},
        }
