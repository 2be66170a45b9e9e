"""The training loop: the only file that knows everything."""

import contextlib
import errno
import functools
import logging
import math
import pathlib
import shlex
import signal
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from jaxgan import cli, data, memory, parallel, storage, viz, workdir
from jaxgan import config as config_lib
from jaxgan.base import Batch, Metrics, seed_key
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.data import pairs, transforms
from jaxgan.errors import RunError, UserError, named
from jaxgan.monitor import Monitor
from jaxgan.progress import Progress
from jaxgan.state import TrainState
from jaxgan.step import make_train_step, repeat_step
from jaxgan.tagging import dataset as tagged
from jaxgan.tagging import words as word_vectors
from jaxgan.watch import Watch

_log = logging.getLogger(__name__)


def train(config: FrozenConfigDict, folder: str | pathlib.Path) -> int:
    """Trains to `config.steps`, resuming where the work folder has a checkpoint.

    Args:
      config: from `jaxgan.config.load`.
      folder: the work folder, created where it is missing.

    Returns:
      The exit status: 0 when done, 128 + N when stopped by signal N after saving.

    Raises:
      UserError: an argument is wrong; nothing has been compiled yet.
      RunError: a loss is not finite, or the work folder can no longer be written.
    """
    folder = pathlib.Path(folder)
    claims = {f"--config.{key}": value for key, value in config_lib.flatten(config).items()}
    with contextlib.ExitStack() as held:
        with parallel.agreed({"--workdir": str(folder), "jax": jax.__version__, **claims}):
            if parallel.is_main():
                held.enter_context(workdir.lock(folder))
            prepared = _prepare(config, folder)
        return _train(config, folder, prepared)


def _train(config: FrozenConfigDict, folder: pathlib.Path, prepared: "Prepared") -> int:
    mesh, dataset, about, model, shown = prepared
    cli.start_jax()
    monitor = None
    with parallel.agreed():
        if config.evaluate_every:
            monitor = Monitor(
                config, folder, dataset.image_shape, model.class_counts, mixed=model.mixed
            )
        if parallel.is_main():
            workdir.claim(folder, config, about, describe_content(dataset))
    try:
        if dataset.words is not None and parallel.is_main():
            word_vectors.save(dataset.words, folder / "words.npz")
        with contextlib.ExitStack() as stack:
            return Run(config, folder, dataset, model, monitor, mesh, stack, shown).train()
    except BrokenPipeError:  # of standard output
        raise
    except (OSError, jax.errors.JaxRuntimeError) as error:
        raise RunError(explain(error, folder)) from error


def explain(error: Exception, folder: pathlib.Path) -> str:
    """Returns what a user can do about an error of the system or of a device."""
    if isinstance(error, OSError) and error.errno:  # TensorStore calls a full disk exhausted, too
        remedies = {errno.EFBIG: "raise the limit by ulimit -f"}
        return (
            f"--workdir: {storage.culprit(error, folder)} fails ({error.strerror}); "
            f"{remedies.get(error.errno, 'mend that, make room for instance,')} and run the same "
            "command again to resume"
        )
    cause = error.__cause__ or error  # of a checkpoint that cannot be written
    reason = str(cause).replace("Error dispatching computation: ", "").strip() or repr(cause)
    reason = reason.splitlines()[0][:200]
    if "RESOURCE_EXHAUSTED" in reason:
        return (
            f"out of memory ({reason}); try a smaller --config.batch_size, "
            "--config.parallel.accumulate=2 or --config.parallel.shard_state=true"
        )
    if jax.process_count() > 1:
        return (
            f"another process of this run is gone or lost ({reason}); start all of them again by "
            "the same command to resume"
        )
    if isinstance(error, OSError):
        return (
            f"--workdir: {folder} fails ({error}); "
            "mend that, make room for instance, and run the same command again to resume"
        )
    raise error


class Prepared(NamedTuple):
    """What a run needs, found before anything is compiled.

    Attributes:
      mesh: the devices.
      dataset: examples.
      about: their form, arguments of `workdir.make_model`.
      model: of that form.
      shown: pairs that sample grids show; None for a model of noise.
    """

    mesh: jax.sharding.Mesh
    dataset: data.Dataset
    about: dict[str, Any]
    model: workdir.Model
    shown: dict[str, np.ndarray] | None


def _prepare(config: FrozenConfigDict, folder: pathlib.Path) -> Prepared:
    mesh = parallel.make_mesh(config.parallel.devices, mode=config.parallel.mode)
    parallel.check_batch_size(config.batch_size, mesh, config.parallel.accumulate)
    workdir.check_owner(folder, config, extend=True)
    dataset = load_dataset(config, folder=folder)
    about = describe(config, dataset)
    if dataset.features is not None and config.evaluate_every:
        raise UserError(
            f"--config.evaluate_every: {config.evaluate_every} is for images; give 0 and run "
            "python -m jaxgan.tagging.evaluate"
        )
    model = workdir.make_model(config, **about)
    workdir.check_single_examples(config, model, about)
    memory.check_step(config, model.abstract_state, about, mesh)
    warn_of_untrained(model)
    if dataset.input_shape and not model.gan.translator:
        raise UserError(
            f"--config.dataset.pairs: {config.dataset.pairs!r} has no effect on "
            f"{config.gan.name}, which takes single images; give '' or --config.gan.name=pix2pix"
        )
    if model.gan.translator and config.evaluate_every:
        raise UserError(
            f"--config.evaluate_every: {config.evaluate_every} is for models of noise; give 0 "
            "and use python -m jaxgan.evaluate_pairs"
        )
    shown = load_shown(config) if model.gan.translator else None
    return Prepared(mesh, dataset, about, model, shown)


def load_dataset(
    config: FrozenConfigDict,
    split: str | None = None,
    image_size: int | None = None,
    folder: pathlib.Path | None = None,
) -> data.Dataset:
    """Returns the dataset of a configuration.

    Args:
      config: the configuration.
      split: None for that of training.
      image_size: None for that of training, from which random squares are cropped where the
        configuration asks for that.
      folder: a work folder, whose vocabulary is used where it has one.

    Raises:
      UserError: an option, or what it names, is wrong.
    """
    options, words = config.dataset, tagged.known(folder) if folder else None
    names = {f"dataset.{name}": f"--config.dataset.{name}" for name in options}
    with named(names, "--config.dataset"):
        if tagged.has_tags(options):
            return tagged.load(options, words)
        return data.load(
            options.name,
            path=options.path or None,
            data_dir=options.data_dir or None,
            split=split or options.split,
            image_size=image_size or options.jitter_size or options.image_size or None,
            pairs=options.pairs,
            direction=options.direction,
            unreadable=options.unreadable,
        )


def first_examples(dataset: data.Dataset, count: int = 1000) -> Batch:
    """Returns examples from all over the data, for shapes and for means: files may be sorted."""
    total = dataset.num_examples
    chosen = np.linspace(0, total - 1, min(count, total)).astype(int)
    examples = [dataset.read(int(i)) for i in chosen]
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}


def floats(batch: Batch, value_range: tuple[float, float] | None) -> Batch:
    """Returns a batch with its levels as floats; points, which have no range, as they are."""
    if value_range is None:
        return batch
    levels = {name: batch[name] for name in ("image", "input") if name in batch}
    return {**batch, **{n: transforms.to_float(x, *value_range) for n, x in levels.items()}}


def describe(config: FrozenConfigDict, dataset: data.Dataset) -> dict[str, Any]:
    """Returns the form of what a model is given, arguments of `workdir.make_model`."""
    size = config.dataset.image_size if config.dataset.jitter_size else None

    def cropped(shape: tuple[int, int, int]) -> list[int]:
        return [size, size, shape[2]] if size else list(shape)

    about = {"image_shape": cropped(dataset.image_shape), "num_classes": dataset.num_classes or 0}
    if dataset.class_counts is not None:
        about["class_counts"] = dataset.class_counts
    if dataset.input_shape:
        about["input_shape"] = cropped(dataset.input_shape)
    if dataset.features is not None:
        about["features"] = dataset.features.shape[1]
    return about


def describe_content(dataset: data.Dataset) -> dict[str, Any] | None:
    """Returns by what the content of a dataset is known again, an argument of `workdir.claim`."""
    if dataset.digests is None:
        return None
    return {"num_examples": dataset.num_examples, **dataset.digests}


def warn_of_untrained(model: workdir.Model) -> None:
    """Warns of classes without a training example, which no program draws."""
    untrained = np.flatnonzero(np.equal(model.class_counts, 0))
    if len(untrained) and parallel.is_main():
        _log.warning(
            "no training example has label %s; neither training nor any program draws such samples",
            workdir.list_briefly(untrained),
        )


def load_shown(config: FrozenConfigDict) -> dict[str, np.ndarray]:
    """Returns the held-out pairs that sample grids show, uint8 `input` and `image`, without jitter.

    Raises:
      UserError: `evaluation.test_split` is no split of the dataset.
    """
    split = config.evaluation.test_split
    with named({"--config.dataset.split": "--config.evaluation.test_split"}):
        dataset = load_dataset(config, split, config.dataset.image_size)
    examples = first_examples(dataset, 30 if dataset.image_shape[0] <= 64 else 6)
    return {name: examples[name] for name in ("input", "image")}


class Run:
    """One call of the program: everything between the first batch and the last picture."""

    def __init__(
        self,
        config: FrozenConfigDict,
        folder: pathlib.Path,
        dataset: data.Dataset,
        model: workdir.Model,
        monitor: Monitor | None,
        mesh: jax.sharding.Mesh,
        stack: contextlib.ExitStack,
        shown: dict[str, np.ndarray] | None,
    ) -> None:
        """Opens the checkpoints and makes or restores the state; `stack` closes what it opens."""
        self._shown = shown
        self._config, self._folder, self._dataset = config, folder, dataset
        self._mesh, self._stack = mesh, stack
        self._checkpoints = Checkpoints(folder / "checkpoints", keep=config.keep_checkpoints)
        stack.callback(self._checkpoints.close)
        self._monitor = monitor
        if monitor:
            monitor.open()
            stack.callback(monitor.close)
        self._value_range, self._classes = model.gan.value_range, model.classes
        shardings = parallel.state_shardings(
            mesh, model.abstract_state, divide=config.parallel.shard_state
        )
        self._state = self._first_or_restored_state(model, shardings)
        self._start = int(self._state.step)
        self._step = parallel.compile_step(
            self._step_on_levels(model), mesh, mode=config.parallel.mode, shardings=shardings
        )
        self._sample = workdir.make_sample(model.gan, parallel.replicated(mesh))
        self._standing = model.standing
        self._replicate = jax.jit(lambda tree: tree, out_shardings=parallel.replicated(mesh))
        self._saved = self._start if self._start else None  # the newest checkpoint's step

    def _first_or_restored_state(self, model: workdir.Model, shardings: Any) -> TrainState:
        found = self._checkpoints.restore_newest(abstract(model.abstract_state, shardings))
        if found is not None:
            return found[1]
        first = first_examples(self._dataset, 1 if model.gan.translator else 1000)
        if self._config.dataset.jitter_size:
            first = transforms.centre(first, self._config.dataset.image_size)
        new_state = jax.jit(
            lambda key, batch: model.new_state(key, floats(batch, self._value_range)),
            out_shardings=shardings,
        )
        return new_state(seed_key(self._config.seed), first)

    def _step_on_levels(self, model: workdir.Model) -> Any:
        config = self._config
        step = make_train_step(
            model.gan,
            model.optimizers,
            disc_steps=config.disc_steps,
            ema_decay=config.ema_decay,
            accumulate=config.parallel.accumulate,
        )

        jitter_size, flip = config.dataset.jitter_size, config.dataset.flip

        def step_on_levels(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
            if jitter_size or flip:
                size = config.dataset.image_size if jitter_size else None
                key = jax.random.fold_in(jax.random.fold_in(state.key, 2**31), state.step)
                batch = transforms.jitter(key, batch, size=size, flip=flip)
            return step(state, floats(batch, model.gan.value_range))

        return repeat_step(step_on_levels, config.steps_per_call)

    def train(self) -> int:
        """Takes the steps that are missing; returns the exit status."""
        config, start = self._config, self._start
        if start < config.steps:
            status = self._take_steps()
            if status:
                return status
        self._finish()
        return 0

    def _take_steps(self) -> int:
        config, start = self._config, self._start
        stop: list[int] = []
        if jax.process_count() > 1:  # which end together
            stop = self._stack.enter_context(stop_signals())
        log = progress = Silent()
        if parallel.is_main():
            floors = self._monitor.floors if self._monitor else {}
            log = self._stack.enter_context(Log(self._folder, start, floors))
            progress = self._stack.enter_context(
                Progress(start, config.steps, config.batch_size * config.disc_steps)
            )
        self._watch = Watch(progress.write, first_examples(self._dataset, 100)["image"])
        if start:
            progress.write(f"resuming {self._folder} from step {start}")
        else:
            self._save_samples(0, self._standing(self._state, self._replicate))
        per_call = config.steps_per_call
        batches = data.batches(
            self._dataset,
            seed=config.seed,
            batch_size=config.batch_size,
            disc_steps=config.disc_steps * per_call,
            start_step=start // per_call,
            sharding=parallel.batch_sharding(self._mesh),
        )
        self._stack.callback(batches.close)
        pending: tuple[int, Metrics] | None = None
        checked = start  # the newest step known to be finite

        def flush() -> None:
            """Fetches metrics: one step late, so that the device never waits for the host."""
            nonlocal pending, checked
            if pending is None:
                return
            step, values = pending[0], jax.tree.map(float, jax.device_get(pending[1]))
            pending = None
            self._check_finite(values, checked, step)
            checked = step
            rates = progress.update(step, values)
            log.write(step, {**values, **rates})
            self._watch.metrics(step, values)

        calls = range(start + per_call, config.steps + 1, per_call)
        for t, batch in zip(calls, batches, strict=False):
            self._state, metrics = self._step(self._state, batch)
            last = t == config.steps
            if t == calls[0]:
                jax.block_until_ready(metrics)
                if jax.process_count() == 1:  # until here a signal ends it at once: nothing is lost
                    stop = self._stack.enter_context(stop_signals())
                if not last:
                    progress.start(t)
            flush()
            due = {
                name: last or t % config[f"{name}_every"] == 0
                for name in ("log", "sample", "checkpoint")
            }
            due["evaluate"] = self._monitor and (last or t % config.evaluate_every == 0)
            # Asked once: a signal can come at any moment.
            stopping = parallel.stops_at(t // per_call, stop) and not last
            if any(due.values()) or stopping:
                pending = (t, metrics)
            if due["sample"] or due["checkpoint"] or due["evaluate"] or stopping:
                flush()
            if due["evaluate"] or due["sample"]:
                standing = self._standing(self._state, self._replicate)
            if due["evaluate"]:
                self._evaluate(t, standing, log, progress)
            if due["sample"]:  # before the checkpoint, or a kill between the two would lose it
                self._save_samples(t, standing)
                log.draw()
                progress.start(t)
            if due["checkpoint"] or stopping:
                self._save_checkpoint(t, checked)
            if stopping:
                self._checkpoints.wait()
                number = stop[0] if stop else signal.SIGTERM  # which another process may have had
                progress.write(
                    f"stopped by {signal.Signals(number).name} at step {t}, saved; "
                    "the same command resumes"
                )
                return 128 + number
        self._checkpoints.wait()
        return 0

    def _check_finite(self, values: dict[str, float], before: int, step: int) -> None:
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        if bad:
            self._checkpoints.wait()
            kept = f"checkpoint {self._saved} is kept" if self._saved else "there is no checkpoint"
            raise RunError(
                f"{', '.join(bad)} not finite between steps {before + 1} and {step}; {kept}; "
                "try a lower learning rate in another --workdir"
            )

    def _save_checkpoint(self, step: int, checked: int) -> None:
        if self._saved == step:
            return
        finite = is_finite((self._state.params, self._state.opt_state))
        self._check_finite({"parameters": 0.0 if finite else math.nan}, checked - 1, step)
        self._checkpoints.save(step, self._state)
        self._saved = step

    def _evaluate(self, step: int, standing: TrainState, log: "Log", progress: Progress) -> None:
        values = self._monitor(step, functools.partial(self._sample, standing), self._state)
        log.write(step, values)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        progress.write(f"step {step}, evaluation: {shown}")
        progress.start(step)

    def _save_samples(self, step: int, standing: TrainState) -> None:
        if self._shown:
            self._save_translations(step, standing)
            return
        classes, columns = self._classes[:20], 10
        count = columns * (len(classes) or 10)
        if self._value_range is None:
            count = 2500
        label = workdir.equal_shares(count, classes)
        if self._dataset.features is not None:
            count = min(count, self._dataset.num_examples)
            label = self._dataset.features[self._dataset.feature_index[:count]]
        key = jax.random.fold_in(seed_key(self._config.seed), 2**31)
        images = np.asarray(self._sample(standing, key, label))
        if not parallel.is_main():
            return
        if self._dataset.features is None:
            self._watch.samples(step, images, label)
        file = self._folder / "samples" / f"step_{step:07d}.png"
        if self._value_range is None:
            real = self._dataset.images[:count].reshape(count, -1)
            viz.save_points(images.reshape(count, -1), real, file)
            return
        scale = max(1, 64 // images.shape[1])
        viz.save_image(viz.grid(images, columns), file, scale)

    def _save_translations(self, step: int, standing: TrainState) -> None:
        key = jax.random.fold_in(seed_key(self._config.seed), 2**31)
        shown, kind = self._shown, self._config.dataset.pairs
        output = np.asarray(self._sample(standing, key, shown["input"]))
        if not parallel.is_main():
            return
        source, output = pairs.pictures(kind, input=shown["input"], image=output)
        _, target = pairs.pictures(kind, **shown)
        file = self._folder / "samples" / f"step_{step:07d}.png"
        columns = 3 if source.shape[1] <= 64 else 1
        viz.save_image(
            viz.triples(source, output, target, columns), file, max(1, 64 // source.shape[1])
        )

    def _finish(self) -> None:
        """Draws what shows the whole run and says where everything is."""
        if not parallel.is_main():
            return
        folder = self._folder
        frames = sorted((folder / "samples").glob("step_*.png"))
        if frames:
            viz.save_animation(frames, folder / "samples.gif")
        if (folder / "metrics.jsonl").exists():
            floors = self._monitor.floors if self._monitor else {}
            viz.save_curves(folder / "metrics.jsonl", folder / "curves.png", floors)
        best = workdir.read_best(folder)
        if best:
            print(workdir.describe_best(best))
        program = "More samples: python -m jaxgan.sample"
        if self._shown:
            program = "More images: python -m jaxgan.translate --input=FOLDER --out=out"
        elif self._dataset.words is not None:
            program = "Tags: python -m jaxgan.tag --input=FOLDER"
        told = {"samples": f"samples/ ({len(frames)} grids)", "samples.gif": "samples.gif"}
        told |= {name: name for name in ("curves.png", "metrics.jsonl")}
        told |= {name: f"{name}/" for name in ("tensorboard", "checkpoints", "best")}
        told |= {"config.json": "config.json"}
        there = ", ".join(text for name, text in told.items() if (folder / name).exists())
        print(
            f"{self._config.steps} steps done. In {folder}: {there}\n"
            f"{program} --workdir={shlex.quote(str(folder))}"
        )


class Silent:
    """Takes the place of `Log` and `Progress` in processes that write neither."""

    def update(self, *args: Any) -> dict[str, float]:
        """Returns no rates."""
        return {}

    def write(self, *args: Any) -> None:
        """Does nothing."""

    draw = start = write


class Log:
    """Metrics as lines of JSON, as TensorBoard events and as curves."""

    def __init__(self, folder: pathlib.Path, start: int, floors: dict[str, float]) -> None:
        """Opens the files; forgets rows past the step at which the run resumes.

        Args:
          folder: the work folder.
          start: the step at which the run resumes.
          floors: what real images have, by name; drawn as lines.
        """
        self._floors = floors
        self._file = folder / "metrics.jsonl"
        self._curves = folder / "curves.png"
        self._board = folder / "tensorboard"
        self._start = start

    def __enter__(self) -> "Log":
        from tensorboardX import SummaryWriter

        rows = []
        if self._start and self._file.exists():
            rows = [x for x in storage.read_metrics(self._file) if x["step"] <= self._start]
        text = "".join(storage.to_json(row) + "\n" for row in rows)
        storage.write_atomically(self._file, text)
        self._rows = self._file.open("a")
        self._events = SummaryWriter(str(self._board), purge_step=self._start + 1)
        return self

    def write(self, step: int, values: dict[str, float]) -> None:
        """Appends one row."""
        self._rows.write(storage.to_json({"step": step, **values}) + "\n")
        self._rows.flush()
        for name, value in values.items():
            if math.isfinite(value):  # others have no place in a curve
                self._events.add_scalar(name, value, step)

    def draw(self) -> None:
        """Draws the curves of all rows so far."""
        viz.save_curves(self._file, self._curves, self._floors)

    def __exit__(self, *error: object) -> None:
        self._rows.close()
        self._events.close()


@jax.jit
def is_finite(tree: Any) -> jax.Array:
    """Returns whether all floating-point values of a pytree are finite, a bool scalar."""
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in leaves]))


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Yields a list that SIGTERM or Ctrl-C puts its number in; a second one does not wait.

    Of several processes, each of which may be told alone, JAX passes SIGTERM on to all.
    """
    stop: list[int] = []

    def note(number: int, frame: Any) -> None:
        del frame
        if stop:
            raise KeyboardInterrupt
        stop.append(number)
        print("\nstopping after this step, saving ...", file=sys.stderr)
        if jax.process_count() > 1:
            signal.raise_signal(signal.SIGTERM)

    numbers = [signal.SIGINT] if jax.process_count() > 1 else [signal.SIGTERM, signal.SIGINT]
    previous = {number: signal.signal(number, note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
