"""`load`: a dataset by name or file, decoded once to uint8 arrays where it fits."""

import dataclasses
import functools
import logging
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.data import cache, gaussians, npz, prepared
from jaxgan.data import pairs as pairs_lib
from jaxgan.errors import UserError

_CHUNK = 256  # Examples that a thread decodes at a time.
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Images, with class labels or without; or pairs of images.

    Attributes:
        name: name of the dataset.
        split: the split in TFDS notation.
        image_shape: (height, width, channels).
        num_examples: number of examples, N.
        num_classes: number of classes, or None without labels.
        images: uint8 [N, height, width, channels], or None if they do not fit in memory; for
            points float32 [N, 1, 1, dimensions].
        labels: int32 [N]; None without labels, or if the images do not fit.
        examples: random access to the decoded examples if the images do not fit, else None.
        features: float32 [M, size], what examples are conditioned on; several may share a row.
            None where there are none.
        feature_index: int32 [N], the row of each example.
        words: the vocabulary, `jaxgan.tagging.words.Words`, where examples are word vectors.
        input_shape: (height, width, channels) of the inputs of pairs, whose targets are the
            images; else None.
        inputs: uint8 [N, *input_shape]; None without pairs, or if the images do not fit.
        digests: hashes by which a change of the content is noticed, of what by name; of images
            that do not fit, of their files. None where the name alone says what the data are.
    """

    name: str
    split: str
    image_shape: tuple[int, int, int]
    num_examples: int
    num_classes: int | None
    images: np.ndarray | None = dataclasses.field(default=None, repr=False)
    labels: np.ndarray | None = dataclasses.field(default=None, repr=False)
    examples: Sequence[dict[str, Any]] | None = dataclasses.field(default=None, repr=False)
    features: np.ndarray | None = dataclasses.field(default=None, repr=False)
    feature_index: np.ndarray | None = dataclasses.field(default=None, repr=False)
    words: Any = dataclasses.field(default=None, repr=False)
    input_shape: tuple[int, int, int] | None = None
    inputs: np.ndarray | None = dataclasses.field(default=None, repr=False)
    digests: dict[str, str] | None = dataclasses.field(default=None, repr=False)

    @functools.cached_property
    def class_counts(self) -> list[int] | None:
        """Examples of each class; None without labels, or if they are not in memory."""
        labels = self.labels if self.labels is not None else getattr(self.examples, "labels", None)
        if labels is None:
            return None
        return np.bincount(labels, minlength=self.num_classes).tolist()

    def read(self, index: int) -> dict[str, np.ndarray]:
        """Reads one example.

        Args:
            index: 0 <= index < num_examples.

        Returns:
            `image` uint8 [height, width, channels] and, with labels, `label` int32 [], of pairs
            `input` uint8 [*input_shape], with features, `feature` float32 [size].

        Raises:
            UserError: if it is damaged, or its shape is not that of the first example.
        """
        if self.images is not None:
            example = {"image": self.images[index]}
            if self.labels is not None:
                example["label"] = self.labels[index]
            if self.features is not None:
                example["feature"] = self.features[self.feature_index[index]]
            if self.inputs is not None:
                example["input"] = self.inputs[index]
            return example
        example = self.examples[index]
        shapes = {"image": self.image_shape, "input": self.input_shape}
        _check_example(example, index, {n: shapes[n] for n in shapes.keys() & example})
        return {key: np.asarray(value, _DTYPES[key]) for key, value in example.items()}


_DTYPES = {"image": np.uint8, "label": np.int32, "input": np.uint8}


def load(
    name: str = "mnist",
    *,
    path: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    split: str = "train",
    image_size: int | None = None,
    memory_limit: int = 4 << 30,
    pairs: str = "",
    direction: str = "AtoB",
    unreadable: str = "stop",
) -> Dataset:
    """Loads a dataset: MNIST out of this package, any prepared TFDS dataset, files of one's own.

    What is not prepared yet is prepared first; for MNIST this needs neither the
    network nor TensorFlow. Decoded images are cached under `data_dir/jaxgan_cache`.

    Args:
        name: a TFDS name: `mnist`, `cifar10`, `lsun/bedroom`, `mnist:3.0.1`; or `gaussian_ring`,
            `gaussian_grid`, points in the plane.
        path: a `.npz` file to load in place of `name`, with `image` uint8 [N, H, W, C] or
            [N, H, W] and optionally `label` integer [N], and `input` uint8 [N, H, W, ...] for
            pairs; or a folder of pairs.
        data_dir: the TFDS data folder; default `$TFDS_DATA_DIR` or `~/tensorflow_datasets`, which
            is made where it is missing.
        split: a split in TFDS notation: `train`, `train[:50000]`, `train[:10%]`, `train+test`.
        image_size: side in pixels of the square that every image is cropped and resized to.
            None leaves the images alone; all must then have one shape.
        memory_limit: largest size of the decoded images in bytes for which they are held in
            memory; beyond it they are read one by one.
        pairs: makes every image a pair, `input` and target `image`: `edges`, `colour` or `masked`
            of any dataset (see `pairs.derive`); `side_by_side` or `two_folders` of the folder
            `path` (see `pair_folders`); `file` of a `.npz` file that has both. Empty: none.
        direction: `AtoB`, or `BtoA` to exchange input and target.
        unreadable: what to do about damaged files in a folder of pairs: `stop` or `skip`.

    Returns:
        The dataset.

    Raises:
        UserError: for anything wrong in the arguments or in the files they name.
    """
    if image_size is not None and not (isinstance(image_size, int) and image_size >= 1):
        raise UserError(f"dataset.image_size={image_size!r}: give a whole number of pixels >= 1")
    if not isinstance(split, str):
        raise UserError(f"dataset.split={split!r}: give a string such as train[:90%]")
    pairs_lib.check(pairs, direction)
    if unreadable not in ("stop", "skip"):
        raise UserError(f"dataset.unreadable={unreadable!r} is unknown; give stop or skip")
    if pairs == "file" and not path:
        raise UserError(
            f"dataset.path: pairs of a file are read from a .npz, not of {name}; give one"
        )
    data_dir = data_folder(data_dir)
    if not pairs:
        return _load(name, path, data_dir, split, image_size, memory_limit)
    if pairs in pairs_lib.FOLDERS:
        from jaxgan.data import pair_folders

        if not path:
            raise UserError(
                f"dataset.path: {pairs} pairs are read from a folder; give that of {name}, with "
                f"{pair_folders.LAYOUTS[pairs]}"
            )
        folder = Path(path).expanduser().resolve()
        origin = pair_folders.prepare(folder, pairs, unreadable, data_dir)
        whole = _load(folder.name, None, data_dir, split, image_size, memory_limit, origin)
    elif pairs == "file":
        whole = _load(name, path, data_dir, split, image_size, memory_limit, paired=True)
    else:
        whole = _load(name, path, data_dir, split, image_size, memory_limit // 2)
        if whole.images is not None and whole.images.dtype != np.uint8:
            raise UserError(f"dataset.pairs={pairs!r}: {name} has no images; give another dataset")
    if whole.examples is not None:
        examples = pairs_lib.PairedExamples(whole.examples, pairs, direction)
        first = examples[0]
        shapes = {"input_shape": first["input"].shape, "image_shape": first["image"].shape}
        return dataclasses.replace(whole, examples=examples, **shapes)
    if pairs in pairs_lib.STORED:
        inputs, images = whole.inputs, whole.images
        inputs, images = (inputs, images) if direction == "AtoB" else (images, inputs)
    else:
        inputs, images = pairs_lib.derive(pairs, whole.images, direction)
    shapes = {"input_shape": inputs.shape[1:], "image_shape": images.shape[1:]}
    return dataclasses.replace(whole, images=images, inputs=inputs, **shapes)


def shared(
    first: str,
    second: str,
    *,
    name: str = "mnist",
    path: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    pairs: str = "",
    unreadable: str = "stop",
) -> int:
    """Returns how many examples two splits of one dataset have in common.

    Args:
        first: a split in TFDS notation.
        second: another.
        name: as for `load`, and so are the others.
        path: a `.npz` file or a folder of pairs.
        data_dir: the TFDS data folder.
        pairs: kind of pairs.
        unreadable: what to do about damaged files.

    Raises:
        UserError: for anything wrong in the arguments or in the files they name.
    """
    names = [set(re.findall(r"[A-Za-z]\w*", split)) for split in (first, second)]
    if not names[0] & names[1] and "all" not in names[0] | names[1]:
        return 0
    data_dir = data_folder(data_dir)
    if path and pairs not in pairs_lib.FOLDERS:
        size = npz.count(Path(path).expanduser().resolve())
        sides = [[("", *part) for part in npz.parts(x, size)] for x in (first, second)]
    else:
        if pairs in pairs_lib.FOLDERS:
            from jaxgan.data import pair_folders

            folder = Path(path).expanduser().resolve()
            origin = pair_folders.prepare(folder, pairs, unreadable, data_dir)
        else:
            origin = prepared.find(name, data_dir) or prepared.prepare(name, data_dir)
        sides = [prepared.parts(origin, x) for x in (first, second)]
    return sum(
        max(0, min(a_stop, b_stop) - max(a_start, b_start))
        for a, a_start, a_stop in sides[0]
        for b, b_start, b_stop in sides[1]
        if a == b
    )


def _load(
    name: str,
    path: str | os.PathLike | None,
    data_dir: Path,
    split: str,
    image_size: int | None,
    memory_limit: int,
    folder_of_pairs: Path | None = None,
    paired: bool = False,
) -> Dataset:
    """Loads single images, or pairs of a prepared folder, or, where `paired`, of a `.npz` file."""
    if name in gaussians.STD and not path:
        points = gaussians.load(name, split)
        return Dataset(name, split, points.shape[1:], len(points), None, points)
    if path:
        origin = Path(path).expanduser().resolve()
        name = title = origin.stem
    elif folder_of_pairs:
        origin, title = folder_of_pairs, name
    else:
        origin = prepared.find(name, data_dir) or prepared.prepare(name, data_dir)
        title = "-".join(origin.relative_to(data_dir).parts)
    key = {"origin": str(origin), "split": split, "image_size": image_size}
    key |= {"paired": True} if paired else {}
    folder = cache.folder(data_dir / CACHE, f"{title}-{split}-{image_size or 'original'}", key)
    source = [key, npz.digests(origin) if path else prepared.fingerprint(origin)]
    cached = cache.read(folder, source, memory_limit)
    if cached is not None:
        return _in_memory(name, split, *cached)

    if path:
        examples = npz.NpzExamples(origin, split, image_size, paired)
    elif folder_of_pairs:
        from jaxgan.data import pair_folders

        examples = pair_folders.PairExamples(name, origin, split, image_size)
    else:
        examples = prepared.PreparedExamples(name, origin, split, image_size)
    first = examples[0]
    size = len(examples) * sum(x.size for x in first.values() if isinstance(x, np.ndarray))
    if size > memory_limit:
        return Dataset(
            name,
            split,
            first["image"].shape,
            len(examples),
            examples.num_classes,
            None,
            None,
            examples,
            digests=npz.digests(origin) if path else prepared.digests(origin),
        )
    arrays = _decode_all(examples, first)
    digests = {array_name: cache.digest(array)[:16] for array_name, array in arrays.items()}
    about = {"num_classes": examples.num_classes, "digests": digests}
    cache.write(folder, source, arrays, about)
    return _in_memory(name, split, arrays, about)


def _in_memory(
    name: str, split: str, arrays: dict[str, np.ndarray], about: dict[str, Any]
) -> Dataset:
    """Returns the dataset of the arrays `image`, `label` and `input`, where there are such."""
    images, inputs = arrays["image"], arrays.get("input")
    return Dataset(
        name,
        split,
        images.shape[1:],
        len(images),
        about["num_classes"],
        images,
        arrays.get("label"),
        input_shape=None if inputs is None else inputs.shape[1:],
        inputs=inputs,
        digests=about["digests"],
    )


CACHE = "jaxgan_cache"  # in a TFDS data folder


def data_folder(data_dir: str | os.PathLike | None = None) -> Path:
    """Returns the TFDS data folder: as given, `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Raises:
        UserError: it is given and does not exist.
    """
    given = data_dir or os.environ.get("TFDS_DATA_DIR")
    if "://" in str(given):
        raise UserError(f"dataset.data_dir={str(given)!r}: give a folder of a mounted disk")
    if given and not os.path.exists(os.path.expanduser(given)):
        source = "" if data_dir else ", as $TFDS_DATA_DIR says,"
        raise UserError(
            f"dataset.data_dir={str(given)!r}{source} does not exist; mend the name or make the "
            "folder"
        )
    return Path(given or "~/tensorflow_datasets").expanduser()


def cache_folder(data_dir: str | os.PathLike | None = None) -> Path:
    """Returns the folder, inside the data folder, of decoded images and of features."""
    return data_folder(data_dir) / CACHE


def _check_example(example: dict[str, Any], index: int, shapes: dict[str, tuple[int, ...]]) -> None:
    for name, wanted in shapes.items():
        shape = example[name].shape
        if shape != wanted:
            raise UserError(
                f"dataset.image_size: {name} {index} has shape {shape}, {name} 0 has {wanted}; "
                "set it, to 64 for instance, to bring them to one size"
            )
    if example.get("label", 0) < 0:
        raise UserError(
            f"dataset.split: its example {index} has label {example['label']}, that is, none; "
            "give a split with labels"
        )


def _decode_all(examples: Sequence[dict[str, Any]], first: dict[str, Any]) -> dict[str, np.ndarray]:
    """Decodes every example, in threads.

    Args:
        examples: the examples, N of them.
        first: the first of them, whose shapes all have.

    Returns:
        `image` uint8 [N, height, width, channels], and, as examples have them, `input` and `label`
        int32 [N].
    """
    _log.info("decoding %d images", len(examples))
    shapes = {n: first[n].shape for n in ("image", "input") if n in first}
    arrays = {name: np.empty((len(examples), *shape), np.uint8) for name, shape in shapes.items()}
    if "label" in first:
        arrays["label"] = np.zeros(len(examples), np.int32)

    def decode(start: int) -> None:
        indices = range(start, min(start + _CHUNK, len(examples)))
        for index, example in zip(indices, examples.__getitems__(indices), strict=True):
            _check_example(example, index, shapes)
            for name, array in arrays.items():
                array[index] = example[name]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode, range(0, len(examples), _CHUNK)):
            pass
    return arrays
