"""Files that are written whole or not at all, and folders that one process writes at a time."""

import contextlib
import json
import logging
import math
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import Any, BinaryIO

_log = logging.getLogger(__name__)

PART = ".jaxgan-"  # how names of unfinished files begin


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yields a new file, open for writing bytes, that takes the place of `path` at the end.

    The file has a random name and did not exist before, so no link is followed. Where anything
    fails, it is deleted and `path` stays as it was.
    """
    path = pathlib.Path(path)
    part = path.with_name(f"{PART}{secrets.token_hex(8)}.part")
    file = part.open("xb")
    try:
        with file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_atomically(path: str | os.PathLike, text: str) -> None:
    """Writes a text file, on disk when this returns."""
    with replacing(path) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def to_json(value: Any, **options: Any) -> str:
    """Returns JSON, with null in place of numbers that are not finite, which JSON does not have.

    Args:
      value: what `json.dumps` takes.
      **options: of `json.dumps`.
    """

    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: finite(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [finite(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(finite(value), allow_nan=False, **options)


def write_json(path: str | os.PathLike, value: Any, **options: Any) -> None:
    """Writes `to_json(value, **options)` as `write_atomically` does."""
    write_atomically(path, to_json(value, **options) + "\n")


def read_metrics(path: str | os.PathLike) -> list[dict[str, float]]:
    """Returns the rows of a `metrics.jsonl`, without damaged ones, about which it warns.

    Args:
      path: a file of lines of JSON, each an object of a `step` and of numbers; null is NaN.

    Raises:
      OSError: the file cannot be read.
    """
    lines, rows = pathlib.Path(path).read_bytes().splitlines(), []
    for line in lines:
        try:
            row = json.loads(line, parse_constant=lambda _: None)  # NaN, of older versions
            row = {name: math.nan if x is None else x + 0.0 for name, x in row.items()}
            rows.append({**row, "step": int(row["step"])})
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError):
            continue
        except ValueError:  # no JSON, no Unicode
            continue
    if len(rows) < len(lines):
        _log.warning("%s: %d damaged rows are left out", path, len(lines) - len(rows))
    return rows
