"""The work folder of a run: what is in it, and how it is opened again."""

import contextlib
import json
import logging
import math
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from ml_collections import ConfigDict, FrozenConfigDict

from jaxgan import config as config_lib
from jaxgan import gans, optimizers, parallel, results, state, storage
from jaxgan.base import GAN, Batch, Players, seed_key
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.data import transforms
from jaxgan.errors import RunError, UserError
from jaxgan.standing import make_standing

_log = logging.getLogger(__name__)

MOST_CLASSES = 2**24  # of a `dataset.json` that is not damaged


class Model(NamedTuple):
    """What a configuration and the form of the data determine.

    Attributes:
      gan: the variant.
      optimizers: `Players` of optax gradient transformations.
      class_counts: training examples of each class that can be asked for, 1 where their numbers
        were not recorded; empty where the model takes no labels.
      new_state: `(key, batch) -> TrainState` before the first step.
      abstract_state: shapes and dtypes of the state.
      standing: `state -> state` to sample from (`jaxgan.standing.make_standing`).
      batch_statistics: whether samples are normalised by the statistics of their batch.
    """

    gan: GAN
    optimizers: Players
    class_counts: tuple[int, ...]
    new_state: Callable[..., state.TrainState]
    abstract_state: state.TrainState
    standing: Callable[..., state.TrainState]
    batch_statistics: bool = False

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 where the model takes no labels."""
        return len(self.class_counts)

    @property
    def classes(self) -> np.ndarray:
        """The classes that were trained, int32: those that have examples."""
        return np.flatnonzero(self.class_counts).astype(np.int32)

    @property
    def mixed(self) -> np.ndarray:
        """The classes that `draw` mixes in every chunk, int32; empty without batch statistics."""
        return self.classes if self.batch_statistics else self.classes[:0]


def make_model(
    config: FrozenConfigDict,
    image_shape: tuple[int, ...],
    num_classes: int,
    input_shape: tuple[int, ...] | None = None,
    features: int = 0,
    class_counts: Sequence[int] | None = None,
) -> Model:
    """Returns the model of a configuration.

    Args:
      config: the configuration.
      image_shape: (height, width, channels) of its data.
      num_classes: of its data; 0 where it has no labels.
      input_shape: (height, width, channels) of the inputs of pairs; None for single images.
      features: numbers that each example is conditioned on; 0 where there are none.
      class_counts: training examples of each class; None where they are not known.

    Raises:
      UserError: an option is wrong.
    """
    image_shape = tuple(image_shape)
    gan = gans.make(config.gan, image_shape=image_shape, num_classes=num_classes)
    updates = Players(gen=config.steps, disc=config.steps * config.disc_steps)
    players = Players(
        *(
            optimizers.make(
                config.optimizer[name],
                updates=getattr(updates, name),
                where=f"--config.optimizer.{name}",
            )
            for name in Players._fields
        )
    )

    def new_state(key: jax.Array, batch: dict[str, jax.Array]) -> state.TrainState:
        return state.init_state(gan, players, key, batch, ema=config.ema_decay > 0)

    batch = _abstract_batch(2, image_shape, num_classes, input_shape, features)
    abstract_state = jax.eval_shape(new_state, jax.random.key(0), batch)
    class_counts = tuple(class_counts or [1] * num_classes)
    standing = make_standing(gan, image_shape, np.flatnonzero(class_counts))
    asked = class_counts if gan.conditional else ()
    by_batch = config.gan.get("sample_statistics") == "batch"
    return Model(gan, players, asked, new_state, abstract_state, standing, by_batch)


def _abstract_batch(
    count: int,
    image_shape: Sequence[int],
    num_classes: int,
    input_shape: Sequence[int] | None = None,
    features: int = 0,
    class_counts: Any = None,
) -> Batch:
    """Returns the shapes of a batch of `count` examples; the other arguments are `make_model`'s."""
    del class_counts
    batch = {"image": jax.ShapeDtypeStruct((count, *image_shape), np.float32)}
    if num_classes:
        batch["label"] = jax.ShapeDtypeStruct((count,), np.int32)
    if features:
        batch["feature"] = jax.ShapeDtypeStruct((count, features), np.float32)
    if input_shape:
        batch["input"] = jax.ShapeDtypeStruct((count, *input_shape), np.float32)
    return batch


def check_single_examples(config: FrozenConfigDict, model: Model, about: dict[str, Any]) -> None:
    """Raises `UserError` where batches, or their parts, of one example cannot train a model.

    Args:
      config: of the run.
      model: its model.
      about: the form of its data, arguments of `make_model`.
    """
    parts = config.parallel.accumulate
    if config.batch_size // parts > 1:
        return
    (gen, disc), variables = model.abstract_state.params, model.abstract_state.variables
    batch, key = _abstract_batch(1, **about), jax.random.key(0)
    try:
        jax.eval_shape(model.gan.disc_loss, disc, gen, variables, batch, key)
        jax.eval_shape(model.gan.gen_loss, gen, disc, variables, batch, key)
    except ValueError as error:
        what = f"in {parts} parts (parallel.accumulate) has" if parts > 1 else "is"
        raise UserError(
            f"--config.batch_size: {config.batch_size} {what} one example at a time, and {error}; "
            f"give {2 * parts} or more"
        ) from error


def check_owner(folder: pathlib.Path, config: FrozenConfigDict, *, extend: bool = False) -> None:
    """Raises `UserError` where a work folder belongs to another configuration.

    Args:
      folder: the work folder.
      config: the configuration.
      extend: whether it may have other steps, no fewer than are done, where no learning rate
        depends on their number. The state is that of a run that had them from the start; pictures,
        `best` and `mean:STEP` may include the earlier end.
    """
    try:
        has_config = (folder / "config.json").exists()
        found = [name for name in sorted(results.RUN_FILES) if os.path.lexists(folder / name)]
    except OSError as error:
        raise UserError(
            f"--workdir: {folder} cannot be read ({error.strerror}); choose another folder"
        ) from error
    if not has_config:
        if found:
            raise UserError(
                f"--workdir: {folder} has {found[0]} but no config.json; choose another folder"
            )
        return
    differences = config_lib.differences(_read_json(folder / "config.json"), config)
    if (folder / "dataset.json").exists() and "content" in _read_json(folder / "dataset.json"):
        places = ("dataset.path: ", "dataset.data_dir: ")  # `claim` compares what is there
        differences = [line for line in differences if not line.startswith(places)]
    if extend and len(differences) == 1 and differences[0].startswith("steps: "):
        if any(player.get("decay_from", 1.0) < 1 for player in config.optimizer.values()):
            raise UserError(
                f"--config.{differences[0]} changes learning rates that fall to 0 at the last step "
                "(decay_from); choose another --workdir or the old steps"
            )
        names = [path.name for path in (folder / "checkpoints").glob("*")]
        if config.steps >= max([int(name) for name in names if name.isdigit()], default=0):
            return
    if differences:
        raise UserError(
            f"--workdir: {folder} was made by a different config ({'; '.join(differences)}); "
            "choose another folder or the old values"
        )


@contextlib.contextmanager
def lock(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes from training in a work folder, which is made where it is missing.

    A folder that it made and that is empty at the end, after a mistake, is deleted.

    Raises:
      UserError: another process trains in it, or it cannot be written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with contextlib.ExitStack() as stack:
        stack.callback(_remove_empty, made)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(storage.lock(folder))
            for place in (folder, folder / "samples"):
                storage.delete_parts(place, age=0)
        except BlockingIOError as error:
            raise UserError(
                f"--workdir: {folder} is in use by {error.strerror}; wait until that has ended, "
                "stop it, or choose another folder"
            ) from error
        except OSError as error:
            raise UserError(
                f"--workdir: {storage.culprit(error, folder)} cannot be written "
                f"({error.strerror}); choose another folder"
            ) from error
        yield


def _remove_empty(folders: Sequence[pathlib.Path]) -> None:
    """Deletes folders, each inside the next, up to one that is not empty."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def check_data(
    folder: pathlib.Path,
    config: FrozenConfigDict,
    about: dict[str, Any],
    content: dict[str, Any] | None = None,
) -> None:
    """Raises `UserError` where a work folder was made with other data; arguments of `claim`."""
    file = folder / "dataset.json"
    old = _read_json(file) if file.exists() else {}
    changes = [  # an older file may lack entries
        f"{name}: {old[name]} -> {about.get(name, 'none')}"
        for name in old
        if name != "content" and old[name] != about.get(name)
    ]
    known, now = old.get("content") or {}, content or {}
    if known and now:
        changes += [
            f"{name}: {known.get(name, 'none')} -> {now.get(name, 'none')}"
            for name in sorted(known | now)
            if known.get(name) != now.get(name)
        ]
    if changes:
        raise UserError(
            f"--workdir: {folder} was made with other data than {config.dataset.path or 'now'} "
            f"({'; '.join(changes)}); choose another folder or the old data"
        )


def claim(
    folder: pathlib.Path,
    config: FrozenConfigDict,
    about: dict[str, Any],
    content: dict[str, Any] | None = None,
) -> None:
    """Creates a work folder for a configuration that is known to work.

    Args:
      folder: the work folder.
      config: its configuration.
      about: the form of its data, arguments of `make_model`.
      content: `num_examples` and hashes of its data; None where their name says what they are.

    Raises:
      UserError: the folder cannot be written, or was made with other data.
    """
    check_data(folder, config, about, content)
    if content is not None:
        about = {**about, "content": content}
    try:
        # First what tells a run from another folder: a kill may come at any moment.
        folder.mkdir(parents=True, exist_ok=True)
        storage.write_atomically(folder / "config.json", config_lib.to_json(config) + "\n")
        storage.write_atomically(folder / "dataset.json", json.dumps(about) + "\n")
        (folder / "samples").mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--workdir: {storage.culprit(error, folder)} cannot be written ({error.strerror}); "
            "choose another folder"
        ) from error


def _read_json(file: pathlib.Path) -> dict[str, Any]:
    """Returns an object that `claim` wrote; raises `UserError` where there is none."""
    try:
        value = json.loads(storage.read_bytes(file))
        if not isinstance(value, dict):
            raise ValueError("not an object")
    except (FileNotFoundError, NotADirectoryError) as error:
        folder, remedy = file.parent, "give the folder of a run of train.py"
        what = "contains no trained run" if folder.is_dir() else "does not exist"
        if (folder / "checkpoints").is_dir():
            what, remedy = f"has checkpoints but no {file.name}", "restore that file from a copy"
        elif folder.is_file():
            what, remedy = "is a file", f"give the folder of a run, such as {folder.parent}"
        raise UserError(f"--workdir: {folder} {what}; {remedy}") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--workdir: {file} is damaged ({reason}); choose another folder"
        ) from error
    return value


@contextlib.contextmanager
def _naming(file: pathlib.Path) -> Iterator[None]:
    """Raises errors that name keys of a configuration as those of a file."""
    try:
        yield
    except UserError as error:
        text = str(error).removeprefix("--config.")
        raise UserError(f"--workdir: {file}: {text}") from error


def _read_config(folder: pathlib.Path) -> ConfigDict:
    """Returns the configuration of a run, with a warning where keys of it are missing."""
    file = folder / "config.json"
    saved = _read_json(file)
    with _naming(file):
        config, missing = config_lib.restore(saved)
    if missing:
        flat = config_lib.flatten(config)
        taken = ", ".join(f"{key}={flat[key]!r}" for key in missing)
        _log.warning("%s has no %s; the defaults are taken", file, taken)
    if config.population.seeds != 1 or config.population.grid:
        members = sorted(path.name for path in folder.glob("member_*"))
        raise UserError(
            f"--workdir: {folder} is a population; "
            + (
                f"give one of its {len(members)} members, {folder / members[0]} to {members[-1]}"
                if members
                else "let train.py finish it, then give one of its members"
            )
        )
    return config


def _read_form(folder: pathlib.Path) -> dict[str, Any]:
    """Returns the form of a run's data, arguments of `make_model`."""
    file = folder / "dataset.json"
    about = _read_json(file)
    shape = (
        "three integers above 0",
        lambda x: len(x) == 3 and all(type(n) is int and n > 0 for n in x),
    )
    count = (
        f"an integer from 0 to {MOST_CLASSES}",
        lambda x: type(x) is int and 0 <= x <= MOST_CLASSES,
    )
    counts = (
        "an integer of 0 or more for each class, above 0 for one",
        lambda x: (
            len(x) == about["num_classes"] and all(type(n) is int and n >= 0 for n in x) and any(x)
        ),
    )
    form: dict[str, Any] = {}
    for key, (wanted, fits) in {
        "image_shape": shape,
        "num_classes": count,
        "input_shape": shape,
        "features": count,
        "class_counts": counts,
    }.items():
        if key not in about and key not in ("image_shape", "num_classes"):
            continue
        try:
            sound = fits(about[key])
        except (LookupError, TypeError):
            sound = False
        if not sound:
            found = repr(about[key]) if key in about else "missing"
            raise UserError(f"--workdir: {file}: {key} is {found}; it should be {wanted}")
        form[key] = tuple(about[key]) if isinstance(about[key], list) else about[key]
    return form


class Trained(NamedTuple):
    """A run read back from its work folder.

    Attributes:
      config: its configuration.
      model: its model.
      image_shape: (height, width, channels).
      state: its train state, with batch statistics of the generator's average (`jaxgan.standing`).
      sample: `(key, label int32 [n]) -> uint8 [n, height, width, channels]`, compiled, from the
        moving average where there is one; of a translator, inputs uint8 [n, height, width, ...]
        take the place of labels.
      input_shape: (height, width, channels) of the inputs of pairs; None for single images.
      features: numbers that each example is conditioned on; 0 where there are none.
    """

    config: ConfigDict
    model: Model
    image_shape: tuple[int, int, int]
    state: state.TrainState
    sample: Callable[[jax.Array, jax.Array], jax.Array]
    input_shape: tuple[int, int, int] | None = None
    features: int = 0


def make_sample(
    gan: GAN, sharding: jax.sharding.NamedSharding | None = None
) -> Callable[[state.TrainState, jax.Array, jax.Array], jax.Array]:
    """Returns the compiled `(state, key, label or uint8 inputs) -> uint8 images`.

    With a key and labels for every device of the state, keys [devices] and labels [devices, n],
    each draws and keeps its own samples [devices, n, ...].

    Args:
      gan: the variant.
      sharding: of images drawn with one key; None as the compiler has it.
    """

    @jax.jit
    def sample(state: state.TrainState, key: jax.Array, label: jax.Array) -> jax.Array:
        if not key.ndim:
            images = one(state, key, label)
            if sharding is None:
                return images
            return jax.lax.with_sharding_constraint(images, sharding)
        mesh = sharding.mesh if sharding else parallel.make_mesh(len(key))
        shares = parallel.row_sharding(mesh)
        key, label = jax.lax.with_sharding_constraint((key, label), shares)
        images = jax.vmap(one, (None, 0, 0))(state, key, label)
        return jax.lax.with_sharding_constraint(images, shares)

    def one(state: state.TrainState, key: jax.Array, label: jax.Array) -> jax.Array:
        if gan.translator:
            label = transforms.to_float(label, *gan.value_range)
        images = gan.sample(state.sampler, state.variables, key, label)
        if gan.value_range is None:  # points
            return images
        return transforms.to_uint8(images, *gan.value_range)

    return sample


def load(
    folder: str | pathlib.Path, checkpoint: str = "last", *, features: bool = False
) -> Trained:
    """Reads a run back.

    Args:
      folder: its work folder.
      checkpoint: `last`, `best` by the evaluation during training, a step, or `mean:STEP`, the last
        with the generator's average over all checkpoints from a step on (Izmailov et al. 2018,
        arXiv 1803.05407).
      features: whether its model must be one that takes features in place of labels.

    Raises:
      UserError: the folder is missing or empty, has no such checkpoint, or is of another kind.
    """
    folder = pathlib.Path(folder)
    config, about = _read_config(folder), _read_form(folder)
    image_shape = about["image_shape"]
    if bool(about.get("features")) != features:
        remedy = "give one of a cgan_tags config" if features else "use python -m jaxgan.tag"
        raise UserError(
            f"--workdir: {folder} is a run on {'images' if features else 'tags'}; {remedy}"
        )
    with _naming(folder / "config.json"):
        model = make_model(config, **about)
    like = abstract(model.abstract_state, parallel.replicated(parallel.make_mesh()))
    none_yet = "has no sound checkpoint; let train.py reach one"
    if not (folder / "checkpoints").is_dir():
        raise UserError(f"--workdir: {folder} {none_yet}")
    best = any(path.name.isdigit() for path in (folder / "best").glob("*"))
    if checkpoint == "best" and not best:
        raise UserError(
            f"--checkpoint: {folder} has no best one; train with --config.evaluate_every=1000"
        )
    kept = "best" if checkpoint == "best" else "checkpoints"
    checkpoints = Checkpoints(folder / kept, read_only=True)
    try:
        if checkpoint in ("best", "last"):
            found = checkpoints.restore_newest(like)
            if found is None:
                raise UserError(f"--workdir: {folder} {none_yet}")
            restored = found[1]
        elif checkpoint.startswith("mean:"):
            restored = _mean(checkpoints, checkpoint, like)
        else:
            known = [str(step) for step in checkpoints.steps()]
            if checkpoint not in known:
                names = ["last", *(["best"] if best else []), *known]
                raise UserError(
                    f"--checkpoint: no {checkpoint!r} in {folder}; known: {', '.join(names)}"
                )
            restored = checkpoints.restore(int(checkpoint), like)
    except OSError as error:
        raise RunError(f"--workdir: {error}") from error
    finally:
        checkpoints.close()
    if not model.batch_statistics:
        restored = model.standing(restored)
    compiled = make_sample(model.gan)
    return Trained(
        config,
        model,
        image_shape,
        restored,
        lambda key, label: compiled(restored, key, label),
        about.get("input_shape"),
        about.get("features", 0),
    )


def _mean(checkpoints: Checkpoints, choice: str, like: state.TrainState) -> state.TrainState:
    """Returns the newest state with the mean of the generators of `mean:STEP` as its average."""
    first, steps = choice.removeprefix("mean:"), checkpoints.steps()
    chosen = [step for step in steps if first.isdecimal() and step >= int(first)]
    if len(chosen) < 2:
        raise UserError(
            f"--checkpoint: {choice!r} is no mean of checkpoints; there are "
            f"{', '.join(map(str, steps))}; give mean:STEP with two or more from STEP on, and "
            "train with a larger --config.keep_checkpoints"
        )
    total: Any = None
    for step in chosen:
        restored = checkpoints.restore(step, like)
        generator = restored.params.gen, restored.variables.gen
        total = generator if step == chosen[0] else jax.tree.map(np.add, total, generator)
    gen, variables = jax.tree.map(lambda x: x / len(chosen), total)
    return restored.replace(ema=gen, variables=restored.variables._replace(gen=variables))


def check_no_translator(gan: GAN, program: str) -> None:
    """Raises `UserError` where `--workdir` has a translator, which `program` cannot sample."""
    if gan.translator:
        raise UserError(
            f"--workdir: its model translates images and makes none of noise; {program}"
        )


def check_label(model: Model, label: int | None, where: str = "--label") -> None:
    """Raises `UserError`, which begins with `where`, where a class was not trained."""
    if label is None or label in model.classes:
        return
    if not 0 <= label < model.num_classes:
        known = f"give 0 to {model.num_classes - 1}"
        remedy = known if model.num_classes else "leave it out: the model has no classes"
        raise UserError(f"{where}: {label} is not a class of the model; {remedy}")
    raise UserError(
        f"{where}: class {label} had no training example; give one of {list_briefly(model.classes)}"
    )


def list_briefly(numbers: Sequence[int]) -> str:
    """Returns numbers as text, at most ten of them."""
    text = ", ".join(str(number) for number in numbers[:10])
    return text if len(numbers) <= 10 else f"{text}, ... ({len(numbers)} in all)"


def shares(num: int, class_counts: Sequence[int]) -> np.ndarray:
    """Returns `num` labels int32, in order, of the classes in the shares of their examples.

    Args:
      num: how many.
      class_counts: examples of each class; empty for labels 0.
    """
    ends = np.cumsum(class_counts if len(class_counts) else [1])
    return np.searchsorted(ends, np.arange(num) * ends[-1] // num, "right").astype(np.int32)


def equal_shares(num: int, classes: Sequence[int]) -> np.ndarray:
    """Returns `num` labels int32, in order, of the classes in shares equal up to one.

    Of fewer labels than classes, the first classes have one each.

    Args:
      num: how many.
      classes: the classes; empty for labels 0.
    """
    classes = np.asarray(classes if len(classes) else [0], np.int32)[:num]
    return classes[shares(num, np.ones_like(classes))]


def draw(
    sample: Callable[[jax.Array, np.ndarray], jax.Array],
    labels: np.ndarray,
    seed: int,
    *,
    mixed: Sequence[int] = (),
    chunk: int = 500,
    devices: int = 1,
    tick: Callable[[int], Any] = lambda count: None,
) -> np.ndarray:
    """Draws samples, in chunks of one size so that one program is compiled.

    Where statistics of a chunk normalise its samples, these depend on one another. Then the classes
    take turns in an endless sequence of rows, which chunks are cut from, and the k-th sample of a
    class is its k-th row, whatever else is asked for.

    Args:
      sample: `(key, label int32 [n]) -> uint8 [n, height, width, channels]`.
      labels: int32 [num], the class of each sample; 0 where the model has no classes.
      seed: of the noise; the same seed gives the same samples.
      mixed: `Model.mixed`, the classes that take turns, all of `labels` among them; empty for
        samples in the order of `labels`.
      chunk: samples from one key.
      devices: that share the work, whose number changes nothing; above 1, `sample` is called with
        keys [devices] and labels [devices, chunk].
      tick: called with the number of samples of each chunk, when they are there.

    Returns:
      uint8 [num, height, width, channels].
    """
    size, row = devices * chunk, np.arange(len(labels))
    if len(mixed):
        for turn, label in enumerate(mixed):
            chosen = labels == label
            row[chosen] = turn + len(mixed) * np.arange(chosen.sum())
    total = int(row.max()) + 1
    if len(mixed):
        padded = np.asarray(mixed, np.int32)[np.arange(-(-total // size) * size) % len(mixed)]
    else:
        padded = np.concatenate([labels, np.zeros(-total % size, np.int32)])
    key, images = seed_key(seed), None
    for start in range(0, total, size):
        some = padded[start : start + size]
        if devices == 1:
            part = np.asarray(sample(jax.random.fold_in(key, start), some))
        else:
            starts = start + chunk * np.arange(devices)
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, starts)
            wanted = -(-min(size, total - start) // chunk)  # the last call has some for nothing
            part = sample(keys, some.reshape(devices, chunk))[:wanted]
            part = np.concatenate(multihost_utils.process_allgather(part, tiled=True))
        if images is None:
            images = np.empty((len(labels), *part.shape[1:]), part.dtype)
        chosen = (start <= row) & (row < start + size)
        images[chosen] = part[row[chosen] - start]
        tick(int(chosen.sum()))
    return images


def read_best(folder: pathlib.Path) -> dict[str, Any] | None:
    """Returns what was noted of evaluations during training; None where there is no note.

    It warns of a damaged one.

    Returns:
      `metric`, `best` and `last`, each with `step` and `value`, and `real`, the value of real
      images; NaN where a value is null.
    """
    if not (folder / "best.json").exists():
        return None
    try:
        note = _read_json(folder / "best.json")
        for part, key in ((note["best"], "value"), (note["last"], "value"), (note, "real")):
            part[key] = math.nan if part[key] is None else float(part[key])
        describe_best(note)
    except (UserError, LookupError, TypeError, ValueError):
        _log.warning("%s is damaged, and left out", folder / "best.json")
        return None
    return note


def describe_best(note: dict[str, Any]) -> str:
    """Returns a line on the best and the last evaluation of `read_best`."""
    best, last = note["best"], note["last"]
    return (
        f"{note['metric']} during training: best {best['value']:.4g} at step {best['step']}, "
        f"last {last['value']:.4g} at step {last['step']}, real images {note['real']:.4g}"
    )
