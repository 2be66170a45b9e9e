"""Every measure of a set of samples against real data, by name, each beside its floor.

A measure is a function of (candidate, reference). The candidate is a set of samples; put real
images in its place, and the same function gives the floor.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import data
from jaxgan.data import cache, gaussians
from jaxgan.errors import UserError, named
from jaxgan.metrics import (
    agreement,
    classifier,
    frechet,
    kernel,
    manifold,
    modes,
    neighbours,
    networks,
    parzen,
    scores,
)
from jaxgan.metrics.arguments import check_labels

MANIFOLD_LIMIT = 10_000  # examples of each kind, for the distances of all to all
REAL_LIMIT = 60_000  # real images of each split
SPLITS = 10  # of the inception score
SUBSETS, SUBSET_SIZE = 100, 1000  # of the kernel distance
PARZEN_VALID = 1000  # images that choose the window
OVERLAP = 0.01  # share of test images that may be training images too
KNOWN = 0.5  # share of labelled real images in which the classifier must see the label
MEMORY = 4 << 30  # bytes of real images of a split


class Candidate(NamedTuple):
    """Images to be measured, in random order.

    Attributes:
      images: uint8 [n, height, width, channels].
      label: int [n], the class that was asked for; None where there is none.
      outputs: of the feature network for the images; None where no measure needs one.
    """

    images: np.ndarray
    label: np.ndarray | None
    outputs: networks.Outputs | None

    def take(self, chosen: Any) -> "Candidate":
        """Returns the part of the candidate that an index chooses."""
        return jax.tree.map(lambda x: x[chosen], self)


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """Real data to measure against.

    Attributes:
      network: that judges; None where no measure needs one.
      train: training images in a fixed random order, at most `REAL_LIMIT`.
      test: images that were not trained on, in a fixed random order, at most `REAL_LIMIT`.
      valid: images uint8 [v, ...] that choose the Parzen window; None where the first of the test
        images do, which then are not measured.
      mixture: centres float [modes, 2] and standard deviation of a mixture of Gaussians, or None.
    """

    network: networks.Network | None
    train: Candidate
    test: Candidate
    valid: np.ndarray | None = None
    mixture: tuple[np.ndarray, float] | None = None

    @functools.cached_property
    def moments(self) -> frechet.Moments:
        """Moments of the features of `train`."""
        features = self.train.outputs.features
        parts = (features[start : start + 10_000] for start in range(0, len(features), 10_000))
        return functools.reduce(frechet.merge, map(frechet.moments, parts))

    @functools.cached_property
    def test_distance(self) -> np.ndarray:
        """Distances of the test images to their nearest training image, float32 [n]."""
        return neighbours.nearest(self.test.outputs.features, self.train.outputs.features)[0]


Values = dict[str, float]


class Measure(NamedTuple):
    """A measure.

    Attributes:
      call: `(candidate, reference) -> values by name`.
      gives: names of the values, `*` for the network's prefix, and which is better: `lower`,
        `higher`, or `` for what is no score.
      needs: of `features`, `images`, `digits` (28x28x1, judged by the classifier), `stacked`
        (digits in three channels, 28x28x3), `points` (of the plane) and `label` (classes).
      real: the real images that give its floor, `test` or `train`.
      by_default: whether it is measured where nothing is said.
      least: samples that it needs.
    """

    call: Callable[[Candidate, Reference], Values]
    gives: dict[str, str]
    needs: tuple[str, ...]
    real: str = "test"
    by_default: bool = True
    least: int = 2


def _frechet(candidate: Candidate, reference: Reference) -> Values:
    mine = frechet.moments(candidate.outputs.features)
    name = f"{reference.network.prefix}FID"
    return {name: frechet.frechet_distance(reference.moments, mine)}


def _common_count(candidate: Candidate, reference: Reference, limit: int) -> int:
    """Returns how many examples samples, training and test images all have, so that floors fit."""
    return min(limit, *(len(x.images) for x in (candidate, reference.train, reference.test)))


def _kernel(candidate: Candidate, reference: Reference) -> Values:
    mean, deviation = kernel.kernel_distance(
        reference.train.outputs.features,
        candidate.outputs.features,
        jax.random.key(0),
        subsets=SUBSETS,
        subset_size=_common_count(candidate, reference, SUBSET_SIZE),
    )
    name = f"{reference.network.prefix}KID"
    return {name: mean, f"{name}_std": deviation}


def _scores(candidate: Candidate, splits: int = SPLITS) -> scores.ScoreSums:
    count = len(candidate.images)
    return scores.score_sums(
        candidate.outputs.logits, (np.arange(count) * splits + splits - 1) // count, splits=splits
    )


def _inception_score(candidate: Candidate, reference: Reference) -> Values:
    mean, deviation = scores.inception_score(_scores(candidate))
    name = f"{reference.network.prefix}IS"
    return {name: mean, f"{name}_std": deviation}


def _modified_score(candidate: Candidate, reference: Reference) -> Values:
    name = f"{reference.network.prefix}modified_IS"
    return {name: scores.modified_inception_score(_scores(candidate))}


def _manifold(candidate: Candidate, reference: Reference) -> Values:
    count = _common_count(candidate, reference, MANIFOLD_LIMIT)
    real, fake = (x.outputs.features[:count] for x in (reference.train, candidate))
    return manifold.manifold_measures(real, fake)._asdict()


def _memorisation(candidate: Candidate, reference: Reference) -> Values:
    if candidate is reference.test:
        distance = reference.test_distance
    else:
        train = reference.train.outputs.features
        distance, _ = neighbours.nearest(candidate.outputs.features, train)
    return {"memorisation": neighbours.memorisation(distance, reference.test_distance)}


def _agreement(candidate: Candidate, reference: Reference) -> Values:
    classes = reference.network.num_classes
    return {"agreement": agreement.agreement(_confusion(candidate, classes))[0]}


def _confusion(candidate: Candidate, classes: int) -> jax.Array:
    check_labels("label", candidate.label, classes)
    predicted = candidate.outputs.logits.argmax(1)
    return agreement.confusion(candidate.label, predicted, classes=classes)


def _modes(candidate: Candidate, reference: Reference) -> Values:
    classes = reference.network.num_classes
    mine, real = (
        np.bincount(x.outputs.logits.argmax(1), minlength=classes)
        for x in (candidate, reference.train)
    )
    found = modes.mode_coverage(mine, np.maximum(real, 1))
    return {"modes": found.modes, "modes_reverse_kl": found.reverse_kl}


def _stacked_modes(candidate: Candidate, reference: Reference) -> Values:
    variables, _ = classifier.load()
    channels = np.moveaxis(candidate.images, -1, 1).reshape(-1, 28, 28, 1)
    predicted = classifier.predict(variables, channels).reshape(-1, candidate.images.shape[-1])
    found = modes.mode_coverage(modes.stacked_counts(predicted))
    return {"stacked_modes": found.modes, "stacked_reverse_kl": found.reverse_kl}


def _mixture(candidate: Candidate, reference: Reference) -> Values:
    points = candidate.images.reshape(len(candidate.images), -1)
    found = modes.mixture_measures(points, *reference.mixture)
    return {
        "mixture_modes": found.modes,
        "high_quality": found.high_quality,
        "mixture_reverse_kl": found.reverse_kl,
    }


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def _parzen(candidate: Candidate, reference: Reference) -> Values:
    valid, test = reference.valid, reference.test.images
    if valid is None:
        valid, test = test[:PARZEN_VALID], test[PARZEN_VALID:]
    found = parzen.parzen(_flat(candidate.images), _flat(valid), _flat(test))
    return {
        "parzen": found.mean,
        "parzen_standard_error": found.standard_error,
        "parzen_sigma": found.sigma,
        "parzen_valid": found.valid,
    }


def _accuracy(candidate: Candidate, reference: Reference) -> Values:
    test = reference.test
    score = classifier.classification_accuracy_score(
        candidate.images, candidate.label, test.images, test.label
    )
    return {"classification_accuracy": score}


MEASURES = {
    "frechet": Measure(_frechet, {"*FID": "lower"}, ("features",)),
    "kernel": Measure(_kernel, {"*KID": "lower", "*KID_std": ""}, ("features",)),
    "inception_score": Measure(
        _inception_score, {"*IS": "higher", "*IS_std": ""}, ("features",), least=SPLITS
    ),
    "modified_score": Measure(_modified_score, {"*modified_IS": "higher"}, ("features",)),
    "manifold": Measure(
        _manifold,
        {"precision": "higher", "recall": "higher", "density": "higher", "coverage": "higher"},
        ("features",),
        least=6,
    ),
    "memorisation": Measure(_memorisation, {"memorisation": ""}, ("features",)),
    "modes": Measure(
        _modes, {"modes": "higher", "modes_reverse_kl": "lower"}, ("features", "digits")
    ),
    "agreement": Measure(  # `manifold` comes with it
        _agreement, {"agreement": "higher"}, ("features", "digits", "label"), least=6
    ),
    "stacked_modes": Measure(
        _stacked_modes,
        {"stacked_modes": "higher", "stacked_reverse_kl": "lower"},
        ("stacked",),
        by_default=False,
    ),
    "mixture": Measure(
        _mixture,
        {"mixture_modes": "higher", "high_quality": "higher", "mixture_reverse_kl": "lower"},
        ("points",),
    ),
    "parzen": Measure(
        _parzen,
        {
            "parzen": "higher",
            "parzen_standard_error": "",
            "parzen_sigma": "",
            "parzen_valid": "higher",
        },
        ("images",),
        real="train",
        by_default=False,
    ),
    "classification_accuracy": Measure(
        _accuracy,
        {"classification_accuracy": "higher"},
        ("digits", "label"),
        real="train",
        by_default=False,
        least=125,
    ),
}


def values_of(names: Iterable[str], prefix: str) -> dict[str, str]:
    """Returns the names of the values that measures give, with which is better.

    Args:
      names: of `MEASURES`.
      prefix: of the feature network.
    """
    return {
        value.replace("*", prefix): better
        for name in names
        for value, better in MEASURES[name].gives.items()
    }


def can_select(name: str, better: str) -> bool:
    """Returns whether a value may choose a checkpoint: those of test images and labels may not."""
    return bool(better) and name not in ("parzen", "classification_accuracy")


def default_judge(options: dict[str, Any]) -> str:
    """Returns the name of the network that judges what arguments of `data.load` mean."""
    mnist = not options["path"] and options["name"].split(":")[0] == "mnist"
    return "classifier" if mnist else "inception"


def choose(
    names: str, *, image_shape: tuple[int, ...], judge: str, labelled: bool, where: str
) -> list[str]:
    """Returns the measures that are asked for, and `manifold` with `agreement`, which needs it.

    Args:
      names: comma-separated names of `MEASURES`; `default` for all that apply and take seconds,
        `all` for all that apply.
      image_shape: (height, width, channels) of the images.
      judge: name of the feature network.
      labelled: whether classes were asked for.
      where: what an error calls the names.

    Raises:
      UserError: a name is unknown, or does not apply.
    """
    shapes = {"digits": (28, 28, 1), "stacked": (28, 28, 3), "points": (1, 1, 2)}

    def lacks(measure: Measure) -> str | None:
        if tuple(image_shape[:2]) == (1, 1) and {"features", "images"} & set(measure.needs):
            return "images"
        for need, shape in shapes.items():
            if need in measure.needs and tuple(image_shape) != shape:
                what = "points" if need == "points" else "images of digits"
                return f"{what}, {'x'.join(map(str, shape))}"
        if "digits" in measure.needs and judge != "classifier":
            return "the digits' classifier as the judge"
        return "class labels" if "label" in measure.needs and not labelled else None

    if names in ("default", "all"):
        return [
            name
            for name, measure in MEASURES.items()
            if (measure.by_default or names == "all") and not lacks(measure)
        ]
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in chosen:
        if name not in MEASURES:
            known = ", ".join(("default", "all", *MEASURES))
            raise UserError(f"{where}: unknown {name!r}; known: {known}")
        if lacks(MEASURES[name]):
            raise UserError(f"{where}: {name} needs {lacks(MEASURES[name])}; leave it out")
    if "agreement" in chosen and "manifold" not in chosen:
        chosen.append("manifold")  # one picture per class agrees with its label
    return chosen


def check_count(
    names: Iterable[str], count: int, network: networks.Network | None, where: str
) -> None:
    """Raises `UserError`, which begins with `where`, if measures need more samples."""
    names = list(names)

    def least(name: str) -> int:
        return network.dim + 1 if name == "frechet" else MEASURES[name].least

    for name in names:
        if count < least(name):
            enough = ", ".join(other for other in names if count >= least(other))
            remedy = f", or measure only {enough}" if enough else ""
            raise UserError(
                f"{where}: {count} is too few for {name}; give {least(name)} or more{remedy}"
            )


def needs_network(names: Iterable[str]) -> bool:
    """Returns whether any of the measures needs a feature network."""
    return any("features" in MEASURES[name].needs for name in names)


Tick = Callable[[int], Any]


def real_data(
    options: dict[str, Any],
    splits: dict[str, str],
    image_shape: tuple[int, ...],
    names: Iterable[str],
    network: networks.Network | None,
    *,
    flags: Mapping[str, str],
    tick: Tick = lambda count: None,
) -> Reference:
    """Loads the real data; features are kept on disk by dataset, split and network.

    Args:
      options: how the training images are loaded, arguments of `data.load`.
      splits: `test`, images that were not trained on, and `valid`, those that choose the Parzen
        window, or "".
      image_shape: (height, width, channels) of the samples.
      names: of the measures that will be taken.
      network: that judges; None where no measure needs one.
      flags: what an error calls the options, and the splits `train`, `test` and `valid`.
      tick: called with the number of images of each batch that went through the network.

    Raises:
      UserError: the data cannot be loaded, have another shape or no labels, are too few, or test
        images are among the training images.
    """
    where = flags["name"]

    def load(split: str, kind: str) -> data.Dataset:
        if split == "test" and options["path"]:
            raise UserError(
                f"{flags[kind]}: {options['path']} has no split 'test'; train on a part of it, "
                "such as train[:90%], and give the rest, train[90%:]"
            )
        loaded = load_real(options | {"split": split}, flags | {"split": flags[kind]})
        if loaded.image_shape != tuple(image_shape):
            raise UserError(
                f"{flags['name' if kind == 'train' else kind]}: its images have shape "
                f"{loaded.image_shape}, the samples {tuple(image_shape)}; give the data that were "
                "trained on"
            )
        return loaded

    names = list(names)
    train, test = load(options["split"], "train"), load(splits["test"], "test")
    for name in names:
        if "label" in MEASURES[name].needs and train.num_classes is None:
            raise UserError(f"{where}: {train.name} has no labels, which {name} needs")
    check_count(names, train.num_examples, network, f"{where}: training images")
    check_count(names, test.num_examples, network, f"{flags['test']}: test images")
    folder = data.cache_folder(options["data_dir"])
    sides = [make_real(x, network, cache_dir=folder, tick=tick) for x in (train, test)]
    valid = None
    if splits["valid"] and "parzen" in names:
        loaded = load(splits["valid"], "valid")
        valid, _ = take(loaded, np.arange(min(PARZEN_VALID, loaded.num_examples)))
        check_overlap(sides[0].images, valid, flags["valid"])
    check_overlap(sides[0].images, sides[1].images, flags["test"])
    check_digits(sides[0], names, where)
    mixture = None
    if train.name in gaussians.STD:
        mixture = gaussians.centres(train.name), gaussians.STD[train.name]
    return Reference(network, *sides, valid, mixture)


def check_digits(train: Candidate, names: Iterable[str], where: str) -> None:
    """Raises `UserError` where the classifier does not know the labelled digits of real images.

    Args:
      train: real images.
      names: of the measures that will be taken.
      where: what the error calls the dataset.
    """
    judged = [name for name in names if "digits" in MEASURES[name].needs]
    if not judged or train.label is None or train.outputs is None:
        return
    share = float(np.mean(train.outputs.logits.argmax(1) == train.label))
    if share < KNOWN:
        raise UserError(
            f"{where}: the classifier of MNIST digits sees the labelled class in {100 * share:.1f} "
            f"% of its images, so that {', '.join(judged)} would mean nothing; choose other "
            "measures, such as frechet,kernel,manifold, or other features"
        )


def load_real(options: dict[str, Any], flags: Mapping[str, str]) -> data.Dataset:
    """Returns `data.load(**options)`, whose errors name the options as `flags` does."""
    names = {f"dataset.{name}": flags.get(name, f"dataset.{name}") for name in options}
    with named(names, flags["name"]):
        return data.load(**options)


def check_overlap(train: np.ndarray, images: np.ndarray, where: str) -> None:
    """Raises `UserError` where more than a few images are among the training images."""
    known = {image.tobytes() for image in train}
    share = np.mean([image.tobytes() in known for image in images])
    if share > OVERLAP:
        raise UserError(
            f"{where}: {100 * share:.0f} % of its images are among the training images; train on a "
            "part of the data, such as train[:90%], and give the rest, train[90%:]"
        )


def make_real(
    dataset: data.Dataset,
    network: networks.Network | None,
    *,
    cache_dir: Any = None,
    tick: Tick = lambda count: None,
) -> Candidate:
    """Returns the images of a dataset, at most `REAL_LIMIT` and `MEMORY`, in a fixed random order.

    Args:
      dataset: real images.
      network: that judges, or None.
      cache_dir: folder in which features are kept, by dataset, split and network; or None.
      tick: as for `real_data`.
    """
    limit = min(REAL_LIMIT, MEMORY // int(np.prod(dataset.image_shape)))
    order = np.random.default_rng(0).permutation(dataset.num_examples)[:limit]
    images, label = take(dataset, order)
    if network is None:
        return Candidate(images, label, None)
    key = [network.checksum, network.resize, dataset.name, dataset.split, cache.digest(images)]
    title = f"features-{network.name}-{pathlib.Path(dataset.name).name}-{dataset.split}"
    arrays = cache.arrays(cache_dir, title, key, lambda: networks.outputs(network, images, tick))
    return Candidate(images, label, networks.Outputs(*arrays))


def take(dataset: data.Dataset, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the images uint8 [n, ...] and labels int32 [n] or None at indices int [n]."""
    if dataset.images is not None:
        labels = None if dataset.labels is None else dataset.labels[chosen]
        return dataset.images[chosen], labels
    images = np.empty((len(chosen), *dataset.image_shape), np.uint8)
    labels = None if dataset.num_classes is None else np.empty(len(chosen), np.int32)
    for row, index in enumerate(chosen):
        example = dataset.read(int(index))
        images[row] = example["image"]
        if labels is not None:
            labels[row] = example["label"]
    return images, labels


def make_candidate(
    images: np.ndarray,
    label: np.ndarray | None,
    network: networks.Network | None,
    *,
    tick: Tick = lambda count: None,
) -> Candidate:
    """Returns samples in random order, with the outputs of the network.

    Args:
      images: uint8 [n, height, width, channels].
      label: int [n], or None.
      network: that judges, or None.
      tick: as for `real_data`.
    """
    order = np.random.default_rng(0).permutation(len(images))
    images, label = images[order], None if label is None else label[order]
    if network is None:
        return Candidate(images, label, None)
    return Candidate(images, label, networks.outputs(network, images, tick, together=True))


def measure(
    candidate: Candidate,
    reference: Reference,
    names: Iterable[str],
    each: Callable[[str], Any] = lambda name: None,
) -> Values:
    """Returns the values of the measures.

    Args:
      candidate: from `make_candidate`.
      reference: from `real_data`.
      names: of `MEASURES`.
      each: called with the name of each measure before it is taken.

    Raises:
      ValueError: a measure cannot be taken, for instance of so few samples.
    """
    values: Values = {}
    for name in names:
        each(name)
        values |= MEASURES[name].call(candidate, reference)
    return values


def floors(
    reference: Reference,
    names: Iterable[str],
    count: int,
    each: Callable[[str], Any] = lambda name: None,
) -> Values:
    """Returns the values for real images in place of samples, `count` of them at most."""
    values: Values = {}
    for name in names:
        each(name)
        real = getattr(reference, MEASURES[name].real)
        if count < len(real.images):
            real = real.take(slice(count))
        values |= MEASURES[name].call(real, reference)
    return values


def by_class(candidate: Candidate, reference: Reference) -> list[Values]:
    """Returns the agreement of each class and, where there are enough examples, distances.

    Fréchet distance, precision, recall and coverage, each with its floor as `NAME_real`. They are
    of as many examples of each kind for every class, those of the class that has fewest of those
    that have enough. Classes without samples have no row.
    """
    _, agrees = agreement.agreement(_confusion(candidate, reference.network.num_classes))
    rows: list[Values] = [
        {"label": int(label), "agreement": agrees[label]} for label in np.unique(candidate.label)
    ]
    kinds = (candidate, reference.train, reference.test)
    counts = [min(np.sum(x.label == row["label"]) for x in kinds) for row in rows]
    fewest = min((n for n in counts if n > reference.network.dim), default=0)
    kept = (f"{reference.network.prefix}FID", "precision", "recall", "coverage")
    for row, count in zip(rows, counts, strict=True):
        if count <= reference.network.dim:
            continue
        samples, train, test = (x.take(x.label == row["label"]).take(slice(fewest)) for x in kinds)
        own = Reference(reference.network, train, test)
        mine, real = ({**_frechet(x, own), **_manifold(x, own)} for x in (samples, test))
        row |= {name: mine[name] for name in kept} | {f"{name}_real": real[name] for name in kept}
    return rows
