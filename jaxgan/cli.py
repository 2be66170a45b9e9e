"""What every program shares: one-line errors, exit statuses, caches."""

import argparse
import contextlib
import ctypes
import logging
import os
import pathlib
import sys
from collections.abc import Callable
from typing import NoReturn

from jaxgan.errors import RunError, UserError


class Parser(argparse.ArgumentParser):
    """Argument parser whose errors are one line, as all others are."""

    def __init__(self, prog: str, description: str, **options: str) -> None:
        """Makes a parser that takes no abbreviations."""
        super().__init__(prog=prog, description=description, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raises `UserError`."""
        raise UserError(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def check_seed(seed: int) -> None:
    """Raises `UserError` where `--seed` is not one that JAX takes."""
    if not 0 <= seed < 2**63:
        raise UserError(f"--seed: {seed} is out of range; give 0 or more, below 2**63")


def run(main: Callable[[list[str]], int | None]) -> None:
    """Runs `main(arguments)` and exits: 0, 2 for a user's mistake, 1 for a run that failed."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    logging.getLogger("jaxgan").setLevel(logging.INFO)
    logging.getLogger("absl").setLevel(logging.CRITICAL)  # Orbax logs what it also raises
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
        print("error: not enough memory; ask for less, a smaller --num", file=sys.stderr)
        status = 1
    except BrokenPipeError:  # the reader of our output, `head` for one, has enough
        status = 141
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(status)  # no waiting for threads of a checkpoint that failed, and no noise from them


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
