"""MNIST as a corpus of tagged images: what holds of a digit, and what its users would write.

Each image has all words that hold of it, computed from label and pixels, and a few tags as of
users: some of those words, popular ones more often, and now and then one that says nothing or is
wrong.
"""

import os
import zlib

import numpy as np
import scipy.ndimage

from jaxgan import data
from jaxgan.metrics import strokes
from jaxgan.tagging.corpus import Corpus

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_OTHER_NAMES = (  # in German, Spanish, Finnish and Hungarian, in figures, as ordinals
    "null eins zwei drei vier fünf sechs sieben acht neun",
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "nolla yksi kaksi kolme neljä viisi kuusi seitsemän kahdeksan yhdeksän",
    "nulla egy kettő három négy öt hat hét nyolc kilenc",
    "0 1 2 3 4 5 6 7 8 9",
    "zeroth first second third fourth fifth sixth seventh eighth ninth",
)
BY_LABEL = {
    **{word: {digit} for digit, word in enumerate(_NAMES)},
    **{word: {digit} for names in _OTHER_NAMES for digit, word in enumerate(names.split())},
    **{f"beside-{word}": {digit - 1, digit + 1} for digit, word in enumerate(_NAMES)},
    "even": {0, 2, 4, 6, 8},
    "odd": {1, 3, 5, 7, 9},
    "prime": {2, 3, 5, 7},
    "composite": {4, 6, 8, 9},
    "square": {0, 1, 4, 9},
    "cube": {0, 1, 8},
    "triangular": {0, 1, 3, 6},
    "fibonacci": {0, 1, 2, 3, 5, 8},
    "power-of-two": {1, 2, 4, 8},
    "multiple-of-three": {0, 3, 6, 9},
    "small": {0, 1, 2, 3, 4},
    "large": {5, 6, 7, 8, 9},
}
_THIN = ("thin", "fine", "delicate", "light", "skinny", "hairline")
_THICK = ("thick", "bold", "heavy", "dark", "fat", "chunky")
_MEDIUM = ("medium", "regular", "normal")
_SLANTED = ("slanted", "leaning", "italic", "oblique", "tilted")
_UPRIGHT = ("upright", "vertical", "straight", "erect")
_BACKHAND = ("backhand", "backslanted", "leftwards")
_LOOP = ("loop", "ring", "closed", "hole", "enclosed")
_TWO_LOOPS = ("double-loop", "two-holes")
_NO_LOOP = ("open", "loopless", "unclosed", "holeless")
_WIDE = ("wide", "broad", "stretched", "sprawling")
_NARROW = ("narrow", "slim", "slender", "compressed")
_TOP_HEAVY, _BOTTOM_HEAVY = ("top-heavy", "high-centre"), ("bottom-heavy", "low-centre")
_BALANCED = ("balanced", "centred")
BY_PIXELS = (
    *(*_THIN, *_THICK, *_MEDIUM, *_SLANTED, *_UPRIGHT, *_BACKHAND, *_LOOP, *_TWO_LOOPS),
    *(*_NO_LOOP, *_WIDE, *_NARROW, *_TOP_HEAVY, *_BOTTOM_HEAVY, *_BALANCED),
)
UNRELATED = ("nikon", "canon", "2007", "holiday", "friends", "explore")  # they hold of nothing
VOCABULARY = (*BY_LABEL, *BY_PIXELS, *UNRELATED)
POPULAR = _NAMES  # written twice as often


def loops(images: np.ndarray) -> np.ndarray:
    """Returns how many parts of the background each image uint8 [n, h, w, 1] encloses, int [n]."""
    background = np.pad(images[..., 0] <= 100, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    within = np.zeros((3, 3, 3), bool)  # neighbours: in the same image, by an edge
    within[1] = scipy.ndimage.generate_binary_structure(2, 1)
    parts, _ = scipy.ndimage.label(background, within)  # numbered image by image
    newest = np.maximum.accumulate(parts.reshape(len(images), -1).max(1))
    return np.diff(newest, prepend=0) - 1  # without the part around it all


def _boxes(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns width / height of the ink's box, and how far down in it the ink's centre is."""
    ink = images[..., 0] > 127
    rows, columns = ink.any(2), ink.any(1)
    sizes = []
    for line in (rows, columns):
        extent = line.shape[1] - line.argmax(1) - line[:, ::-1].argmax(1)
        sizes.append(np.where(line.any(1), extent, 1))
    height, width = sizes
    mass = images[..., 0].sum(2, dtype=np.float64)
    centre = mass @ np.arange(images.shape[1]) / np.maximum(mass.sum(1), 1)
    return width / height, (centre - rows.argmax(1)) / height


def holds(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns which words hold of which digit.

    Args:
      images: uint8 [n, 28, 28, 1], bright on black.
      labels: int [n], 0 to 9.

    Returns:
      bool [n, V], by `VOCABULARY`.
    """
    found = {word: np.isin(labels, list(digits)) for word, digits in BY_LABEL.items()}
    weight, slant, count = strokes.weight(images), strokes.slant(images), loops(images)
    aspect, depth = _boxes(images)
    thin, thick, top, bottom = weight < 0.105, weight > 0.15, depth < 0.44, depth > 0.5
    for words, true in (
        (_THIN, thin),
        (_THICK, thick),
        (_MEDIUM, ~thin & ~thick),
        (_SLANTED, slant > 14),
        (_UPRIGHT, np.abs(slant) < 6),
        (_BACKHAND, slant < -6),
        (_LOOP, count > 0),
        (_TWO_LOOPS, count > 1),
        (_NO_LOOP, count == 0),
        (_WIDE, aspect > 0.9),
        (_NARROW, aspect < 0.65),
        (_TOP_HEAVY, top),
        (_BOTTOM_HEAVY, bottom),
        (_BALANCED, ~top & ~bottom),
    ):
        found |= dict.fromkeys(words, true)
    found |= dict.fromkeys(UNRELATED, np.zeros(len(images), bool))
    return np.stack([found[word] for word in VOCABULARY], 1)


def user_tags(
    holding: np.ndarray, rng: np.random.Generator, noise: float = 0.1
) -> tuple[tuple[str, ...], ...]:
    """Draws six to twelve tags for each image.

    Args:
      holding: bool [n, V], by `VOCABULARY`.
      rng: source of the chance.
      noise: share of tags in whose place there is one of any word or, as often, of `UNRELATED`.

    Returns:
      The distinct tags of each image.
    """
    n, size = holding.shape
    popular = np.isin(VOCABULARY, POPULAR)
    score = rng.gumbel(size=(n, size)) + np.where(popular, np.log(2), 0)  # weighted, no word twice
    chosen = np.argsort(np.where(holding, -score, np.inf), 1)[:, :12]
    count = np.minimum(rng.integers(6, 13, n), holding.sum(1))
    any_word = rng.integers(size, size=chosen.shape)
    unrelated = rng.integers(size - len(UNRELATED), size, chosen.shape)
    wrong = np.where(rng.random(chosen.shape) < 0.5, any_word, unrelated)
    chosen = np.where(rng.random(chosen.shape) < noise, wrong, chosen)
    words = np.array(VOCABULARY, object)[chosen]
    return tuple(
        tuple(dict.fromkeys(row[:k])) for row, k in zip(words.tolist(), count, strict=True)
    )


def read(split: str = "train", data_dir: str | os.PathLike | None = None, seed: int = 0) -> Corpus:
    """Returns a split of MNIST with tags, the same each time.

    Args:
      split: in TFDS notation; the tags of an image depend on it.
      data_dir: the TFDS data folder.
      seed: of the tags.
    """
    digits = data.load("mnist", split=split, data_dir=data_dir)
    holding = holds(digits.images, digits.labels)
    rng = np.random.default_rng([seed, zlib.crc32(split.encode())])
    words = np.array(VOCABULARY, object)
    truth = tuple(tuple(words[row]) for row in holding)
    names = [f"{split} {i}" for i in range(len(truth))]
    return Corpus(names, digits.images, user_tags(holding, rng), truth)
