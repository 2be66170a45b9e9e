"""Arrays on disk, so that the next start reads them and computes nothing.

A cached dataset is a folder with a `.npy` file for each array, `image`, `label` and so on, and
`meta.json`, which is written last and holds the key that says what was decoded, the checksums of
the whole files, and its own checksum. Features of datasets are kept alike.
"""

import functools
import hashlib
import io
import json
import logging
import math
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import storage

_FORMAT = 4
_log = logging.getLogger(__name__)


def folder(root: Path, title: str, key: dict[str, Any]) -> Path:
    """Returns the folder of one dataset: a readable title and a hash of what identifies it."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    readable = "".join(c if c.isalnum() or c in "-_." else "_" for c in title)
    return root / f"{readable[:80]}-{digest}"


def read(
    path: Path, source: Any, memory_limit: float
) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Reads cached arrays.

    Args:
        path: their folder.
        source: what the cache must have been made from, as given to `write`.
        memory_limit: largest size of the arrays in bytes.

    Returns:
        The arrays by name and what `write` was told about them, or None if nothing usable is there.
    """
    try:
        meta = json.loads((path / "meta.json").read_bytes())
        if meta.pop("crc") != _crc(meta) or (meta["format"], meta["source"]) != (_FORMAT, source):
            return None
        if meta["bytes"] > memory_limit:
            return None
        files = meta["files"].items()
        return {name: _read_array(path / f"{name}.npy", crc) for name, crc in files}, meta["about"]
    except Exception:  # for whatever became of the files: they are made again
        return None


def _crc(meta: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(meta, sort_keys=True).encode())


def _read_array(file: Path, crc: int) -> np.ndarray:
    """Returns the array in a file, without a second copy; `ValueError` where the file changed."""
    content = np.fromfile(file, np.uint8)
    if zlib.crc32(content.data) != crc:
        raise ValueError("the checksum does not match")
    start = io.BytesIO(content[:4096].tobytes())
    np.lib.format.read_magic(start)
    shape, _, dtype = np.lib.format.read_array_header_1_0(start)
    return content[start.tell() :].view(dtype).reshape(shape)


def _npy(array: np.ndarray) -> tuple[bytes, memoryview]:
    """Returns the two parts of an array's `.npy` file."""
    array, head = np.ascontiguousarray(array), io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(head, header)
    return head.getvalue(), array.reshape(-1).view(np.uint8).data


def write(path: Path, source: Any, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Writes arrays for `read`; a folder that cannot be written to is only warned of.

    Args:
        path: their folder.
        source: anything that goes into JSON and changes when the arrays' source changes.
        arrays: by name.
        about: anything else that goes into JSON.
    """
    meta = {"format": _FORMAT, "source": source, "about": about, "files": {}}
    meta["bytes"] = sum(array.nbytes for array in arrays.values())
    try:
        path.mkdir(parents=True, exist_ok=True)
        storage.delete_parts(path)
        for name, array in arrays.items():
            content = _npy(array)
            with storage.replacing(path / f"{name}.npy") as file:
                file.writelines(content)
            meta["files"][name] = functools.reduce(lambda crc, x: zlib.crc32(x, crc), content, 0)
        meta["crc"] = _crc(meta)
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
    found = read(path, key, math.inf)
    if found is None:
        made = {str(i): array for i, array in enumerate(make())}
        write(path, key, made, {})
        return list(made.values())
    return list(found[0].values())
