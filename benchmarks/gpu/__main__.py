"""Runs all that only a GPU can tell, in order of worth: see `--help`."""

import argparse
import pathlib
import shlex
import sys
import tempfile
import time
from typing import Any, NamedTuple

from benchmarks.gpu import report, task
from jaxgan import cli, results, storage
from jaxgan.errors import RunError, UserError


class Part(NamedTuple):
    """A part of the benchmark.

    Attributes:
      title: of its section.
      seconds: its time limit where the whole has 480; what it leaves goes to later parts.
    """

    title: str
    seconds: float


PLATFORMS = {"gpu": "cuda,cpu", "cpu": "cpu"}  # of JAX; the CPU computes references
MACHINE = Part("Machine", 120)  # the first start of CUDA can be slow
PARTS = {  # in order of worth
    "correctness": Part("Correctness", 110),
    "speed": Part("Speed beside PyTorch", 170),
    "digits": Part("configs/cgan_mnist.py to its end", 65),
    "rings": Part("A population of 64 rings", 25),
    "convolutions": Part("Formulations of convolutions", 40),
    "mesh": Part("The cost of the mesh", 40),
    "training": Part("Real training in the remaining time", 30),
}


def part_names(text: str) -> list[str]:
    """Returns the names of parts in `text`, separated by commas; the type of a flag."""
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"unknown {name!r}; known: {', '.join(PARTS)}")
    return names


def time_limit(name: str, waiting: list[str], remaining: float) -> float:
    """Returns the seconds that a part gets.

    Args:
      name: of the part.
      waiting: names of it and of those that come after it.
      remaining: seconds left for all of these.
    """
    return remaining * PARTS[name].seconds / sum(PARTS[other].seconds for other in waiting)


class Benchmark:
    """One call of the program: runs parts, and writes the report after every result."""

    def __init__(self, args: argparse.Namespace, command: str, scratch: pathlib.Path) -> None:
        """Starts a report.

        Args:
          args: the parsed flags.
          command: how the program was started.
          scratch: an empty folder.
        """
        self._args, self._scratch = args, scratch
        self.out = scratch  # until the device is known: an earlier report stays as it is
        self._environment = {
            "JAX_COMPILATION_CACHE_DIR": str(scratch / "programs"),
            "JAX_PLATFORMS": PLATFORMS[args.device],
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # processes share the device
        }
        self.parts: dict[str, Any] = {}
        date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        self._report = {"date": date, "command": command, "parts": self.parts}

    def run(self, name: str, part: Part, seconds: float) -> None:
        """Runs a part for at most `seconds`."""
        told = task.Task(
            self._args.small,
            time.time() + seconds,
            self.out.absolute(),
            self._scratch,
            (self._args.data_dir or self._scratch).absolute(),
            self._args.images and self._args.images.absolute(),
            self._environment,
        )
        print(f"{part.title}, at most {seconds:.0f} s ...", file=sys.stderr, flush=True)
        entry = {"title": part.title, "status": "running", "error": "", "seconds": 0.0, "rows": []}
        self.parts[name] = entry

        def add_row(row: task.Row) -> None:
            entry["rows"].append(row)
            self._write()

        entry.update(task.run(f"benchmarks.gpu.{name}", told, add_row)._asdict())
        self._write()
        print(f"  {entry['status']} {entry['error']}", file=sys.stderr, flush=True)

    def _write(self) -> None:
        """Writes `report.json` and `report.md`."""
        results.write_json(self._args, self.out / "report.json", self._report)
        with results.writing(self.out / "report.md"):
            storage.write_atomically(self.out / "report.md", report.markdown(self._report))

    def check_platform(self) -> None:
        """Raises `UserError` where JAX does not find the device that was asked for."""
        machine = self.parts["machine"]
        found = [row["value"] for row in machine["rows"] if row["fact"] == "platform"]
        if found != [self._args.device]:
            names = ", ".join(found) or "nothing"
            reason = machine["error"] or f"{machine['status']}: JAX found {names}"
            raise UserError(
                f"--device: no {self._args.device} ({reason}); give --device=cpu --small to try "
                "the parts"
            )

    def check_results(self) -> None:
        """Raises `RunError` where a part failed or has no result, or a check did not hold."""
        failed = [name for name, part in self.parts.items() if part["status"] == "failed"]
        wrong = [
            name
            for name, part in self.parts.items()
            if any(row.get("ok") is False for row in part["rows"])
        ]
        empty = [
            name
            for name, part in self.parts.items()
            if not part["rows"] and part["status"] != "failed"
        ]
        if failed or wrong or empty:
            raise RunError(
                f"parts that failed: {', '.join(failed) or 'none'}; with wrong values: "
                f"{', '.join(wrong) or 'none'}; without a result in their time: "
                f"{', '.join(empty) or 'none'}; see report.md and log.txt in {self._args.out}"
            )


def main(argv: list[str]) -> None:
    """Parses the flags, runs the parts and prints the report."""
    parser = cli.Parser(
        "python -m benchmarks.gpu",
        "Measure and check on a GPU. Each part runs in a process of its own with a time limit; "
        "report.json and report.md in --out are written anew after every result.",
    )
    add = parser.add_argument
    add("--minutes", type=cli.number(0.1, 1000.0), default=8.0, help="for all parts (default: 8)")
    results.add_arguments(
        parser,
        "folder (default: benchmarks/results/gpu)",
        type=pathlib.Path,
        default="benchmarks/results/gpu",
        metavar="DIR",
    )
    add("--parts", type=part_names, default=list(PARTS), help=f"default: {','.join(PARTS)}")
    add("--device", choices=tuple(PLATFORMS), default="gpu", help="default: gpu")
    add("--small", action="store_true", help="everything in miniature, to try the parts")
    add("--images", type=pathlib.Path, metavar="FILE", help="a .npz to train on; default: MNIST")
    add("--data-dir", type=pathlib.Path, metavar="DIR", help="with MNIST; default: prepared anew")
    args = parser.parse_args(argv)
    deadline = time.time() + 60 * args.minutes
    if args.images is not None and not args.images.is_file():
        raise UserError(f"--images: {str(args.images)!r} is not a file; give a .npz of `image`")
    if args.data_dir is not None and not args.data_dir.is_dir():
        raise UserError(f"--data-dir: {str(args.data_dir)!r} is not a folder; leave it out")
    files = [args.out / name for name in ("report.json", "report.md", "log.txt", "samples.png")]
    results.check(args, files, inputs=[args.images])
    waiting = [name for name in PARTS if name in args.parts]
    command = shlex.join(["python", "-m", "benchmarks.gpu", *argv])
    with tempfile.TemporaryDirectory() as scratch:
        benchmark = Benchmark(args, command, pathlib.Path(scratch))
        benchmark.run("machine", MACHINE, min(MACHINE.seconds, deadline - time.time()))
        benchmark.check_platform()
        for file in files:
            file.unlink(missing_ok=True)
        args.out.mkdir(parents=True, exist_ok=True)
        benchmark.out = args.out
        while waiting:
            name = waiting[0]
            limit = time_limit(name, waiting, deadline - time.time())
            benchmark.run(name, PARTS[name], limit)
            waiting.remove(name)
    print((args.out / "report.md").read_text(encoding="utf-8"))
    benchmark.check_results()


if __name__ == "__main__":
    cli.run(main)
