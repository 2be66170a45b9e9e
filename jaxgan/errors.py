"""Errors that programs report as one line, and helpers for their messages."""

import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence


def printable(text: object) -> str:
    r"""Returns text as a terminal can show it on one line.

    Names of files may have line breaks, escape sequences, or bytes that are not UTF-8: such
    characters become escapes of Python's, `\x1b` for instance.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in str(text)
    )


def one_line(error: BaseException) -> str:
    """Returns the first line of an error's message, cut to a readable length."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


class UserError(ValueError):
    """A mistake in what the user gave: the argument, its value and the remedy. Exit status 2."""

    def __str__(self) -> str:
        return printable(super().__str__())


class RunError(RuntimeError):
    """A run that cannot go on through no mistake in its arguments. Exit status 1."""

    def __str__(self) -> str:
        return printable(super().__str__())


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
