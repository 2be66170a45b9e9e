"""Features of images: of the project's networks, or from a file."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxgan import storage
from jaxgan.data import cache
from jaxgan.data import files as data_files
from jaxgan.data import images as image_files
from jaxgan.errors import UserError
from jaxgan.metrics import networks

_SIDES = {"classifier": 28, "inception": 299}


def is_file(name: str) -> bool:
    """Returns whether features come from a file, and not from a network of `networks.NAMES`."""
    return name.endswith(".npz")


def check(name: str, where: str) -> None:
    """Raises `UserError`, which begins with `where`, where `name` is neither network nor file."""
    if name not in networks.NAMES and not is_file(name):
        known = ", ".join(networks.NAMES)
        raise UserError(f"{where} is unknown; give one of {known}, or a .npz with `feature`")


def read(path: str | os.PathLike, where: str) -> tuple[np.ndarray, list[str] | None]:
    """Reads a file of features.

    Args:
      path: a `.npz` with `feature` float [n, size] and, if wanted, `name` str [n].
      where: what an error begins with.

    Returns:
      float32 [n, size], and the names of the images, without folder and ending, or None.

    Raises:
      UserError: the file is not like that.
    """

    def fail(problem: str) -> UserError:
        return UserError(
            f"{where} {problem}; give a .npz with `feature` float [n, size] and, if wanted, `name` "
            "[n]"
        )

    arrays = data_files.read_arrays(pathlib.Path(path).expanduser(), ("feature", "name"), fail)
    feature, name = arrays["feature"], arrays.get("name")
    if feature.ndim != 2 or feature.dtype.kind != "f" or not feature.size:
        raise UserError(
            f"{where} has `feature` {feature.dtype} of shape {feature.shape}; give float [n, size]"
        )
    if not np.isfinite(feature).all():
        raise UserError(f"{where} has features that are not finite; look at what they come from")
    if name is None:
        return feature.astype(np.float32), None
    if name.shape != feature.shape[:1] or name.dtype.kind != "U":
        raise UserError(
            f"{where} has `name` {name.dtype} of shape {name.shape} for {len(feature)} features; "
            "give a string for each"
        )
    return feature.astype(np.float32), [pathlib.PurePath(x).stem for x in name.tolist()]


def of_names(path: str, names: Sequence[str], where: str) -> np.ndarray:
    """Returns the features, float32 [n, size], of the images `names` from a file; see `read`.

    Raises:
      UserError: the file is not as it should be, or an image is missing in it.
    """
    feature, known = read(path, where)
    if known is None:
        raise UserError(f"{where} has no `name`; add the names of the images, such as im1")
    rows = {name: i for i, name in enumerate(known)}
    missing = [name for name in names if name not in rows]
    if missing:
        raise UserError(
            f"{where} has no features of {len(missing)} of the {len(names)} images, {missing[0]!r} "
            "for one; add them"
        )
    return feature[[rows[name] for name in names]]


def decode(file: pathlib.Path, network: str, where: str) -> np.ndarray:
    """Returns the central square of an image as a network takes it, uint8 [side, side, channels].

    Raises:
      UserError: it begins with `where`; the file is no image.
    """
    try:
        channels = 1 if network == "classifier" else 3
        return image_files.decode(storage.read_bytes(file), channels, _SIDES[network])
    except Exception as error:  # Pillow has many kinds
        raise UserError(
            f"{where}: {file} cannot be read as an image ({image_files.why(error)}); take it out"
        ) from error


def _network(name: str, where: str) -> networks.Network:
    """Returns a network; raises `UserError`, which begins with `where`, where it has no weights."""
    try:
        return networks.load(name)
    except UserError as error:  # it names flags of `jaxgan.evaluate`
        text = str(error).removeprefix("--features: ").replace("--inception or ", "")
        raise UserError(f"{where}: {text}") from error


def of_images(
    name: str,
    images: np.ndarray | Sequence[pathlib.Path],
    where: str,
    tick: Callable[[int], Any] = lambda count: None,
) -> np.ndarray:
    """Returns a network's features of images.

    Args:
      name: of `networks.NAMES`.
      images: uint8 [n, height, width, channels] that the network takes, or image files of any
        size, of which it is given the central square.
      where: what an error begins with.
      tick: called with the number of images of each batch, when it is done.

    Returns:
      float32 [n, size].
    """
    network = _network(name, where)
    if isinstance(images, np.ndarray):
        networks.check_shape(network, images.shape[1:], where)
        return networks.outputs(network, images, tick).features
    parts = []
    for start in range(0, len(images), network.batch):
        some = [decode(file, name, where) for file in images[start : start + network.batch]]
        parts.append(networks.outputs(network, np.stack(some), tick).features)
    return np.concatenate(parts)


def kept(
    root: pathlib.Path, title: str, name: str, images: np.ndarray | Sequence[pathlib.Path]
) -> np.ndarray:
    """Returns `of_images` of a dataset, from the folder of caches where it is there."""
    if isinstance(images, np.ndarray):
        source: Any = cache.digest(images)
    else:
        stats = [(file, file.stat()) for file in images]
        source = [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats]
    where = f"dataset.tags.features={name!r}"
    key = ["features", name, _network(name, where).checksum, source]
    (found,) = cache.arrays(root, title, key, lambda: [of_images(name, images, where)])
    return found
