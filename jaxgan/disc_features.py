"""Judges a discriminator by its features: `python -m jaxgan.disc_features --workdir=DIR`.

The protocol of Radford, Metz & Chintala 2015 (arXiv 1511.06434), section 5.1: the outputs of all
convolutions, each max-pooled to a 4x4 grid, flattened and concatenated, with a linear L2-SVM on
top. Features of random weights are good ones already, so the accuracy stands beside that of the
same discriminator before its training. It needs scikit-learn.
"""

import argparse
import functools
import importlib.util
import logging
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

import jaxgan
from jaxgan import cli, data, latent, results
from jaxgan.base import GAN, Players, seed_key
from jaxgan.data import transforms
from jaxgan.errors import UserError
from jaxgan.metrics import suite

_log = logging.getLogger(__name__)

GRID = 4
BATCH = 100
PENALTY = 0.01  # C of the support vector machine, for features with a mean square of 1 by layer


def grid_max(x: jax.Array, size: int = GRID) -> jax.Array:
    """Max-pools maps to a grid.

    Cell `i` of an axis of `n` places covers those from `floor(i n / size)` up to
    `ceil((i + 1) n / size)`; neighbouring cells overlap by one where `n` is not divisible.

    Args:
      x: float [batch, height, width, channels].
      size: of the grid; an axis of fewer places is left as it is.

    Returns:
      float [batch, size, size, channels].
    """
    for axis in (1, 2):
        n = x.shape[axis]
        if n > size:
            cells = [(i * n // size, -(-(i + 1) * n // size)) for i in range(size)]
            parts = [jax.lax.slice_in_dim(x, *cell, axis=axis).max(axis) for cell in cells]
            x = jnp.stack(parts, axis)
    return x


def make_extract(gan: GAN, layers: list[str]) -> Callable[..., jax.Array]:
    """Returns the compiled `(disc, variables, image uint8 [n, ...]) -> features [n, dim]`.

    A conditional discriminator is given class 0 for every image, so that the features cannot tell
    the label.

    Args:
      gan: the variant.
      layers: names of its discriminator's convolutions.
    """

    @jax.jit
    def extract(disc: Any, variables: Players, image: jax.Array) -> jax.Array:
        image = transforms.to_float(image, *gan.value_range)
        found = gan.critic(disc, variables, image, jnp.zeros(len(image), jnp.int32))[1]
        flat = [grid_max(found[name]).reshape(len(image), -1) for name in layers]
        return jnp.concatenate(flat, 1).astype(jnp.float32)

    return extract


def features(extract: Callable[[np.ndarray], jax.Array], dataset: data.Dataset) -> np.ndarray:
    """Returns the features float32 [n, dim] of all images of a dataset, batch by batch."""
    parts = []
    for start in tqdm(range(0, dataset.num_examples, BATCH), unit="batch", disable=None):
        chosen = np.arange(start, min(start + BATCH, dataset.num_examples))
        image = suite.take(dataset, np.resize(chosen, BATCH))[0]
        parts.append(np.asarray(extract(image))[: len(chosen)])
    return np.concatenate(parts)


def labels(dataset: data.Dataset, where: str) -> np.ndarray:
    """Returns labels int [n]; raises `UserError`, which begins with `where`, if there are none."""
    if dataset.num_classes is None:
        raise UserError(f"{where}: {dataset.name} has no labels; give --dataset with labels")
    if dataset.labels is not None:
        return dataset.labels
    return np.array([dataset.read(i)["label"] for i in range(dataset.num_examples)])


def standardise(train: np.ndarray, test: np.ndarray, sizes: Sequence[int]) -> None:
    """Centres features, and divides each layer's by one number, by the training examples.

    Args:
      train: float [n, dim], changed in place.
      test: float [m, dim], changed in place.
      sizes: of the layers, in order; their sum is dim.
    """
    start = 0
    for size in sizes:
        layer = slice(start, start + size)
        centre = train[:, layer].mean(0)
        for part in (train, test):
            part[:, layer] -= centre
        scale = max(float(np.sqrt(np.mean(np.square(train[:, layer])))), 1e-12)
        for part in (train, test):
            part[:, layer] /= scale
        start += size


def accuracy(
    train: np.ndarray, train_label: np.ndarray, test: np.ndarray, test_label: np.ndarray
) -> float:
    """Returns the share of test examples that a linear L2-SVM classifies as their label.

    Args:
      train: features float [n, dim], of mean 0 and about unit scale.
      train_label: int [n], two classes at least.
      test: features float [m, dim].
      test_label: int [m].
    """
    from sklearn.svm import LinearSVC

    _log.info(
        "fitting a linear SVM to %d examples of %d features, which can take minutes", *train.shape
    )
    machine = LinearSVC(C=PENALTY, random_state=0).fit(train, train_label)
    return float(np.mean(machine.predict(test) == test_label))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the accuracies with the protocol."""
    trained = latent.open_images(args.workdir, args.checkpoint)
    gan, where = trained.model.gan, f"--workdir: {args.workdir}"
    shapes = latent.shown_layers(trained, where)
    layers = [name for name in shapes if name.startswith("conv")]
    if not layers:
        raise UserError(
            f"{where} has a discriminator without convolutions; give a run with some, such as of "
            "configs/dcgan_mnist.py"
        )
    options, flag = latent.dataset_options(trained), "--workdir"
    if args.dataset:
        is_file, flag = args.dataset.endswith(".npz"), "--dataset"
        options |= {"path": args.dataset} if is_file else {"name": args.dataset, "path": None}
    if options["path"] and args.test_split == "test":
        raise UserError(
            f"--test-split: {options['path']} has no split `test`; give images to train and to "
            "test on, such as --train-split=train[:90%] --test-split=train[90%:]"
        )
    splits = {"--train-split": args.train_split, "--test-split": args.test_split}
    train, test = (
        latent.load_data(trained, options | {"split": split}, flag, split_flag)
        for split_flag, split in splits.items()
    )
    train_label, test_label = labels(train, flag), labels(test, flag)
    if len(np.unique(train_label)) < 2:
        raise UserError(f"--train-split: {args.train_split} has one class; give two or more")
    suite.check_overlap(
        *(suite.take(x, np.arange(x.num_examples))[0] for x in (train, test)), "--test-split"
    )

    example = {"image": jnp.zeros((2, *trained.image_shape)), "label": jnp.zeros(2, jnp.int32)}
    params, variables = jax.jit(gan.init)(seed_key(trained.config.seed), example)
    extract = make_extract(gan, layers)
    sizes = [min(h, GRID) * min(w, GRID) * c for h, w, c in (shapes[name] for name in layers)]
    values = []
    for one in ((trained.state.params.disc, trained.state.variables), (params.disc, variables)):
        found = [features(functools.partial(extract, *one), part) for part in (train, test)]
        standardise(*found, sizes)
        values.append(accuracy(found[0], train_label, found[1], test_label))
    return {
        "accuracy": values[0],
        "accuracy_untrained": values[1],
        "protocol": {
            "jaxgan": jaxgan.__version__,
            "checkpoint": args.checkpoint,
            "step": int(trained.state.step),
            "layers": layers,
            "dimensions": found[0].shape[1],
            "dataset": options["path"] or options["name"],
            "train_split": args.train_split,
            "test_split": args.test_split,
            "train_images": train.num_examples,
            "test_images": test.num_examples,
            "classifier": f"linear L2-SVM, squared hinge, C = {PENALTY}; features max-pooled to "
            f"{GRID}x{GRID}, centred, each layer's divided by their standard deviation",
        },
    }


def main(argv: list[str]) -> None:
    """Measures, prints the accuracies and writes them."""
    parser = cli.Parser(
        "python -m jaxgan.disc_features", "Classify images by a discriminator's features."
    )
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py")
    parser.add_argument("--checkpoint", default="last", help="`last`, `best`, a step or mean:STEP")
    parser.add_argument(
        "--dataset", help="TFDS name or .npz with labels (default: what was trained on)"
    )
    parser.add_argument("--train-split", default="train", help="default: train")
    parser.add_argument("--test-split", default="test", help="default: test")
    results.add_arguments(parser, "default: disc_features.json in the run", metavar="FILE")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("sklearn") is None:
        raise UserError("scikit-learn: it is not installed; pip install scikit-learn")
    file = pathlib.Path(args.out or pathlib.Path(args.workdir) / "disc_features.json")
    results.check(args, [file], [args.dataset])
    result = measure(args)
    shares = np.array([result["accuracy"], result["accuracy_untrained"]])
    errors = np.sqrt(shares * (1 - shares) / result["protocol"]["test_images"])
    trained, untrained = (
        f"{100 * p:.2f} +- {100 * e:.2f} %" for p, e in zip(shares, errors, strict=True)
    )
    print(f"accuracy {trained}, with random weights {untrained} (errors of so many test images)")
    results.write_json(args, file, result)
    print(f"wrote {file}")


if __name__ == "__main__":
    cli.run(main)
