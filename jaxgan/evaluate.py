"""Measures a trained model of MNIST digits: `python -m jaxgan.evaluate --workdir=DIR`.

Quality and variety in the features of the project's MNIST classifier, overall and by class, each
distance beside its floor: the same figure for real training images in place of samples.
"""

import json
import pathlib
from typing import Any

import numpy as np
from tqdm import tqdm

from jaxgan import cli, data, workdir
from jaxgan.errors import RunError, UserError
from jaxgan.metrics import classifier
from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.precision_recall import precision_recall


def measures(
    fake: np.ndarray, train: np.ndarray, test: np.ndarray, count: int, k: int = 3
) -> dict[str, float]:
    """Returns the distances of samples from the data, beside their floors.

    Args:
      fake: features of samples, float [n, dim].
      train: features of training images, float [m, dim].
      test: features of test images, float [l, dim].
      count: examples of each kind for precision and recall.
      k: neighbours for precision and recall.

    Returns:
      `frechet` from the training images, its `frechet_floor` (training against test images) and
      `frechet_ratio` of the two; `precision` and `recall`, and those of the test images.
    """
    distance, floor = frechet_distance(train, fake), frechet_distance(train, test)
    precision, recall = precision_recall(train[:count], fake[:count], k)
    best_precision, best_recall = precision_recall(train[:count], test[:count], k)
    return {
        "frechet": distance,
        "frechet_floor": floor,
        "frechet_ratio": distance / floor,
        "precision": precision,
        "precision_of_test": best_precision,
        "recall": recall,
        "recall_of_test": best_recall,
    }


def evaluate_digits(
    images: np.ndarray,
    label: np.ndarray,
    train: data.Dataset,
    test: data.Dataset,
) -> dict[str, Any]:
    """Measures labelled samples of digits.

    Args:
      images: uint8 [n, 28, 28, 1], in any order, at least 200 of each digit.
      label: int [n], the digit that each was asked to be.
      train: MNIST's training images.
      test: MNIST's test images.

    Returns:
      `agreement` (the share of samples that the classifier takes for the digit asked for) and
      `measures`, overall with n examples of each kind (at most 10,000), and under `by_class` for
      each digit with as many of each kind as the rarest has.
    """
    variables, checksum = classifier.load()
    features, probabilities = classifier.predict(variables, images)
    agree = probabilities.argmax(1) == label
    rng = np.random.default_rng(0)
    kinds = {"fake": (features, label)}
    for name, dataset in (("train", train), ("test", test)):
        chosen = rng.permutation(dataset.num_examples)[:10_000]
        kinds[name] = (
            classifier.predict(variables, dataset.images[chosen])[0],
            dataset.labels[chosen],
        )
    order = rng.permutation(len(images))
    count = min(10_000, len(images))
    overall = measures(
        *(x[:count] for x in (features[order], kinds["train"][0], kinds["test"][0])),
        min(5000, count),
    )
    by_class = []
    for digit in range(10):
        features_of = [x[y == digit] for x, y in kinds.values()]
        rarest = min(map(len, features_of))
        row = measures(*(x[:rarest] for x in features_of), rarest)
        by_class.append({"label": digit, "agreement": float(agree[label == digit].mean()), **row})
    return {
        "agreement": float(agree.mean()),
        **overall,
        "by_class": by_class,
        "protocol": {
            "samples": len(images),
            "real_images": count,
            "precision_recall": "k = 3, at most 5000 of each kind",
            "features": "jaxgan MNIST classifier, 128 dimensions",
            "features_sha256": checksum,
        },
    }


def table(result: dict[str, Any]) -> str:
    """Returns the result as a table of text."""
    names = ["agreement", "frechet", "frechet_ratio", "precision", "recall"]
    lines = [f"{'':7s}" + "".join(f"{name:>15s}" for name in names)]
    for title, row in [("all", result), *((str(r["label"]), r) for r in result["by_class"])]:
        lines.append(f"{title:7s}" + "".join(f"{row[name]:15.4f}" for name in names))
    floor = {
        "frechet": result["frechet_floor"],
        "frechet_ratio": 1.0,
        "precision": result["precision_of_test"],
        "recall": result["recall_of_test"],
    }
    cells = (f"{floor[name]:15.4f}" if name in floor else " " * 15 for name in names)
    return "\n".join([*lines, f"{'real':7s}" + "".join(cells)])


def main(argv: list[str]) -> None:
    """Samples, measures, prints a table and writes `evaluation.json`."""
    parser = cli.Parser("python -m jaxgan.evaluate", "Measure a trained model of MNIST digits.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py")
    parser.add_argument("--num", type=int, default=10_000, help="samples, in equal shares")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", default="last", help="`last` or a step")
    args = parser.parse_args(argv)
    if args.num < 2000:
        raise UserError(f"--num: {args.num} is too few to measure by class; give 2000 or more")
    cli.check_seed(args.seed)
    cli.use_compilation_cache()
    trained = workdir.load(args.workdir, args.checkpoint)
    options = trained.config.dataset
    if options.path or options.name.split(":")[0] != "mnist" or trained.image_shape != (28, 28, 1):
        raise UserError(
            f"--workdir: {args.workdir} was trained on {options.path or options.name!r}; "
            "only models of mnist at 28x28 can be measured"
        )
    train, test = (
        data.load("mnist", split=split, data_dir=options.data_dir or None)
        for split in ("train", "test")
    )
    images, label = workdir.draw(trained, args.num, args.seed, progress=tqdm)
    result = evaluate_digits(images, label, train, test)
    result["protocol"] |= {
        "seed": args.seed,
        "step": int(trained.state.step),
        "weights": "raw" if trained.state.ema is None else "moving average",
    }
    print(table(result))
    file = pathlib.Path(args.workdir) / "evaluation.json"
    try:
        workdir.write_atomically(file, json.dumps(result, indent=2) + "\n")
    except OSError as error:
        raise RunError(f"--workdir: {file} cannot be written ({error.strerror})") from error
    print(f"wrote {file}")


if __name__ == "__main__":
    cli.run(main)
