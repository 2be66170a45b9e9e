"""A dataset in a NumPy `.npz` file."""

import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.data import images
from jaxgan.errors import UserError

_PART = re.compile(r"train(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


class NpzExamples:
    """Random access to the examples of a `.npz` file, which is one split: `train`.

    Attributes:
        num_classes: largest label plus one, or None without labels.
        channels: channels of every image.
    """

    def __init__(self, path: Path, split: str, image_size: int | None):
        """Reads and checks the file.

        Args:
            path: a file with `image` uint8 [N, H, W, C] or [N, H, W], optionally
                `label` integer [N].
            split: `train`, or slices of it in TFDS notation, e.g. `train[:90%]`.
            image_size: side of the square that every image becomes; None leaves them alone.

        Raises:
            UserError: if the file is not like that, or there is no such split.
        """
        image, label = _read(path)
        slices = [slice(*part) for part in parts(split, len(image))]
        chosen = slices[0] if len(slices) == 1 else np.r_[tuple(slices)]
        self._image_size = image_size
        self._images = image[chosen]
        self._labels = None if label is None else label[chosen]
        self.channels = image.shape[-1]
        self.num_classes = None if label is None else int(label.max()) + 1

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns `image` uint8 [H, W, C] and, with labels, `label` int of one example."""
        example = {"image": images.resize(self._images[index], self._image_size)}
        if self._labels is not None:
            example["label"] = int(self._labels[index])
        return example

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Returns several examples; see `__getitem__`."""
        return [self[index] for index in indices]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns `image` uint8 [N, H, W, C] and `label` int32 [N] or None."""

    def fail(problem: str) -> UserError:
        return UserError(
            f"dataset.path={str(path)!r} {problem}; give a .npz file with `image` uint8 "
            "[N, H, W, C] or [N, H, W] and, if wanted, `label` integer [N]"
        )

    try:
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise fail("is a single array")
            if "image" not in arrays:
                raise fail(f"has no array `image` (it has: {', '.join(arrays) or 'nothing'})")
            image = arrays["image"]
            label = arrays["label"] if "label" in arrays else None
    except OSError as error:
        raise fail(f"cannot be read ({error.strerror or 'it is damaged'})") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        if isinstance(error, UserError):
            raise
        raise fail("is damaged or not a .npz file") from error

    if image.dtype != np.uint8:
        raise fail(f"has `image` of type {image.dtype}, not uint8 from 0 to 255")
    if image.ndim == 3:
        image = image[..., None]
    if image.ndim != 4 or image.shape[-1] not in images.CHANNELS:
        raise fail(f"has `image` of shape {image.shape}; 1, 3 or 4 channels come last")
    if image.size == 0:
        raise fail(f"has no images: `image` has shape {image.shape}")
    if label is not None:
        if label.dtype.kind not in "iu":
            raise fail(f"has `label` of type {label.dtype}, not integer")
        if label.shape != image.shape[:1]:
            raise fail(f"has {len(image)} images but `label` of shape {label.shape}")
        if label.min() < 0 or label.max() >= 2**31 - 1:
            raise fail(f"has labels from {label.min()} to {label.max()}, not from 0 upwards")
        label = label.astype(np.int32)
    return image, label


def count(path: Path) -> int:
    """Returns the number of examples in a file; raises `UserError` where it is no dataset."""
    return len(_read(path)[0])


def parts(split: str, num_examples: int) -> list[tuple[int, int]]:
    """Returns first and last + 1 of each slice of `split` among the examples of a file.

    Raises:
        UserError: there is no such split, or a slice is empty or beyond the examples.
    """
    found = []
    for part in split.split("+"):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise UserError(
                f"dataset.split={split!r}: a .npz file has one split; "
                "give train or a slice of it, like train[:90%]"
            )
        start = _boundary(match["start"], 0, num_examples)
        stop = _boundary(match["stop"], num_examples, num_examples)
        if not 0 <= start < stop <= num_examples:
            raise UserError(
                f"dataset.split={split!r} is empty or beyond the file's {num_examples} examples; "
                "give a slice within them"
            )
        found.append((start, stop))
    return found


def _boundary(text: str | None, default: int, num_examples: int) -> int:
    """Returns the example number that one side of a slice stands for, as in TFDS."""
    if not text:
        return default
    if text.endswith("%"):
        value = round(int(text[:-1]) * num_examples / 100)
    else:
        value = int(text)
    return value + num_examples if value < 0 else value
