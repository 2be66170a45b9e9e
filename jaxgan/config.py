"""Configurations: files that define `get_config()`, overrides from the command line, checks."""

import ast
import difflib
import json
import math
import pathlib
import runpy
from collections.abc import Callable, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from jaxgan import gans, optimizers, parallel
from jaxgan.errors import UserError

POSITIVE = "accumulate batch_size disc_steps keep_checkpoints steps steps_per_call".split()
NOT_NEGATIVE = "devices evaluate_every image_size jitter_size learning_rate seed".split()


def base() -> ConfigDict:
    """Returns the keys that every configuration has, with values that a variant may change."""
    return ConfigDict(
        {
            "seed": 0,
            "steps": 1,  # generator updates
            "batch_size": 100,  # global: over all devices
            "disc_steps": 1,  # k, discriminator updates per generator update
            "steps_per_call": 1,  # steps that run as one program; more for small models on a GPU
            "ema_decay": 0.0,  # of the average of the generator's parameters; 0: no average
            "dataset": {
                "name": "mnist",  # any TFDS image dataset
                "path": "",  # a .npz of `image` (and `label`), or a folder of pairs, for a name
                "data_dir": "",  # "": $TFDS_DATA_DIR or ~/tensorflow_datasets
                "split": "train",
                "image_size": 0,  # 0: as they are
                "pairs": "",  # a kind of jaxgan.data.pairs.KINDS; "": single images
                "direction": "AtoB",  # or BtoA, of pairs
                "unreadable": "stop",  # or skip: what to do about damaged files of a folder
                "jitter_size": 0,  # size from which squares of image_size are cropped; 0: no crops
                "flip": False,  # mirror half of the images
            },
            "gan": {"name": ""},  # a module of jaxgan.gans and the arguments of its make()
            "optimizer": {
                "gen": {"name": "adam", "learning_rate": 2e-4},
                "disc": {"name": "adam", "learning_rate": 2e-4},
            },
            "log_every": 50,
            "sample_every": 500,
            "checkpoint_every": 1000,
            "evaluate_every": 0,  # 0: never
            "evaluation": {
                "metrics": "frechet,manifold",  # names of jaxgan.metrics.suite.MEASURES
                "best": "",  # the value that chooses the best checkpoint; "": the first
                "num": 5000,  # samples
                "features": "",  # classifier or inception; "": by the dataset
                "inception": "",  # weights; "": $JAXGAN_INCEPTION
                "test_split": "test",
                "valid_split": "",  # images that choose the Parzen window; "": some test images
            },
            "keep_checkpoints": 2,
            "parallel": {  # the run stays the same, but for what docs/scaling.md says
                "mode": "jit",  # or pmap
                "devices": 0,  # 0: all
                "shard_state": False,  # share parameters and optimizer states among the devices
                "accumulate": 1,  # equal parts of a batch that are taken one after another
            },
            "population": {  # many GANs as one program, by jaxgan.population
                "seeds": 1,  # of each combination: seed, seed + 1, ...
                "grid": "",  # "gan.penalty_weight=0.1,1; optimizer.gen.learning_rate=1e-3,2e-3"
            },
        }
    ).lock()


def load(path: str | pathlib.Path, overrides: Sequence[str] = ()) -> FrozenConfigDict:
    """Reads a configuration file and applies overrides.

    Args:
      path: a Python file with `get_config() -> ConfigDict`.
      overrides: `--config.KEY=VALUE` each; the value takes the type of the key's default.

    Raises:
      UserError: the file, a key or a value is wrong.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        known = sorted(str(p) for p in pathlib.Path("configs").glob("*.py"))
        raise UserError(f"--config: no file {str(path)!r}; {_nearest(str(path), known)}")
    try:
        names = runpy.run_path(str(path))
        config = names["get_config"]() if "get_config" in names else None
    except Exception as error:  # whatever a user's file does
        raise UserError(f"--config: {str(path)!r} fails with {error!r}; mend the file") from error
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config: {str(path)!r} must define get_config() -> ConfigDict")
    values = {}
    for override in overrides:
        key, equals, value = override.removeprefix("--config.").partition("=")
        if not equals:
            raise UserError(f"--config.{key}: no value; write --config.{key}=VALUE")
        values[key] = value
    parts = {  # what has a name, and further options that depend on it
        "gan": gans.defaults,
        "optimizer.gen": optimizers.defaults,
        "optimizer.disc": optimizers.defaults,
    }
    try:
        for part, defaults in parts.items():
            _choose(config, part, values.get(f"{part}.name"), defaults)
        for key, value in values.items():
            _set(config, key, value)
        check(config)
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"--config: {str(path)!r} has a wrong key or value ({error!r}); start from "
            "jaxgan.config.base()"
        ) from error
    return FrozenConfigDict(config)


def _choose(
    config: ConfigDict, part: str, name: str | None, defaults: Callable[[str], dict[str, Any]]
) -> None:
    """Completes a part's options; another name than the file's brings options of its own."""
    *parents, leaf = part.split(".")
    for parent in parents:
        config = config[parent]
    given = dict(config[leaf])
    known = defaults(name or given["name"])
    if name and name != given["name"] and known:
        shared = known if part == "gan" else ("learning_rate", "decay_from")
        given = {key: given[key] for key in given if key in ("name", *shared)}
    with config.unlocked():
        config[leaf] = ConfigDict({**known, **given})


def _set(config: ConfigDict, key: str, text: str) -> None:
    """Sets a dotted key from text."""
    known = flatten(config)
    if key not in known:
        raise UserError(f"--config.{key}: unknown key; {_nearest(key, list(known))}")
    kind = type(known[key])
    try:
        if kind is str:
            value: Any = text
        elif kind is bool:
            value = {"true": True, "false": False}[text.lower()]
        else:
            value = ast.literal_eval(text)
            if kind is float and type(value) is int:
                value = float(value)
            if type(value) is not kind:
                raise ValueError
    except (ArithmeticError, LookupError, MemoryError, SyntaxError, TypeError, ValueError) as error:
        wanted = {bool: "true or false", int: "an integer", float: "a number"}.get(kind, "a tuple")
        raise UserError(f"--config.{key}: {text!r} is not {wanted}") from error
    *parents, leaf = key.split(".")
    for parent in parents:
        config = config[parent]
    config[leaf] = value


def _nearest(word: str, known: Sequence[str]) -> str:
    """Returns advice on what may have been meant."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    near = near or [name for name in known if word.split(".")[-1] == name.split(".")[-1]][:1]
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Returns `{dotted key: value}` of a nested mapping."""
    flat = {}
    for key, value in config.items():
        if hasattr(value, "items"):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def check(config: ConfigDict) -> None:
    """Raises `UserError` where a value of the common keys is out of its range."""
    for key, value in flatten(config).items():
        leaf = key.rsplit(".", 1)[-1]
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"--config.{key}: {value} is not finite; give a number")
        if leaf in POSITIVE or (leaf.endswith("_every") and leaf != "evaluate_every"):
            least, remedy = 1, "give 1 or more"
        elif leaf in NOT_NEGATIVE:
            least, remedy = 0, "give 0 or more"
        else:
            continue
        if not value >= least:
            raise UserError(f"--config.{key}: {value} is too small; {remedy}")
    for key in ("steps", "log_every", "sample_every", "checkpoint_every", "evaluate_every"):
        if config[key] % config.steps_per_call:
            raise UserError(
                f"--config.steps_per_call: {config.steps_per_call} does not divide {key}="
                f"{config[key]}; give a common divisor or change that"
            )
    size, jitter_size = config.dataset.image_size, config.dataset.jitter_size
    if jitter_size and not 1 <= size <= jitter_size:
        raise UserError(
            f"--config.dataset.jitter_size: {jitter_size} is the size to crop from, image_size="
            f"{size} that of the crops; give an image_size from 1 to {jitter_size}"
        )
    if config.parallel.mode not in parallel.MODES:
        raise UserError(
            f"--config.parallel.mode: unknown {config.parallel.mode!r}; known: "
            f"{', '.join(parallel.MODES)}"
        )
    if config.parallel.mode == "pmap" and config.parallel.shard_state:
        raise UserError("--config.parallel.shard_state: true needs --config.parallel.mode=jit")
    if not 0 <= config.ema_decay < 1:
        raise UserError(f"--config.ema_decay: {config.ema_decay} is not in [0, 1); try 0.999")
    if config.seed >= 2**63:
        raise UserError(f"--config.seed: {config.seed} is too large; stay below 2**63")


def to_json(config: ConfigDict | FrozenConfigDict) -> str:
    """Returns the configuration as indented JSON."""
    return json.dumps(json.loads(config.to_json()), indent=2)


def differences(old: dict[str, Any], new: ConfigDict | FrozenConfigDict) -> list[str]:
    """Returns a line `key: old -> new` for each key in which two configurations differ.

    How a run is shared among devices (`parallel`) may differ.

    Args:
      old: as read back from JSON.
      new: a configuration.
    """
    flat_new = flatten(json.loads(new.to_json()))
    # A key that is younger than the old configuration had the value that is its default.
    younger = {"gan": gans.defaults(flat_new["gan.name"])}
    defaults = flatten(json.loads(base().to_json())) | flatten(json.loads(json.dumps(younger)))
    flat_old = {key: defaults[key] for key in defaults.keys() & flat_new} | flatten(old)
    return [
        f"{key}: {flat_old.get(key, 'absent')!r} -> {flat_new.get(key, 'absent')!r}"
        for key in sorted(flat_old | flat_new)
        if not key.startswith("parallel.")
        and flat_old.get(key, "absent") != flat_new.get(key, "absent")
    ]
