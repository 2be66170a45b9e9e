"""Tags images: `python -m jaxgan.tag --workdir=DIR --input=FOLDER_OR_IMAGE --out=tags.html`.

Writes a table image | tags as a page that needs no other file, and the same as JSON beside it.
"""

import pathlib
from typing import Any

import numpy as np
from tqdm import tqdm

from jaxgan import cli, results
from jaxgan.data import images
from jaxgan.errors import UserError


def main(argv: list[str]) -> None:
    """Tags every image, writes the page and the JSON."""
    from jaxgan.tagging.protocol import COMMON, NEAREST, SAMPLES

    parser = cli.Parser("python -m jaxgan.tag", "Tag images with words.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py on tags")
    parser.add_argument("--input", required=True, metavar="PATH", help="an image, or a folder")
    parser.add_argument(
        "--features",
        metavar="FILE",
        help="features of the images, a .npz with `feature` [n, size] and `name` [n], for a run "
        "on features from a file",
    )
    parser.add_argument("--checkpoint", default="last", help="`last` or a step")
    parser.add_argument("--seed", type=cli.SEED, default=0)
    parser.add_argument("--samples", type=cli.integer(1), default=SAMPLES, help="of each image")
    parser.add_argument(
        "--nearest", type=cli.integer(1), default=NEAREST, help="words counted for a sample"
    )
    parser.add_argument("--common", type=cli.integer(1), default=COMMON, help="tags of an image")
    results.add_arguments(
        parser,
        "the page, or the JSON, which is written beside it (default: tags.html)",
        default="tags.html",
        metavar="FILE",
    )
    args = parser.parse_args(argv)
    out = pathlib.Path(args.out)
    if out.suffix not in (".html", ".json"):
        raise UserError(f"--out: {args.out!r} is of an unknown kind; end it in .html or .json")
    files = images.files_of(pathlib.Path(args.input).expanduser(), "--input")
    html, table = out.with_suffix(".html"), out.with_suffix(".json")
    results.check(args, [table, html], [*files, args.features])

    from jaxgan import storage, workdir
    from jaxgan.tagging import page, protocol
    from jaxgan.tagging import words as word_vectors

    cli.start_jax()
    trained = workdir.load(args.workdir, args.checkpoint, features=True)
    words = word_vectors.load(pathlib.Path(args.workdir) / "words.npz")
    features = features_of(files, trained.config.dataset.tags.features, args.features)
    if features.shape[1] != trained.features:
        raise UserError(
            f"--features: {features.shape[1]} numbers for an image, and the run was trained on "
            f"{trained.features}; give features of the same kind"
        )
    try:
        thumbnails = [page.thumbnail(file) for file in files]
    except Exception as error:  # Pillow has many kinds
        why = images.why(error)
        raise UserError(f"--input: {args.input} has an image that is damaged; {why}") from error
    with tqdm(total=len(files), unit="image", disable=None) as bar:
        found = protocol.tag(
            trained.sample,
            features,
            words,
            seed=args.seed,
            samples=args.samples,
            nearest=args.nearest,
            common=args.common,
            tick=bar.update,
        )
    rows = [
        {"image": page.shown(str(file)), "tags": [words.words[i] for i in tags]}
        for file, tags in zip(files, found.tags, strict=True)
    ]
    about = {
        "workdir": page.shown(str(args.workdir)),
        "step": int(trained.state.step),
        "seed": args.seed,
        "samples": args.samples,
        "nearest": args.nearest,
        "common": args.common,
    }
    with results.writing(html):
        storage.write_atomically(html, page.page(rows, thumbnails, about))
    results.write_json(args, table, {**about, "images": rows}, ensure_ascii=False)
    print(f"wrote {html} and {table}: {len(rows)} images")


def features_of(files: list[pathlib.Path], source: Any, given: str | None) -> np.ndarray:
    """Returns the features, float32 [n, size], of image files, as a run was trained on.

    Args:
      files: the images.
      source: of the run's features, `config.dataset.tags.features`.
      given: a file of features, or None.

    Raises:
      UserError: features from a file are missing, or were not asked for, or an image is damaged.
    """
    from jaxgan.tagging import features

    if features.is_file(source):
        if given is None:
            raise UserError(
                f"--features: the run was trained on features from {source}; give a file like it"
            )
        return features.of_names(given, [file.stem for file in files], f"--features: {given}")
    if given is not None:
        raise UserError(f"--features: has no effect on a run with features of {source}; omit it")
    return features.of_images(source, files, "--input")


if __name__ == "__main__":
    cli.run(main)
