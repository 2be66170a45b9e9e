"""One adversarial iteration in jaxgan and in PyTorch, eager and compiled, in turns."""

import contextlib
import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.gpu.task import Row, Task, keep_going
from benchmarks.models import MODELS, Settings
from benchmarks.turns import take_turns, turn_length
from benchmarks.worker import Worker
from jaxgan.errors import RunError

MODELS_IN_ORDER = (  # of worth: model, batch, dtype, what jaxgan's time may be of torch.compile's
    ("dcgan_64", 1024, "bfloat16", 1.0),
    ("dcgan_28", None, "float32", 0.8),
    ("cgan_mlp", None, "float32", 0.8),
    ("dcgan_64", None, "bfloat16", 1.0),
    ("pix2pix", None, "bfloat16", 1.0),
    ("ebgan_mnist", None, "float32", 0.8),
)
PER_CALL = ("cgan_mlp", (1, 10, 100))  # a model that the host slows down, and steps in a call


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for each model, then one for each number of steps in a call."""
    has_torch = importlib.util.find_spec("torch") is not None
    modes = ("eager",) if task.small else ("eager", "compile")
    models = (("cgan_mlp", 2, "float32", 0.8),) if task.small else MODELS_IN_ORDER
    for name, batch_size, dtype, target in models:
        settings = Settings(name, batch_size, dtype, None, False, str(task.scratch / "cold"))
        sides = modes if has_torch else ()
        for row in keep_going(name, _beside_torch(settings, target, sides, task.small)):
            yield row
            if "failed" in row and sides:  # jaxgan alone
                settings = settings._replace(cache=str(task.scratch / "alone"))
                yield from keep_going(name, _beside_torch(settings, target, (), task.small))
    name, counts = PER_CALL
    for count in counts[:2] if task.small else counts:
        settings = Settings(
            name, 2 if task.small else None, "float32", None, False,
            str(task.scratch / f"cold-{count}"), count,
        )  # fmt: skip
        with Worker("jaxgan", settings) as worker:
            worker.call("compile")
            length = turn_length(worker, 0.01 if task.small else 0.3)
            times = take_turns([worker], [length], 2 if task.small else 8)
        yield {
            "model": name,
            "steps in a call": count,
            "ms a step": float(1e3 * np.median(times)),
        }


def _beside_torch(
    settings: Settings, target: float, modes: tuple[str, ...], small: bool
) -> Iterator[Row]:
    """Times one model, in jaxgan and in each of the modes of PyTorch; yields one row."""
    rounds, seconds = (2, 0.01) if small else (7, 0.4)
    sides = [("jaxgan", settings), *(("torch", settings._replace(torch=mode)) for mode in modes)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        workers = [stack.enter_context(x) for x in pool.map(lambda side: Worker(*side), sides)]
        ours, *theirs = workers
        for worker in theirs:
            if worker.facts["parameters"] != ours.facts["parameters"]:
                raise RunError(f"{settings.model}: the parameters of jaxgan and PyTorch differ")
        compiling = ours.call("compile")  # alone: XLA times convolutions to choose the fastest
        warmed = [pool.submit(worker.call, "run", 2) for worker in theirs]  # compiles, too
        flops = ours.call("flops")
        for future in warmed:
            future.result()
        lengths = [turn_length(worker, seconds) for worker in workers]
        times = take_turns(workers, lengths, rounds)
        peaks = [worker.call("peak_bytes") for worker in workers]
        rate = ours.call("product_rate")
    milliseconds = 1e3 * np.median(times, 1)
    batch_size = settings.batch_size or MODELS[settings.model].batch_size
    row: Row = {
        "model (batch)": f"{settings.model} ({batch_size})",
        "dtype": settings.dtype,
        "jaxgan, ms": float(milliseconds[0]),
        "images/s": float(1e3 * batch_size / milliseconds[0]),
    }
    for i, mode in enumerate(modes, 1):
        low, middle, high = np.quantile(times[0] / times[i], [0.1, 0.5, 0.9])
        row[f"torch {mode}, ms"] = float(milliseconds[i])
        row[f"jaxgan / {mode}"] = float(middle)
        row[f"10 % to 90 %, {mode}"] = f"{low:.3f} to {high:.3f}"
    if modes:
        row["target"] = f"{target} of {modes[-1]}"
        row["target reached"] = bool(middle <= target)
    yield row | {
        "compiling, s": float(compiling),
        "peak memory, MB": ", ".join(f"{peak / 1e6:,.0f}" for peak in peaks),
        "GFLOP": float(flops / 1e9),
        "of the matrix product's rate": f"{flops / (1e-3 * milliseconds[0] * rate):.1%}",
    }
