"""A dataset in a NumPy `.npz` file."""

import os
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.data import files, images
from jaxgan.errors import UserError

_UNUSED_CLASSES = 100  # without an image, that a file may have whatever its other labels are
_PART = re.compile(r"train(?:\[(?P<start>-?\d+%?)?:(?P<stop>-?\d+%?)?\])?")


class NpzExamples:
    """Random access to the examples of a `.npz` file, which is one split: `train`.

    Attributes:
        num_classes: largest label plus one, or None without labels.
        labels: int32 [N], or None.
    """

    def __init__(self, path: Path, split: str, image_size: int | None, paired: bool = False):
        """Reads and checks the file.

        Args:
            path: a file with `image` uint8 [N, H, W, C] or [N, H, W], optionally
                `label` integer [N] and, of pairs, `input` as `image`.
            split: `train`, or slices of it in TFDS notation, e.g. `train[:90%]`.
            image_size: side of the square that every image becomes; None leaves them alone.
            paired: whether the file must have `input`, or must not.

        Raises:
            UserError: if the file is not like that, or there is no such split.
        """
        arrays = _read(path)
        if paired != ("input" in arrays):
            raise UserError(
                f"dataset.path={str(path)!r} has no array `input`, as dataset.pairs='file' needs; "
                "add it, or take another kind of pairs"
                if paired
                else f"dataset.path={str(path)!r} has `input` beside `image`; give "
                "dataset.pairs='file' to use them as pairs, or take `input` out"
            )
        slices = [slice(*part) for part in parts(split, len(arrays["image"]))]
        chosen = slices[0] if len(slices) == 1 else np.r_[tuple(slices)]
        self._image_size = image_size
        self._arrays = {name: array[chosen] for name, array in arrays.items()}
        self.labels = self._arrays.get("label")
        self.num_classes = int(arrays["label"].max()) + 1 if "label" in arrays else None

    def __len__(self) -> int:
        return len(self._arrays["image"])

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns `image` uint8 [H, W, C] of one example, and `label` int and `input` if any."""
        return {
            name: int(array[index])
            if name == "label"
            else images.resize(array[index], self._image_size)
            for name, array in self._arrays.items()
        }

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Returns several examples; see `__getitem__`."""
        return [self[index] for index in indices]


def digests(path: Path) -> dict[str, str]:
    """Returns a hash of each array in a file by name, without reading them; none of other files."""
    if not os.path.isfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            return {x.filename: f"{x.file_size}-{x.CRC:08x}" for x in archive.infolist()}
    except Exception:  # of zipfile, for whatever the bytes may be; whoever reads them tells it
        return {}


def _read(path: Path) -> dict[str, np.ndarray]:
    """Returns `image` and maybe `input`, uint8 [N, H, W, C], and maybe `label`, int32 [N]."""

    def fail(problem: str) -> UserError:
        return UserError(
            f"dataset.path={str(path)!r} {problem}; give a .npz file with `image` uint8 "
            "[N, H, W, C] or [N, H, W] and, if wanted, `label` integer [N]"
        )

    arrays = files.read_arrays(path, ("image", "input", "label"), fail)
    for name in ("image", "input"):
        if name not in arrays:
            continue
        array = arrays[name]
        if array.dtype != np.uint8:
            problem = files.describe_levels(array)
            raise UserError(f"dataset.path={str(path)!r}: {name}: {problem}")
        arrays[name] = array = array[..., None] if array.ndim == 3 else array
        paired = "input" in arrays
        if array.ndim != 4 or not (paired or array.shape[-1] in images.CHANNELS):
            raise fail(f"has `{name}` of shape {array.shape}; 1, 3 or 4 channels come last")
        if array.size == 0:
            raise fail(f"has no images: `{name}` has shape {array.shape}")
    image, label = arrays["image"], arrays.get("label")
    if "input" in arrays and arrays["input"].shape[:3] != image.shape[:3]:
        raise fail(
            f"has `input` of shape {arrays['input'].shape} for `image` of shape {image.shape}, of "
            "other sizes"
        )
    if label is not None:
        if label.dtype.kind not in "iu":
            raise fail(f"has `label` of type {label.dtype}, not integer")
        if label.shape != image.shape[:1]:
            raise fail(f"has {len(image)} images but `label` of shape {label.shape}")
        if label.min() < 0 or label.max() >= 2**31 - 1:
            raise fail(f"has labels from {label.min()} to {label.max()}, not from 0 upwards")
        known = len(np.unique(label))
        unused = int(label.max()) + 1 - known
        if unused > max(known, _UNUSED_CLASSES):
            raise UserError(
                f"dataset.path={str(path)!r} has {known} different labels up to {label.max()}, "
                f"which would make {unused} classes without an image; number them from 0, by "
                "np.unique(label, return_inverse=True)[1]"
            )
        arrays["label"] = label.astype(np.int32)
    return arrays


def count(path: Path) -> int:
    """Returns the number of examples in a file; raises `UserError` where it is no dataset."""
    return len(_read(path)["image"])


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
