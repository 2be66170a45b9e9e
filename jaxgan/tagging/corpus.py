"""Images with the words that people tagged them with."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Corpus(NamedTuple):
    """A split of n images with tags.

    Attributes:
      names: of the images.
      images: uint8 [n, height, width, channels], or the files.
      tags: what users wrote, at least one word for each image: what a model learns.
      truth: all words known to hold of each image: what it is measured by.
    """

    names: Sequence[str]
    images: np.ndarray | Sequence[pathlib.Path]
    tags: Sequence[Sequence[str]]
    truth: Sequence[Sequence[str]]
