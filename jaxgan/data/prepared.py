"""TFDS datasets on disk: found, prepared if need be, and read without TensorFlow."""

import bisect
import contextlib
import difflib
import hashlib
import importlib.util
import io
import itertools
import json
import logging
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import storage
from jaxgan.data import images
from jaxgan.data.tfrecord import TFRecordFile
from jaxgan.errors import UserError, one_line

_NAME = re.compile(r"(?P<dataset>\w+)(/(?P<config>[\w.\-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_OWN_CLASS = re.compile(r"tensorflow_datasets\.[\w.]+")
_log = logging.getLogger(__name__)


def find(name: str, data_dir: Path) -> Path | None:
    """Finds the folder of a prepared dataset, without importing TFDS.

    Args:
        name: `dataset`, `dataset/config`, either with `:version`. Without a version the
            newest one there is taken, without a config the default one.
        data_dir: the TFDS data folder.

    Returns:
        The folder with `dataset_info.json`, or None if there is none.

    Raises:
        UserError: if `name` does not have that form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise UserError(
            f"dataset.name={name!r}: write dataset, dataset/config or dataset:version; "
            "a .npz file is given by dataset.path"
        )
    root = data_dir / match["dataset"]
    folders = [root / match["config"]] if match["config"] else [root, *_default_config(root)]
    for folder in folders:
        versions = [path for path in folder.glob(match["version"] or "*.*.*") if _is_dataset(path)]
        if versions:
            return max(versions, key=lambda path: [int(part) for part in path.name.split(".")])
    return None


def _is_dataset(path: Path) -> bool:
    return (
        re.fullmatch(r"\d+\.\d+\.\d+", path.name) is not None
        and (path / "dataset_info.json").is_file()
        and (path / "features.json").is_file()
    )


def _default_config(root: Path) -> list[Path]:
    """Returns the folder of the default config that TFDS noted down, if any."""
    try:
        metadata = json.loads((root / ".config" / "metadata.json").read_text())
        return [root / metadata["default_config_name"]]
    except (OSError, ValueError, KeyError):
        return []


def fingerprint(path: Path) -> list[list]:
    """Returns name, size and time of a file, or of every file in a folder, to notice changes."""
    files = sorted(path.iterdir()) if os.path.isdir(path) else [path] * os.path.isfile(path)
    stats = [(file.name, file.stat()) for file in files]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def digests(folder: Path) -> dict[str, str]:
    """Returns a hash of the names and sizes of the files of a prepared dataset's records."""
    files = [x for x in fingerprint(folder) if not x[0].endswith((".json", ".txt"))]
    text = json.dumps([[name, size] for name, size, _ in files])
    return {"files": hashlib.sha256(text.encode()).hexdigest()[:16]}


def prepare(name: str, data_dir: Path) -> Path:
    """Prepares a dataset that `find` did not find.

    Args:
        name: as for `find`.
        data_dir: the TFDS data folder.

    Returns:
        The prepared folder.

    Raises:
        UserError: if there is no such dataset, or it cannot be prepared here.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if name in ("mnist", "mnist:3.0.1"):
            return _prepare_mnist(data_dir)
    except OSError as error:
        raise UserError(
            f"dataset.data_dir={str(data_dir)!r} cannot be written to "
            f"({error.strerror or one_line(error)}); give a folder that can"
        ) from error
    import tensorflow_datasets as tfds

    known = tfds.list_builders(with_community_datasets=False)
    dataset = _NAME.fullmatch(name)["dataset"]
    if dataset not in known:
        raise UserError(
            f"dataset.name={name!r} is no TFDS dataset{_nearest(dataset, known)}; "
            "a .npz file is given by dataset.path"
        )
    try:
        builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except Exception as error:
        configs = list(tfds.builder_cls(dataset).builder_configs)
        config = _NAME.fullmatch(name)["config"] or ""
        hint = f" (configs of {dataset}: {', '.join(configs[:20])})" if configs else ""
        nearest = _nearest(f"{dataset}/{config}", [f"{dataset}/{known}" for known in configs])
        raise UserError(
            f"dataset.name={name!r}: TFDS has {dataset}, but not this config or version"
            f"{nearest}{hint}; give one that it has"
        ) from error
    if importlib.util.find_spec("tensorflow") is None:
        code = (
            f"import tensorflow_datasets as tfds; tfds.builder({json.dumps(name)}, data_dir="
            f'{json.dumps(str(data_dir))}, file_format="array_record").download_and_prepare()'
        )
        raise UserError(
            f"dataset.name={name!r} is not prepared in {data_dir}, and preparing it needs "
            "TensorFlow (reading it does not); run once: pip install tensorflow && python -c "
            f"{shlex.quote(code)}"
        )
    _log.info("preparing %s in %s", name, data_dir)
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise UserError(
            f"dataset.name={name!r}: TFDS could not prepare it in {data_dir} ({one_line(error)}); "
            "prepare it on a machine that can and copy the folder"
        ) from error
    return Path(builder.data_path)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f" (nearest: {', '.join(near)})" if near else ""


def _prepare_mnist(data_dir: Path) -> Path:
    """Prepares MNIST from the packaged files; any number of processes may do so at once."""
    import tensorflow_datasets as tfds

    from jaxgan.data.mnist_builder import Mnist

    _log.info("preparing mnist in %s", data_dir)
    with storage.scratch_folder(data_dir) as temporary:
        builder = Mnist(data_dir=temporary, file_format="array_record")
        tfds.disable_progress_bar()
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # It speaks of the temporary folder.
                builder.download_and_prepare()
        finally:
            tfds.enable_progress_bar()
        folder = data_dir / "mnist" / str(builder.version)
        folder.parent.mkdir(exist_ok=True)
        try:
            os.rename(builder.data_path, folder)
        except OSError:
            if not _is_dataset(folder):  # Otherwise another process was faster.
                raise
        return folder


def _open_builder(folder: Path) -> Any:
    """Returns TFDS's builder of a prepared folder.

    TFDS imports the modules of the classes that `features.json` names, so that a folder from
    elsewhere could run any code; only classes of its own are accepted.

    Raises:
        ValueError: another class is named.
        Exception: of TFDS, where the folder is damaged.
    """
    import tensorflow_datasets as tfds

    def check(value: Any) -> None:
        if isinstance(value, dict):
            for key in ("pythonClassName", "python_class_name", "type"):
                name = value.get(key)
                if isinstance(name, str) and not _OWN_CLASS.fullmatch(name):
                    raise ValueError(f"features.json names the class {name!r}, not one of TFDS")
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, dict | list):
                check(item)

    check(json.loads((folder / "features.json").read_text()))
    return tfds.builder_from_directory(folder)


def parts(folder: Path, split: str) -> list[tuple[str, int, int]]:
    """Returns the records of a split: of each file its name, the first and the last + 1.

    Args:
        folder: a prepared folder.
        split: in TFDS notation.

    Raises:
        UserError: there is no such split, or the folder is damaged.
    """
    try:
        found = _open_builder(folder).info.splits[split].file_instructions
    except Exception as error:
        raise UserError(f"dataset.split={split!r}: {one_line(error)}; give another") from error
    return [(part.filename, part.skip, part.skip + part.take) for part in found]


class PreparedExamples:
    """Random access to the examples of a prepared TFDS dataset.

    Reads array_record and tfrecord. Holds no open file when pickled, so that
    worker processes can be given one.

    Attributes:
        num_classes: number of classes, or None without labels.
        channels: channels of every image.
    """

    def __init__(self, name: str, folder: Path, split: str, image_size: int | None):
        """Opens a dataset.

        Args:
            name: as the user gave it, for messages.
            folder: the prepared folder.
            split: a split in TFDS notation, e.g. `train[:10%]`.
            image_size: side of the square that every image becomes; None leaves them alone.

        Raises:
            UserError: if the folder is damaged, there is no such split, or no usable images.
        """
        self._args = (name, folder, split, image_size)
        self._name, self._folder, self._image_size = name, folder, image_size
        import tensorflow_datasets as tfds

        try:
            builder = _open_builder(folder)
            features, splits = dict(builder.info.features.items()), builder.info.splits
        except Exception as error:
            raise self._damaged(one_line(error)) from error

        image = features.get("image")
        if not isinstance(image, tfds.features.Image) or image.np_dtype != np.uint8:
            raise UserError(
                f"dataset.name={name!r} has no `image` feature of 8-bit images (its features: "
                f"{', '.join(features)}); give an image dataset"
            )
        self.channels = image.shape[-1]
        if self.channels not in images.CHANNELS:
            raise UserError(
                f"dataset.name={name!r} has images of {self.channels} channels; "
                f"give a dataset with 1, 3 or 4"
            )
        label = features.get("label")
        has_labels = isinstance(label, tfds.features.ClassLabel)
        self.num_classes = label.num_classes if has_labels else None

        try:
            instructions = splits[split].file_instructions
        except Exception as error:
            raise UserError(
                f"dataset.split={split!r}: {one_line(error)}; the splits of {name} are "
                f"{', '.join(f'{key} ({value.num_examples})' for key, value in splits.items())}"
            ) from error
        if not sum(instruction.take for instruction in instructions):
            raise UserError(f"dataset.split={split!r} of {name} is empty; take a larger slice")
        file_format = builder.info.file_format.value
        try:
            self._records = _open(file_format, instructions)
        except Exception as error:
            raise self._damaged(one_line(error)) from error

    def __reduce__(self) -> tuple:
        return type(self), self._args

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Reads one example.

        Args:
            index: 0 <= index < len(self).

        Returns:
            `image` uint8 [H, W, C] and, with labels, `label` int.

        Raises:
            UserError: if its record is damaged.
        """
        try:
            record = self._records[index]
        except Exception as error:
            raise self._damaged(f"record {index}: {one_line(error)}") from error
        return self._decode(index, record)

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """Reads several examples, faster than one by one; see `__getitem__`."""
        try:
            records = self._records.__getitems__(indices)
        except Exception as error:
            raise self._damaged(
                f"record {indices[0]} to {indices[-1]}: {one_line(error)}"
            ) from error
        return [self._decode(*pair) for pair in zip(indices, records, strict=True)]

    def _decode(self, index: int, record: bytes) -> dict[str, Any]:
        from tensorflow_datasets.proto import tf_example_pb2

        try:
            fields = tf_example_pb2.Example.FromString(record).features.feature
            png_or_jpeg = fields["image"].bytes_list.value[0]
            example = {"image": images.decode(png_or_jpeg, self.channels, self._image_size)}
            if self.num_classes is not None:
                example["label"] = fields["label"].int64_list.value[0]
        except Exception as error:
            raise self._damaged(f"record {index}: {one_line(error)}") from error
        return example

    def _damaged(self, what: str) -> UserError:
        return UserError(
            f"dataset.name={self._name!r}: {self._folder} cannot be read ({what}); "
            "delete that folder and prepare the dataset again"
        )


def _open(file_format: str, instructions: list) -> Sequence[bytes]:
    """Opens the records that TFDS's file instructions select."""
    if file_format == "array_record":
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        return ArrayRecordDataSource(instructions)
    if file_format == "tfrecord":
        return _TFRecords(instructions)
    raise ValueError(f"its file format is {file_format}, not array_record or tfrecord")


class _TFRecords:
    """The selected records of several TFRecord files, as one sequence."""

    def __init__(self, instructions: list):
        self._files, self._skips, takes = [], [], []
        for instruction in instructions:
            file = TFRecordFile(instruction.filename)
            if len(file) != instruction.examples_in_shard:
                raise ValueError(f"{Path(instruction.filename).name} is cut short")
            self._files.append(file)
            self._skips.append(instruction.skip)
            takes.append(instruction.take)
        self._ends = list(itertools.accumulate(takes))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> bytes:
        file = bisect.bisect_right(self._ends, index)
        before = self._ends[file - 1] if file else 0
        return self._files[file][self._skips[file] + index - before]

    def __getitems__(self, indices: Sequence[int]) -> list[bytes]:
        return [self[index] for index in indices]
