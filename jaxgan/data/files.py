"""Reading of files that may be anything: regular ones only, arrays up to a size that is stated."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.errors import UserError

_LEAST_BYTES, _GREATEST_RATIO = 1 << 30, 20


def limit_from(variable: str, default: int) -> int:
    """Returns the limit that an environment variable sets.

    Raises:
      UserError: its value is not a positive integer.
    """
    text = os.environ.get(variable, "")
    if text and not (text.isdecimal() and int(text)):
        raise UserError(f"{variable}={text!r}: give an integer of 1 or more, or unset it")
    return int(text or default)


def check_unpacked(packed: int, unpacked: int, fail: Callable[[str], UserError]) -> None:
    """Raises `fail(problem)` where a compressed file unpacks to more bytes than allowed.

    Allowed is what `$JAXGAN_MAX_BYTES` says, or else 1 GiB or 20 times the file, the larger.
    """
    limit = limit_from("JAXGAN_MAX_BYTES", max(_LEAST_BYTES, _GREATEST_RATIO * packed))
    if unpacked > limit:
        raise fail(
            f"unpacks to {unpacked:,} bytes, more than the {limit:,} allowed; if it is sound, set "
            f"JAXGAN_MAX_BYTES={unpacked}"
        )


def read_arrays(
    path: Path, names: tuple[str, ...] | None, fail: Callable[[str], UserError]
) -> dict[str, np.ndarray]:
    """Reads arrays of a `.npz` file.

    Args:
      path: the file.
      names: of the arrays to read where the file has them, the first of which it must have; None:
        all.
      fail: makes the error from what is wrong, such as "is damaged".

    Returns:
      The arrays by name, none of which has Python objects.

    Raises:
      UserError: the file is not like that, or too large; see `check_unpacked`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise fail("is not a regular file")
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            chosen = {n: x for n, x in members.items() if names is None or n in names}
            unpacked = sum(info.file_size for info in chosen.values())
            check_unpacked(path.stat().st_size, unpacked, fail)
            if names and names[0] not in chosen:
                known = ", ".join(members) or "nothing"
                raise fail(f"has no array `{names[0]}` (it has: {known})")
            return {name: _read_array(archive, info, fail) for name, info in chosen.items()}
    except UserError:
        raise
    except OSError as error:
        raise fail(f"cannot be read ({error.strerror or 'it is damaged'})") from error
    except Exception as error:  # of zipfile, zlib and NumPy, for whatever the bytes may be
        with path.open("rb") as file:
            if file.read(6) == np.lib.format.MAGIC_PREFIX:
                raise fail("is a single array, not a .npz file") from error
        raise fail("is damaged or not a .npz file") from error


def describe_levels(images: np.ndarray) -> str:
    """Returns what is wrong with images that are not uint8, and the remedy."""
    if images.dtype.kind not in "biuf" or not images.size:
        return f"{images.dtype} is not uint8; give levels from 0 to 255"
    low, high = images.min(), images.max()
    text = f"{images.dtype} from {low:g} to {high:g} is not uint8 from 0 to 255"
    if images.dtype.kind in "iu" and low >= 0 and high <= 255:
        return f"{text}; change the type alone, by astype(np.uint8)"
    return f"{text}; scale and round it"


def _read_array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, fail: Callable[[str], UserError]
) -> np.ndarray:
    """Reads one array, whose header is checked before anything of its size is made."""
    formats = np.lib.format
    with archive.open(info) as member:
        version = formats.read_magic(member)
        read_header = {(1, 0): formats.read_array_header_1_0}.get(
            version, formats.read_array_header_2_0
        )
        shape, _, dtype = read_header(member)
        start = member.tell()
    if dtype.hasobject:
        name = info.filename.removesuffix(".npy")
        raise fail(
            f"has `{name}` of Python objects, as np.savez makes of a list of arrays of several "
            "shapes"
        )
    size = dtype.itemsize
    for length in shape:
        size *= length
    if min(shape, default=0) < 0 or start + size != info.file_size:
        raise ValueError("the header does not fit the data")
    with archive.open(info) as member:
        array = formats.read_array(member, allow_pickle=False)
        if member.read(1):  # at the end, where the checksum is compared
            raise ValueError("data behind the array")
        return array
