"""Options of a configuration that have no effect beside others: one table and its check."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from jaxgan.data import gaussians, pairs
from jaxgan.errors import UserError

Flat = Mapping[str, Any]  # a configuration by dotted keys


class Rule(NamedTuple):
    """When some options have no effect.

    Attributes:
      keys: the options.
      holds: `configuration -> bool`, whether they have none.
      reason: completes "has no effect ...".
    """

    keys: tuple[str, ...]
    holds: Callable[[Flat], bool]
    reason: str


def _points(c: Flat) -> bool:
    return c["dataset.name"] in gaussians.STD and not c["dataset.path"]


def _population(c: Flat) -> bool:
    return c["population.seeds"] != 1 or bool(c["population.grid"])


def _no_penalty(c: Flat) -> bool:
    return c.get("gan.penalty_weight") == 0 and "penalty_weight" not in c["population.grid"]


def _at(key: str, *values: Any) -> Callable[[Flat], bool]:
    return lambda c: c.get(key) in values


DATASET = (  # also checked where the file sets them
    Rule(("dataset.direction",), _at("dataset.pairs", ""), "on single images; set dataset.pairs"),
    Rule(
        ("dataset.unreadable",),
        lambda c: c["dataset.pairs"] not in pairs.FOLDERS,
        "on data that are not a folder of pairs",
    ),
    Rule(
        tuple(f"dataset.{key}" for key in ("image_size", "jitter_size", "flip")),
        lambda c: _points(c) or "dataset.tags.features" in c,
        "on points and tags",
    ),
    Rule(("dataset.pairs",), lambda c: "dataset.tags.features" in c, "on tags"),
    Rule(("dataset.path",), _at("dataset.name", "mnist_tags"), "on mnist_tags"),
    Rule(("dataset.jitter_size", "dataset.flip"), _population, "in a population"),
)
GIVEN = (  # a file may keep such values for the time when they count
    Rule(
        ("dataset.tags.size",),
        lambda c: bool(c.get("dataset.tags.vectors")),
        "with dataset.tags.vectors",
    ),
    Rule(("gan.penalty", "gan.penalty_share"), _no_penalty, "without gan.penalty_weight"),
    Rule(
        ("gan.width",),
        lambda c: c["gan.name"] == "cgan" and c["gan.network"] == "mlp",
        "with gan.network=mlp",
    ),
    Rule(("gan.joint_units",), _at("gan.joint_layers", 0), "with gan.joint_layers=0"),
    Rule(
        tuple(f"evaluation.{key}" for key in ("metrics", "best", "num", "valid_split")),
        _at("evaluate_every", 0),
        "without evaluate_every",
    ),
    Rule(
        tuple(f"parallel.{key}" for key in ("mode", "devices", "shard_state", "accumulate")),
        _population,
        "in a population",
    ),
)


def check_effect(config: Flat, defaults: Flat, given: Collection[str]) -> None:
    """Raises `UserError` where an option was set that has no effect beside the others.

    Args:
      config: the configuration by dotted keys.
      defaults: values at which an option may stand idle, by dotted keys.
      given: the keys that the command line sets.
    """
    for rule in DATASET + GIVEN:
        for key in rule.keys:
            idle = key in config and config[key] != defaults.get(key)
            if idle and (rule in DATASET or key in given) and rule.holds(config):
                remedy = f"give {defaults[key]!r}" if key in defaults else "leave it out"
                raise UserError(
                    f"--config.{key}: {config[key]!r} has no effect {rule.reason}; {remedy}"
                )
