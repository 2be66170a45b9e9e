"""Processes that hold one framework each and work in turns."""

import contextlib
import importlib
import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.models import Settings
from jaxgan.errors import RunError


class Worker:
    """A process with the `Side` of one framework; it is idle but during `call`."""

    def __init__(self, framework: str, settings: Settings) -> None:
        """Starts the process, and waits until its networks are made.

        Args:
          framework: `jaxgan` or `torch`.
          settings: what the side is made from.

        Raises:
          RunError: the process ended; it has printed why.
        """
        context = multiprocessing.get_context("spawn")
        self._name = f"{settings.model} in {framework}"
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, framework, settings), daemon=True
        )
        self._process.start()
        theirs.close()
        self.facts: dict[str, Any] = self.call("describe")

    def call(self, method: str, *args: Any) -> Any:
        """Returns what the method of the process's `Side` returns.

        Raises:
          RunError: the process ended; it has printed why.
        """
        try:
            self._pipe.send((method, *args))
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise RunError(f"{self._name}: the process ended before its work was done") from error

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type | None, *error: object) -> None:
        if kind is not None:
            self._process.kill()
        self._pipe.close()
        self._process.join()


def _serve(pipe: Connection, framework: str, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops, and closes the pipe
    side = importlib.import_module(f"benchmarks.{framework}_side").Side(settings)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            method, *args = pipe.recv()
            pipe.send(getattr(side, method)(*args))
