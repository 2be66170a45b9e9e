"""Random mistakes, kills and damages: `python -m benchmarks.robustness`.

Mistakes: commands of all programs with a wrong flag, value, file, folder or a damaged work folder.
Each ends with status 0, 1 or 2, without a traceback, after at most three lines on standard error,
and leaves what existed before as it was. Kills: runs that are killed at random moments and started
again until they are done have the final arrays of a run that nothing disturbed, bit for bit.
Damages: a run with a damaged checkpoint resumes to these arrays or says in a line why it does not.
"""

import argparse
import collections
import functools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from tqdm import tqdm

from benchmarks import forks, kills, mistakes
from jaxgan import cli, config
from jaxgan.errors import UserError


def main(argv: list[str]) -> int:
    """Makes them, prints what is wrong and a summary; returns 1 where anything is."""
    parser = cli.Parser(
        "python -m benchmarks.robustness", "Random mistakes, kills and damaged checkpoints."
    )
    for name, count in (("mistakes", 500), ("kills", 300), ("damages", 100)):
        parser.add_argument(
            f"--{name}", type=cli.integer(0), default=count, help=f"default: {count}"
        )
    parser.add_argument("--seed", type=cli.SEED, default=0)
    parser.add_argument("--only", type=cli.integer(0), help="the mistake of this number alone")
    parser.add_argument("--runs", default=",".join(mistakes.RUNS), help="that mistakes are made in")
    parser.add_argument("--kinds", default=",".join(kills.RUNS), help="of runs that are killed")
    parser.add_argument(
        "--steps", type=cli.integer(6), default=60, help="of runs that are killed (default: 60)"
    )
    parser.add_argument("--lanes", type=cli.integer(1), default=os.cpu_count(), help="at a time")
    parser.add_argument("--keep", metavar="DIR", help="an empty folder, for failing cases")
    args = parser.parse_args(argv)
    runs = _chosen("--runs", args.runs, mistakes.RUNS)
    kinds = _chosen("--kinds", args.kinds, kills.RUNS)
    scratch = pathlib.Path(args.keep or tempfile.mkdtemp(prefix="robustness-")).absolute()
    if scratch.exists() and any(scratch.iterdir()):
        raise UserError(f"--keep: {args.keep!r} is not empty; give an empty folder")
    scratch.mkdir(parents=True, exist_ok=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(scratch / "programs")
    forks.prepare(["train.py", *mistakes.COMMANDS])
    try:
        failed = 0
        if args.only is not None:
            args.mistakes, args.kills, args.damages = 1, 0, 0
        if args.mistakes:
            failed += _mistakes(args, runs, scratch)
        if args.kills or args.damages:
            failed += _kills(args, kinds, scratch)
        return min(failed, 1)
    finally:
        if not args.keep:
            shutil.rmtree(scratch, ignore_errors=True)


def _chosen(flag: str, text: str, known: Sequence[str]) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise UserError(f"{flag}: {name!r} is unknown; known: {', '.join(known)}")
    return names


def _mistakes(args: argparse.Namespace, runs: list[str], scratch: pathlib.Path) -> int:
    base = scratch / "base" / "work"
    base.mkdir(parents=True)
    mistakes.make_base(base, runs)
    flags = {name: mistakes.known_flags(name) for name in ("train.py", *mistakes.COMMANDS)}
    keys = {run: list(config.flatten(config.load(mistakes.RUNS[run][0]))) for run in runs}
    setting = mistakes.Setting(base, scratch, flags, keys, bool(args.keep))
    numbers = range(args.mistakes) if args.only is None else [args.only]
    function = functools.partial(mistakes.run, setting, args.seed)
    statuses: collections.Counter[int] = collections.Counter()
    failed = 0
    results = forks.share(function, numbers, args.lanes)
    for result in tqdm(results, total=len(numbers), disable=None, desc="mistakes"):
        statuses[result.outcome.status] += 1
        if result.faults or args.only is not None:
            failed += bool(result.faults)
            notes = "".join(f"\n  {note}" for note in result.case.notes)
            again = f"python -m benchmarks.robustness --seed={args.seed} --only={result.index}"
            tqdm.write(
                f"{'; '.join(result.faults) or 'nothing wrong'}, status {result.outcome.status}, "
                f"{result.outcome.seconds:.1f} s\n  {again}\n  {result.case.command()}{notes}\n"
                + _indented(result.outcome.err[-1500:])
            )
    print(f"{len(numbers)} mistakes: {_counts(statuses)}; {failed} not as they should be")
    return failed


def _kills(args: argparse.Namespace, kinds: list[str], scratch: pathlib.Path) -> int:
    base = scratch / "data"
    base.mkdir()
    mistakes.make_data(base)
    setting = kills.Setting(base, scratch, args.steps, bool(args.keep))
    references = [kills.reference(name, setting) for name in kinds]
    return _killed(args, references, setting) + _damaged(args, references, setting)


def _killed(
    args: argparse.Namespace, references: list[kills.Reference], setting: kills.Setting
) -> int:
    count = runs = wrong = 0
    with tqdm(total=args.kills, disable=None, desc="kills") as bar:
        while count < args.kills:
            most = min(8, -(-(args.kills - count) // args.lanes))
            numbers = range(runs, runs + args.lanes)
            cases = [(f"{args.seed}-{i}", references[i % len(references)], most) for i in numbers]
            for result in forks.share(functools.partial(kills.kill, setting), cases, args.lanes):
                count += len(result.moments)
                bar.update(len(result.moments))
                if result.faults:
                    wrong += 1
                    moments = ", ".join(result.moments)
                    tqdm.write(f"{result.name}, run {result.seed}, {moments}:")
                    tqdm.write(_indented("\n".join(result.faults)))
            runs += args.lanes
    print(f"{count} kills of {runs} runs; {wrong} runs not as they should be")
    return wrong


def _damaged(
    args: argparse.Namespace, references: list[kills.Reference], setting: kills.Setting
) -> int:
    cases = [(f"{args.seed}-{i}", references[i % len(references)]) for i in range(args.damages)]
    statuses: collections.Counter[int] = collections.Counter()
    wrong = 0
    results = forks.share(functools.partial(kills.harm, setting), cases, args.lanes)
    for result in tqdm(results, total=len(cases), disable=None, desc="damages"):
        statuses[result.status] += 1
        if result.faults:
            wrong += 1
            tqdm.write(f"{result.name}, damage {result.seed}: {'; '.join(result.notes)}:")
            tqdm.write(_indented("\n".join(result.faults)))
    print(f"{len(cases)} damages: {_counts(statuses)}; {wrong} not as they should be")
    return wrong


def _counts(statuses: collections.Counter[int]) -> str:
    return ", ".join(f"{n} with status {status}" for status, n in sorted(statuses.items()))


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()[-12:])


if __name__ == "__main__":
    cli.run(main)
