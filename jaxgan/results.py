"""Where programs write results: checked before any work, and never over files of others.

A file that exists is replaced only with `--overwrite`, or where it is the same program's result for
the same arguments, which it states. Files that the program reads, and those by which a run resumes,
are replaced in no case.
"""

import argparse
import contextlib
import errno
import functools
import json
import os
import pathlib
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jaxgan import storage
from jaxgan.errors import RunError, UserError

# What train.py writes into a work folder; everything else there is a result of other programs.
RUN_FILES = frozenset(
    "best best.json checkpoints config.json curves.png dataset.json metrics.jsonl population.json "
    "samples samples.gif tensorboard words.npz".split()
)


def add_arguments(parser: argparse.ArgumentParser, about: str, **options: Any) -> None:
    """Adds `--out`, with a help text and options, and `--overwrite`."""
    parser.add_argument("--out", help=about, **options)
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace results that exist; never files that are read, or a run's own",
    )


def check(
    args: argparse.Namespace,
    files: Sequence[pathlib.Path],
    inputs: Iterable[str | os.PathLike | None] = (),
) -> None:
    """Checks that a program may and can write its results, before it does any work.

    Args:
      args: with `overwrite`, and `workdir` where the program reads a run.
      files: the results; the first one may state its arguments (`write_json`).
      inputs: files and folders that are read, besides the data of the run.

    Raises:
      UserError: one of them exists, is read, belongs to a run or cannot be written.
    """
    if getattr(args, "workdir", None) and not os.path.isdir(args.workdir):
        return  # whoever opens the run says what is wrong
    read = [os.path.expanduser(x) for x in (*inputs, *_data(args)) if x]
    taken = {_identity(x) for x in read} - {None}
    read_folders = [os.path.realpath(x) for x in read if os.path.isdir(x)]
    replaceable, why = args.overwrite, ""
    if not replaceable and files[0].suffix == ".json":
        replaceable, why = _is_repeated(args, files[0])
    open_folder = functools.cache(_open_folder)
    for file in files:
        try:
            folder, run, longest = open_folder(file.parent)
            place = folder / file.name
            if len(os.fsencode(file.name)) > longest:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            if run and place != run and place.relative_to(run).parts[0].casefold() in RUN_FILES:
                raise UserError(f"--out: {file} is a file of the run in {run}; give another")
            try:
                mode = file.lstat().st_mode
            except FileNotFoundError:
                continue
            if _identity(file) in taken or any(place.is_relative_to(x) for x in read_folders):
                raise UserError(f"--out: {file} is read by this program; give another")
            if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
                raise UserError(f"--out: {file} is not a regular file; give another")
            if not replaceable:
                raise UserError(
                    f"--out: {file} exists{why}; give another, or --overwrite to replace it"
                )
        except OSError as error:
            raise UserError(
                f"--out: {file} cannot be written ({error.strerror or error}); give another"
            ) from error


def write_json(
    args: argparse.Namespace, file: pathlib.Path, result: dict[str, Any], **options: Any
) -> None:
    """Writes a result with the arguments that it is of.

    Args:
      args: of the program.
      file: to write.
      result: what `json.dumps` takes.
      **options: of `json.dumps`.

    Raises:
      RunError: it cannot be written.
    """
    with writing(file):
        stated = {**result, "arguments": _arguments(args, file)}
        storage.write_json(file, stated, indent=2, **options)


@contextlib.contextmanager
def writing(file: pathlib.Path) -> Iterator[None]:
    """Makes a file's folder; raises `RunError` where the file cannot be written after all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        storage.delete_parts(file.parent)
        yield
    except OSError as error:
        raise RunError(f"--out: {file} cannot be written ({error.strerror or error})") from error


def _arguments(args: argparse.Namespace, file: pathlib.Path) -> dict[str, Any]:
    """Returns the arguments of which a result is, as JSON has them."""
    asked = {name: x for name, x in vars(args).items() if name not in ("out", "overwrite")}
    if asked.get("workdir"):  # a run may be moved with its results
        asked["workdir"] = os.path.relpath(
            os.path.realpath(asked["workdir"]), os.path.realpath(file.parent)
        )
    text = json.dumps(asked, default=str, ensure_ascii=False)
    return json.loads(text.encode("utf-8", "replace"))  # names of files may be no text


def _is_repeated(args: argparse.Namespace, file: pathlib.Path) -> tuple[bool, str]:
    """Returns whether a file has the result of the same arguments, and the others it has."""
    try:
        old = dict(json.loads(storage.read_bytes(file))["arguments"])
    except (OSError, ValueError, LookupError, TypeError):
        return False, ""
    new = _arguments(args, file)
    changes = [
        f"{name}: {old.get(name)!r} -> {new.get(name)!r}"
        for name in sorted(old | new)
        if old.get(name) != new.get(name)
    ]
    return not changes, f" for other arguments ({', '.join(changes)})"


def _data(args: argparse.Namespace) -> list[str]:
    """Returns the path of the data that the run of `--workdir` was trained on, if it has one."""
    try:
        text = storage.read_bytes(pathlib.Path(args.workdir, "config.json"))
        return [json.loads(text)["dataset"]["path"]]
    except (AttributeError, OSError, ValueError, LookupError, TypeError):
        return []  # whoever opens the run says what is wrong


def _is_run(folder: pathlib.Path) -> bool:
    """Returns whether a folder is the work folder of a run."""
    has_config = (folder / "config.json").is_file() and (folder / "dataset.json").is_file()
    return has_config or (folder / "checkpoints").is_dir()


def _identity(path: str | os.PathLike) -> tuple[int, int] | None:
    """Returns what two paths of one file have in common; None where there is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _open_folder(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path | None, int]:
    """Checks that files can be created in a folder, which need not exist yet.

    Returns:
      Its real path, the run that it is in, and the length of the longest name in bytes.

    Raises:
      OSError: they cannot.
    """
    place = pathlib.Path(os.path.realpath(folder))
    found = next(x for x in (place, *place.parents) if x.exists())
    with tempfile.TemporaryFile(prefix=storage.PART, dir=found):
        pass
    longest = os.pathconf(found, "PC_NAME_MAX")
    if any(len(os.fsencode(x)) > longest for x in place.parts):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return place, next((x for x in (place, *place.parents) if _is_run(x)), None), longest
