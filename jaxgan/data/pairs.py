"""Pairs of images, `input` and target `image`: derived from single images, or cut from pictures.

Every kind is a function of an image of its own; which kind is a matter of configuration
(`dataset.pairs`), and so is which of both is the input (`dataset.direction`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.data import colour
from jaxgan.errors import UserError

FOLDERS = ("side_by_side", "two_folders")  # read by `jaxgan.data.pair_folders`
STORED = ("file", *FOLDERS)  # not derived; `file`: a `.npz` of `input` and `image`
KINDS = ("edges", "colour", "masked", *STORED)
DIRECTIONS = ("AtoB", "BtoA")
EDGE_THRESHOLD = 64  # of the gradient's magnitude; a step from black to white has 255
_CHUNK = 2**21  # elements of images that are derived at a time


def edges(image: np.ndarray) -> np.ndarray:
    """Draws edges as black lines on white, one pixel wide, at a diagonal up to two in a row.

    The Sobel gradient of the mean over channels, a quarter of its kernels' sums, so that a step
    from black to white has magnitude 255; thinned to the pixels that no neighbour along the
    gradient, to the nearest eighth of a turn, exceeds; those of at least `EDGE_THRESHOLD` are
    drawn.

    Args:
        image: uint8 [n, height, width, channels].

    Returns:
        uint8 [n, height, width, 1], 0 on edges and 255 elsewhere.
    """
    grey = np.pad(image.mean(-1, dtype=np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    columns = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    across = (rows[:, :, 2:] - rows[:, :, :-2]) / 4
    down = (columns[:, 2:] - columns[:, :-2]) / 4
    magnitude = np.hypot(across, down)

    height, width = magnitude.shape[1:]
    padded = np.pad(magnitude, ((0, 0), (1, 1), (1, 1)))

    def ridge(dy: int, dx: int) -> np.ndarray:
        """Whether the pixel exceeds its neighbour before, and is not exceeded by that after."""
        before = padded[:, 1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        after = padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        return (magnitude > before) & (magnitude >= after)

    slope = np.tan(np.pi / 8)
    kept = np.select(
        [
            np.abs(down) <= slope * np.abs(across),
            np.abs(across) <= slope * np.abs(down),
            across * down > 0,
        ],
        [ridge(0, 1), ridge(1, 0), ridge(1, 1)],
        ridge(1, -1),
    )
    drawn = kept & (magnitude >= EDGE_THRESHOLD)
    return np.where(drawn, 0, 255).astype(np.uint8)[..., None]


def masked(image: np.ndarray) -> np.ndarray:
    """Fills the middle, a square of half the sides, with grey.

    The hole of Pathak et al. 2016, "Context encoders" (arXiv 1604.07379), section 3.3.

    Args:
        image: uint8 [n, height, width, channels].

    Returns:
        The same shape, level 128 in the hole.
    """
    height, width = image.shape[1:3]
    result = image.copy()
    result[:, height // 4 : height - height // 4, width // 4 : width - width // 4] = 128
    return result


def check(kind: str, direction: str) -> None:
    """Raises `UserError` where `dataset.pairs` or `dataset.direction` is unknown."""
    if kind and kind not in KINDS:
        raise UserError(f"dataset.pairs={kind!r} is unknown; give one of {', '.join(KINDS)}")
    if direction not in DIRECTIONS:
        raise UserError(f"dataset.direction={direction!r} is unknown; give AtoB or BtoA")
    if kind == "colour" and direction != "AtoB":
        raise UserError(
            f"dataset.direction={direction!r}: colours alone make no input; give AtoB for 'colour'"
        )


def derive(kind: str, image: np.ndarray, direction: str = "AtoB") -> tuple[np.ndarray, np.ndarray]:
    """Makes pairs.

    Args:
        kind: `edges` draws the image from its edges; `colour` has the levels of L* as input and
            those of a* and b* as target (see `colour.lab_to_levels`); `masked` completes it.
        image: uint8 [n, height, width, channels].
        direction: `AtoB`, or `BtoA` to exchange input and target.

    Returns:
        Inputs and targets, uint8 [n, height, width, ...].

    Raises:
        UserError: an argument is unknown, or the kind does not fit the channels.
    """
    check(kind, direction)
    step = max(1, _CHUNK // max(1, int(np.prod(image.shape[1:]))))
    parts = [_derive(kind, image[i : i + step]) for i in range(0, len(image), step)]
    a, b = (np.concatenate(x) for x in zip(*parts, strict=True))
    return (a, b) if direction == "AtoB" else (b, a)


def _derive(kind: str, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if kind == "edges":
        return edges(image), image
    if kind == "masked":
        return masked(image), image
    if kind == "colour":
        if image.shape[-1] != 3:
            raise UserError(
                f"dataset.pairs='colour': images of {image.shape[-1]} channels have no colours; "
                "give a dataset with 3"
            )
        levels = colour.lab_to_levels(colour.rgb_to_lab(image))
        return levels[..., :1], levels[..., 1:]
    raise UserError(f"dataset.pairs={kind!r}: such pairs are stored, not derived from an image")


def pictures(kind: str, *, input: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns inputs and targets, or outputs in their place, as can be shown and compared.

    Args:
        kind: of the pairs.
        input: uint8 [n, height, width, ...].
        image: uint8 [n, height, width, ...].

    Returns:
        Both as uint8 [n, height, width, channels], 1 or 3 channels, the same in both. Of other
        numbers of channels the first three are shown, or two and an empty one.
    """
    if kind == "colour":
        return (
            colour.lab_to_rgb(colour.levels_to_lab(np.concatenate([input, 0 * image + 128], -1))),
            colour.lab_to_rgb(colour.levels_to_lab(np.concatenate([input, image], -1))),
        )
    input, image = (
        x if x.shape[-1] == 1 else np.pad(x[..., :3], [(0, 0)] * 3 + [(0, max(0, 3 - x.shape[-1]))])
        for x in (input, image)
    )
    channels = max(x.shape[-1] for x in (input, image))
    input, image = (x.repeat(channels, -1) if x.shape[-1] == 1 else x for x in (input, image))
    return input, image


class PairedExamples:
    """Pairs of a dataset that is read image by image; can be pickled if that can."""

    def __init__(self, examples: Sequence[dict[str, Any]], kind: str, direction: str):
        """Wraps a dataset.

        Args:
            examples: with `image` uint8 [height, width, channels] each, and, where the kind is of
                `STORED`, `input`.
            kind: of `KINDS`.
            direction: `AtoB`, or `BtoA` to exchange input and target.
        """
        self._examples, self._kind, self._direction = examples, kind, direction

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns the example with `input` beside `image`."""
        example = self._examples[index]
        if self._kind in STORED:
            a, b = example["input"], example["image"]
            a, b = (a, b) if self._direction == "AtoB" else (b, a)
        else:
            (a,), (b,) = derive(self._kind, example["image"][None], self._direction)
        return {**example, "input": a, "image": b}
