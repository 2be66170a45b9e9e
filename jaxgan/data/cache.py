"""Decoded datasets on disk, so that the next start reads arrays and nothing else.

A cached dataset is a folder with `images.npy`, `labels.npy` (if there are
labels) and `meta.json`, which is written last and holds the key that says what
was decoded, and checksums of the arrays.
"""

import hashlib
import json
import logging
import os
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

_FORMAT = 1
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
    try:
        meta = json.loads((path / "meta.json").read_text())
        if (meta["format"], meta["source"]) != (_FORMAT, source) or meta["bytes"] > memory_limit:
            return None
        arrays = {}
        for name, crc in meta["crc"].items():
            arrays[name] = np.load(path / f"{name}.npy", allow_pickle=False)
            if zlib.crc32(arrays[name].data) != crc:
                return None
        return arrays["images"], arrays.get("labels"), meta["num_classes"]
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
    meta = {
        "format": _FORMAT,
        "source": source,
        "bytes": images.nbytes,
        "num_classes": num_classes,
        "crc": {name: zlib.crc32(array.data) for name, array in arrays.items()},
    }
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name, array in arrays.items():
            _replace(path / f"{name}.npy", lambda file, array=array: np.save(file, array))
        text = json.dumps(meta, indent=1) + "\n"
        _replace(path / "meta.json", lambda file: file.write(text.encode()))
    except OSError as error:
        _log.warning("no cache of decoded images in %s (%s)", path, error.strerror or error)


def _replace(path: Path, save: Callable[[IO[bytes]], Any]) -> None:
    """Writes a file under another name, then puts it in place."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            save(file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
