"""Exceptions that programs tell in one line, without a traceback, and advice for them."""

import difflib
from collections.abc import Sequence


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
