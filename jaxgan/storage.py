"""Files that are written whole or not at all, and folders that one process writes at a time."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import BinaryIO

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
