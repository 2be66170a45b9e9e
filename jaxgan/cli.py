"""What every program shares: arguments and their ranges, one-line errors, exit statuses, caches."""

import argparse
import contextlib
import ctypes
import logging
import os
import pathlib
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TextIO

from jaxgan.errors import RunError, UserError, nearest, printable

OVERRIDE = "--config."


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one line, as all others are.

    It takes no abbreviations and no empty values, which are those of shell variables that are not
    set, and names the nearest known argument in place of an unknown one.
    """

    def __init__(
        self, prog: str, description: str, *, overrides: bool = False, **options: Any
    ) -> None:
        """Makes a parser.

        Args:
          prog: how the program is started.
          description: what it does.
          overrides: whether the program takes `--config.KEY=VALUE`: `parse_known_args` leaves them,
            and what is unknown, to `check_overrides`.
          **options: of `argparse.ArgumentParser`.
        """
        super().__init__(prog=prog, description=description, allow_abbrev=False, **options)
        self._overrides = overrides

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses; returns the values and, with `overrides`, other arguments.

        Raises:
          UserError: an argument is unknown, empty, missing or out of its range.
        """
        words = sys.argv[1:] if args is None else list(args)
        closed = not self._overrides and self._subparsers is None
        for before, word in zip(["", *words], words, strict=False):
            name, equals, value = word.partition("=")
            if not word or (
                equals and value in ("", "--") and name in self._option_string_actions
            ):  # argparse drops `--`
                given = name or (before if before in self._option_string_actions else "''")
                wrong = "'--' is not a value" if value else "its value is empty"
                raise UserError(f"{given}: {wrong}; give one, or leave the argument out")
            if closed and self._is_flag(word) and name not in self._option_string_actions:
                self._refuse(word)
        namespace, rest = super().parse_known_args(words, namespace)
        if rest and not self._overrides:
            self._refuse(rest[0])
        return namespace, rest

    def check_overrides(self, rest: Sequence[str]) -> Sequence[str]:
        """Returns the arguments that `parse_known_args` left, all of them `--config.KEY=VALUE`.

        Raises:
          UserError: one is something else.
        """
        for word, following in zip(rest, [*rest[1:], ""], strict=False):
            if not word.startswith(OVERRIDE):
                self._refuse(word)
            if "=" not in word:
                value = "VALUE" if self._is_flag(following) else following or "VALUE"
                raise UserError(f"{word}: no value; write {word}={shlex.quote(value)}")
        return rest

    @staticmethod
    def _is_flag(word: str) -> bool:
        return re.match("--?[A-Za-z]", word) is not None

    def _refuse(self, word: str) -> NoReturn:
        """Raises the `UserError` of an unknown argument."""
        name, equals, value = word.partition("=")
        known = [option for option in self._option_string_actions if option.startswith("--")]
        meant = nearest(name, known)
        if self._overrides and not meant:
            from jaxgan import config

            key = nearest(name.removeprefix("--"), list(config.flatten(config.base())))
            meant = key and OVERRIDE + key
        advice = f"see {self.prog} --help"
        if meant:
            advice = f"did you mean {meant + equals + value!r}?"
        elif self._overrides:
            advice = f"keys of the configuration are set by {OVERRIDE}KEY=VALUE"
        raise UserError(f"{word}: unknown argument; {advice}")

    def error(self, message: str) -> NoReturn:
        """Raises `UserError`."""
        remedy = "" if ";" in message else f"; see {self.prog} --help"
        raise UserError(f"{message.removeprefix('argument ')}{remedy}")


def integer(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """Returns the type of an argument: an integer from `least` to `most`."""
    remedy = f"give {least} or more" if most >= 2**31 - 1 else f"give {least} to {most}"
    return lambda text: _in_range(text, int, least, most, "an integer", remedy)


def number(least: float, most: float) -> Callable[[str], float]:
    """Returns the type of an argument: a number from `least` to `most`."""
    remedy = f"give {least:g} to {most:g}"
    return lambda text: _in_range(text, float, least, most, "a number", remedy)


def _in_range(
    text: str, kind: Callable[[str], Any], least: Any, most: Any, what: str, remedy: str
) -> Any:
    try:
        value = kind(text)
        if value != value:
            raise ValueError
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}; {remedy}") from error
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is too small; {remedy}")
    if value > most:
        shown = f"{most:g}" if isinstance(most, float) else most
        raise argparse.ArgumentTypeError(f"{text} is too large; give {shown} or less")
    return value


SEED = integer(0, 2**63 - 1)


class Printable:
    """A text stream that shows control characters in names of files as `printable` does."""

    def __init__(self, stream: TextIO) -> None:
        """Wraps a stream."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes text; line breaks and tabs stay."""
        return self._stream.write(re.sub(r"[^\n\r\t]+", lambda part: printable(part[0]), text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run(main: Callable[[list[str]], int | None]) -> None:
    """Runs `main(arguments)` and exits: 0, 2 for a user's mistake, 1 for a run that failed."""
    logs = Printable(sys.stderr)  # of which progress bars need control characters
    logging.basicConfig(
        format="%(levelname)s: %(message)s", level=logging.WARNING, stream=logs, force=True
    )
    sys.stdout = Printable(sys.stdout)
    logging.getLogger("jaxgan").setLevel(logging.INFO)
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax logs what it also raises
    sys.unraisablehook = _ignore_tensorstore
    keep_freed_memory()
    try:
        sys.exit(main(sys.argv[1:]) or 0)
    except (UserError, RunError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        status = 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr, flush=True)
        status = 130
    except MemoryError:
        print("error: not enough memory; ask for less, such as fewer samples", file=sys.stderr)
        status = 1
    except BrokenPipeError:  # the reader of our output, `head` for one, has enough
        status = 141
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)  # no waiting for threads of a checkpoint that failed, and no noise from them


def _ignore_tensorstore(unraisable: Any) -> None:
    """Reports an exception in a thread, but not those of reads that a failed one left behind."""
    text = str(unraisable.exc_value)
    if "Event loop is closed" not in text and "TensorStore" not in text:
        sys.__unraisablehook__(unraisable)


def start_jax() -> None:
    """Prepares JAX to compute, once the arguments are known to be sound.

    Compiled programs are kept in `$JAX_COMPILATION_CACHE_DIR` or `~/.cache/jaxgan`.

    Raises:
      RunError: this version of JAX computes wrong values on CPU.
    """
    import jax

    from jaxgan import parallel

    if not jax.config.jax_compilation_cache_dir:
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(cache / "jaxgan"))
    parallel.check_backend()


def keep_freed_memory() -> None:
    """Makes the C library keep freed blocks of up to 256 MB instead of returning them.

    A step on CPU takes its temporary memory anew each time; pages that the system has to map again
    cost small convolutional models an eighth of their time. It does nothing where the C library is
    not glibc.
    """
    mallopt = getattr(ctypes.CDLL(None) if sys.platform == "linux" else None, "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # malloc.h
        if mallopt(mmap_threshold, 2**28):  # old versions refuse so much
            mallopt(trim_threshold, 2**29)
