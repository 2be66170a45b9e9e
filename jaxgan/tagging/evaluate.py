"""Measures a tagger: `python -m jaxgan.tagging.evaluate --workdir=runs/cgan_tags_mnist`.

Precision and recall of the tags of held-out images, beside two baselines that need no training: the
most frequent tags, and the tags of the nearest training images in the space of features.
"""

import argparse
import pathlib
from typing import Any

import numpy as np
import scipy.sparse
from tqdm import tqdm

from jaxgan import cli, results, workdir
from jaxgan.errors import UserError, named
from jaxgan.tagging import dataset, measures, protocol
from jaxgan.tagging import words as word_vectors
from jaxgan.tagging.words import Words

NEIGHBOURS = (1, 10, 100)


def parse(argv: list[str]) -> argparse.Namespace:
    """Returns the arguments; raises `UserError` where one is out of its range."""
    parser = cli.Parser("python -m jaxgan.tagging.evaluate", "Measure the tags of held-out images.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py on tags")
    parser.add_argument("--checkpoint", default="last", help="`last` or a step")
    parser.add_argument("--test-split", default="test", help="held-out images (default: test)")
    parser.add_argument(
        "--num", type=cli.integer(0), default=0, help="of them; 0, the default: all"
    )
    parser.add_argument("--seed", type=cli.SEED, default=0)
    parser.add_argument(
        "--samples", type=cli.integer(1), default=protocol.SAMPLES, help="of each image"
    )
    parser.add_argument(
        "--nearest", type=cli.integer(1), default=protocol.NEAREST, help="words of a sample"
    )
    parser.add_argument(
        "--common", type=cli.integer(1), default=protocol.COMMON, help="tags of an image"
    )
    results.add_arguments(parser, "default: tagging.json in the work folder", metavar="FILE")
    return parser.parse_args(argv)


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Returns every measure by name: of the model, of the baselines, and what they are of."""
    trained = workdir.load(args.workdir, args.checkpoint, features=True)
    words = word_vectors.load(pathlib.Path(args.workdir) / "words.npz")
    options = trained.config.dataset
    with named({"dataset.split": "--test-split"}, "--workdir"):
        common = dataset.shared(options, args.test_split)
        if common:
            raise UserError(
                f"--test-split: {common} images of {args.test_split!r} are of {options.split!r}, "
                "which was trained on; give held-out ones"
            )
        train = dataset.corpus(options, options.split)
        train_features = dataset.feature_array(options, train, options.split)
        test = dataset.corpus(options, args.test_split)
        features = dataset.feature_array(options, test, args.test_split)
    if features.shape[1] != trained.features:
        raise UserError(
            f"--workdir: {args.workdir} was trained on {trained.features} features of an image and "
            f"dataset.tags.features now has {features.shape[1]}; give the file it was trained on"
        )
    count = min(args.num or len(features), len(features))
    features = features[:count]
    with tqdm(total=count, unit="image", disable=None) as bar:
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
    train_tags = table(train.tags, words)
    some = np.diff(train_tags.indptr) > 0  # tags in the vocabulary
    train_tags, train_features = train_tags[some], train_features[some]
    tags = {
        "GAN": found.tags,
        "most frequent tags": measures.most_frequent(train_tags, count, args.common),
    }
    most = max(n for n in NEIGHBOURS if n <= len(train_features))
    nearest = measures.nearest_images(features, train_features, most)
    for n in NEIGHBOURS:
        if n <= most:
            name = f"{n} nearest training image{'s' * (n > 1)}"
            tags[name] = measures.votes(nearest[:, :n], train_tags, args.common)
    truths = {"true words": table(test.truth[:count], words)}
    if test.truth is not test.tags:
        truths["users' tags"] = table(test.tags[:count], words)
    result: dict[str, Any] = {
        "protocol": {
            "step": int(trained.state.step),
            "average": trained.state.ema is not None,
            "images": count,
            "test_split": args.test_split,
            "seed": args.seed,
            "samples": args.samples,
            "nearest": args.nearest,
            "common": args.common,
            "vocabulary": len(words.words),
            "train_images": train_tags.shape[0],
        }
    }
    for kind, truth in truths.items():
        rows = {name: measures.agreement(chosen, truth)._asdict() for name, chosen in tags.items()}
        result[kind] = {
            **rows,
            "words of an image": float(np.diff(truth.indptr).mean()),
            "greatest recall": measures.greatest_recall(truth, args.common),
        }
    frequency = np.maximum(measures.frequencies(train_tags), 1)  # some are 0 in a part of the data
    truth = truths["true words"].toarray()
    borrowed = measures.borrowed(nearest, train_tags, np.random.default_rng(args.seed))
    sampled = {"GAN": found.sampled, f"a tag of each of {most} nearest images": borrowed}
    result["diversity"] = {
        name: {
            **measures.diversity(chosen, frequency)._asdict(),
            "samples": chosen.shape[1],
            "true": float(truth[np.arange(count)[:, None], chosen].mean()),
        }
        for name, chosen in sampled.items()
    }
    return result


def table(tags: Any, words: Words) -> scipy.sparse.csr_array:
    """Returns the tags of images as bool [n, V], sparse; words out of the vocabulary are left out.

    Args:
      tags: of each image.
      words: the vocabulary.
    """
    image, word = dataset.pairs(tags, words)
    return measures.indicator(image, word, (len(tags), len(words.words)))


def text(result: dict[str, Any]) -> str:
    """Returns the result as lines to print."""
    about, lines = result["protocol"], []
    k = about["common"]
    for kind in ("true words", "users' tags"):
        if kind not in result:
            continue
        rows = result[kind]
        lines += [
            f"against {kind} ({rows['words of an image']:.1f} of an image in the mean, so that the "
            f"recall is {rows['greatest recall']:.3f} at most)",
            f"  {'':28} {f'precision@{k}':>15} {f'recall@{k}':>15}",
        ]
        for name, row in rows.items():
            if isinstance(row, dict):
                cells = (
                    f"{row[x]:.3f} +- {row[f'{x}_error']:.3f}" for x in ("precision", "recall")
                )
                lines.append(f"  {name:28} " + " ".join(f"{cell:>15}" for cell in cells))
    for name, values in result["diversity"].items():
        lines.append(
            f"sampled words, {name}: {values['words']:.1f} distinct among {values['samples']} of "
            f"an image, entropy {values['entropy']:.2f} nats; {100 * values['vocabulary']:.0f} % "
            f"of the {about['vocabulary']} words are sampled; KL from the frequencies of real tags "
            f"{values['kl']:.3f}; {100 * values['true']:.1f} % of samples are true words"
        )
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Measures, prints a table and writes `tagging.json`."""
    args = parse(argv)
    file = pathlib.Path(args.out) if args.out else pathlib.Path(args.workdir) / "tagging.json"
    results.check(args, [file])
    cli.start_jax()
    result = evaluate(args)
    print(text(result))
    results.write_json(args, file, result)
    print(f"wrote {file}")


if __name__ == "__main__":
    cli.run(main)
