"""Arrays on disk, so that the next start reads them and computes nothing.

A cached dataset is a folder with `images.npy`, `labels.npy` (if there are
labels) and `meta.json`, which is written last and holds the key that says what
was decoded, and checksums of the arrays. Features of datasets are kept alike.
"""

import hashlib
import json
import logging
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import storage

_FORMAT = 2
_log = logging.getLogger(__name__)


def folder(root: Path, title: str, key: dict[str, Any]) -> Path:
    """Returns the folder of one dataset: a readable title and a hash of what identifies it."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    readable = "".join(c if c.isalnum() or c in "-_." else "_" for c in title)
    return root / f"{readable[:80]}-{digest}"


def read(
    path: Path, source: Any, memory_limit: int
) -> tuple[np.ndarray, np.ndarray | None, int | None] | None:
    """Reads a cached dataset.

    Args:
        path: its folder.
        source: what the cache must have been made from, as given to `write`.
        memory_limit: largest size of the images in bytes.

    Returns:
        (images, labels or None, num_classes or None), or None if nothing usable is there.
    """
    found = _read(path, source, memory_limit)
    if found is None or "images" not in found[0]:
        return None
    arrays, about = found
    return arrays["images"], arrays.get("labels"), about["num_classes"]


def _read(
    path: Path, source: Any, memory_limit: float
) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Returns arrays by name and what else was noted, or None if nothing usable is there."""
    try:
        meta = json.loads((path / "meta.json").read_text())
        if (meta["format"], meta["source"]) != (_FORMAT, source) or meta["bytes"] > memory_limit:
            return None
        arrays = {}
        for name, crc in meta["crc"].items():
            arrays[name] = np.load(path / f"{name}.npy", allow_pickle=False)
            if zlib.crc32(arrays[name].data) != crc:
                return None
        return arrays, meta["about"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None


def write(
    path: Path,
    source: Any,
    images: np.ndarray,
    labels: np.ndarray | None,
    num_classes: int | None,
) -> None:
    """Writes a dataset for `read`; a folder that cannot be written to is only warned of.

    Args:
        path: the dataset's folder.
        source: anything that goes into JSON and changes when the dataset's source changes.
        images: uint8 [N, H, W, C].
        labels: int32 [N], or None.
        num_classes: number of classes, or None.
    """
    arrays = {"images": images} if labels is None else {"images": images, "labels": labels}
    _write(path, source, arrays, images.nbytes, {"num_classes": num_classes})


def _write(
    path: Path, source: Any, arrays: dict[str, np.ndarray], size: int, about: dict[str, Any]
) -> None:
    meta = {
        "format": _FORMAT,
        "source": source,
        "bytes": size,
        "about": about,
        "crc": {name: zlib.crc32(array.data) for name, array in arrays.items()},
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            with storage.replacing(path / f"{name}.npy") as file:
                np.save(file, array)
        storage.write_atomically(path / "meta.json", json.dumps(meta, indent=1) + "\n")
    except OSError as error:
        _log.warning("nothing kept in %s (%s)", path, error.strerror or error)


def digest(array: np.ndarray) -> str:
    """Returns a hash of an array's bytes, shape and type."""
    array = np.ascontiguousarray(array)
    return hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.data).hexdigest()


def arrays(
    root: Path | None, title: str, key: Any, make: Callable[[], Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Returns `make()`, from disk where it is there.

    Args:
        root: folder of all caches; None keeps nothing.
        title: readable part of the folder's name.
        key: anything that goes into JSON and says what the arrays were made from.
        make: makes the arrays.
    """
    if root is None:
        return list(make())
    path = folder(root, title, {"key": key})
    found = _read(path, key, math.inf)
    if found is None:
        made = {str(i): array for i, array in enumerate(make())}
        _write(path, key, made, sum(array.nbytes for array in made.values()), {})
        return list(made.values())
    return list(found[0].values())
