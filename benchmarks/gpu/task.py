"""What a part of the GPU benchmark is told, and the process that it runs in."""

import importlib
import multiprocessing
import os
import pathlib
import queue
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from jaxgan.errors import RunError

Row = dict[str, Any]


class Task(NamedTuple):
    """What a part is told; a part is a module with `measure(task)`, which yields rows.

    Attributes:
      small: whether to do everything in miniature.
      deadline: `time.time()` at which the process is killed.
      out: folder for pictures.
      scratch: folder for work folders and compiled programs.
      data: TFDS data folder.
      images: a `.npz` of images to train on; None for MNIST.
      environment: variables that its process, and those that it starts, have besides the caller's.
    """

    small: bool
    deadline: float
    out: pathlib.Path
    scratch: pathlib.Path
    data: pathlib.Path
    images: pathlib.Path | None = None
    environment: dict[str, str] | None = None

    def remaining(self) -> float:
        """Returns the seconds that are left."""
        return self.deadline - time.time()


class Outcome(NamedTuple):
    """How a part ended.

    Attributes:
      status: `finished`, `stopped at its time limit` or `failed`.
      error: of a part that failed, one line; else empty.
      seconds: that it took.
    """

    status: str
    error: str
    seconds: float


def run(module: str, task: Task, on_row: Callable[[Row], Any]) -> Outcome:
    """Runs a part in a process of its own, until its deadline.

    Its output is appended to `log.txt` in the folder `task.out`.

    Args:
      module: name of the module whose `measure(task)` yields the rows.
      task: what the part is told.
      on_row: called with each row as soon as the part yields it.
    """
    begun = time.time()
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, module, task))
    process.start()
    theirs.close()
    status, error = "failed", ""
    try:
        while True:
            if not pipe.poll(max(0.0, task.remaining())):
                status = "stopped at its time limit"
                break
            kind, value = pipe.recv()
            if kind == "row":
                on_row(value)
                continue
            status, error = kind, value
            break
    except EOFError:
        process.join()
        error = f"the process ended with status {process.exitcode}"
    finally:
        _kill(process)
        pipe.close()
    return Outcome(status, error, time.time() - begun)


def _kill(process: Any) -> None:
    """Ends a process and all that it started, which share its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not made its group yet, or has ended alone
        process.kill()
    process.join()


def _serve(pipe: Connection, module: str, task: Task) -> None:
    os.setsid()
    os.environ.update(task.environment or {})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops, and kills this process
    log = os.open(task.out / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    print(f"== {module}", flush=True)
    try:
        for row in importlib.import_module(module).measure(task):
            pipe.send(("row", row))
        pipe.send(("finished", ""))
    except Exception as error:
        traceback.print_exc()
        pipe.send(("failed", _describe(error)))
    sys.stdout.flush()
    pipe.close()


def keep_going(name: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Yields rows; an exception becomes a row that is not `ok`, so that others can follow.

    Args:
      name: what the rows are about.
      rows: an iterator, which may raise.
    """
    try:
        yield from rows
    except Exception as error:
        traceback.print_exc()
        yield {"failed": name, "error": _describe(error), "ok": False}


def at_once(jobs: Mapping[str, Iterable[Row]]) -> Iterator[Row]:
    """Runs jobs in threads and yields their rows as they come; one that fails yields a row too.

    Args:
      jobs: by name, iterators of rows, such as `keep_going` takes.
    """
    found: queue.SimpleQueue[Row | None] = queue.SimpleQueue()

    def work(name: str, rows: Iterable[Row]) -> None:
        for row in keep_going(name, rows):
            found.put(row)
        found.put(None)

    with ThreadPoolExecutor(len(jobs)) as pool:
        for name, rows in jobs.items():
            pool.submit(work, name, rows)
        for _ in jobs:
            yield from iter(found.get, None)


def _describe(error: Exception) -> str:
    """Returns the type and the first line of an exception."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def start_program(argv: list[str], log: pathlib.Path, **options: Any) -> subprocess.Popen:
    """Starts `python ARGV...` with its output in a file."""
    with log.open("ab") as opened:
        return subprocess.Popen(
            [sys.executable, *argv], stdout=opened, stderr=subprocess.STDOUT, **options
        )


def wait_or_stop(process: subprocess.Popen, task: Task, reserve: float) -> int:
    """Waits for train.py, stops it `reserve` seconds before the deadline; returns its status.

    Raises:
      RunError: it failed.
    """
    while process.poll() is None and task.remaining() > reserve:
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    status = process.wait()
    if status not in (0, 128 + signal.SIGTERM, -signal.SIGTERM):  # the last: before a step
        raise RunError(f"train.py ended with status {status}; see log.txt")
    return status
