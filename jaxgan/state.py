"""The immutable train state."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from jaxgan.base import GAN, Batch, Players


@flax.struct.dataclass
class TrainState:
    """All that the next step needs, and nothing else.

    Attributes:
      step: int32 scalar, generator updates done.
      key: typed PRNG key; step `t` draws from `fold_in(key, t)` only, random crops of its batch
        from `fold_in(fold_in(key, 2**31), t)`, `jaxgan.standing` from `fold_in(key, 2**31 + 1)`.
      params: `Players` of parameters.
      variables: `Players` of variables that no gradient trains.
      opt_state: `Players` of optimizer states.
      ema: exponential moving average of the generator's parameters; None where there is none.
    """

    step: jax.Array
    key: jax.Array
    params: Players
    variables: Players
    opt_state: Players
    ema: Any

    @property
    def sampler(self) -> Any:
        """The generator's parameters to sample with: the average where there is one."""
        return self.params.gen if self.ema is None else self.ema


def init_state(
    gan: GAN, optimizers: Players, key: jax.Array, batch: Batch, *, ema: bool = False
) -> TrainState:
    """Returns the state before the first step.

    Args:
      gan: the variant.
      optimizers: `Players` of optax gradient transformations.
      key: typed PRNG key.
      batch: one batch (`image` float32 [batch, height, width, channels], ...), for its shapes and
        for what a variant starts from, such as the mean image.
      ema: whether to keep a moving average of the generator's parameters.
    """
    init_key, train_key = jax.random.split(key)
    params, variables = gan.init(init_key, batch)
    opt_state = Players(*(opt.init(p) for opt, p in zip(optimizers, params, strict=True)))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        key=train_key,
        params=params,
        variables=variables,
        opt_state=opt_state,
        ema=params.gen if ema else None,
    )


def update_player(
    optimizer: optax.GradientTransformation, grads: Any, opt_state: Any, params: Any
) -> tuple[Any, Any]:
    """Returns one player's parameters and optimizer state after a descent step."""
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state
