"""Translates images with a trained pix2pix: `python -m jaxgan.translate --workdir=... --input=...`.

Images in, images out, and a page that shows them side by side.
"""

import html
import os
import pathlib
import urllib.parse
from typing import Any

import jax
import numpy as np
from PIL import Image, ImageOps

from jaxgan import cli, results, storage, viz, workdir
from jaxgan.base import seed_key
from jaxgan.data import images, pairs
from jaxgan.errors import UserError, printable
from jaxgan.evaluate_pairs import open_run

PAGE = "index.html"
TITLES = ("input", "output", "target")


def read(file: pathlib.Path, channels: int, size: tuple[int, int] | None) -> np.ndarray:
    """Reads an image.

    Args:
      file: any format that Pillow opens; turned as its EXIF says.
      channels: 1, 3 or 4.
      size: (height, width) to `fit` it to; None: as it is.

    Returns:
      uint8 [height, width, channels].

    Raises:
      UserError: it cannot be read.
    """
    try:
        array = _array(images.convert(images.read(file), channels))
    except Exception as error:  # of Pillow, for whatever a file may hold
        raise UserError(
            f"--input: {file} cannot be read as an image ({images.why(error)})"
        ) from error
    return fit(array, size)


def _array(image: Image.Image) -> np.ndarray:
    """Returns an image as uint8 [height, width, channels]."""
    array = np.array(image)
    return array if array.ndim == 3 else array[..., None]


def fit(array: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Resizes the largest middle part of a shape (height, width) to it; None: nothing."""
    if size in (None, array.shape[:2]):
        return array
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    return _array(ImageOps.fit(image, size[::-1], Image.Resampling.BICUBIC))


class Translator:
    """How files become inputs, and outputs become pictures, for one run."""

    def __init__(self, trained: workdir.Trained, *, derive: bool, own_size: bool) -> None:
        """Takes a run.

        Args:
          trained: a translator.
          derive: whether files are what the pairs of training were made from; else inputs.
          own_size: whether images keep their sizes; else they get that of training.

        Raises:
          UserError: the run's inputs are not made from image files.
        """
        options = trained.config.dataset
        if options.pairs == "file" and derive:
            raise UserError("--derive: has no effect on a run with pairs of a file; leave it out")
        if trained.input_shape[-1] not in images.CHANNELS:
            raise UserError(
                f"--workdir: its inputs have {trained.input_shape[-1]} channels, as no image file "
                "has; use python -m jaxgan.evaluate_pairs"
            )
        self._trained, self._kind = trained, options.pairs
        self._direction, self._size = options.direction, None
        if not own_size:
            self._size = trained.image_shape[:2]
        # Lightness is not the grey level: a grey picture too has to be converted.
        self._derive = derive or self._kind == "colour"
        self._show_target = derive

    def example(self, file: pathlib.Path) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the input and, where files have one, the target, uint8 [height, width, ...]."""
        kind, direction, trained = self._kind, self._direction, self._trained
        if not self._derive:
            array = read(file, trained.input_shape[-1], None)
            self._check_width(file, array)
            return fit(array, self._size), None
        if kind in pairs.STORED:  # a picture of A beside B
            try:
                sides = images.halves(images.convert(images.read(file), trained.input_shape[-1]))
            except Exception as error:  # of Pillow, for whatever a file may hold
                raise UserError(
                    f"--input: {file} cannot be read as a pair ({images.why(error)})"
                ) from error
            a, b = (fit(_array(side), self._size) for side in sides)
            a, b = (a, b) if direction == "AtoB" else (b, a)
            return a, b if self._show_target else None
        else:
            source = trained.input_shape if direction == "BtoA" else trained.image_shape
            whole = read(file, 3 if kind == "colour" else source[-1], self._size)
        a, b = pairs.derive(kind, whole[None], direction)
        return a[0], b[0] if self._show_target else None

    def _check_width(self, file: pathlib.Path, array: np.ndarray) -> None:
        """Raises `UserError` where an image is cropped that may be a picture of A beside B."""
        if self._kind in pairs.FOLDERS and self._size:
            height, width = self._size
            if array.shape[1] * height >= 2 * width * array.shape[0]:
                raise UserError(
                    f"--input: {file} has {array.shape[1]}x{array.shape[0]} pixels, twice the "
                    "width of training's images; give --derive if it is a picture of A beside B, "
                    "or else --size=own"
                )

    def target(self, file: pathlib.Path, like: np.ndarray) -> np.ndarray:
        """Returns the target in a file of its own, of the size of `like`."""
        if self._kind != "colour":
            return read(file, self._trained.image_shape[-1], like.shape[:2])
        return pairs.derive("colour", read(file, 3, like.shape[:2])[None])[1][0]

    def __call__(self, inputs: np.ndarray, key: jax.Array) -> np.ndarray:
        """Returns outputs, uint8 [n, height, width, ...], of inputs of one size."""
        return np.asarray(self._trained.sample(key, inputs))

    def pictures(self, input: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns an input and an output or target as they are shown, [height, width, 1 or 3]."""
        a, b = pairs.pictures(self._kind, input=input[None], image=image[None])
        return a[0], b[0]


def page(rows: list[dict[str, str]], titles: list[str], heading: str) -> str:
    """Returns an HTML page.

    Args:
      rows: of each image `name` and, by title, the file to show, relative to the page.
      titles: of the columns.
      heading: of the page.
    """

    def escape(text: str) -> str:
        return html.escape(text.encode("utf-8", "replace").decode())  # names may be no text

    def link(text: str) -> str:
        return urllib.parse.quote(os.fsencode(text))

    head = "".join(f"<th>{escape(title)}</th>" for title in ("", *titles))
    body = []
    for row in rows:
        cells = "".join(
            f'<td><a href="{link(row[t])}"><img src="{link(row[t])}" '
            f'alt="{escape(t)} of {escape(row["name"])}"></a></td>'
            if t in row
            else "<td></td>"
            for t in titles
        )
        body.append(f"<tr><th>{escape(row['name'])}</th>{cells}</tr>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)}</title>\n<style>\n"
        "body { font-family: sans-serif; margin: 2em; }\n"
        "td, th { padding: 4px; text-align: center; font-weight: normal; }\n"
        "td img { min-width: 112px; max-width: 512px; width: 100%; image-rendering: pixelated; "
        "border: 1px solid #ccc; }\n</style>\n</head>\n<body>\n"
        f"<h1>{escape(heading)}</h1>\n<table>\n<tr>{head}</tr>\n" + "\n".join(body) + "\n</table>\n"
        "</body>\n</html>\n"
    )


def parse(argv: list[str]) -> Any:
    """Returns the arguments."""
    parser = cli.Parser("python -m jaxgan.translate", "Translate images with a trained pix2pix.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of pix2pix")
    parser.add_argument("--input", required=True, metavar="PATH", help="an image or a folder")
    results.add_arguments(parser, "folder of the results", required=True, metavar="DIR")
    parser.add_argument("--target", metavar="DIR", help="targets to show, of the inputs' names")
    parser.add_argument(
        "--derive",
        action="store_true",
        help="make inputs as in training, of whole images or of pictures of A beside B",
    )
    parser.add_argument(
        "--size",
        choices=("train", "own"),
        default="train",
        help="that of training, by cropping and resizing (default), or every image's own",
    )
    parser.add_argument(
        "--batch", type=cli.integer(1), help="images at a time (default: as in training)"
    )
    parser.add_argument("--checkpoint", default="last", help="`last`, a step or mean:STEP")
    parser.add_argument("--unreadable", choices=("stop", "skip"), default="stop")
    parser.add_argument("--seed", type=cli.SEED, default=0, help="of the noise, dropout")
    return parser.parse_args(argv)


def _names(files: list[pathlib.Path]) -> dict[pathlib.Path, str]:
    """Returns names without ending, each once, for the results of files."""
    names: dict[str, pathlib.Path] = {}
    for i, file in enumerate(files):
        names[file.stem if file.stem not in names else f"{file.stem}_{i}"] = file
    return {file: name for name, file in names.items()}


def main(argv: list[str]) -> None:
    """Translates, writes the images and the page."""
    args = parse(argv)
    files = images.files_of(pathlib.Path(args.input), "--input")
    targets: dict[str, pathlib.Path] = {}
    if args.target:
        targets = {file.stem: file for file in images.files_in(pathlib.Path(args.target))}
        if not targets:
            raise UserError(f"--target: {args.target} has no images; give a folder of targets")
        alone = [file.name for file in files if file.stem not in targets]
        if len(alone) == len(files):
            raise UserError(
                f"--target: {args.target} has no file of the name of an input, such as {alone[0]}"
            )
        if alone:
            example = printable(alone[0])
            print(f"WARNING: no target for {len(alone)} of {len(files)} inputs, such as {example}")
    out, names = pathlib.Path(args.out), _names(files)
    pictures = [out / title / f"{name}.png" for name in names.values() for title in TITLES]
    results.check(args, [out / PAGE, *pictures], [*files, *targets.values()])
    cli.start_jax()
    trained = open_run(args.workdir, args.checkpoint)
    translator = Translator(trained, derive=args.derive, own_size=args.size == "own")

    examples = []
    for file in files:
        try:
            source, target = translator.example(file)
            if file.stem in targets:
                target = translator.target(targets[file.stem], source)
        except UserError as error:
            if args.unreadable == "stop":
                raise UserError(f"{error}; or give --unreadable=skip") from error
            print(f"WARNING: skipping: {error}")
            continue
        examples.append((file, source, target))
    if not examples:
        raise UserError(f"--input: no image of {args.input} can be read; give others")

    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, (_, source, _) in enumerate(examples):
        by_shape.setdefault(source.shape, []).append(i)
    outputs: dict[int, np.ndarray] = {}
    key = seed_key(args.seed)
    for indices in by_shape.values():
        batch = min(args.batch or trained.config.batch_size, len(indices))
        for start in range(0, len(indices), batch):
            # The last batch is filled up from the first, so that all are of one size.
            part = [indices[i % len(indices)] for i in range(start, start + batch)]
            made = translator(
                np.stack([examples[i][1] for i in part]), jax.random.fold_in(key, part[0])
            )
            outputs.update({i: x for i, x in zip(part, made, strict=True) if i not in outputs})

    rows = []
    with results.writing(out / PAGE):
        for i, (file, source, target) in enumerate(examples):
            shown_input, shown_output = translator.pictures(source, outputs[i])
            shown = {"input": shown_input, "output": shown_output}
            if target is not None:
                shown["target"] = translator.pictures(source, target)[1]
            row = {"name": file.name}
            for title, picture in shown.items():
                row[title] = f"{title}/{names[file]}.png"
                (out / title).mkdir(parents=True, exist_ok=True)
                viz.save_image(picture, out / row[title])
            rows.append(row)
        titles = [title for title in TITLES if any(title in row for row in rows)]
        heading = f"{pathlib.Path(args.workdir).resolve().name}, step {int(trained.state.step)}"
        storage.write_atomically(out / PAGE, page(rows, titles, heading))
    print(f"wrote {out / PAGE} and {len(rows)} images in {out / 'output'}")


if __name__ == "__main__":
    cli.run(main)
