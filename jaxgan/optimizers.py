"""Optimizers by name: optax's, the recipe of the papers of 2014, and extragradient steps."""

import functools
import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.errors import UserError

# Option, or optimizer.option where they differ -> (what it must be, whether a value is that).
_AT_LEAST_0 = ("0 or more", lambda x: 0 <= x < math.inf)
_BELOW_1 = ("in [0, 1)", lambda x: 0 <= x < 1)
_MOMENTUM = ("in (-1, 1)", lambda x: -1 < x < 1)  # below 0: Gidel et al. 2018 (arXiv 1807.04740)
_FLAG = ("true or false", lambda x: isinstance(x, bool))
RANGES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "alpha": _AT_LEAST_0,
    "b1": _BELOW_1,
    "b2": _BELOW_1,
    "beta": _AT_LEAST_0,
    "bias_correction": _FLAG,
    "centered": _FLAG,
    "decay": _BELOW_1,
    "decay_from": ("in [0, 1]", lambda x: 0 <= x <= 1),
    "eps": _AT_LEAST_0,
    "eps_in_sqrt": _FLAG,
    "eps_root": _AT_LEAST_0,
    "final_momentum": _MOMENTUM,
    "initial_scale": _AT_LEAST_0,
    "learning_rate": _AT_LEAST_0,
    "min_learning_rate": _AT_LEAST_0,
    "momentum": _MOMENTUM,
    "momentum_ramp.decay": ("1 or more, such as 1.000004", lambda x: 1 <= x < math.inf),
    "nesterov": _FLAG,
    "ramp_epochs": ("2 or more", lambda x: 2 <= x < math.inf),
    "steps_per_epoch": ("1 or more", lambda x: 1 <= x < math.inf),
    "weight_decay": _AT_LEAST_0,
}


def check_ranges(name: str, options: Mapping[str, Any]) -> None:
    """Raises `ValueError` where an option of an optimizer is out of its range in `RANGES`.

    Schedules and traced values are not known here, and None is an option that is not used.

    Args:
      name: of the optimizer.
      options: its arguments by name.
    """
    for key, value in options.items():
        what, is_right = RANGES.get(f"{name}.{key}") or RANGES.get(key, ("", None))
        if is_right is None or value is None or callable(value):
            continue
        if isinstance(value, jax.core.Tracer):
            continue
        number = isinstance(value, numbers.Real | np.ndarray | jax.Array) and not np.ndim(value)
        if not number or (is_right is not _FLAG[1] and isinstance(value, bool)):
            raise ValueError(f"{key}: {value!r} is not a number; give one that is {what}")
        if not is_right(value):
            raise ValueError(f"{key}: {value} is not {what}")


def momentum_ramp(
    learning_rate: float | optax.Schedule,
    *,
    decay: float = 1.000004,
    min_learning_rate: float = 1e-6,
    momentum: float = 0.5,
    final_momentum: float = 0.7,
    ramp_epochs: int = 250,
    steps_per_epoch: int = 500,
) -> optax.GradientTransformation:
    """Gradient descent with a decaying learning rate and a rising classical momentum.

    `v <- mu v - eta_t g`, `eta_t = max(learning_rate / decay^t, min_learning_rate)`, `mu` linear
    in epochs from `momentum` in the first to `final_momentum` at `ramp_epochs`: the schedule of
    Goodfellow et al. 2014 (arXiv 1406.2661; decay 1.000004, as their code has it) and of Mirza &
    Osindero 2014 (arXiv 1411.1784, section 4.1; decay 1.00004).

    Args:
      learning_rate: of the first update, or a schedule to be divided as well.
      decay: the factor that divides the learning rate at each update.
      min_learning_rate: the floor of the learning rate.
      momentum: in the first epoch.
      final_momentum: from epoch `ramp_epochs` on.
      ramp_epochs: the epoch, counted from 1, that ends the ramp; at least 2.
      steps_per_epoch: updates per epoch, at least 1.

    Raises:
      ValueError: an argument is out of its range.
    """
    check_ranges("momentum_ramp", locals())

    def rate(step: Any) -> Any:
        begin = learning_rate(step) if callable(learning_rate) else learning_rate
        return -jnp.maximum(begin / decay**step, min_learning_rate)

    def ramp(step: Any) -> Any:
        epoch = step // steps_per_epoch
        return optax.linear_schedule(momentum, final_momentum, ramp_epochs - 1)(epoch)

    return optax.chain(
        optax.scale_by_schedule(rate), optax.inject_hyperparams(optax.trace)(decay=ramp)
    )


class ExtragradientState(NamedTuple):
    """What an extragradient step remembers between its two updates.

    Attributes:
      ahead: bool scalar, whether the parameters have been moved ahead.
      move: by what, of the shape of the parameters; 0 where they are not ahead.
      inner: the state of the optimizer that makes the steps.
    """

    ahead: jax.Array
    move: Any
    inner: Any


def extragradient(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns an optimizer that looks ahead: a step by the gradient at the next place, from here.

    `w' = w - eta F(w)`, `w <- w - eta F(w')`; Korpelevich 1976, for GANs Gidel et al. 2018 (arXiv
    1802.10551), equations 15 and 16. Each line is one update: the first, third, ... move the
    parameters ahead, the second, fourth, ... take the step from where they were. A step costs two
    gradients; optimistic steps cost one. `inner` sees both gradients, as in the paper's algorithm 4
    (ExtraAdam).

    A player counts its own updates. With `disc_steps=1` both players look ahead in one training
    step and take their steps in the next, each time with fresh examples: the paper's method. With
    `disc_steps=k` the discriminator makes k updates in each training step. If k is even, these are
    k / 2 whole extragradient steps against a generator that does not move meanwhile, which has
    looked ahead in every second training step. If k is odd, one of them is left over, and the
    discriminator ends the first, third, ... training step ahead, as the generator does. In either
    case a run of an even number of training steps ends with the steps of both players.

    Args:
      inner: makes an update of a gradient, such as `optax.adam(1e-3)`.
    """

    def init(params: Any) -> ExtragradientState:
        zero = jax.tree.map(jnp.zeros_like, params)
        return ExtragradientState(jnp.zeros((), bool), zero, inner.init(params))

    def update(grads: Any, state: ExtragradientState, params: Any = None) -> tuple[Any, Any]:
        step, inner_state = inner.update(grads, state.inner, params)
        back_and_step = jax.tree.map(jnp.subtract, step, state.move)
        move = jax.tree.map(lambda x: jnp.where(state.ahead, 0, x), step)
        return back_and_step, ExtragradientState(~state.ahead, move, inner_state)

    return optax.GradientTransformation(init, update)


def extragradient_adam(
    learning_rate: float | optax.Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Returns ExtraAdam: `extragradient` of Adam (arXiv 1802.10551, algorithm 4)."""
    return extragradient(optax.adam(learning_rate, b1, b2, eps))


def extragradient_sgd(learning_rate: float | optax.Schedule) -> optax.GradientTransformation:
    """Returns `extragradient` of gradient descent (arXiv 1802.10551, equations 15 and 16)."""
    return extragradient(optax.sgd(learning_rate))


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "adamw": optax.adamw,
    "extragradient_adam": extragradient_adam,
    "extragradient_sgd": extragradient_sgd,
    "momentum_ramp": momentum_ramp,
    # Algorithm 1 of Daskalakis et al. 2017 (arXiv 1711.00141), which has no Nesterov momentum.
    "optimistic_adam": functools.partial(optax.optimistic_adam_v2, nesterov=False),
    "optimistic_sgd": optax.optimistic_gradient_descent,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}


def make(
    options: Mapping[str, Any], *, updates: int, where: str = "optimizer"
) -> optax.GradientTransformation:
    """Returns the optimizer `options["name"]` with the other options as its arguments.

    Args:
      options: a name of `OPTIMIZERS` and keyword arguments, `learning_rate` among them. From
        `decay_from`, a share of the run in [0, 1], the learning rate falls linearly to 0 at its
        end; 1 keeps it constant.
      updates: of the whole run.
      where: what an error calls the options.

    Raises:
      UserError: the name is unknown, or an option is missing, not one of this optimizer, or out of
        its range.
    """
    arguments = dict(options)
    name = arguments.pop("name")
    decay_from = arguments.pop("decay_from", 1.0)
    if name not in OPTIMIZERS:
        raise UserError(f"{where}.name: unknown {name!r}; known: {', '.join(OPTIMIZERS)}")
    known = list(inspect.signature(OPTIMIZERS[name]).parameters)
    for key in arguments:
        if key not in known:
            raise UserError(f"{where}.{key}: {name} has no such option; known: {', '.join(known)}")
    if "learning_rate" not in arguments:
        raise UserError(f"{where}.learning_rate: missing; give a number of 0 or more")
    try:
        check_ranges(name, {**arguments, "decay_from": decay_from})
        if decay_from < 1:
            begin = int(decay_from * updates)
            arguments["learning_rate"] = optax.linear_schedule(
                arguments["learning_rate"], 0.0, max(updates - begin, 1), begin
            )
        return OPTIMIZERS[name](**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}.{error}") from error


def defaults(name: str) -> dict[str, Any]:
    """Returns the options of an optimizer, with the values they have where none is given."""
    if name not in OPTIMIZERS:
        return {}
    momentum = {"momentum": 0.0} if name in ("rmsprop", "sgd") else {}  # None in optax
    return {"decay_from": 1.0, **momentum, **plain_defaults(OPTIMIZERS[name])}


def plain_defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns the keyword arguments whose default is a number, a string or a tuple."""
    parameters = inspect.signature(function).parameters.values()
    kinds = (bool, int, float, str, tuple)
    return {p.name: p.default for p in parameters if isinstance(p.default, kinds)}
