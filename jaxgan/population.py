"""Populations: many GANs as one compiled program, with other seeds and other hyperparameters.

`--config.population.seeds=16` trains the configuration with 16 seeds, `--config.population.grid=
"gan.penalty_weight=0.1,1,10; optimizer.gen.learning_rate=1e-3,2e-3"` with every combination of the
values, and with each seed. The members are stacked and `jax.vmap` runs one step of all of them;
over several devices they are spread. A member equals, up to rounding, the run that its own
configuration gives by itself, and is saved as such a run.
"""

import ast
import contextlib
import functools
import itertools
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict, FrozenConfigDict

from jaxgan import cli, data, gans, loop, memory, optimizers, storage, viz, workdir
from jaxgan import config as config_lib
from jaxgan.base import Metrics, Players, seed_key
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.data import gaussians
from jaxgan.data.order import epoch_order, examples_at
from jaxgan.errors import RunError, UserError
from jaxgan.metrics.modes import MixtureMeasures, mixture_measures
from jaxgan.metrics.spread import standard_error
from jaxgan.progress import Progress
from jaxgan.state import TrainState, init_state
from jaxgan.step import make_train_step, repeat_step
from jaxgan.watch import Watch

# Numbers that members of one program may differ in; others decide its shapes.
TRACED = {
    "gan": ("margin", "penalty_weight", "pulling_away_weight"),
    "optimizer.gen": ("b1", "b2", "decay", "eps", "learning_rate", "momentum"),
    "optimizer.disc": ("b1", "b2", "decay", "eps", "learning_rate", "momentum"),
}
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
MOST = 10_000  # members
BLOCK = 2  # members whose steps a CPU core takes together
SAMPLES = 2500  # of each member, to count modes by
DIVERGED = MixtureMeasures(0, 0.0, math.nan)


def is_population(config: FrozenConfigDict) -> bool:
    """Returns whether a configuration asks for more than one GAN."""
    return config.population.seeds != 1 or bool(config.population.grid)


def members(config: FrozenConfigDict) -> list[FrozenConfigDict]:
    """Returns the configuration of each member, as that of an ordinary run.

    Args:
      config: from `jaxgan.config.load`, with `population.seeds` and `population.grid`.

    Raises:
      UserError: the grid cannot be read, or a member's value is wrong.
    """
    if config.population.seeds < 1:
        raise UserError(f"--config.population.seeds: {config.population.seeds} is below 1")
    lists = _read_grid(config.population.grid, config_lib.flatten(config))
    count = config.population.seeds * math.prod(map(len, lists.values()))
    if count > MOST:
        raise UserError(
            f"--config.population.seeds: {config.population.seeds} of each combination are {count} "
            f"GANs; give {MOST} in all or less"
        )
    found = []
    for values in itertools.product(*lists.values()):
        for seed in range(config.population.seeds):
            member = ConfigDict(config.to_dict())
            member.population.update(seeds=1, grid="")
            member.seed += seed
            for key, value in zip(lists, values, strict=True):
                part, _, name = key.rpartition(".")
                functools.reduce(lambda c, k: c[k], part.split("."), member)[name] = value
            config_lib.check(member)
            found.append(FrozenConfigDict(member))
    return found


def _read_grid(text: str, known: dict[str, Any]) -> dict[str, list[float]]:
    """Returns the values of each key of `KEY=VALUE,VALUE; KEY=VALUE`."""
    lists = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, _, values = (word.strip() for word in part.partition("="))
        owner, _, name = key.rpartition(".")
        if name not in TRACED.get(owner, ()) or key not in known:
            allowed = [f"{o}.{n}" for o, names in TRACED.items() for n in names]
            raise UserError(
                f"--config.population.grid: {key!r} cannot differ between members; known: "
                f"{', '.join(k for k in allowed if k in known)}"
            )
        if key in lists:
            raise UserError(
                f"--config.population.grid: {key!r} is given twice; give all its values at once, "
                f"{key}=NUMBER,NUMBER"
            )
        try:
            lists[key] = [float(ast.literal_eval(value.strip())) for value in values.split(",")]
        except (ArithmeticError, MemoryError, SyntaxError, TypeError, ValueError) as error:
            raise UserError(
                f"--config.population.grid: {part!r} is not KEY=NUMBER,NUMBER"
            ) from error
        if len(set(lists[key])) < len(lists[key]):
            raise UserError(
                f"--config.population.grid: {part!r} has a value twice, whose members would be "
                "the same; give each once, and --config.population.seeds for several of each"
            )
    if text and not lists:
        raise UserError(
            f"--config.population.grid: {text!r} has no KEY=NUMBER,NUMBER; give one, or ''"
        )
    return lists


class Population:
    """The compiled functions of a list of configurations.

    Attributes:
      configs: of the members.
      size: how many.
      varied: keys in which they differ.
      mesh: the devices that share them, as many as divide their number.
    """

    def __init__(
        self,
        configs: Sequence[FrozenConfigDict],
        image_shape: tuple[int, ...],
        num_classes: int,
        class_counts: Sequence[int] | None = None,
    ) -> None:
        """Makes every member's model once, so that wrong values are found.

        Args:
          configs: that differ in their seeds and in the numbers of `TRACED`.
          image_shape: (height, width, channels).
          num_classes: of the data; 0 where it has no labels.
          class_counts: training examples of each class; None where they are not known.

        Raises:
          UserError: a value is wrong, or members differ in something else.
        """
        self.configs, self.size = list(configs), len(configs)
        form = {"image_shape": image_shape, "num_classes": num_classes}
        form["class_counts"] = class_counts
        self.models = [workdir.make_model(c, **form) for c in self.configs]
        for c, model in zip(self.configs, self.models, strict=True):
            workdir.check_single_examples(c, model, form)
        self._form = {"image_shape": tuple(image_shape), "num_classes": num_classes}
        first, *others = (config_lib.flatten(config) for config in self.configs)
        keys = {key for other in others for key in first if other.get(key) != first[key]} - {"seed"}
        for key in sorted(keys):
            owner, _, name = key.rpartition(".")
            if name not in TRACED.get(owner, ()):
                raise UserError(f"configs: {key} differs between members; give all of them one")
        self.varied = sorted(keys | {"seed"} if self.size > 1 else keys)
        self._values = {
            key: np.array([config_lib.flatten(c)[key] for c in self.configs], np.float32)
            for key in keys
        }
        devices = jax.devices()[: math.gcd(self.size, jax.device_count())]
        self.mesh = jax.make_mesh(
            (len(devices),),
            ("members",),
            axis_types=(jax.sharding.AxisType.Auto,),
            devices=devices,
        )
        spread = NamedSharding(self.mesh, PartitionSpec("members"))
        whole = NamedSharding(self.mesh, PartitionSpec())
        self.sharding = spread
        self._init = jax.jit(
            jax.vmap(self._new_state, (0, 0, None)),
            in_shardings=(spread, spread, whole),
            out_shardings=spread,
        )
        steps = jax.vmap(self._step, (0, 0, 0, None))
        if self._fits_a_loop():
            shared = PartitionSpec("members")
            steps = jax.shard_map(
                self._steps_in_blocks,
                mesh=self.mesh,
                in_specs=(shared, shared, shared, PartitionSpec()),
                out_specs=shared,
                check_vma=False,
            )
        self._steps = jax.jit(
            steps,
            donate_argnums=0,
            in_shardings=(spread, spread, spread, whole),
            out_shardings=spread,
        )
        self._samples = jax.jit(jax.vmap(self._sample, (0, 0, None)))

    def init(self, batch: dict[str, Any]) -> TrainState:
        """Returns the stacked states before the first step, each by its own seed.

        Args:
          batch: examples as they lie in the dataset, for shapes and mean images.
        """
        keys = jnp.stack([seed_key(config.seed) for config in self.configs])
        return self._init(keys, self._values, batch)

    def steps(
        self, states: TrainState, indices: np.ndarray, arrays: dict[str, jax.Array]
    ) -> tuple[TrainState, Metrics]:
        """Takes `steps_per_call` steps of every member.

        Args:
          states: stacked, which are consumed.
          indices: of the examples, int32 [members, steps_per_call * k, batch].
          arrays: `image` [examples, ...], and `label`.

        Returns:
          The stacked states, and metrics float32 [members].

        Raises:
          ValueError: the indices have another shape.
        """
        config = self.configs[0]
        wanted = (self.size, config.steps_per_call * config.disc_steps, config.batch_size)
        if indices.shape != wanted:
            raise ValueError(f"indices: shape {indices.shape} is not {wanted}")
        return self._steps(states, indices, self._values, arrays)

    def lower(
        self, states: TrainState, indices: np.ndarray, arrays: dict[str, jax.Array]
    ) -> jax.stages.Lowered:
        """Returns the program of `steps` before it is compiled, for arguments or their shapes."""
        return self._steps.lower(states, indices, self._values, arrays)

    def sample(self, states: TrainState, key: jax.Array, label: jax.Array) -> jax.Array:
        """Returns samples [members, n, ...] for labels int32 [n], each member's with one key.

        Raises:
          ValueError: the labels have another shape.
        """
        if label.ndim != 1:
            raise ValueError(f"label: shape {label.shape} is not [n]")
        keys = jnp.broadcast_to(key, (self.size,))
        standing = jax.vmap(self.models[0].standing)(states)
        return self._samples(standing, keys, label)

    def _new_state(self, key: jax.Array, values: dict[str, Any], batch: Any) -> TrainState:
        gan, players = self._model(values)
        batch = self._floats(batch)
        return init_state(gan, players, key, batch, ema=self.configs[0].ema_decay > 0)

    def _step(
        self, state: TrainState, indices: jax.Array, values: dict[str, Any], arrays: Any
    ) -> tuple[TrainState, Metrics]:
        config = self.configs[0]
        gan, players = self._model(values)
        step = make_train_step(
            gan, players, disc_steps=config.disc_steps, ema_decay=config.ema_decay
        )

        def on_levels(state: TrainState, indices: jax.Array) -> tuple[TrainState, Metrics]:
            return step(state, self._floats({name: x[indices] for name, x in arrays.items()}))

        if config.steps_per_call == 1:
            return on_levels(state, indices)
        many = repeat_step(lambda s, b: on_levels(s, b["indices"]), config.steps_per_call)
        return many(state, {"indices": indices})

    def _fits_a_loop(self) -> bool:
        """Whether few members at a time are faster: on CPU, without convolutions, if many."""
        kernels = jax.tree.leaves(self.models[0].abstract_state.params)
        dense = all(kernel.ndim < 4 for kernel in kernels)  # XLA's loops are slow for others
        many = self.size // self.mesh.size > BLOCK
        return dense and many and self.mesh.devices.flat[0].platform == "cpu"

    def _steps_in_blocks(
        self, states: TrainState, indices: jax.Array, values: dict[str, Any], arrays: Any
    ) -> tuple[TrainState, Metrics]:
        """The steps of a device's members, `BLOCK` at a time, so that they stay in its caches."""

        def steps(one: tuple[TrainState, jax.Array, Any]) -> tuple[TrainState, Metrics]:
            return self._step(*one, arrays)

        return jax.lax.map(steps, (states, indices, values), batch_size=BLOCK)

    def _sample(self, state: TrainState, key: jax.Array, label: jax.Array) -> jax.Array:
        return self.models[0].gan.sample(state.sampler, state.variables, key, label)

    def _model(self, values: dict[str, Any]) -> tuple[Any, Players]:
        """Returns the variant and the optimizers with values that may be traced."""
        config = self.configs[0]
        options = {owner: dict(_part(config, owner)) for owner in TRACED}
        for key, value in values.items():
            owner, _, name = key.rpartition(".")
            options[owner][name] = value
        updates = Players(config.steps, config.steps * config.disc_steps)
        players = (
            optimizers.make(options[f"optimizer.{name}"], updates=getattr(updates, name))
            for name in Players._fields
        )
        return gans.make(options["gan"], **self._form), Players(*players)

    def _floats(self, batch: dict[str, Any]) -> dict[str, Any]:
        return loop.floats(batch, self.models[0].gan.value_range)


def _part(config: FrozenConfigDict, owner: str) -> Any:
    return functools.reduce(lambda c, key: c[key], owner.split("."), config)


def member(states: TrainState, index: int) -> TrainState:
    """Returns the state of one member, as an ordinary run has it.

    Raises:
      ValueError: there is no such member.
    """
    size = states.step.shape[0]
    if not 0 <= index < size:
        raise ValueError(f"index: {index} is not in 0 to {size - 1}, the members")
    return jax.tree.map(lambda x: x[index], states)


@jax.jit
def _are_finite(states: TrainState) -> jax.Array:
    """Returns whether each member's parameters and optimizer states are finite, bool [members]."""
    return jax.vmap(loop.is_finite)((states.params, states.opt_state))


def summary(values: np.ndarray) -> dict[str, float]:
    """Returns mean, standard deviation (of the members) and quantiles of values [members].

    Raises:
      ValueError: the values have another shape, or there are none.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"values: shape {values.shape} is not [members]")
    quantiles = {f"q{round(100 * q)}": float(np.quantile(values, q)) for q in QUANTILES}
    return {"mean": float(values.mean()), "std": float(values.std()), **quantiles}


def orders(configs: Sequence[FrozenConfigDict], num_examples: int) -> Iterator[np.ndarray]:
    """Yields, call by call, the examples of every member, as its own run would see them.

    Yields:
      int32 [members, steps_per_call * k, batch].
    """
    config, order = configs[0], functools.lru_cache(2 * len(configs))(epoch_order)
    shape = (config.steps_per_call * config.disc_steps, config.batch_size)
    for call in itertools.count():
        positions = np.arange(call * math.prod(shape), (call + 1) * math.prod(shape))
        rows = [examples_at(positions, c.seed, num_examples, order) for c in configs]
        yield np.stack(rows).reshape(len(configs), *shape).astype(np.int32)


def fit(config: FrozenConfigDict) -> tuple[Population, TrainState]:
    """Trains the members of a configuration in memory.

    Args:
      config: from `jaxgan.config.load`, of a variant that needs no labels.

    Returns:
      The population and its stacked states at the end.
    """
    dataset, configs = loop.load_dataset(config), members(config)
    population = Population(configs, dataset.image_shape, dataset.num_classes or 0)
    states = population.init(loop.first_examples(dataset))
    arrays = {"image": jnp.asarray(dataset.images)}
    calls = config.steps // config.steps_per_call
    for _, indices in zip(range(calls), orders(configs, dataset.num_examples), strict=False):
        states, _ = population.steps(states, indices, arrays)
    return population, states


def mixtures(
    population: Population, states: TrainState, key: jax.Array, count: int = SAMPLES
) -> tuple[np.ndarray, list[MixtureMeasures]]:
    """Returns samples of members that learned points, and what they are worth.

    Args:
      population: of a dataset of `data.gaussians`.
      states: stacked.
      key: of the noise, the same for each.
      count: samples of each member.

    Returns:
      float32 [members, count, dimensions], and the measures of each member, `DIVERGED` where its
      samples are not finite.

    Raises:
      ValueError: the members learned something else, or `count` is below 1.
    """
    name = population.configs[0].dataset.name
    if name not in gaussians.STD:
        known = ", ".join(gaussians.STD)
        raise ValueError(f"population: its members learn {name}; known mixtures: {known}")
    if count < 1:
        raise ValueError(f"count: {count} is below 1")
    points = np.asarray(population.sample(states, key, jnp.zeros(count, jnp.int32)))
    points = points.reshape(population.size, count, -1)
    centres, std = gaussians.centres(name), gaussians.STD[name]
    return points, [
        mixture_measures(x, centres, std) if np.isfinite(x).all() else DIVERGED for x in points
    ]


def train(config: FrozenConfigDict, folder: str | pathlib.Path) -> int:
    """Trains the members of a configuration and saves each as a run of its own.

    Args:
      config: from `jaxgan.config.load`.
      folder: the work folder; members are `member_000`, ... in it.

    Returns:
      The exit status, as `loop.train`.

    Raises:
      UserError: an argument is wrong.
      RunError: the folder can no longer be written.
    """
    folder = pathlib.Path(folder)
    if jax.process_count() > 1:
        raise UserError(
            f"--num-processes: {jax.process_count()} do not share a population; start one process "
            "for each part of --config.population.grid"
        )
    configs = members(config)
    if config.evaluate_every:
        raise UserError(
            f"--config.evaluate_every: {config.evaluate_every} is for single runs; give 0 and "
            "evaluate members by python -m jaxgan.evaluate"
        )
    with workdir.lock(folder):
        return _train(config, configs, folder)


def _train(
    config: FrozenConfigDict, configs: Sequence[FrozenConfigDict], folder: pathlib.Path
) -> int:
    workdir.check_owner(folder, config)
    dataset = loop.load_dataset(config)
    if dataset.images is None:
        raise UserError(
            f"--config.dataset.name: {dataset.name} does not fit in memory, as members need it"
        )
    if dataset.inputs is not None or dataset.features is not None:
        raise UserError(
            f"--config.population: {dataset.name} has pairs or tags; populations do not take them; "
            "give --config.population.seeds=1"
        )
    about = loop.describe(config, dataset)
    population = Population(configs, **about)
    share = population.size // population.mesh.size
    memory.check_step(config, population.models[0].abstract_state, about, population.mesh, share)
    loop.warn_of_untrained(population.models[0])
    cli.start_jax()
    content = loop.describe_content(dataset)
    for name, settings in zip(_names(population), configs, strict=True):
        workdir.check_data(folder / name, settings, about, content)
    workdir.claim(folder, config, about, content)
    try:
        with contextlib.ExitStack() as stack:
            return _take_steps(config, folder, dataset, population, about, stack)
    except BrokenPipeError:  # of standard output
        raise
    except (OSError, jax.errors.JaxRuntimeError) as error:
        raise RunError(loop.explain(error, folder)) from error


def _names(population: Population) -> list[str]:
    """Returns the names of the members' work folders."""
    return [f"member_{i:03d}" for i in range(population.size)]


def _take_steps(
    config: FrozenConfigDict,
    folder: pathlib.Path,
    dataset: data.Dataset,
    population: Population,
    about: dict[str, Any],
    stack: contextlib.ExitStack,
) -> int:
    checkpoints = Checkpoints(folder / "checkpoints", keep=config.keep_checkpoints)
    stack.callback(checkpoints.close)
    first = loop.first_examples(dataset)
    like = abstract(jax.eval_shape(population.init, first), population.sharding)
    found = checkpoints.restore_newest(like)
    start, states = found or (0, population.init(first))
    if start >= config.steps:
        _finish(config, folder, dataset, population, states, about)
        return 0
    whole = NamedSharding(population.mesh, PartitionSpec())
    names = _names(population)
    lost = np.zeros(population.size, bool)
    arrays = {"image": jax.device_put(dataset.images, whole)}
    if dataset.labels is not None:
        arrays["label"] = jax.device_put(dataset.labels, whole)
    per_call = config.steps_per_call
    log = stack.enter_context(loop.Log(folder, start, {}))
    images = config.batch_size * config.disc_steps * population.size
    progress = stack.enter_context(Progress(start, config.steps, images))
    watch = Watch(progress.write, first["image"], names)
    calls = range(start + per_call, config.steps + 1, per_call)
    rows = itertools.islice(
        orders(population.configs, dataset.num_examples), start // per_call, None
    )
    for t, indices in zip(calls, rows, strict=False):
        states, metrics = population.steps(states, indices, arrays)
        if t == calls[0]:
            jax.block_until_ready(metrics)
            stop = stack.enter_context(loop.stop_signals())  # nothing is lost before
            progress.start(t)
        last, stopping = t == config.steps, bool(stop)
        logging, saving = (
            last or stopping or t % every == 0
            for every in (config.log_every, config.checkpoint_every)
        )
        if logging or saving:
            values = jax.device_get(metrics)
            finite = np.all([np.isfinite(x) for x in values.values()], 0)
            if saving:
                finite &= jax.device_get(_are_finite(states))
            if (~finite & ~lost).any():
                new = ", ".join(names[i] for i in np.flatnonzero(~finite & ~lost))
                progress.write(
                    f"warning: {new}: not finite at step {t}, lost; try lower learning rates"
                )
            lost |= ~finite
            if lost.all():
                raise RunError(
                    f"all {population.size} members are lost, not finite by step {t}; try lower "
                    "learning rates in another --workdir"
                )
        if logging:
            watch.metrics(t, values)
            values = {name: x[~lost] for name, x in values.items()}
            rates = progress.update(t, {name: float(x.mean()) for name, x in values.items()})
            bands = {
                f"{name}.{kind}": number
                for name, x in values.items()
                for kind, number in summary(x).items()
            }
            log.write(t, bands | rates)
        if saving:
            checkpoints.save(t, states)
        if stopping and not last:
            checkpoints.wait()
            progress.write(f"stopped at step {t}, saved; the same command resumes")
            return 128 + stop[0]
    checkpoints.wait()
    _finish(config, folder, dataset, population, states, about)
    return 0


def _finish(
    config: FrozenConfigDict,
    folder: pathlib.Path,
    dataset: data.Dataset,
    population: Population,
    states: TrainState,
    about: dict[str, Any],
) -> None:
    """Saves every finite member as a run, draws what all of them show and prints the table."""
    lost = ~jax.device_get(_are_finite(states))
    states = jax.device_get(states)
    rows: list[dict[str, Any]] = []
    for i, (name, settings) in enumerate(zip(_names(population), population.configs, strict=True)):
        run, flat = folder / name, config_lib.flatten(settings)
        rows.append({"member": run.name, **{key: flat[key] for key in population.varied}})
        if lost[i]:
            rows[-1]["lost"] = True
            continue
        with workdir.lock(run):
            kept = Checkpoints(run / "checkpoints", keep=1)
            if max(kept.steps(), default=0) <= config.steps:  # or train.py has taken it further
                workdir.claim(run, settings, about, loop.describe_content(dataset))
                if config.steps not in kept.steps():
                    kept.save(config.steps, jax.tree.map(jnp.asarray, member(states, i)))
            kept.close()
    found = None
    if dataset.name in gaussians.STD:
        _, found = mixtures(population, states, jax.random.key(0))
        for row, measures in zip(rows, found, strict=True):
            row |= measures._asdict()
    storage.write_json(folder / "population.json", rows, indent=1)
    viz.save_bands(folder / "metrics.jsonl", folder / "curves.png")
    print(
        f"{config.steps} steps of {population.size} GANs done; each is a run in {folder}/member_*"
    )
    if lost.any():
        names = ", ".join(row["member"] for row in rows if "lost" in row)
        print(f"lost, as not finite, and neither saved nor counted: {names}")
    if found:
        for name in MixtureMeasures._fields:
            column = np.array([row[name] for row in rows if "lost" not in row])
            values, error = summary(column), standard_error(column)
            spread = f" +- {error:.2g}" if len(column) > 1 else ""
            print(
                f"{name}: {values['mean']:.4g}{spread}, quartiles {values['q25']:.4g} "
                f"{values['q50']:.4g} {values['q75']:.4g}"
            )
