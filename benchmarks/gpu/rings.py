"""A population of 64 Gaussian-ring GANs as one program against one of them alone."""

import time
from collections.abc import Callable, Iterator

import jax
import numpy as np

from benchmarks import population
from benchmarks.gpu.task import Row, Task

TARGET = 2.0  # times as long as one


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for each number of steps in a call."""
    members, rounds = (3, 2) if task.small else (64, 8)
    for per_call in (2,) if task.small else (10, 100):
        changes = [f"--config.steps_per_call={per_call}"]
        if task.small:
            changes += [f"--config.gan.{player}_width=8" for player in ("gen", "disc")]
        steps = per_call if task.small else 200
        many, size = population.jaxgan_side(members, steps, changes)
        one, _ = population.jaxgan_side(1, steps, changes)
        times = []
        for run in (many, one):  # compiles, warms up
            run()
        for _ in range(rounds):
            times.append([_seconds(many), _seconds(one)])
        low, middle, high = np.quantile(np.divide(*np.transpose(times)), [0.1, 0.5, 0.9])
        seconds = np.median(times, 0)
        yield {
            "members": members,
            "steps in a call": per_call,
            "steps of a member a second": float(members * steps / seconds[0]),
            "steps a second of one alone": float(steps / seconds[1]),
            "times as long as one": float(middle),
            "10 % to 90 %": f"{low:.2f} to {high:.2f}",
            f"at most {TARGET}": bool(middle <= TARGET),
            "bytes of state a member": size,
            "device": jax.devices()[0].device_kind,
        }


def _seconds(run: Callable[[], None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
