"""The adversarial step: k discriminator updates, then one generator update."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import optax

from jaxgan.base import GAN, Batch, Metrics, Players
from jaxgan.state import TrainState, update_player


def make_train_step(
    gan: GAN, optimizers: Players, *, disc_steps: int = 1, ema_decay: float = 0.0
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Returns the pure step of Algorithm 1 (Goodfellow et al. 2014, arXiv 1406.2661).

    Each of the k discriminator updates has its own real examples and its own noise; the generator
    update has fresh noise and, where its loss needs real examples or labels, those of the last
    discriminator update. A moving average of the generator's parameters, where the state has one,
    starts fast: at step t its decay is `min(ema_decay, (1 + t) / (10 + t))`.

    Args:
      gan: the variant.
      optimizers: `Players` of optax gradient transformations.
      disc_steps: k, discriminator updates per generator update, at least 1.
      ema_decay: decay of the moving average, in [0, 1).

    Returns:
      `step(state, batch) -> (state, metrics)`, for batches whose leaves are [k, batch, ...];
      `metrics` are float32 scalars, those of the discriminator from its last update. Compile it
      with `jax.jit(step, donate_argnums=0)`.

    Raises:
      ValueError: `disc_steps` or `ema_decay` is out of its range.
    """
    if disc_steps < 1:
        raise ValueError(f"disc_steps: {disc_steps} is below 1")
    if not 0 <= ema_decay < 1:
        raise ValueError(f"ema_decay: {ema_decay} is outside [0, 1)")

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        chex.assert_tree_shape_prefix(batch, (disc_steps,))
        chex.assert_type(batch["image"], float)
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), disc_steps + 1)
        (gen, disc), variables = state.params, state.variables
        gen_opt, disc_opt = state.opt_state

        # Unrolled: XLA on CPU runs convolutions inside a loop many times slower.
        for i in range(disc_steps):
            current = jax.tree.map(lambda x, i=i: x[i], batch)
            grads, (variables, disc_metrics) = jax.grad(gan.disc_loss, has_aux=True)(
                disc, gen, variables, current, keys[i]
            )
            disc, disc_opt = update_player(optimizers.disc, grads, disc_opt, disc)

        grads, (variables, gen_metrics) = jax.grad(gan.gen_loss, has_aux=True)(
            gen, disc, variables, current, keys[-1]
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
