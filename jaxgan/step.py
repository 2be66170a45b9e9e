"""The adversarial step: k discriminator updates, then one generator update."""

from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax

from jaxgan import rows
from jaxgan.base import GAN, Batch, Metrics, Players
from jaxgan.state import TrainState, update_player

UNROLLED = 64  # copies of an update in one program; more of them run as a loop


def make_train_step(
    gan: GAN,
    optimizers: Players,
    *,
    disc_steps: int = 1,
    ema_decay: float = 0.0,
    accumulate: int = 1,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Returns the pure step of Algorithm 1 (Goodfellow et al. 2014, arXiv 1406.2661).

    Each of the k discriminator updates has its own real examples and its own noise; the generator
    update has fresh noise and, where its loss needs real examples or labels, those of the last
    discriminator update. A moving average of the generator's parameters, where the state has one,
    starts fast: at step t its decay is `min(ema_decay, (1 + t) / (10 + t))`.

    Args:
      gan: the variant.
      optimizers: `Players` of optax gradient transformations.
      disc_steps: k, discriminator updates per generator update, at least 1. More than `UNROLLED` of
        them run as a loop, which XLA on CPU takes longer for where there are convolutions.
      ema_decay: decay of the moving average, in [0, 1).
      accumulate: equal parts in which a batch is taken, one after another, for less memory. The
        gradients and the batch statistics of the parts are averaged: the update is that of the
        whole batch where the loss of an example depends on no other, and with batch normalisation,
        the pulling-away term or DRAGAN's deviation that of batches of a part's size.

    Returns:
      `step(state, batch) -> (state, metrics)`, for batches whose leaves are [k, batch, ...];
      `metrics` are float32 scalars, those of the discriminator from its last update. Compile it
      with `jax.jit(step, donate_argnums=0)`.

    Raises:
      ValueError: `disc_steps`, `ema_decay` or `accumulate` is out of its range.
    """
    for name, value in (("disc_steps", disc_steps), ("accumulate", accumulate)):
        if value < 1:
            raise ValueError(f"{name}: {value} is below 1")
    if not 0 <= ema_decay < 1:
        raise ValueError(f"ema_decay: {ema_decay} is outside [0, 1)")

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        chex.assert_tree_shape_prefix(batch, (disc_steps,))
        chex.assert_type(batch["image"], float)
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), disc_steps + 1)
        (gen, disc), variables = state.params, state.variables
        gen_opt, disc_opt = state.opt_state

        def update_disc(carry: Any, given: tuple[Batch, jax.Array]) -> tuple[Any, Metrics]:
            disc, disc_opt, variables = carry
            grads, (variables, metrics) = gradient(
                gan.disc_loss, disc, gen, variables, *given, accumulate
            )
            disc, disc_opt = update_player(optimizers.disc, grads, disc_opt, disc)
            return (disc, disc_opt, variables), metrics

        carry = disc, disc_opt, variables
        current = jax.tree.map(lambda x: x[-1], batch)
        if disc_steps > UNROLLED:
            carry, metrics = jax.lax.scan(update_disc, carry, (batch, keys[:-1]))
            disc_metrics = jax.tree.map(lambda x: x[-1], metrics)
        else:  # XLA on CPU runs convolutions inside a loop many times slower
            for i in range(disc_steps):
                given = jax.tree.map(lambda x, i=i: x[i], batch), keys[i]
                carry, disc_metrics = update_disc(carry, given)
        disc, disc_opt, variables = carry

        grads, (variables, gen_metrics) = gradient(
            gan.gen_loss, gen, disc, variables, current, keys[-1], accumulate
        )
        gen, gen_opt = update_player(optimizers.gen, grads, gen_opt, gen)

        ema = state.ema
        if ema is not None:
            t = state.step.astype(jnp.float32)
            decay = jnp.minimum(ema_decay, (1 + t) / (10 + t))
            ema = optax.incremental_update(gen, ema, 1 - decay)
        metrics = {**disc_metrics, **gen_metrics}
        chex.assert_shape(list(metrics.values()), ())
        return state.replace(
            step=state.step + 1,
            params=Players(gen, disc),
            variables=variables,
            opt_state=Players(gen_opt, disc_opt),
            ema=ema,
        ), metrics

    return step


def gradient(
    loss: Callable[..., tuple[jax.Array, tuple[Players, Metrics]]],
    player: Any,
    other: Any,
    variables: Players,
    batch: Batch,
    key: jax.Array,
    parts: int = 1,
) -> tuple[Any, tuple[Players, Metrics]]:
    """Returns the gradient of a player's loss, and what else the loss returns, over a batch.

    Args:
      loss: `disc_loss` or `gen_loss` of a `GAN`.
      player: what to differentiate by.
      other: the other player.
      variables: of both.
      batch: with leaves [batch, ...], the rows at hand.
      key: of the noise.
      parts: means over so many parts of the batch.
    """

    def of_part(index: jax.Array) -> tuple[Any, tuple[Players, Metrics]]:
        some = rows.part(batch, index, parts)
        with rows.at_hand(part=index, parts=parts):
            return jax.grad(loss, has_aux=True)(player, other, variables, some, key)

    if parts == 1:
        return rows.mean(jax.grad(loss, has_aux=True)(player, other, variables, batch, key))
    size = jax.tree.leaves(batch)[0].shape[0]
    if size % parts:
        raise ValueError(f"accumulate: {parts} does not divide a batch of {size}")
    total = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(of_part, 0))
    total, _ = jax.lax.scan(
        lambda total, index: (jax.tree.map(jnp.add, total, of_part(index)), None),
        total,
        jnp.arange(parts),
        # On CPU convolutions are slow inside a loop.
        unroll=jax.default_backend() == "cpu" and parts <= UNROLLED,
    )
    return rows.mean(jax.tree.map(lambda x: x / parts, total))


def repeat_step(
    step: Callable[[TrainState, Batch], tuple[TrainState, Metrics]], count: int
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Returns `count` steps as one, which an accelerator runs without the host between them.

    On CPU it is slower for models with convolutions: XLA runs them on one core inside a loop.

    Args:
      step: of `make_train_step`, for batches [k, batch, ...].
      count: steps per call.

    Returns:
      `steps(state, batch) -> (state, metrics)`, for batches [count * k, batch, ...], in the order
      of the steps; `metrics` are those of the last one.
    """
    if count == 1:
        return step

    def steps(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        batch = jax.tree.map(lambda x: x.reshape(count, -1, *x.shape[1:]), batch)
        state, metrics = jax.lax.scan(step, state, batch)
        return state, jax.tree.map(lambda x: x[-1], metrics)

    return steps
