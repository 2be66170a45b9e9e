"""Files that are written whole or not at all, and folders that one process writes at a time."""

import contextlib
import errno
import json
import logging
import math
import os
import pathlib
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_log = logging.getLogger(__name__)

LOCK = ".jaxgan.lock"
PART = ".jaxgan-"  # how names of unfinished files begin


def read_bytes(path: str | os.PathLike) -> bytes:
    """Returns the content of a regular file.

    Raises:
      OSError: it cannot be read, or is a device, whose reading may never end, or the like.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return pathlib.Path(path).read_bytes()


def culprit(error: OSError, folder: str | os.PathLike) -> str:
    """Returns the path that an error is about; `folder` where it names only unfinished files."""
    named = (str(x) for x in (error.filename2, error.filename) if x is not None)
    return next((x for x in named if not pathlib.Path(x).name.startswith(PART)), str(folder))


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


@contextlib.contextmanager
def lock(folder: str | os.PathLike, *, required: bool = False) -> Iterator[None]:
    """Keeps other processes from locking a folder.

    It is a lock of the system (`flock`), which ends with the process, however that ends, and which
    holds for all machines that share a disk by NFS.

    Args:
      folder: the folder.
      required: whether to fail, and not to warn, where a disk has no such locks, or has them for
        one machine only.

    Raises:
      BlockingIOError: another process has the lock; `strerror` names the process and its host.
      OSError: no file can be made in the folder, or its disk has no locks.
    """
    file = pathlib.Path(folder) / LOCK
    descriptor = _open_locked(file, required)
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def _open_locked(file: pathlib.Path, required: bool) -> int:
    """Returns the descriptor of a file that is there and locked."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            _flock(descriptor, file.parent, required)
            if os.path.samestat(os.fstat(descriptor), os.stat(file)):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another process had it, and deleted it


def _flock(descriptor: int, folder: pathlib.Path, required: bool) -> None:
    """Locks a file; raises `OSError` or warns where its disk cannot."""
    problem = _scope(folder)
    try:
        if fcntl is None:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 1000, 0).decode(errors="replace") or "another process"
        raise BlockingIOError(errno.EAGAIN, holder) from error
    except OSError as error:
        problem = f"has no locks ({error.strerror})"
    if problem and required:
        raise OSError(errno.ENOTSUP, problem)
    if problem:
        _log.warning("%s: its disk %s; start one process at a time in it", folder, problem)


def _scope(folder: pathlib.Path, mounts: str = "/proc/self/mountinfo") -> str:
    """Returns what is wrong with the locks of a disk that machines may share; empty if nothing."""
    found: tuple[int, str, str] = (0, "", "")
    with contextlib.suppress(OSError, IndexError, ValueError):
        place = os.path.realpath(folder)
        for line in pathlib.Path(mounts).read_text().splitlines():
            left, _, right = line.partition(" - ")
            point = left.split()[4].encode().decode("unicode_escape")
            if os.path.commonpath((point, place)) == point and len(point) >= found[0]:
                found = len(point), right.split()[0], f"{left.split()[5]},{right.split()[2]}"
    _, kind, options = found
    local = {"nolock", "local_lock=all", "local_lock=flock", "localflock", "nobrl"}
    if kind.startswith("fuse.") or kind in ("9p", "afs", "beegfs", "virtiofs"):
        return f"({kind}) may have locks of one machine only"
    if local & set(options.split(",")):
        return f"({kind}, {', '.join(sorted(local & set(options.split(','))))}) locks one machine"
    return ""


@contextlib.contextmanager
def scratch_folder(parent: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a new folder in another for unfinished files; it is deleted at the end.

    Folders that killed processes left are deleted first, where the disk has locks by which they
    are told from those in use.

    Raises:
      OSError: the folder cannot be made.
    """
    for left in pathlib.Path(parent).glob(f"{PART}*"):
        with contextlib.suppress(OSError), lock(left, required=True):
            shutil.rmtree(left, ignore_errors=True)
    with contextlib.ExitStack() as stack:
        while True:
            folder = pathlib.Path(tempfile.mkdtemp(prefix=PART, dir=parent))
            try:
                stack.enter_context(lock(folder, required=True))
            except (BlockingIOError, FileNotFoundError):  # deleted before it was locked
                continue
            except OSError:  # the disk has no locks
                pass
            break
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def delete_parts(folder: str | os.PathLike, age: float = 3600) -> None:
    """Deletes unfinished files that killed processes left in a folder.

    Args:
      folder: the folder.
      age: seconds since they were written; 0 where no other process writes in the folder.
    """
    for part in pathlib.Path(folder).glob(f"{PART}*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.lstat().st_mtime >= age:
                part.unlink()


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
    lines, rows = read_bytes(path).splitlines(), []
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
