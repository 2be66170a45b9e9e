"""Looks into a trained model: `python -m jaxgan.latent interpolate --workdir=DIR --out=FILE.png`.

Interpolation, vector arithmetic, directions, nearest training images and the discriminator's
features: the figures of Goodfellow et al. 2014 (arXiv 1406.2661) and of Radford, Metz & Chintala
2015 (arXiv 1511.06434), sections 5 and 6. Every subcommand writes a picture and, beside it, an
`.npz` of the same name with its arrays.
"""

import argparse
import functools
import math
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from jaxgan import cli, data, results, storage, viz, workdir
from jaxgan.base import GAN, seed_key
from jaxgan.data import transforms
from jaxgan.errors import UserError, named
from jaxgan.metrics import classifier, strokes, suite
from jaxgan.metrics.neighbours import nearest
from jaxgan.metrics.spread import standard_error
from jaxgan.nn.guided import guided

MANY = 1000  # rows, or images of a row, that a picture has at most
CHUNK = 500  # samples drawn from one key, as `workdir.draw` does
BATCH = 100  # images decoded at a time
SEARCHED = 2000  # samples in which those of a class or with most of a property are looked for
MEASURED = 1000  # new samples on which a direction is measured
SHARE = 0.1  # of the samples, with the most and with the least of a property
EXEMPLARS = 3  # of a group given by its label
TOP = 8  # images for each feature
REAL_IMAGES = 10_000  # among which those are looked for


def lerp(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Linear interpolation, `(1 - t) a + t b`.

    Args:
      start: a, float [size].
      end: b, float [size].
      at: t, float [points].

    Returns:
      float [points, size].
    """
    at = np.asarray(at)[:, None]
    return (1 - at) * start + at * end


def slerp(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Spherical interpolation, `sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b`.

    White 2016 (arXiv 1609.04468), section 2.1, with `w` the angle between a and b: between vectors
    of one length all points have that length, as nearly all normal noise does. It is linear
    interpolation where a and b are parallel, opposite or 0 and the formula has no value.

    Args:
      start: a, float [size].
      end: b, float [size].
      at: t, float [points].

    Returns:
      float [points, size].
    """
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = np.clip(np.dot(start, end) / lengths, -1, 1) if lengths else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return lerp(start, end, at)
    at = np.asarray(at)[:, None]
    return (np.sin((1 - at) * angle) * start + np.sin(at * angle) * end) / np.sin(angle)


def along_stops(
    stops: np.ndarray, at: np.ndarray, path: Callable[..., np.ndarray] = lerp
) -> np.ndarray:
    """Interpolation from each vector to the next.

    Args:
      stops: float [n, size], 2 at least.
      at: places, float [points] in [0, n - 1]; the whole ones are the vectors.
      path: `lerp` or `slerp`.

    Returns:
      float [points, size].
    """
    start = np.minimum(np.floor(at).astype(int), len(stops) - 2)
    points = [
        path(stops[i], stops[i + 1], [t - i])[0] for i, t in zip(start.tolist(), at, strict=True)
    ]
    return np.stack(points)


def arithmetic(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Returns `mean(a) - mean(b) + mean(c)` of groups [n, ...], with n of their own.

    Radford et al. 2015, section 6.3.2: of latents, as averages of three they are stable; of images
    it is the baseline that fails.
    """
    return np.mean(a, 0) - np.mean(b, 0) + np.mean(c, 0)


def direction(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns `mean(end) - mean(start)` of groups of latents [n, size], with n of their own.

    Radford et al. 2015, section 6.3.2: the vector that turns faces.
    """
    return np.mean(end, 0) - np.mean(start, 0)


PROPERTIES = {"weight": strokes.weight, "slant": strokes.slant}


def extremes(value: np.ndarray, label: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the examples with the least and with the most of a property.

    They are chosen within each class, so that they differ in the property and not in the class.

    Args:
      value: the property, float [n].
      label: int [n].
      share: of each class; one example at least.

    Returns:
      Indices int [m] and int [m].
    """
    low, high = [], []
    for y in np.unique(label):
        chosen = np.flatnonzero(label == y)
        chosen = chosen[np.argsort(value[chosen], kind="stable")]
        count = max(1, round(share * len(chosen)))
        low.append(chosen[:count])
        high.append(chosen[-count:])
    return np.concatenate(low), np.concatenate(high)


def latents(gan: GAN, seed: int, index: Sequence[int]) -> np.ndarray:
    """Returns the noise of samples of a seed's sequence, that of `python -m jaxgan.sample --seed`.

    Their classes are another matter: that program draws equal shares of all in blocks.

    Args:
      gan: the variant.
      seed: of the sequence.
      index: places in the sequence, int [n], from 0.

    Returns:
      float32 [n, size].
    """
    index = np.asarray(index)
    starts = index // CHUNK * CHUNK
    chunks = {
        start: np.asarray(gan.latent(jax.random.fold_in(seed_key(seed), start), CHUNK))
        for start in np.unique(starts).tolist()
    }
    return np.stack([chunks[start][i - start] for i, start in zip(index, starts, strict=True)])


class Space:
    """The latent space of a trained run.

    Attributes:
      trained: the run.
      gan: its variant.
      classes: number of those that can be asked for; 0 where the model takes no labels.
      seed: of its sequence of samples.
      judged: whether the MNIST classifier judges its images.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        """Opens the run of `--workdir`; raises `UserError` where it has no latent images."""
        self.trained = open_images(args.workdir, args.checkpoint)
        self.gan, self.seed = self.trained.model.gan, args.seed
        self.classes = self.trained.model.num_classes
        if self.gan.latent is None:
            raise UserError(
                f"--workdir: {args.workdir} has a {self.trained.config.gan.name}, which has no "
                "latent vector; give a run of another variant"
            )
        run = self.trained.config
        judge = run.evaluation.features or suite.default_judge(dataset_options(self.trained))
        self.judged = judge == "classifier"
        self._label = getattr(args, "label", None)
        workdir.check_label(self.trained.model, self._label)
        state, gan = self.trained.state, self.gan

        @jax.jit
        def decode(gen: Any, variables: Any, latent: jax.Array, label: jax.Array) -> jax.Array:
            return transforms.to_uint8(gan.decode(gen, variables, latent, label), *gan.value_range)

        self._decode = functools.partial(decode, state.sampler, state.variables)
        self._filler = np.asarray(gan.latent(jax.random.key(2**31), BATCH), np.float32)

    @functools.cached_property
    def seen(self) -> np.ndarray:
        """The classes int [SEARCHED] that the classifier sees in the first samples."""
        first = np.arange(SEARCHED)
        images = self.decode(self.latents(first), np.zeros_like(first))
        return classifier.predict(classifier.load()[0], images)

    def latents(self, index: Sequence[int]) -> np.ndarray:
        """Returns the noise float32 [n, size] at places of the sequence."""
        return latents(self.gan, self.seed, index)

    def labels(self, index: Sequence[int]) -> np.ndarray:
        """Returns labels int32 [n]: `--label`, or each trained class in turn."""
        if self._label is not None:
            return np.full(len(index), self._label, np.int32)
        classes = self.trained.model.classes if self.classes else np.zeros(1, np.int32)
        return classes[np.asarray(index) % len(classes)]

    def decode(self, latent: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Returns the images of given noise.

        The last batch is filled up with other noise of the prior, for batch normalisation by
        `sample_statistics=batch`.

        Args:
          latent: float [..., size].
          label: int [...].

        Returns:
          uint8 [..., height, width, channels].
        """
        shape, size = latent.shape[:-1], latent.shape[-1]
        latent, label = latent.reshape(-1, size).astype(np.float32), label.reshape(-1)
        count = len(latent)
        latent = np.concatenate([latent, self._filler[: -count % BATCH]])
        label = np.resize(label, len(latent)).astype(np.int32)
        parts = [
            np.asarray(self._decode(latent[start : start + BATCH], label[start : start + BATCH]))
            for start in range(0, len(latent), BATCH)
        ]
        return np.concatenate(parts)[:count].reshape(*shape, *self.trained.image_shape)


def open_images(folder: str, checkpoint: str) -> workdir.Trained:
    """Returns a run of images; raises `UserError` where it has points, or cannot be read."""
    cli.start_jax()
    trained = workdir.load(folder, checkpoint)
    if trained.model.gan.value_range is None:
        raise UserError(
            f"--workdir: {folder} has points, of which there is no picture; give a run of images"
        )
    return trained


class Group(NamedTuple):
    """Samples that have something in common.

    Attributes:
      latent: float32 [n, size].
      label: int32 [n]; 0 where the model takes no labels.
    """

    latent: np.ndarray
    label: np.ndarray


NOTATION = (
    "three or more: `seed:1,2,3`, the first noise vectors of so many seeds; `index:4,8,15`, those "
    "at places of --seed's sequence, that of python -m jaxgan.sample; `label:7` or `label:7x5`, "
    "three or five of a class: one that the model is given, or that the MNIST classifier sees"
)


def parse_group(where: str, text: str) -> tuple[str, list[int], int]:
    """Returns kind, numbers and size of a group in the notation `NOTATION`.

    Raises:
      UserError: it begins with `where`, the argument.
    """
    match = re.fullmatch(
        r"(seed|index):(\d{1,9}(?:,\d{1,9})*)|(label):(\d{1,9})(?:x(\d{1,3}))?", text
    )
    if not match:
        raise UserError(f"{where}: {text!r} is no group; give seed:1,2,3, index:4,8,15 or label:7")
    kind = match[1] or match[3]
    numbers = [int(number) for number in (match[2] or match[4]).split(",")]
    count = int(match[5] or EXEMPLARS) if kind == "label" else len(numbers)
    if count < EXEMPLARS:
        raise UserError(
            f"{where}: {text!r} has {count} samples, whose mean is not stable; give "
            f"{EXEMPLARS} or more"
        )
    return kind, numbers, count


def find_group(space: Space, where: str, text: str, taken: set[int]) -> Group:
    """Returns a group.

    Args:
      space: the latent space.
      where: the argument.
      text: the group in the notation `NOTATION`.
      taken: places in the sequence that other groups have, which `label:` leaves out; those of
        this group are added.

    Raises:
      UserError: the notation is wrong, or there is no such class.
    """
    kind, numbers, count = parse_group(where, text)
    asked = np.full(len(numbers), space.labels([0])[0], np.int32)
    if kind == "seed":
        if space.seed in numbers:
            taken.add(0)
        return Group(np.concatenate([latents(space.gan, seed, [0]) for seed in numbers]), asked)
    if kind == "index":
        taken |= set(numbers)
        return Group(space.latents(numbers), asked)

    (label,) = numbers
    classes = space.classes or (10 if space.judged else 0)
    if label >= classes:
        remedy = f"give label:0 to label:{classes - 1}" if classes else "give seed: or index:"
        raise UserError(f"{where}: {text!r} is no class that the model or the judge has; {remedy}")
    if space.classes:
        workdir.check_label(space.trained.model, label, where)
    places = range(SEARCHED) if space.classes else np.flatnonzero(space.seen == label).tolist()
    found = [i for i in places if i not in taken][:count]
    if len(found) < count:
        raise UserError(
            f"{where}: {text!r} is seen in too few of {SEARCHED} samples; give seed: or index:"
        )
    taken |= set(found)
    given = label if space.classes else 0
    return Group(space.latents(found), np.full(count, given, np.int32))


def check_apart(where: str, group: Group, other_where: str, other: Group) -> None:
    """Raises `UserError`, which begins with `where`, where two groups have the same mean."""
    if np.allclose(group.latent.mean(0), other.latent.mean(0), rtol=0, atol=1e-5):
        raise UserError(f"{where}: it has the same samples as {other_where}; give others")


def new_samples(space: Space, count: int, taken: set[int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns noise float32 [count, size] and labels of the first samples that are not taken."""
    index = [i for i in range(count + len(taken)) if i not in taken][:count]
    return space.latents(index), space.labels(range(count))


def interpolate(args: argparse.Namespace) -> None:
    """Draws rows through samples."""
    space = Space(args)
    stops = space.latents(range(args.through * args.rows)).reshape(args.rows, args.through, -1)
    path = {"linear": lerp, "spherical": slerp}[args.path]
    at = np.linspace(0, args.through - 1, args.points)
    latent = np.stack([along_stops(row, at, path) for row in stops]).astype(np.float32)
    label = np.repeat(space.labels(range(args.rows))[:, None], args.points, 1)
    image = space.decode(latent, label)
    picture = viz.grid(image.reshape(-1, *image.shape[2:]), args.points)
    save(args.out, picture, image.shape[2], latent=latent, image=image, label=label, at=at)


def vector_arithmetic(args: argparse.Namespace) -> None:
    """Draws `A - B + C`: the samples, the result among its neighbours, and that of pixels."""
    space = Space(args)
    taken: set[int] = set()
    groups = [find_group(space, f"--{name}", getattr(args, name), taken) for name in "abc"]
    check_apart("--b", groups[1], "--a", groups[0])
    check_apart("--c", groups[2], "--b", groups[1])
    images = [space.decode(*group) for group in groups]
    means = np.stack([group.latent.mean(0) for group in groups])
    mean_label = np.array([group.label[0] for group in groups])
    mean_image = space.decode(means, mean_label)

    result = arithmetic(*(group.latent for group in groups))
    moves = np.random.default_rng(space.seed).uniform(-0.25, 0.25, (9, len(result)))
    moves[4] = 0  # the centre
    latent = (result + moves).astype(np.float32)
    label = np.full(9, mean_label[0], np.int32)
    image = space.decode(latent, label)
    pixels = np.clip(np.round(arithmetic(*images)), 0, 255).astype(np.uint8)

    rows = max(map(len, images))
    columns = []
    for part, mean in zip(images, mean_image, strict=True):
        filled = np.concatenate([part, np.full((rows - len(part), *part.shape[1:]), 255, np.uint8)])
        columns.append(viz.below([viz.grid(filled, 1), viz.grid(mean[None], 1)]))
    minus, plus, equal = (viz.sign(kind, image.shape[-1]) for kind in "-+=")
    panels = [columns[0], minus, columns[1], plus, columns[2], equal]
    picture = viz.beside([*panels, viz.grid(image, 3), viz.grid(pixels[None], 1)])
    arrays = {"latent": latent, "image": image, "label": label, "pixel_baseline": pixels}
    for name, group, part, mean in zip("abc", groups, images, mean_image, strict=True):
        arrays |= {f"{name}_latent": group.latent, f"{name}_label": group.label}
        arrays |= {f"{name}_image": part, f"{name}_mean_image": mean}
    if space.judged and space.classes == 10:
        arrays |= class_survival(space)
    save(args.out, picture, image.shape[1], **arrays)


def class_survival(space: Space) -> dict[str, np.ndarray]:
    """Measures whether the class asked for survives arithmetic, and prints it.

    Returns:
      `survival`, the shares of images in which the classifier sees the class asked for: of single
      samples, and of `A - B + C` of groups of three others, each class in turn.
    """
    index = np.arange(SEARCHED, SEARCHED + 10 * MEASURED)
    single, *groups = np.split(space.latents(index), [MEASURED, 4 * MEASURED, 7 * MEASURED])
    a, b, c = (group.reshape(MEASURED, 3, -1).swapaxes(0, 1) for group in groups)
    label, variables = np.resize(space.trained.model.classes, MEASURED), classifier.load()[0]
    shares, said = [], []
    for name, latent in {"samples": single, "results of A - B + C": arithmetic(a, b, c)}.items():
        right = classifier.predict(variables, space.decode(latent, label)) == label
        shares.append(right.mean())
        error = right.std(ddof=1) / math.sqrt(MEASURED)
        said.append(f"{100 * shares[-1]:.1f} % (+- {100 * error:.1f}) of {MEASURED} new {name}")
    print(f"the class asked for is seen in {said[0]} and in {said[1]}")
    return {"survival": np.array(shares)}


def turn(args: argparse.Namespace) -> None:
    """Draws new samples, each moved along the direction from one group to another."""
    space = Space(args)
    taken: set[int] = set()
    for where, text in (("--from", args.start), ("--to", args.end)):
        if space.classes and text.startswith("label"):
            raise UserError(
                f"{where}: {text!r} has no direction, as the model's noise is the same for every "
                "class; give seed: or index:, and the class by --label"
            )
    start = find_group(space, "--from", args.start, taken)
    end = find_group(space, "--to", args.end, taken)
    step = direction(start.latent, end.latent)
    check_apart("--to", end, "--from", start)
    strength = np.linspace(0, args.strength, args.points)
    latent, label = new_samples(space, args.rows, taken)
    image, label = along(space, latent, label, step, strength)
    picture = viz.grid(image.reshape(-1, *image.shape[2:]), args.points)
    save(
        args.out,
        picture,
        image.shape[2],
        latent=latent,
        image=image,
        label=label,
        direction=step,
        strength=strength,
    )


def along(
    space: Space, latent: np.ndarray, label: np.ndarray, step: np.ndarray, strength: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of samples moved along a direction.

    Args:
      space: the latent space.
      latent: float [n, size].
      label: int [n].
      step: the direction, float [size].
      strength: float [points].

    Returns:
      uint8 [n, points, height, width, channels], and labels int [n, points].
    """
    moved = latent[:, None] + strength[:, None] * step
    label = np.repeat(label[:, None], len(strength), 1)
    return space.decode(moved, label), label


def property_direction(args: argparse.Namespace) -> None:
    """Finds the direction of a property, and measures on new samples what it does."""
    space = Space(args)
    measure = PROPERTIES[args.property]
    known = range(SEARCHED)
    label = space.labels(known)
    low, high = extremes(measure(space.decode(space.latents(known), label)), label, SHARE)
    step = direction(space.latents(low), space.latents(high))

    new = range(SEARCHED, SEARCHED + MEASURED)
    strength = np.linspace(-1, 1, args.points)
    latent = space.latents(new)
    image, label = along(space, latent, space.labels(new), step, strength)
    flat = image.reshape(-1, *image.shape[2:])
    value = measure(flat).reshape(label.shape)
    mean = value.mean(0)
    error = standard_error(value)
    arrays = {"strength": strength, "value": value, "mean": mean, "standard_error": error}
    columns = [f"{args.property:>10s}{'+-':>10s}"]
    rows = [f"{m:10.4f}{e:10.4f}" for m, e in zip(mean, error, strict=True)]
    if space.judged and space.classes == 10:
        seen = classifier.predict(classifier.load()[0], flat).reshape(label.shape)
        arrays["agreement"] = share = (seen == label).mean(0)
        arrays["agreement_error"] = errors = standard_error(seen == label)
        columns.append(f"{'label seen':>14s}{'+-':>8s}")
        rows = [
            f"{row}{100 * s:12.1f} %{100 * e:6.1f} %"
            for row, s, e in zip(rows, share, errors, strict=True)
        ]
    print(f"{'strength':>10s}" + "".join(columns))
    for s, row in zip(strength, rows, strict=True):
        print(f"{s:10.2f}{row}")
    picture = viz.grid(image[: args.rows].reshape(-1, *image.shape[2:]), args.points)
    arrays |= {"latent": latent, "label": label[:, 0], "direction": step}
    save(args.out, picture, image.shape[2], image=image[: args.rows], **arrays)


def dataset_options(trained: workdir.Trained) -> dict[str, Any]:
    """Returns how the training images of a run are loaded: arguments of `data.load`."""
    run = trained.config.dataset
    return {name: run[name] or None for name in ("name", "path", "split", "image_size", "data_dir")}


def load_data(
    trained: workdir.Trained, options: dict[str, Any], where: str, split_where: str = "--workdir"
) -> data.Dataset:
    """Returns images of the run's shape.

    Args:
      trained: the run.
      options: arguments of `data.load`.
      where: what an error calls the dataset.
      split_where: what it calls the split.

    Raises:
      UserError: the data cannot be loaded, or have another shape.
    """
    names = {"name": where, "path": where, "split": split_where}
    with named({f"dataset.{name}": flag for name, flag in names.items()}, where):
        loaded = data.load(**options)
    if tuple(loaded.image_shape) != tuple(trained.image_shape):
        raise UserError(
            f"{where}: its images have shape {tuple(loaded.image_shape)}, the model's "
            f"{tuple(trained.image_shape)}; give the data it was trained on"
        )
    return loaded


def training_neighbours(args: argparse.Namespace) -> None:
    """Draws samples over their nearest training images by the distance of pixels."""
    space = Space(args)
    dataset = load_data(space.trained, dataset_options(space.trained), "--workdir")
    latent, label = space.latents(range(args.num)), space.labels(range(args.num))
    image = space.decode(latent, label)
    found = np.zeros_like(image)
    index, distance = np.zeros(args.num, np.int64), np.full(args.num, np.inf, np.float32)
    parts = range(0, dataset.num_examples, 10_000)
    for start in tqdm(parts, unit="part", disable=None):
        chosen = np.arange(start, min(start + 10_000, dataset.num_examples))
        train = suite.take(dataset, chosen)[0]
        near, place = nearest(*(x.reshape(len(x), -1) / np.float32(255) for x in (image, train)))
        nearer = near < distance
        distance[nearer], index[nearer] = near[nearer], start + place[nearer]
        found[nearer] = train[place[nearer]]
    rows = []
    for start in range(0, args.num, 10):
        pair = [x[start : start + 10] for x in (image, found)]
        rows.append(viz.grid(np.concatenate(pair), len(pair[0])))
    arrays = {"latent": latent, "image": image, "label": label}
    arrays |= {"neighbour": found, "index": index, "distance": distance}
    save(args.out, viz.below(rows, centre=False), image.shape[1], **arrays)


def strongest(activation: jax.Array) -> jax.Array:
    """Returns the greatest value of each feature, [n, units], of [n, (height, width,) units]."""
    return jnp.max(activation, tuple(range(1, activation.ndim - 1))).astype(jnp.float32)


def guided_gradients(
    critic: Callable[..., Any], layer: str, image: jax.Array, label: jax.Array, unit: np.ndarray
) -> jax.Array:
    """Returns what in each image a feature responds to, by guided back-propagation.

    Args:
      critic: `(image, label) -> (logits, features)`.
      layer: name of the feature's layer.
      image: float [n, height, width, channels].
      label: int [n].
      unit: feature of each image, int [n].

    Returns:
      Guided gradients of the feature at its strongest place, of the shape of the images.
    """

    def response(x: jax.Array) -> jax.Array:
        activation = strongest(critic(x, label)[1][layer])
        return jnp.sum(jnp.take_along_axis(activation, jnp.asarray(unit)[:, None], 1))

    with guided():
        return jax.jit(jax.grad(response))(image)


def shown_layers(trained: workdir.Trained, where: str) -> dict[str, tuple[int, ...]]:
    """Returns names and shapes, in order, of the layers that the discriminator shows.

    Raises:
      UserError: it shows none.
    """
    gan, state = trained.model.gan, trained.state
    if gan.critic is None:
        raise UserError(
            f"{where} has a discriminator of {trained.config.gan.name}, which shows no features; "
            "give a run of another variant"
        )
    image = jax.ShapeDtypeStruct((1, *trained.image_shape), jnp.float32)
    label = jax.ShapeDtypeStruct((1,), jnp.int32)
    _, shapes = jax.eval_shape(gan.critic, state.params.disc, state.variables, image, label)
    names = sorted(shapes, key=lambda name: (name.rstrip("0123456789"), len(name), name))
    return {name: shapes[name].shape[1:] for name in names}


def feature_pictures(args: argparse.Namespace) -> None:
    """Draws the real images that features respond to most, and what in them they respond to."""
    trained = open_images(args.workdir, args.checkpoint)
    gan, state = trained.model.gan, trained.state
    layers = shown_layers(trained, f"--workdir: {args.workdir}")
    convolutions = [name for name in layers if name.startswith("conv")]
    layer = args.layer or (convolutions or list(layers))[-1]
    if layer not in layers:
        raise UserError(f"--layer: unknown {layer!r}; known: {', '.join(layers)}")
    if args.filters > layers[layer][-1]:
        raise UserError(
            f"--filters: {args.filters} is more than {layer} has; give {layers[layer][-1]} or less"
        )
    dataset = load_data(trained, dataset_options(trained), "--workdir")
    order = np.random.default_rng(args.seed).permutation(dataset.num_examples)[:REAL_IMAGES]
    image, label = suite.take(dataset, order)
    given = np.zeros(len(image), np.int32) if label is None else label

    def floats(x: np.ndarray) -> jax.Array:
        return transforms.to_float(x, *gan.value_range)

    example = {"image": floats(image[:BATCH]), "label": given[:BATCH]}
    params, variables = jax.jit(gan.init)(seed_key(args.seed), example)
    weights = {"": (state.params.disc, state.variables), "random_": (params.disc, variables)}
    arrays: dict[str, np.ndarray] = {"layer": np.array(layer)}
    blocks = []
    for prefix, one in weights.items():
        critic = functools.partial(gan.critic, *one)
        responses = jax.jit(lambda x, y, f=critic: strongest(f(x, y)[1][layer]))
        response = np.concatenate(
            [
                np.asarray(responses(floats(image[i : i + BATCH]), given[i : i + BATCH]))
                for i in range(0, len(image), BATCH)
            ]
        )
        alive = np.flatnonzero(np.ptp(response, 0))[: args.filters]  # ReLU may be off everywhere
        if not alive.size:
            raise UserError(f"--layer: nothing in {layer} responds to the images; give another")
        response = response[:, alive]
        top = np.argsort(-response, 0, kind="stable")[:TOP].T  # [filters, TOP]
        flat = top.reshape(-1)
        unit = np.repeat(alive, top.shape[1])
        grads = guided_gradients(critic, layer, floats(image[flat]), given[flat], unit)
        grads = np.asarray(grads).reshape(*top.shape, *image.shape[1:])
        arrays |= {
            f"{prefix}filter": alive,
            f"{prefix}image": image[top],
            f"{prefix}label": given[top],
            f"{prefix}index": order[top],
            f"{prefix}activation": np.take_along_axis(response.T, top, 1),
            f"{prefix}gradient": grads,
        }
        rows = [np.concatenate([image[i], as_image(g)]) for i, g in zip(top, grads, strict=True)]
        blocks.append(viz.below([viz.grid(row, top.shape[1]) for row in rows]))
    save(args.out, viz.beside(blocks), image.shape[1], **arrays)


def as_image(gradient: np.ndarray) -> np.ndarray:
    """Returns gradients [n, ...] as uint8: grey for 0, white and black for each one's greatest."""
    scale = np.abs(gradient).max((1, 2, 3), keepdims=True) + 1e-30
    return np.round(127.5 + 127.5 * gradient / scale).astype(np.uint8)


def save(out: pathlib.Path, picture: np.ndarray, height: int, **arrays: np.ndarray) -> None:
    """Writes a picture, enlarged if its images are of few pixels, and arrays beside it."""
    beside_it = out.with_suffix(".npz")
    with results.writing(out):
        viz.save_image(picture, out, max(1, 64 // height))
        with storage.replacing(beside_it) as file:
            np.savez_compressed(file, **arrays)
    print(f"wrote {out} and {beside_it}")


def parse(argv: list[str]) -> argparse.Namespace:
    """Returns the arguments, checked as far as they can be without any file."""
    parser = cli.Parser("python -m jaxgan.latent", "Look into a trained model.")
    commands = parser.add_subparsers(metavar="SUBCOMMAND", required=True)

    def command(name: str, run: Callable[..., None], about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=f"{about}.")
        added.set_defaults(run=run)
        added.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py")
        added.add_argument(
            "--checkpoint", default="last", help="`last` (default), `best` or a step"
        )
        added.add_argument("--seed", type=cli.SEED, default=0, help="of the samples (default: 0)")
        results.add_arguments(added, "beside it: FILE.npz", required=True, metavar="FILE.png")
        return added

    def label(added: argparse.ArgumentParser, about: str) -> None:
        added.add_argument(
            "--label", type=cli.integer(0), help=f"{about}; only for models with labels"
        )

    in_turn = "class of all rows; default: row i has class i, modulo their number"
    added = command("interpolate", interpolate, "rows that go from one drawn sample to the next")
    added.add_argument(
        "--path",
        choices=("linear", "spherical"),
        default="linear",
        help="`linear` (default), as in the papers: it stays inside the cube of uniform noise; "
        "`spherical` keeps the length that normal noise has, which is shorter midway on a line",
    )
    added.add_argument(
        "--points", type=cli.integer(2, MANY), default=9, help="images of a row (default: 9)"
    )
    added.add_argument("--rows", type=cli.integer(1, MANY), default=5, help="how many (default: 5)")
    added.add_argument(
        "--through",
        type=cli.integer(2, MANY),
        default=2,
        help="samples that a row goes through (default: 2)",
    )
    label(added, in_turn)

    added = command(
        "arithmetic",
        vector_arithmetic,
        "A - B + C of mean latents: the samples over their means, the result among eight "
        "neighbours, and the same arithmetic on pixels; a conditional model draws the result as "
        "A's class, and its noise is the same for every class",
    )
    for name in "abc":
        added.add_argument(
            f"--{name}",
            required=True,
            metavar="GROUP",
            help=NOTATION if name == "a" else "the same",
        )
    label(added, "class of groups by seed or index (default: 0)")

    added = command("turn", turn, "new samples moved from one group of samples to another")
    added.add_argument("--from", dest="start", required=True, metavar="GROUP", help=NOTATION)
    added.add_argument("--to", dest="end", required=True, metavar="GROUP", help="the same")
    added.add_argument(
        "--points", type=cli.integer(2, MANY), default=9, help="images of a row (default: 9)"
    )
    added.add_argument(
        "--rows", type=cli.integer(1, MANY), default=5, help="new samples (default: 5)"
    )
    added.add_argument(
        "--strength",
        type=cli.number(-1000, 1000),
        default=1.0,
        help="of the last image of a row (default: 1)",
    )
    label(added, in_turn)

    added = command(
        "direction",
        property_direction,
        "the direction of a property of digits, and what it does to it on new samples: strengths "
        "-1 to 1 of the way from the tenth of samples with the least to that with the most of it",
    )
    added.add_argument(
        "--property",
        choices=tuple(PROPERTIES),
        required=True,
        help="`weight`: mean intensity; `slant`: degrees to the right",
    )
    added.add_argument(
        "--points", type=cli.integer(2, MANY), default=9, help="strengths (default: 9)"
    )
    added.add_argument(
        "--rows",
        type=cli.integer(1, MEASURED),
        default=5,
        help="samples in the picture (default: 5)",
    )

    added = command(
        "neighbours",
        training_neighbours,
        "samples, under each row the nearest training images by Euclidean distance of pixels",
    )
    added.add_argument("--num", type=cli.integer(1, MANY), default=20, help="samples (default: 20)")
    label(added, "class of all samples; default: each in turn")

    added = command(
        "features",
        feature_pictures,
        "real images that features of the discriminator respond to most, over what they respond "
        "to by guided back-propagation; at the right the same of random weights",
    )
    added.add_argument("--layer", help="such as conv2 (default: the last convolution)")
    added.add_argument(
        "--filters",
        type=cli.integer(1),
        default=6,
        help="how many, from the first on that responds at all",
    )

    args = parser.parse_args(argv)
    if not getattr(args, "strength", 1.0):
        raise UserError("--strength: 0 moves nothing; give a number such as 1 or -1.5")
    for name in ("a", "b", "c", "start", "end"):
        if hasattr(args, name):
            parse_group({"start": "--from", "end": "--to"}.get(name, f"--{name}"), vars(args)[name])
    args.out = pathlib.Path(args.out)
    if args.out.suffix != ".png":
        raise UserError(f"--out: {str(args.out)!r} is of an unknown kind; end it in .png")
    return args


def main(argv: list[str]) -> None:
    """Runs a subcommand."""
    args = parse(argv)
    results.check(args, [args.out, args.out.with_suffix(".npz")])
    args.run(args)


if __name__ == "__main__":
    cli.run(main)
