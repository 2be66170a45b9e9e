"""Finding, decoding, cropping and resizing of images, with Pillow."""

import collections
import functools
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxgan import storage
from jaxgan.data.files import limit_from
from jaxgan.errors import UserError, one_line, printable

if TYPE_CHECKING:
    from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = tuple(_MODES)
MAX_PIXELS = 100_000_000  # of an image, unless $JAXGAN_MAX_PIXELS says another number
_GREY = ("1", "L", "LA", "La", "I")  # modes of Pillow, and all that begin with I;16
_TIFF_BITS, _TIFF_SAMPLE_FORMAT, _TIFF_GREATEST = 258, 339, 281
_SAMPLE_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}
_log = logging.getLogger(__name__)


@functools.cache
def suffixes() -> frozenset[str]:
    """Returns the endings of the formats that Pillow reads, in lower case."""
    from PIL import Image

    return frozenset(
        ending for ending, form in Image.registered_extensions().items() if form in Image.OPEN
    )


def files_in(folder: Path) -> list[Path]:
    """Returns the image files of a folder by name; none where there is no such folder.

    Files with other endings than those of `suffixes` are ignored, and counted in a warning; hidden
    ones are ignored without. What is returned may not be readable, a dangling link for instance.
    """
    if not os.path.isdir(folder):
        return []
    files = [p for p in folder.iterdir() if not p.name.startswith(".") and not p.is_dir()]
    ignored = collections.Counter(
        p.suffix.lower() for p in files if p.suffix.lower() not in suffixes()
    )
    if ignored:
        _warn_of_ignored(folder, tuple(sorted(ignored.items())))
    return sorted(p for p in files if p.suffix.lower() in suffixes())


def files_of(path: Path, where: str) -> list[Path]:
    """Returns one image file, or those of a folder by name.

    Args:
      path: the file or the folder.
      where: what an error begins with.

    Raises:
      UserError: there is none.
    """
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        what = "is not a regular file" if os.path.exists(path) else "does not exist"
        raise UserError(f"{where}: {path} {what}; give an image or a folder of images")
    files = files_in(path)
    if not files:
        raise UserError(
            f"{where}: {path} has no images; give a folder with files of .png, .jpg or another "
            "format that Pillow reads"
        )
    return files


@functools.cache  # a program that looks into a folder twice tells it once
def _warn_of_ignored(folder: Path, ignored: tuple[tuple[str, int], ...]) -> None:
    counts = ", ".join(f"{count} {ending or 'without an ending'}" for ending, count in ignored)
    where = printable(folder)
    _log.warning("ignoring files of %s that are not images: %s", where, printable(counts))


def read(file: Path) -> "Image.Image":
    """Reads an image file; see `open_image`.

    Raises:
      OSError: it cannot be read.
      Exception: one of Pillow's many, for a damaged file; see also `open_image`.
    """
    return open_image(storage.read_bytes(file))


def why(error: Exception) -> str:
    """Returns in one line why an image file could not be read."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # whose text is an address in memory
        return "it is not an image of a known format"
    return (isinstance(error, OSError) and error.strerror) or one_line(error)


def open_image(data: bytes) -> "Image.Image":
    """Decodes the content of an image file, upright by its EXIF orientation.

    Returns:
      An image of 8 bits, in one of Pillow's modes. Of 16 bits the upper 8 are kept.

    Raises:
      ValueError: its levels have no place in 0 to 255, it has several pages or too many pixels.
      Exception: one of Pillow's many, for damaged data.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # in its place the limit below, which can be set
    with Image.open(io.BytesIO(data)) as image:
        limit = limit_from("JAXGAN_MAX_PIXELS", MAX_PIXELS)
        if image.width * image.height > limit:
            raise ValueError(
                f"{image.width}x{image.height} pixels are more than the {limit:,} allowed; set "
                f"JAXGAN_MAX_PIXELS={image.width * image.height} if it is sound"
            )
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format not in ("MPO", "PSD"):  # whose first is the whole picture
            raise ValueError(f"it has {frames} pages or frames; save the one that is meant")
        shift = _shift(image)
        ImageOps.exif_transpose(image, in_place=True)
        return _to_8_bits(image, shift)


def _shift(image: "Image.Image") -> int | None:
    """Returns how many lower bits of an image that is not yet loaded to drop.

    Returns:
      None for images of 8 bits; of 16 bits whose unused ones Pillow does not tell, 8.
    """
    tags = getattr(image, "tag_v2", {})
    kinds = np.atleast_1d(tags.get(_TIFF_SAMPLE_FORMAT, 1))
    kind = next((_SAMPLE_FORMATS[k] for k in kinds.tolist() if k in _SAMPLE_FORMATS), None)
    kind = "floating-point" if image.mode == "F" else kind
    if kind:
        raise ValueError(f"its levels are {kind}, without a known range; save 8 or 16 bits")
    bits = int(np.max(tags.get(_TIFF_BITS, 0)))
    if not bits:
        deep = image.mode.startswith("I") or any("16" in str(tile[3]) for tile in image.tile)
        return 8 if deep else None
    greatest = int(np.max(tags.get(_TIFF_GREATEST, 0)))
    if bits == 16 and greatest > 255:
        bits = greatest.bit_length()
    return bits - 8 if bits > 8 else None


def _to_8_bits(image: "Image.Image", shift: int | None) -> "Image.Image":
    from PIL import Image

    if shift is None:
        return image
    if image.mode.startswith("I"):  # which Pillow would clip at 255
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() >= 1 << (shift + 8):
            raise ValueError(
                f"its levels lie in {levels.min()} to {levels.max()}, beyond 16 bits; save 8 or 16"
            )
        greatest = int(levels.max())
        image = Image.fromarray((levels >> shift).astype(np.uint8))
    elif shift == 8:  # Pillow has dropped the lower bits
        greatest = 256 * max(high for _, high in np.atleast_2d(image.getextrema())) + 255
        greatest *= greatest > 255
    else:
        raise ValueError(f"its colours have {shift + 8} bits in 16; save 8 or 16 bits")
    if shift == 8 and 0 < greatest < 1 << 14:
        raise ValueError(
            f"its levels of 16 bits end at {greatest}, as those of a camera of fewer bits do; "
            "scale them to 0 to 65535"
        )
    return image


def is_grey(image: "Image.Image") -> bool:
    """Returns whether an image has one channel, and maybe transparency."""
    return image.mode in _GREY or image.mode.startswith("I;16")


def convert(image: "Image.Image", channels: int) -> "Image.Image":
    """Returns an image of 8 bits with 1, 3 or 4 channels.

    With 1 or 3, transparency shows a white ground.
    """
    from PIL import Image

    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])


def decode(data: bytes, channels: int, image_size: int | None) -> np.ndarray:
    """Decodes one image file, upright by its EXIF orientation.

    Args:
      data: the content of the file.
      channels: 1, 3 or 4.
      image_size: side of the square to crop and resize to; None leaves the image as it is.

    Returns:
      uint8 [height, width, channels].
    """
    return _finish(convert(open_image(data), channels), image_size)


def halves(image: "Image.Image") -> tuple["Image.Image", "Image.Image"]:
    """Parts a picture of A beside B.

    Raises:
      ValueError: it is not a picture of two images of one size.
    """
    width, height = image.size
    half = width // 2
    if width % 2 or 5 * half < 3 * height:
        raise ValueError(
            f"{width}x{height} pixels are not two images of one size beside each other: "
            + ("the width is odd" if width % 2 else f"halves of {half}x{height} are too narrow")
        )
    first, second = (image.crop((x, 0, x + half, height)) for x in (0, half))
    return first, second


def decode_pair(
    files: Sequence[bytes], image_size: int | None, channels: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Decodes a pair of images: two files, or the halves of one.

    Args:
      files: the contents of the files of A and B, or of the picture of A beside B.
      image_size: side of the squares to crop and resize to; None leaves B as it is.
      channels: of both, 1 or 3.

    Returns:
      A and B, uint8 [height, width, channels], A resized to the size of B where it differs.
    """
    from PIL import Image

    opened = [convert(open_image(data), channels) for data in files]
    a, b = opened if len(opened) == 2 else halves(opened[0])
    if a.size != b.size:
        a = a.resize(b.size, Image.Resampling.BICUBIC)
    return _finish(a, image_size), _finish(b, image_size)


def resize(array: np.ndarray, image_size: int | None) -> np.ndarray:
    """Crops and resizes one image, uint8 [height, width, channels], as `decode` does."""
    if image_size is None:
        return array
    from PIL import Image

    if array.shape[-1] not in CHANNELS:  # for Pillow, channel by channel
        return np.concatenate(
            [resize(array[..., i : i + 1], image_size) for i in range(array.shape[-1])], -1
        )
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    return _finish(image, image_size)


def _finish(image: "Image.Image", image_size: int | None) -> np.ndarray:
    """Takes the central square, resizes it with antialiasing, returns uint8 [H, W, C]."""
    if image_size is not None:
        from PIL import Image

        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    array = np.array(image)
    return array if array.ndim == 3 else array[..., None]
