"""MIR Flickr 25,000 as its authors distribute it (Huiskes & Lew 2008), prepared as in the paper.

Expected in one folder, or in its `mirflickr/`: the images `im1.jpg`, `im2.jpg`, ...; the users'
tags `meta/tags/tags1.txt`, ... (or `tags/`), a tag per line; and the annotations, `annotations/` or
`mirflickr25k_annotations_v080/`, a file per concept with the number of an image per line. Files of
the stricter kind, `baby_r1.txt`, count as the concept, `baby`.
"""

import os
import pathlib
import re

from jaxgan.errors import UserError
from jaxgan.tagging.corpus import Corpus

TRAIN_EXAMPLES = 150_000
_TAGS = ("meta/tags", "tags")
_ANNOTATIONS = ("annotations", "mirflickr25k_annotations_v080", "mirflickr25k_annotations")


def tags_of_images(path: str | os.PathLike) -> dict[pathlib.Path, tuple[str, ...]]:
    """Returns the images, by number, with their tags: the users', then the annotations.

    As in Mirza & Osindero 2014 (arXiv 1411.1784), section 4.2: annotations count as tags, images
    that have none are left out. Tags are in lower case, each once.

    Raises:
      UserError: the folder is not as the authors distribute it.
    """
    where = f"dataset.path={str(path)!r}"
    top = pathlib.Path(path).expanduser()
    if not os.path.isdir(top):
        raise UserError(f"{where} is no folder; give that of MIR Flickr 25,000, with im1.jpg")
    roots = [root for root in (top, top / "mirflickr") if root.is_dir()]
    images: dict[int, pathlib.Path] = {}
    for root in roots:
        for file in root.glob("im*.jpg"):
            match = re.fullmatch(r"im(\d+)\.jpg", file.name)
            if match:
                images.setdefault(int(match[1]), file)
    if not images:
        raise UserError(f"{where} has no im1.jpg, im2.jpg, ...; unpack mirflickr25k.zip there")
    user_folder = _first(roots, _TAGS)
    if user_folder is None:
        raise UserError(f"{where} has neither meta/tags nor tags; unpack mirflickr25k.zip there")
    concepts_folder = _first(roots, _ANNOTATIONS)
    if concepts_folder is None:
        raise UserError(
            f"{where} has no annotations; unpack mirflickr25k_annotations_v080.zip as annotations/"
        )
    concepts = _annotations(concepts_folder, where)
    found = {}
    for number in sorted(images):
        tags = [*_lines(user_folder / f"tags{number}.txt", where), *concepts.get(number, ())]
        tags = tuple(dict.fromkeys(tag.lower() for tag in tags))
        if tags:
            found[images[number]] = tags
    if not found:
        raise UserError(f"{where}: no image has a tag; unpack the two archives once more")
    return found


def _first(roots: list[pathlib.Path], names: tuple[str, ...]) -> pathlib.Path | None:
    folders = [root / name for root in roots for name in names]
    return next((folder for folder in folders if folder.is_dir()), None)


def _lines(file: pathlib.Path, where: str) -> list[str]:
    """Returns the lines that are not empty; none where there is no file."""
    try:
        text = file.read_text("utf-8-sig", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{where}: {file} cannot be read ({error.strerror or error})") from error
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _annotations(folder: pathlib.Path, where: str) -> dict[int, list[str]]:
    """Returns the concepts of each image number, in order of their names."""
    found: dict[int, list[str]] = {}
    for file in sorted(folder.glob("*.txt")):
        if file.stem.lower().startswith("readme"):
            continue
        concept = file.stem.removesuffix("_r1").replace("_", "")
        for line in _lines(file, where):
            if not re.fullmatch(r"[0-9]{1,9}", line):
                raise UserError(
                    f"{where}: {file} has the line {line[:40]!r}, which is no number of an image; "
                    "take the file out or unpack the annotations once more"
                )
            found.setdefault(int(line), []).append(concept)
    return found


def read(
    path: str | os.PathLike, split: str = "train", train_examples: int = TRAIN_EXAMPLES
) -> Corpus:
    """Returns a split.

    An image with n tags is n examples; the first `train_examples` are `train`, whose last image may
    have some of its tags only, and `test` are the images of which none is among them.

    Args:
      path: the folder.
      split: `train` or `test`.
      train_examples: how many.

    Raises:
      UserError: there is no such split, or the folder is not as it should be.
    """
    if split not in ("train", "test"):
        raise UserError(f"dataset.split={split!r}: mirflickr_tags has train and test")
    taken, kept = 0, {}
    for file, tags in tags_of_images(path).items():
        if split == "train" and taken < train_examples:
            kept[file] = tags[: train_examples - taken]
        elif split == "test" and taken >= train_examples:
            kept[file] = tags
        taken += len(tags)
    if not kept:
        raise UserError(
            f"dataset.split={split!r} of {str(path)!r} is empty: its {taken} examples are all "
            f"among the first {train_examples}, for training; add the images that are missing"
        )
    tags = list(kept.values())
    return Corpus([file.stem for file in kept], list(kept), tags, tags)
