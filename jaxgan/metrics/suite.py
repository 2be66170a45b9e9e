"""Every measure of a set of samples against real data, by name, each beside its floor.

A measure is a function of (candidate, reference). The candidate is a set of samples; put real
images in its place, and the same function gives the floor.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import data
from jaxgan.data import cache
from jaxgan.errors import UserError
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
      load_valid: returns the images uint8 [v, ...] that choose the Parzen window.
    """

    network: networks.Network | None
    train: Candidate
    test: Candidate
    load_valid: Callable[[], np.ndarray]

    @functools.cached_property
    def valid(self) -> np.ndarray:
        """Images, uint8 [v, height, width, channels], that choose the Parzen window."""
        return self.load_valid()

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
      needs: of `features`, `digits` (images 28x28x1), `stacked` (digits in three channels,
        28x28x3) and `label` (asked-for classes).
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


def _kernel(candidate: Candidate, reference: Reference) -> Values:
    mean, deviation = kernel.kernel_distance(
        reference.train.outputs.features,
        candidate.outputs.features,
        jax.random.key(0),
        subsets=SUBSETS,
        subset_size=min(SUBSET_SIZE, len(candidate.images)),
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
    count = min(MANIFOLD_LIMIT, len(candidate.images), len(reference.train.images))
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
    check_labels("label", candidate.label, classes)
    predicted = candidate.outputs.logits.argmax(1)
    counts = agreement.confusion(candidate.label, predicted, classes=classes)
    return {"agreement": agreement.agreement(counts)[0]}


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


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def _parzen(candidate: Candidate, reference: Reference) -> Values:
    found = parzen.parzen(
        _flat(candidate.images), _flat(reference.valid), _flat(reference.test.images)
    )
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
    "memorisation": Measure(_memorisation, {"memorisation": "lower"}, ("features",)),
    "modes": Measure(
        _modes, {"modes": "higher", "modes_reverse_kl": "lower"}, ("features", "digits")
    ),
    "agreement": Measure(_agreement, {"agreement": "higher"}, ("features", "digits", "label")),
    "stacked_modes": Measure(
        _stacked_modes, {"stacked_modes": "higher", "stacked_reverse_kl": "lower"}, ("stacked",)
    ),
    "parzen": Measure(
        _parzen,
        {
            "parzen": "higher",
            "parzen_standard_error": "",
            "parzen_sigma": "",
            "parzen_valid": "higher",
        },
        (),
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


def choose(names: str, *, image_shape: tuple[int, ...], labelled: bool, where: str) -> list[str]:
    """Returns the measures that are asked for.

    Args:
      names: comma-separated names of `MEASURES`; `default` for all that apply and take seconds,
        `all` for all that apply.
      image_shape: (height, width, channels) of the images.
      labelled: whether classes were asked for.
      where: what an error calls the names.

    Raises:
      UserError: a name is unknown, or does not apply.
    """
    shapes = {"digits": (28, 28, 1), "stacked": (28, 28, 3)}

    def lacks(measure: Measure) -> str | None:
        for need, shape in shapes.items():
            if need in measure.needs and tuple(image_shape) != shape:
                return f"images of digits, {'x'.join(map(str, shape))}"
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
    return chosen


def check_count(
    names: Iterable[str], count: int, network: networks.Network | None, where: str
) -> None:
    """Raises `UserError`, which begins with `where`, if measures need more samples."""
    for name in names:
        least = network.dim + 1 if name == "frechet" else MEASURES[name].least
        if count < least:
            raise UserError(f"{where}: {count} is too few for {name}; give {least} or more")


def needs_network(names: Iterable[str]) -> bool:
    """Returns whether any of the measures needs a feature network."""
    return any("features" in MEASURES[name].needs for name in names)


Tick = Callable[[int], Any]


def real_data(
    options: dict[str, Any],
    test_split: str,
    image_shape: tuple[int, ...],
    network: networks.Network | None,
    *,
    where: str,
    tick: Tick = lambda count: None,
) -> Reference:
    """Loads the real data; features are kept on disk by dataset, split and network.

    Args:
      options: how the training images are loaded, arguments of `data.load`.
      test_split: images that were not trained on.
      image_shape: (height, width, channels) of the samples.
      network: that judges; None where no measure needs one.
      where: what an error calls the dataset, such as `--dataset`.
      tick: called with the number of images of each batch that went through the network.

    Raises:
      UserError: the data cannot be loaded, or have another shape.
    """
    if options["path"] and test_split == "test":
        raise UserError(
            f"{where}: {options['path']} has no split `test`; give images that were not trained "
            "on as the test split, such as train[90%:]"
        )

    def load(split: str) -> data.Dataset:
        try:
            loaded = data.load(**options | {"split": split})
        except UserError as error:
            raise UserError(f"{where}: {error}") from error
        if loaded.image_shape != tuple(image_shape):
            raise UserError(
                f"{where}: its images have shape {loaded.image_shape}, the samples "
                f"{tuple(image_shape)}; give the data they were trained on"
            )
        return loaded

    train, test = load(options["split"]), load(test_split)
    folder = data.cache_folder(options["data_dir"])
    if is_mnist(options):  # what the GAN paper validates on
        valid = lambda: load("train[50000:51000]").images  # noqa: E731
    else:
        first = train.num_examples * 5 // 6
        chosen = np.arange(first, min(first + 1000, train.num_examples))
        valid = lambda: take(train, chosen)[0]  # noqa: E731
    return Reference(
        network,
        *(make_real(dataset, network, cache_dir=folder, tick=tick) for dataset in (train, test)),
        valid,
    )


def is_mnist(options: dict[str, Any]) -> bool:
    """Returns whether arguments of `data.load` mean MNIST's digits, which the classifier knows."""
    return not options["path"] and options["name"].split(":")[0] == "mnist"


def make_real(
    dataset: data.Dataset,
    network: networks.Network | None,
    *,
    cache_dir: Any = None,
    tick: Tick = lambda count: None,
) -> Candidate:
    """Returns the images of a dataset, at most `REAL_LIMIT`, in a fixed random order.

    Args:
      dataset: real images.
      network: that judges, or None.
      cache_dir: folder in which features are kept, by dataset, split and network; or None.
      tick: as for `real_data`.
    """
    order = np.random.default_rng(0).permutation(dataset.num_examples)[:REAL_LIMIT]
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
    examples = [dataset.read(int(i)) for i in chosen]
    labels = np.stack([e["label"] for e in examples]) if "label" in examples[0] else None
    return np.stack([e["image"] for e in examples]), labels


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
    found = None if network is None else networks.outputs(network, images, tick)
    return Candidate(images, label, found)


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
    """Returns agreement, Fréchet distance and its floor, precision and recall of each class.

    With as many examples of each kind as the class has that has fewest.

    Raises:
      ValueError: a class has too few samples.
    """
    classes = reference.network.num_classes
    kinds = [
        [x.take(x.label == label) for label in range(classes)]
        for x in (candidate, reference.train, reference.test)
    ]
    fewest = min(len(part.images) for kind in kinds for part in kind)
    distance_name = f"{reference.network.prefix}FID"
    rows = []
    for label, parts in enumerate(zip(*kinds, strict=True)):
        agrees = _agreement(parts[0], reference)
        samples, train, test = (part.take(slice(fewest)) for part in parts)
        own = Reference(reference.network, train, test, reference.load_valid)
        rows.append(
            {"label": label, **agrees, **_frechet(samples, own), **_manifold(samples, own)}
            | {f"{distance_name}_real": _frechet(test, own)[distance_name]}
        )
    return rows
