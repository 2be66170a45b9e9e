"""Tagged images as a dataset: an example is the vector of one tag, with its image's features."""

import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxgan import data
from jaxgan.data import cache
from jaxgan.errors import UserError
from jaxgan.tagging import digits, features, mirflickr
from jaxgan.tagging import words as words_lib
from jaxgan.tagging.corpus import Corpus
from jaxgan.tagging.words import Words

DEFAULTS = {  # of config.dataset.tags
    "features": "classifier",  # or inception, or a .npz with `feature` [n, size] and `name` [n]
    "vectors": "",  # a word2vec or fastText file; "": skip-gram vectors trained from the tags
    "size": 64,  # dimensions of trained vectors
    "min_count": 5,  # images that a word must be a tag of
}
NAMES: dict[str, Callable[[Any, str], Corpus]] = {
    "mirflickr_tags": lambda options, split: mirflickr.read(options.path, split),
    "mnist_tags": lambda options, split: digits.read(split, options.data_dir or None),
}


def corpus(options: Any, split: str) -> Corpus:
    """Returns the tagged images of a configuration's `dataset`.

    Args:
      options: `config.dataset`.
      split: of the data.

    Raises:
      UserError: an option is wrong.
    """
    if options.name not in NAMES:
        raise UserError(
            f"dataset.name={options.name!r} has no tags; known: {', '.join(sorted(NAMES))}"
        )
    if options.name == "mirflickr_tags" and not options.path:
        raise UserError(
            "dataset.path='': give the folder of MIR Flickr 25,000, with im1.jpg, meta/tags and "
            "annotations"
        )
    features.check(options.tags.features, f"dataset.tags.features={options.tags.features!r}")
    if options.tags.features == "classifier" and options.name != "mnist_tags":
        raise UserError(
            f"dataset.tags.features='classifier' is of digits, not of {options.name}; give "
            "inception, with its weights, or a .npz of features"
        )
    return NAMES[options.name](options, split)


def make_words(options: Any, tags: Any) -> Words:
    """Returns the vocabulary of a configuration's `dataset` for the tags of training images.

    Raises:
      UserError: no word is frequent enough, or the vectors cannot be read or trained.
    """
    minimum = options.tags.min_count
    if not options.tags.vectors:
        return words_lib.train(tags, size=options.tags.size, min_count=minimum)
    known = words_lib.frequent(tags, minimum)
    if not known:
        raise UserError(
            f"dataset.tags.min_count={minimum}: no word is a tag of so many images; give a smaller "
            "number"
        )
    return words_lib.read(options.tags.vectors, known)


def feature_array(options: Any, images: Corpus, split: str) -> np.ndarray:
    """Returns the features, float32 [n, size], of the images of a split."""
    name = options.tags.features
    if features.is_file(name):
        return features.of_names(name, images.names, f"dataset.tags.features={name!r}")
    root = data.cache_folder(options.data_dir or None)
    return features.kept(root, f"{options.name}-{split}-{name}", name, images.images)


def pairs(tags: Any, words: Words) -> tuple[np.ndarray, np.ndarray]:
    """Returns one example per tag that is in the vocabulary.

    Args:
      tags: of each image.
      words: the vocabulary.

    Returns:
      Numbers of images and of words, int32 [N] each, image by image.
    """
    number = {word: i for i, word in enumerate(words.words)}
    found = [(i, number[w]) for i, row in enumerate(tags) for w in row if w in number]
    image, word = np.array(found, np.int32).reshape(-1, 2).T
    return image, word


def load(options: Any, words: Words | None = None) -> data.Dataset:
    """Returns the dataset of a configuration.

    Args:
      options: `config.dataset`, with `tags`.
      words: the vocabulary of the run, where it has one; None makes it.

    Raises:
      UserError: an option, or a file that it names, is wrong.
    """
    images = corpus(options, options.split)
    words = words or make_words(options, images.tags)
    image, word = pairs(images.tags, words)
    size = words.vectors.shape[1]
    return data.Dataset(
        options.name,
        options.split,
        (1, 1, size),
        len(word),
        None,
        images=words.vectors[word].reshape(-1, 1, 1, size),
        features=feature_array(options, images, options.split),
        feature_index=image,
        words=words,
        digests=_digests(images),
    )


def _digests(images: Corpus) -> dict[str, str]:
    """Returns hashes of the images, of files by their sizes, and of their tags."""
    if isinstance(images.images, np.ndarray):
        pixels: Any = cache.digest(images.images)
    else:
        pixels = [file.stat().st_size for file in images.images]
    parts = {"image": [list(images.names), pixels], "tags": [list(tags) for tags in images.tags]}
    return {
        name: hashlib.sha256(json.dumps(part).encode()).hexdigest()[:16]
        for name, part in parts.items()
    }


def shared(options: Any, split: str) -> int:
    """Returns how many images, or of MIR Flickr examples, a split has in common with training.

    Args:
      options: `config.dataset`.
      split: of the data.

    Raises:
      UserError: there is no such split.
    """
    if options.name == "mnist_tags":
        return data.shared(split, options.split, name="mnist", data_dir=options.data_dir or None)
    return len(corpus(options, split).names) if split == options.split else 0


def known(folder: pathlib.Path) -> Words | None:
    """Returns the vocabulary of a work folder; None where it has none yet."""
    file = folder / "words.npz"
    return words_lib.load(file) if file.exists() else None


def has_tags(options: Mapping[str, Any]) -> bool:
    """Returns whether a configuration's `dataset` is of tagged images."""
    return "tags" in options
