"""Exceptions that programs tell in one line, without a traceback, and advice for them."""

import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence


class UserError(ValueError):
    """A mistake in what the user gave: the argument, its value and the remedy. Exit status 2."""


class RunError(RuntimeError):
    """A run that cannot go on through no mistake in its arguments. Exit status 1."""


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Returns the known name that a wrong one was probably meant to be; None where none is near.

    Of dotted names, those whose last parts are alike are near too.
    """
    leaves = {name.split(".")[-1]: name for name in reversed(known)}
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.65)
    leaf = difflib.get_close_matches(word.split(".")[-1], leaves, n=1, cutoff=0.65)
    return next(iter([*near, *(leaves[name] for name in leaf)]), None)


@contextlib.contextmanager
def named(names: Mapping[str, str], where: str = "") -> Iterator[None]:
    """Names a program's arguments in the errors of a library's function, in place of its own.

    Args:
      names: the program's argument for each of the function's, such as
        `{"dataset.split": "--test-split"}`.
      where: begins errors that name no argument first.

    Raises:
      UserError: one was raised inside.
    """
    try:
        yield
    except UserError as error:
        text = str(error)
        for name, argument in names.items():
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?!\w)", lambda _, a=argument: a, text)
        raise UserError(text if text.startswith("--") else f"{where}: {text}") from error
