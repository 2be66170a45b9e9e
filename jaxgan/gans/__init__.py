"""The variants, one module each, found by name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.base import GAN
from jaxgan.errors import UserError
from jaxgan.optimizers import plain_defaults


def names() -> list[str]:
    """Returns the names of the variants."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _maker(name: str) -> Callable[..., GAN]:
    return importlib.import_module(f"{__name__}.{name}").make


def defaults(name: str) -> dict[str, Any]:
    """Returns the options of a variant, with the values they have where none is given."""
    return plain_defaults(_maker(name)) if name in names() else {}


def make(options: Mapping[str, Any], *, image_shape: tuple[int, int, int], num_classes: int) -> GAN:
    """Returns the variant `options["name"]` made with the other options.

    Args:
      options: `name`, a module of this package, and keyword arguments of its `make`.
      image_shape: (height, width, channels) of the data.
      num_classes: of the data; 0 where it has no labels.

    Raises:
      UserError: the name is unknown, or an option is not one of this variant or out of range.
    """
    arguments = dict(options)
    name = arguments.pop("name")
    if name not in names():
        raise UserError(f"--config.gan.name: unknown {name!r}; known: {', '.join(names())}")
    maker = _maker(name)
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
