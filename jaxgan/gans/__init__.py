"""The variants, one module each, found by name; other modules may define variants too."""

import contextlib
import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jaxgan.base import GAN
from jaxgan.errors import UserError, one_line
from jaxgan.optimizers import plain_defaults


def names() -> list[str]:
    """Returns the names of the variants of this package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


@contextlib.contextmanager
def _working_folder_first() -> Iterator[None]:
    """Finds modules in the working folder first, as `python -m` does."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _maker(name: str) -> Callable[..., GAN] | None:
    """Returns the function `make` of a variant; None where there is no such module.

    Raises:
      UserError: the module raises an error.
    """
    if name in names():
        return importlib.import_module(f"{__name__}.{name}").make
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        with _working_folder_first():
            return getattr(importlib.import_module(name), "make", None)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            return None
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise UserError(
            f"--config.gan.name: {name!r} cannot be imported: {reason}; correct the file"
        ) from error


def defaults(name: str) -> dict[str, Any]:
    """Returns the options of a variant, with the values they have where none is given."""
    maker = _maker(name)
    return plain_defaults(maker) if maker else {}


def make(options: Mapping[str, Any], *, image_shape: tuple[int, int, int], num_classes: int) -> GAN:
    """Returns the variant `options["name"]` made with the other options.

    Args:
      options: `name`, a module of this package or another one that can be imported, such as
        `my_gan` for `my_gan.py` in the working folder, and keyword arguments of its `make`.
      image_shape: (height, width, channels) of the data.
      num_classes: of the data; 0 where it has no labels.

    Raises:
      UserError: the name is unknown, or an option is not one of this variant or out of range.
    """
    arguments = dict(options)
    name = arguments.pop("name")
    maker = _maker(name)
    if maker is None:
        raise UserError(
            f"--config.gan.name: unknown {name!r}; known: {', '.join(names())}, and modules of "
            "your own that define make()"
        )
    fixed = ("image_shape", "num_classes")
    known = [key for key in inspect.signature(maker).parameters if key not in fixed]
    for key in arguments:
        if key not in known:
            raise UserError(
                f"--config.gan.{key}: {name} has no such option; known: {', '.join(known)}"
            )
    try:
        return maker(image_shape=image_shape, num_classes=num_classes, **arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"--config.gan.{error}") from error
