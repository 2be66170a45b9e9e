"""Times jaxgan and PyTorch in turns, a process each, and writes a table: see `--help`."""

import argparse
import importlib.util
import os
import pathlib
import platform
import tempfile
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.models import MODELS, Settings
from benchmarks.turns import take_turns, turn_length
from benchmarks.worker import Worker
from jaxgan import cli, results, storage
from jaxgan.errors import RunError, UserError

TURN_SECONDS = 1.0
FRAMEWORKS = ("jaxgan", "torch")

COLUMNS = (
    "model (batch)",
    "parameters G + D",
    "jaxgan",
    "PyTorch",
    "jaxgan / PyTorch: median (10 % to 90 %)",
    "images/s",
    "compiling, cold and cached",
    "peak memory, both",
    "GFLOP",
    "of the matrix product's rate",
)


def model_names(text: str) -> list[str]:
    """Returns the names of models in `text`, separated by commas; the type of a flag."""
    names = text.split(",")
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(f"unknown {name!r}; known: {', '.join(MODELS)}")
    return names


def measure(settings: Settings, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Times one model.

    Args:
      settings: of the workers, but for `cache`.
      rounds: turns of each framework.

    Returns:
      What was run on what, and the results; both as they are written.

    Raises:
      RunError: the frameworks do not run the same, or a worker failed.
    """
    name = settings.model
    with (
        tqdm(total=rounds, desc=f"{name}: compiling", unit="round") as bar,
        tempfile.TemporaryDirectory() as cache,
    ):
        settings = settings._replace(cache=cache)
        with Worker("jaxgan", settings) as cold:
            compile_cold, flops = cold.call("compile"), cold.call("flops")
        with Worker("jaxgan", settings) as ours, Worker("torch", settings) as theirs:
            for key in ("platform", "dtype", "parameters"):
                if ours.facts[key] != theirs.facts[key]:
                    raise RunError(
                        f"{name}: the {key} of jaxgan and PyTorch differ: {ours.facts[key]} and "
                        f"{theirs.facts[key]}"
                    )
            compile_cached = ours.call("compile")
            bar.set_description(f"{name}: warming up")
            workers = (ours, theirs)
            lengths = [turn_length(worker, TURN_SECONDS) for worker in workers]
            bar.set_description(name)
            bar.unpause()
            times = take_turns(workers, lengths, rounds, bar.update)
            peaks = [worker.call("peak_bytes") for worker in workers]
            rate = ours.call("product_rate")
    seconds = np.median(times, 1)
    low, middle, high = np.quantile(times[0] / times[1], [0.1, 0.5, 0.9])
    batch_size = settings.batch_size or MODELS[name].batch_size
    facts = ours.facts | {
        "version": f"{ours.facts['version']}, {theirs.facts['version']}",
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "same_allocator": settings.same_allocator,
    }
    return facts, {
        "batch_size": batch_size,
        "parameters": facts.pop("parameters"),
        "seconds": dict(zip(FRAMEWORKS, seconds, strict=True)),
        "ratio": {"median": middle, "10 %": low, "90 %": high},
        "images_per_second": batch_size / seconds[0],
        "compile_seconds": {"cold": compile_cold, "cached": compile_cached},
        "peak_bytes": dict(zip(FRAMEWORKS, peaks, strict=True)),
        "flops": flops,
        "product_flops_per_second": rate,
        "share_of_product_rate": flops / (seconds[0] * rate),
        "rounds_seconds": dict(zip(FRAMEWORKS, times.tolist(), strict=True)),
    }


def table(facts: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """Returns a Markdown table with a row per model.

    Args:
      facts: what was run on what.
      results: of each model, by its name.
    """
    head = "{version}, {dtype}, {platform} ({device}; {processor}), {rounds} rounds"
    allocator = ", PyTorch with jaxgan's allocator settings" if facts["same_allocator"] else ""
    rows = [COLUMNS, ("---",) * len(COLUMNS)]
    for name, result in results.items():
        ours, theirs = result["seconds"].values()
        low, middle, high = (result["ratio"][key] for key in ("10 %", "median", "90 %"))
        compiling, peak = result["compile_seconds"], result["peak_bytes"]
        rows.append(
            (
                f"{name} ({result['batch_size']})",
                " + ".join(f"{count:,}" for count in result["parameters"]),
                f"{1e3 * ours:.1f} ms",
                f"{1e3 * theirs:.1f} ms",
                f"{middle:.3f} ({low:.3f} to {high:.3f})",
                f"{result['images_per_second']:,.1f}",
                f"{compiling['cold']:.1f} s, {compiling['cached']:.1f} s",
                f"{peak['jaxgan'] / 1e6:,.0f} MB, {peak['torch'] / 1e6:,.0f} MB",
                f"{result['flops'] / 1e9:.1f}",
                f"{result['share_of_product_rate']:.1%}",
            )
        )
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head.format(**facts) + allocator, "", *lines, ""])


def main(argv: list[str]) -> None:
    """Parses the flags, times the models and writes results after each."""
    parser = cli.Parser(
        "python -m benchmarks",
        "Time one adversarial iteration in jaxgan and in PyTorch, in turns.",
    )
    add = parser.add_argument
    add("--models", type=model_names, default=list(MODELS), help=f"default: {','.join(MODELS)}")
    add("--rounds", type=cli.integer(1), default=10, help="turns of each, of a second or more")
    add("--batch-size", type=cli.integer(1), help="default: each model's own")
    add("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 on a GPU")
    add(
        "--torch",
        choices=("eager", "frozen", "compile"),
        help="default: eager on CPU, compile on a GPU; frozen: no gradients that nobody needs",
    )
    add("--same-allocator", action="store_true", help="PyTorch too keeps the memory it frees")
    results.add_arguments(
        parser,
        "folder (default: benchmarks/results)",
        type=pathlib.Path,
        default="benchmarks/results",
        metavar="DIR",
    )
    args = parser.parse_args(argv)
    files = [args.out / "results.json", args.out / "results.md"]
    results.check(args, files)
    if importlib.util.find_spec("torch") is None:
        raise UserError("PyTorch is missing; pip install '.[bench]'")
    found: dict[str, dict[str, Any]] = {}
    for name in args.models:
        settings = Settings(
            name, args.batch_size, args.dtype, args.torch, args.same_allocator, cache=""
        )
        facts, found[name] = measure(settings, args.rounds)
        results.write_json(args, files[0], {"run": facts, "models": found})
        with results.writing(files[1]):
            storage.write_atomically(files[1], table(facts, found))
    print(table(facts, found), end="")


if __name__ == "__main__":
    cli.run(main)
