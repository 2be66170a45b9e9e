"""Configurations: files that define `get_config()`, overrides from the command line, checks."""

import ast
import json
import math
import os
import pathlib
import re
import runpy
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from jaxgan import gans, optimizers, options, parallel
from jaxgan.errors import UserError, nearest

POSITIVE = "accumulate batch_size disc_steps keep_checkpoints steps steps_per_call".split()
MOST_PIXELS = 16384  # of a side
PARTS = {  # what has a name, and further options that depend on it
    "gan": gans.defaults,
    "optimizer.gen": optimizers.defaults,
    "optimizer.disc": optimizers.defaults,
}
INTERVALS = ("log_every", "sample_every", "checkpoint_every", "keep_checkpoints")
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
            "gan": {"name": ""},  # a module of jaxgan.gans or your own; options of its make()
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


def optimizer_pair(
    name: str, *, learning_rate: float, disc_learning_rate: float | None = None, **options: Any
) -> ConfigDict:
    """Returns `config.optimizer` with the same optimizer for both players.

    Args:
      name: one of `jaxgan.optimizers.OPTIMIZERS`.
      learning_rate: of both players.
      disc_learning_rate: of the discriminator, where it differs.
      **options: other arguments of the optimizer, and `decay_from`.
    """
    gen = {"name": name, "learning_rate": learning_rate, **options}
    disc_rate = learning_rate if disc_learning_rate is None else disc_learning_rate
    return ConfigDict({"gen": gen, "disc": gen | {"learning_rate": disc_rate}})


def load(path: str | pathlib.Path, overrides: Sequence[str] = ()) -> FrozenConfigDict:
    """Reads a configuration file and applies overrides.

    Args:
      path: a Python file with `get_config() -> ConfigDict`, or the name of one in `configs/`.
      overrides: `--config.KEY=VALUE` each; the value takes the type of the key's default.

    Raises:
      UserError: the file, a key or a value is wrong.
    """
    config = _read(_find(pathlib.Path(path)))
    values = {}
    for override in overrides:
        key, equals, value = override.removeprefix("--config.").partition("=")
        if not equals:
            raise UserError(f"--config.{key}: no value; write --config.{key}=VALUE")
        values[key] = value
    for part, defaults in PARTS.items():
        _choose(config, part, values.get(f"{part}.name"), defaults)
    for key, value in values.items():
        _set(config, key, value)
    check(config)
    flat = flatten(config)
    standard = flatten({**base(), "gan": gans.defaults(flat["gan.name"])})
    options.check_effect(flat, standard, values)
    return FrozenConfigDict(config)


def _find(path: pathlib.Path) -> pathlib.Path:
    """Returns the file of a path, or of a bare name in `configs/`, here or beside this package."""
    if os.path.isfile(path):
        return path
    folders = pathlib.Path("configs"), pathlib.Path(__file__).parents[1] / "configs"
    known = {
        file.stem: file for folder in reversed(folders) for file in sorted(folder.glob("*.py"))
    }
    if len(path.parts) == 1 and path.name.removesuffix(".py") in known:
        return known[path.name.removesuffix(".py")]
    near = nearest(path.stem, list(known))
    advice = "give a Python file that defines get_config()"
    if near:
        advice = f"did you mean {str(known[near])!r}?"
    elif known:
        advice = f"known: {', '.join(sorted(known))}"
    raise UserError(f"--config: no file {str(path)!r}; {advice}")


def _read(path: pathlib.Path) -> ConfigDict:
    """Returns what a file's `get_config` does, with all keys of `base`, of the right types."""
    try:
        names = runpy.run_path(str(path))
        config = names["get_config"]() if "get_config" in names else None
    except (Exception, SystemExit) as error:  # whatever a user's file does
        raise UserError(f"--config: {str(path)!r}{_reason(error, path)}") from error
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config: {str(path)!r} must define get_config() -> ConfigDict")
    given, known = flatten(config), flatten(base())
    for key in known:
        if key not in given:
            raise UserError(
                f"--config: {str(path)!r} lacks the key {key!r}; start from jaxgan.config.base()"
            )
    for part, defaults in PARTS.items():
        known |= {f"{part}.{k}": v for k, v in defaults(given[f"{part}.name"]).items()}
    for key, value in given.items():
        kind = type(known.get(key, value))
        if kind is float and type(value) is int:
            with config.ignore_type():
                _part(config, key)[key.split(".")[-1]] = float(value)
        elif type(value) is not kind:
            raise UserError(
                f"--config: {str(path)!r} sets {key} = {value!r}, which is not {_wanted(kind)}"
            )
    return config


def _reason(error: BaseException, path: pathlib.Path) -> str:
    """Returns where and why a file of a configuration fails."""
    if isinstance(error, SystemExit):
        return f" calls sys.exit({error.code if error.code is not None else ''}); remove that"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines = [error.lineno]
    while len(error.args) == 1 and isinstance(error.args[0], Exception):
        error = error.args[0]
    text = " ".join(str(error.args[0] if len(error.args) == 1 else error).split())
    text = error.msg if isinstance(error, SyntaxError) else text
    where = f", line {lines[-1]}" if lines else ""
    if key := re.match('Key "(.+?)" does not exist', text):
        near = nearest(key[1], list(flatten(base())))
        advice = f"did you mean {near!r}?" if near else "see jaxgan.config.base()"
        return f"{where}: unknown key {key[1]!r}; {advice}"
    if field := re.match(r"Could not override field '(\w+)'.*?\. (.*) is of original type", text):
        return f"{where}: {field[1]} cannot be {field[2]}; see jaxgan.config.base()"
    return f"{where}: {type(error).__name__}: {text[:200]}; mend the file"


def _choose(
    config: ConfigDict, part: str, name: str | None, defaults: Callable[[str], dict[str, Any]]
) -> None:
    """Completes a part's options; another name than the file's brings options of its own."""
    parent, leaf = _part(config, part), part.split(".")[-1]
    given = dict(parent[leaf])
    known = defaults(name or given["name"])
    if name and name != given["name"] and known:
        shared = known if part == "gan" else ("learning_rate", "decay_from")
        given = {key: given[key] for key in given if key in ("name", *shared)}
    with parent.unlocked():
        parent[leaf] = ConfigDict({**known, **given})


def _part(config: ConfigDict, key: str) -> ConfigDict:
    """Returns the part of a configuration that holds a dotted key."""
    for parent in key.split(".")[:-1]:
        config = config[parent]
    return config


def _set(config: ConfigDict, key: str, text: str) -> None:
    """Sets a dotted key from text."""
    known = flatten(config)
    if key not in known:
        near = nearest(key, list(known))
        advice = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
        raise UserError(f"--config.{key}: unknown key; {advice}")
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
        raise UserError(f"--config.{key}: {text!r} is not {_wanted(kind)}") from error
    _part(config, key)[key.split(".")[-1]] = value


def _wanted(kind: type) -> str:
    """Returns what values of a type are called."""
    names = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    return names.get(kind, f"a {kind.__name__}")


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
        if type(value) is int and key != "seed" and abs(value) >= 2**31:
            raise UserError(f"--config.{key}: {value} is too large; give {2**31 - 1} or less")
        if leaf in ("image_size", "jitter_size") and value > MOST_PIXELS:
            raise UserError(f"--config.{key}: {value} is too large; give {MOST_PIXELS} or less")
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


def restore(saved: dict[str, Any]) -> tuple[ConfigDict, list[str]]:
    """Returns the configuration of a run.

    Args:
      saved: as read back from JSON.

    Returns:
      The configuration, where keys that are missing have their defaults, and those keys.

    Raises:
      UserError: a key has a wrong value; the message begins with the key.
    """
    defaults = json.loads(base().to_json())
    _check_sections(saved, defaults, "")
    name = saved.get("gan", {}).get("name", "")
    known = gans.defaults(name) if isinstance(name, str) else {}
    if not known:
        raise UserError(
            f"gan.name: {name!r} should be one of {', '.join(gans.names())}, or a module of your "
            "own in the working folder"
        )
    flat, flat_saved = flatten({**defaults, "gan": {"name": name, **known}}), flatten(saved)
    kinds = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}
    for key, default in flat.items():
        value, kind = flat_saved.get(key, default), type(default)
        if kind in kinds and not (type(value) is kind or (kind is float and type(value) is int)):
            raise UserError(f"{key}: {value!r} should be {kinds[kind]}")
    missing, complete = sorted(flat.keys() - flat_saved), json.loads(json.dumps(saved))
    for key in missing:
        *parents, leaf = key.split(".")
        node = complete
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = flat[key]
    config = ConfigDict(complete)
    check(config)
    return config, missing


def _check_sections(saved: dict[str, Any], defaults: dict[str, Any], prefix: str) -> None:
    """Raises `UserError` where there is a value in place of some keys."""
    for key, default in defaults.items():
        if isinstance(default, dict) and key in saved:
            if not isinstance(saved[key], dict):
                raise UserError(f"{prefix}{key}: {saved[key]!r} should be an object")
            _check_sections(saved[key], default, f"{prefix}{key}.")


def to_json(config: ConfigDict | FrozenConfigDict) -> str:
    """Returns the configuration as indented JSON."""
    return json.dumps(json.loads(config.to_json()), indent=2)


def differences(old: dict[str, Any], new: ConfigDict | FrozenConfigDict) -> list[str]:
    """Returns a line `key: old -> new` for each key in which two configurations differ.

    What does not change the parameters that a run ends in may differ: how it is shared among
    devices (`parallel`), and how often it writes what (`INTERVALS`).

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
        and key not in INTERVALS
        and flat_old.get(key, "absent") != flat_new.get(key, "absent")
    ]
