"""Optimizers by name: optax's, the recipe of the papers of 2014, and extragradient steps."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import UserError


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
    if decay < 1:
        raise ValueError(f"decay: {decay} is below 1; try 1.000004")
    if ramp_epochs < 2:
        raise ValueError(f"ramp_epochs: {ramp_epochs} is below 2")
    if steps_per_epoch < 1:
        raise ValueError(f"steps_per_epoch: {steps_per_epoch} is below 1")

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
    parameters ahead, the second, fourth, ... take the step from where they were. So the training
    step stays as it is, both players look ahead in one call of it and step in the next, each time
    with fresh examples, and a run of an even number of steps ends with a step. A step costs two
    gradients; optimistic steps cost one. `inner` sees both gradients, as in the paper's algorithm 4
    (ExtraAdam).

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
    "optimistic_adam": optax.optimistic_adam_v2,
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
      UserError: the name is unknown, or an option is missing or not one of this optimizer.
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
    if not 0 <= decay_from <= 1:
        raise UserError(f"{where}.decay_from: {decay_from} is not in [0, 1]; try 0.5")
    if decay_from < 1:
        begin = int(decay_from * updates)
        arguments["learning_rate"] = optax.linear_schedule(
            arguments["learning_rate"], 0.0, max(updates - begin, 1), begin
        )
    try:
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
