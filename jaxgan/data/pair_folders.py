"""Folders of pairs of images as TFDS datasets; needs neither TensorFlow nor the network.

- `side_by_side`: pictures of A beside B, as facades, maps, cityscapes and edges2shoes are
  distributed by the authors of pix2pix (Isola et al. 2017, arXiv 1611.07004).
- `two_folders`: the folders `A` and `B`, with files of the same names but for their endings.

Each has subfolders for the splits, `train`, `val`, `test` or others; or images at once, which then
are the split `train`.
"""

import contextlib
import functools
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxgan import storage
from jaxgan.data import images
from jaxgan.data.prepared import PreparedExamples
from jaxgan.errors import UserError, one_line, printable

LAYOUTS = {
    "side_by_side": "pictures of A beside B in train/, val/ or test/",
    "two_folders": "A/train/ and B/train/ with files of the same names",
}
UNREADABLE = ("stop", "skip")
_SPLIT = re.compile(r"(?!all$)[A-Za-z]\w*")  # what TFDS takes as the name of a split
_SKIPPED = "skipped.json"  # in a prepared folder: files that were left out, and why
_log = logging.getLogger(__name__)


def find(folder: Path, layout: str, unreadable: str) -> dict[str, list[tuple[Path, ...]]]:
    """Lists the files of a folder.

    Args:
        folder: the folder.
        layout: of `LAYOUTS`.
        unreadable: of `UNREADABLE`: what to do about a file of `two_folders` without partner.

    Returns:
        By split, a picture's file or those of A and B, by name.

    Raises:
        UserError: there is no such folder, or nothing in it.
    """
    roots = [folder] if layout == "side_by_side" else [folder / "A", folder / "B"]
    if not os.path.isdir(folder):
        raise UserError(
            f"dataset.path={str(folder)!r} is no folder; give one with {LAYOUTS[layout]}"
        )
    found = {}
    try:
        inside = sorted(roots[0].iterdir()) if roots[0].is_dir() else []
        names = [path.name for path in inside if path.is_dir() and _SPLIT.fullmatch(path.name)]
        places = {"train": roots} | {name: [root / name for root in roots] for name in names}
        for split, folders in places.items():
            files = _pairs_in(folders, unreadable)
            if files:
                found[split] = files
    except OSError as error:
        raise UserError(
            f"dataset.path={str(folder)!r} cannot be read ({error.strerror}); give another"
        ) from error
    if not found:
        raise UserError(
            f"dataset.path={str(folder)!r} has no pairs; give a folder with {LAYOUTS[layout]}"
        )
    return found


def _pairs_in(folders: list[Path], unreadable: str) -> list[tuple[Path, ...]]:
    """Returns the files of one folder, or of the same names in two."""
    if len(folders) == 1:
        return [(file,) for file in images.files_in(folders[0])]
    sides: list[dict[str, Path]] = [{}, {}]
    for side, folder in zip(sides, folders, strict=True):
        for file in images.files_in(folder):
            if file.stem in side:
                _report(file, f"has the name of {side[file.stem].name}", unreadable)
            side.setdefault(file.stem, file)
    a, b = sides
    for name in sorted(a.keys() ^ b):
        _report(a.get(name) or b[name], "has no partner of its name", unreadable)
    return [(a[name], b[name]) for name in sorted(a.keys() & b)]


def _report(file: Path, problem: str, unreadable: str) -> None:
    """Warns of a file that is skipped, or raises `UserError`."""
    if unreadable == "stop":
        raise UserError(
            f"dataset.path: {file} {problem}; mend or remove it, or set "
            "--config.dataset.unreadable=skip"
        )
    _warn(file, problem)


@functools.cache  # a program that loads several splits names each file once
def _warn(file: Path, problem: str) -> None:
    _log.warning("skipping %s: it %s", printable(file), problem)


class PairFolder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Pairs of images in a folder of one's own; the files are kept as they are."""

    VERSION = tfds.core.Version("1.2.0")  # of what a prepared folder has, `_SKIPPED` among it

    def __init__(self, files: dict[str, list[tuple[Path, ...]]], channels: int, **options: Any):
        """Makes the builder.

        Args:
            files: as `find` returns them, all readable.
            channels: 1 or 3, of all images.
            **options: of TFDS's builders.
        """
        self._files, self._channels = files, channels
        super().__init__(**options)

    def _info(self) -> tfds.core.DatasetInfo:
        (first, *_), *_ = self._files.values()
        names = ("image",) if len(first) == 1 else ("input", "image")
        features = {name: tfds.features.Image(shape=(None, None, self._channels)) for name in names}
        return tfds.core.DatasetInfo(
            builder=self,
            description="Pairs of images: A beside B, or A as `input` and B as `image`.",
            features=tfds.features.FeaturesDict(features),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # Nothing is downloaded.
        return {split: self._generate_examples(files) for split, files in self._files.items()}

    def _generate_examples(self, files: list[tuple[Path, ...]]) -> Iterator[tuple[bytes, dict]]:
        for pair in files:
            names = ("image",) if len(pair) == 1 else ("input", "image")
            content = {
                n: io.BytesIO(storage.read_bytes(f)) for n, f in zip(names, pair, strict=True)
            }
            yield os.fsencode(pair[-1].name), content


def check(
    pairs: list[tuple[Path, ...]], unreadable: str
) -> tuple[list[tuple[Path, ...]], bool, list[tuple[str, str]]]:
    """Decodes every file once.

    Args:
        pairs: the file of each pair, or those of A and B.
        unreadable: of `UNREADABLE`.

    Returns:
        The pairs that can be used; whether all of them are grey; the files that were left out, and
        what is wrong with them.

    Raises:
        UserError: a file is wrong, and `unreadable` is `stop`.
    """
    good, grey, skipped, narrow = [], True, [], []
    for pair in pairs:
        modes = []
        for file in pair:
            try:
                image = images.read(file)
                if len(pair) == 1:
                    half, _ = images.halves(image)
                    narrow += [file] * (half.width < half.height)
                images.convert(image, 3)
                modes.append(images.is_grey(image))
            except Exception as error:  # of Pillow, for whatever a file may hold
                problem = f"cannot be read as an image ({images.why(error)})"
                _report(file, problem, unreadable)
                skipped.append((str(file), problem))
                break
        else:
            good.append(pair)
            grey = grey and all(modes)
    if narrow:
        _log.warning(
            "in %d of %d pictures, such as %s, the halves are higher than wide: pictures must be "
            "of A beside B, not single images",
            len(narrow),
            len(pairs),
            printable(narrow[0]),
        )
    return good, grey, skipped


def prepare(folder: Path, layout: str, unreadable: str, data_dir: Path) -> Path:
    """Prepares a folder of pairs, unless that has been done since it changed.

    Args:
        folder: the folder, absolute.
        layout: of `LAYOUTS`.
        unreadable: `stop` at a file that cannot be read, or `skip` it; both name it, `skip` each
            time.
        data_dir: the TFDS data folder; the pairs go to `jaxgan_pairs` in it. Any number of
            processes may prepare the same.

    Returns:
        The prepared folder.

    Raises:
        UserError: an argument or a file is wrong.
    """
    if unreadable not in UNREADABLE:
        raise UserError(f"dataset.unreadable={unreadable!r} is unknown; give stop or skip")
    files = find(folder, layout, unreadable)
    stats = [
        [str(path.relative_to(folder)), *_stat(path)]
        for pairs in files.values()
        for pair in pairs
        for path in pair
    ]
    key = json.dumps([str(PairFolder.VERSION), str(folder), layout, unreadable, stats])
    readable = "".join(c if c.isalnum() or c in "-_." else "_" for c in folder.name)[:80]
    target = (
        data_dir / "jaxgan_pairs" / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    )
    if (target / "dataset_info.json").is_file():
        for file, problem in json.loads((target / _SKIPPED).read_text()):
            _report(Path(file), problem, unreadable)
        return target
    _log.info("preparing the pairs of %s", folder)
    with contextlib.ExitStack() as stack:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(storage.scratch_folder(target.parent))
        except OSError as error:
            raise UserError(
                f"dataset.data_dir={str(data_dir)!r} cannot be written to ({error.strerror}); give "
                "a folder that can"
            ) from error
        try:
            return _prepare(files, folder, unreadable, temporary, target)
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"dataset.path={str(folder)!r}: TFDS could not prepare it in {data_dir} "
                f"({one_line(error)}); mend that, or give another folder"
            ) from error


def _prepare(
    files: dict[str, list[tuple[Path, ...]]],
    folder: Path,
    unreadable: str,
    temporary: Path,
    target: Path,
) -> Path:
    checked = {split: check(pairs, unreadable) for split, pairs in files.items()}
    good = {split: pairs for split, (pairs, *_) in checked.items() if pairs}
    if not good:
        raise UserError(f"dataset.path={str(folder)!r}: no pair can be read; give another")
    channels = 1 if all(grey for _, grey, _ in checked.values()) else 3
    skipped = [each for *_, some in checked.values() for each in some]
    builder = PairFolder(good, channels, data_dir=temporary, file_format="array_record")
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # It speaks of the temporary folder.
            builder.download_and_prepare()
    finally:
        tfds.enable_progress_bar()
    (Path(builder.data_path) / _SKIPPED).write_text(json.dumps(skipped))
    try:
        os.rename(builder.data_path, target)
    except OSError:
        if not (target / "dataset_info.json").is_file():  # Otherwise another was faster.
            raise
    return target


def _stat(path: Path) -> list[int]:
    """Returns size and time of a file; nothing of one that is missing: a dangling link."""
    try:
        return [path.stat().st_size, path.stat().st_mtime_ns]
    except OSError:
        return []


class PairExamples(PreparedExamples):
    """Random access to prepared pairs: A as `input` and B as `image`."""

    def _decode(self, index: int, record: bytes) -> dict[str, np.ndarray]:
        from tensorflow_datasets.proto import tf_example_pb2

        try:
            fields = tf_example_pb2.Example.FromString(record).features.feature
            parts = [
                fields[name].bytes_list.value[0] for name in ("input", "image") if name in fields
            ]
            a, b = images.decode_pair(parts, self._image_size, self.channels)
            return {"input": a, "image": b}
        except Exception as error:
            raise self._damaged(f"record {index}: {one_line(error)}") from error
