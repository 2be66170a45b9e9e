"""Runs programs in forks of this process, which start in a tenth of a second.

This process imports JAX and the programs but must not compute by JAX: a fork of a process whose
backend has started may hang.
"""

import atexit
import importlib
import multiprocessing
import os
import pathlib
import resource
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
CPU_SECONDS = 150  # after which a program counts as one that hangs
WALL_SECONDS = 1200
_HEAVY = (  # what programs import late
    "jaxgan.loop",
    "jaxgan.population",
    "grain",
    "matplotlib.pyplot",
    "tensorboardX",
    "tensorflow_datasets",
)


class Outcome(NamedTuple):
    """What a program did.

    Attributes:
      status: its exit status; negative where a signal ended it.
      out: its standard output.
      err: its standard error.
      seconds: from its start to its end.
    """

    status: int
    out: str
    err: str
    seconds: float


class Job:
    """A program that runs in a fork."""

    def __init__(
        self,
        call: Callable[[], Any],
        folder: pathlib.Path,
        log: pathlib.Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Starts the program.

        Args:
          call: the program.
          folder: the current folder.
          log: the file of its standard error, which `.out` is added to for its standard output.
          environment: variables that are added.
        """
        self._files = log.with_name(f"{log.name}.out"), log
        self._start = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            status = 70
            try:
                status = _run(call, folder, self._files, environment or {})
            finally:
                os._exit(status)

    def wait(self, kill: tuple[float, int] = (WALL_SECONDS, signal.SIGKILL)) -> Outcome:
        """Waits for the end.

        Args:
          kill: seconds from the start, and the number of the signal that is sent then.
        """
        seconds, number = kill
        pid = code = 0
        while not pid:
            if time.monotonic() - self._start >= seconds:
                os.kill(self._pid, number)
                seconds, number = WALL_SECONDS, signal.SIGKILL
            time.sleep(0.005)
            pid, code = os.waitpid(self._pid, os.WNOHANG)
        out, err = (file.read_text(errors="replace") for file in self._files)
        return Outcome(os.waitstatus_to_exitcode(code), out, err, time.monotonic() - self._start)


def _run(
    call: Callable[[], Any],
    folder: pathlib.Path,
    files: Sequence[pathlib.Path],
    environment: Mapping[str, str],
) -> int:
    """Runs a program as the interpreter would; returns the exit status."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, file in enumerate(files, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)
    os.chdir(folder)
    status: Any = 0
    try:
        call()
    except SystemExit as stop:
        status = stop.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def homes(folder: pathlib.Path) -> dict[str, str]:
    """Returns variables of the environment that keep programs out of the user's own folders."""
    return {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache")}


def program(name: str, arguments: Sequence[str]) -> Callable[[], None]:
    """Returns the call of a program, `train.py` or a module, as from a shell."""

    def call() -> None:
        import jax

        from jaxgan import cli

        # JAX, imported already, has read the environment.
        jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS"))
        jax.config.update("jax_compilation_cache_dir", os.environ.get("JAX_COMPILATION_CACHE_DIR"))
        sys.argv = [name, *arguments]
        cli.run(main_of(name))

    return call


def main_of(name: str) -> Callable[[list[str]], Any]:
    """Returns the `main` of a program."""
    if name.endswith(".py"):
        return runpy.run_path(str(ROOT / name))["main"]
    return importlib.import_module(name).main


def prepare(programs: Iterable[str]) -> None:
    """Imports programs, so that their forks need not.

    Raises:
      RuntimeError: JAX has started its backend.
    """
    for name in (*_HEAVY, *programs):
        main_of(name) if name in programs else importlib.import_module(name)
    from jax._src import xla_bridge  # there is no public way to ask

    if xla_bridge.backends_are_initialized():
        raise RuntimeError("JAX has started its backend; forks of this process may hang")


def share(function: Callable[[Any], Any], items: Sequence[Any], lanes: int) -> Iterator[Any]:
    """Yields `function(item)`, as items finish, running several processes at a time."""
    with multiprocessing.get_context("fork").Pool(lanes) as pool:
        yield from pool.imap_unordered(function, items)
