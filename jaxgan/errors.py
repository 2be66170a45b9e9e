"""Exceptions that programs tell in one line, without a traceback."""


class UserError(ValueError):
    """A mistake in what the user gave: the argument, its value and the remedy. Exit status 2."""


class RunError(RuntimeError):
    """A run that cannot go on through no mistake in its arguments. Exit status 1."""
