"""Exceptions that programs tell in one line, without a traceback, and advice for them."""

import difflib
from collections.abc import Sequence


class UserError(ValueError):
    """A mistake in what the user gave: the argument, its value and the remedy. Exit status 2."""


class RunError(RuntimeError):
    """A run that cannot go on through no mistake in its arguments. Exit status 1."""


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Returns the known name that a wrong one may have been meant to be; None where none is near.

    A dotted name is also near to one that ends alike: `gan.learning_rate` is to
    `optimizer.gen.learning_rate`.
    """
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.65)
    return next(iter([*near, *(x for x in known if x.split(".")[-1] == word.split(".")[-1])]), None)
