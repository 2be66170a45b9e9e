"""Finding, decoding, cropping and resizing of images, with Pillow."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = tuple(_MODES)
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def files_in(folder: Path) -> list[Path]:
    """Returns the image files of a folder by name; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
    )


def decode(data: bytes, channels: int, image_size: int | None) -> np.ndarray:
    """Decodes one PNG or JPEG file, upright by its EXIF orientation.

    Args:
        data: the content of the file.
        channels: 1, 3 or 4.
        image_size: side of the square to crop and resize to; None leaves the image as it is.

    Returns:
        uint8 [height, width, channels].
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return _finish(convert(image, channels), image_size)


def convert(image: "Image.Image", channels: int) -> "Image.Image":
    """Returns an image with 1, 3 or 4 channels of 8 bits; of 16 bits the upper ones are taken."""
    from PIL import Image

    if image.mode.startswith("I"):  # which Pillow would clip at 255
        levels = np.asarray(image).astype(np.int64) >> 8
        image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])


def decode_pair(files: Sequence[bytes], image_size: int | None) -> np.ndarray:
    """Decodes a pair of RGB images: two files, or the halves of one.

    Args:
        files: the contents of the files of A and B, or of the picture of A beside B.
        image_size: side of the squares to crop and resize to; None leaves B as it is.

    Returns:
        uint8 [height, width, 6], first A, resized to the size of B where it differs.
    """
    from PIL import Image, ImageOps

    opened = []
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            ImageOps.exif_transpose(image, in_place=True)
            opened.append(convert(image, 3))
    if len(opened) == 1:
        (whole,) = opened
        half = whole.width // 2
        opened = [whole.crop((x, 0, x + half, whole.height)) for x in (0, half)]
    a, b = opened
    if a.size != b.size:
        a = a.resize(b.size, Image.Resampling.BICUBIC)
    return np.concatenate([_finish(a, image_size), _finish(b, image_size)], -1)


def resize(array: np.ndarray, image_size: int | None) -> np.ndarray:
    """Crops and resizes one image, uint8 [height, width, channels], as `decode` does."""
    if image_size is None:
        return array
    from PIL import Image

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
