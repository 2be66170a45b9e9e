"""Real training in the time that remains: images a second, and a grid of samples."""

import json
import shutil
import time
from collections.abc import Iterator

from benchmarks.gpu.task import Row, Task, start_program, wait_or_stop

RESERVE = 12.0  # seconds to save, and to end


def measure(task: Task) -> Iterator[Row]:
    """Yields one row, of the run as far as it came; its last grid is `samples.png`."""
    name = "dcgan_cifar10" if task.images else "dcgan_mnist"
    changes = [
        f"dataset.data_dir={task.data}",
        "evaluate_every=0",
        "sample_every=200",
        "log_every=50",
    ]
    if task.images:
        changes += [f"dataset.path={task.images}"]
    if task.small:
        changes += [
            "steps=4",
            "batch_size=8",
            "parallel.devices=1",
            "gan.width=4",
            "sample_every=4",
            "log_every=2",
        ]
    folder = task.scratch / "training"
    argv = ["train.py", f"--config=configs/{name}.py", f"--workdir={folder}"]
    begun = time.time()
    process = start_program([*argv, *(f"--config.{x}" for x in changes)], task.out / "log.txt")
    wait_or_stop(process, task, RESERVE)
    file = folder / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    rates = [row["images/s"] for row in rows if row.get("images/s")]
    grids = sorted((folder / "samples").glob("step_*.png"))
    if grids:
        shutil.copyfile(grids[-1], task.out / "samples.png")
    yield {
        "config": name,
        "seconds, all": time.time() - begun,
        "steps": rows[-1]["step"] if rows else 0,
        "images/s": float(sorted(rates)[len(rates) // 2]) if rates else None,
        "disc_loss": rows[-1].get("disc_loss") if rows else None,
        "gen_loss": rows[-1].get("gen_loss") if rows else None,
        "grid": f"samples.png, {grids[-1].stem}" if grids else None,
    }
