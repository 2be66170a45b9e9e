"""Statistics of batch normalisation for averaged weights.

The running statistics that training keeps are those of the weights of the last few steps. A moving
average of weights, or a mean of checkpoints, has other activations, so its statistics are taken
anew: standing statistics (Brock, Donahue & Simonyan 2019, arXiv 1809.11096), as after stochastic
weight averaging (Izmailov et al. 2018, arXiv 1803.05407, section 3.2).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base import GAN, Players
from jaxgan.nn.norm import MOMENTUM
from jaxgan.state import TrainState

BATCHES, SIZE = 100, 100


def make_standing(
    gan: GAN, image_shape: tuple[int, ...], classes: Sequence[int]
) -> Callable[..., TrainState]:
    """Returns `state -> state` whose generator's batch statistics are those of its average `ema`.

    They are means over `BATCHES` batches of `SIZE` samples, whose noise and uniform labels depend
    on the state's key alone. A state is returned as it is where it has no average or its generator
    no batch normalisation, and so are those of translators. A second argument, `tree -> tree`, puts
    what every batch needs where it shall lie.

    Args:
      gan: the variant; its generator's `batch_stats` are those of `jaxgan.nn.norm` alone.
      image_shape: (height, width, channels).
      classes: the labels to draw, those with training examples; empty where there are none.
    """

    @jax.jit
    def statistics(gen: Any, disc: Any, variables: Players, key: jax.Array) -> Any:
        key, label_key = jax.random.split(key)
        batch = {"image": jnp.zeros((SIZE, *image_shape))}
        if len(classes):
            chosen = jax.random.randint(label_key, (SIZE,), 0, len(classes))
            batch["label"] = jnp.asarray(classes, jnp.int32)[chosen]
        # Statistics that are 0 become a share of the batch's. What the loss is, is compiled away.
        before = jax.tree.map(jnp.zeros_like, variables.gen["batch_stats"])
        variables = variables._replace(gen={**variables.gen, "batch_stats": before})
        _, (after, _) = gan.gen_loss(gen, disc, variables, batch, key)
        return jax.tree.map(lambda x: x / (1 - MOMENTUM), after.gen["batch_stats"])

    def standing(state: TrainState, place: Callable[[Any], Any] = lambda tree: tree) -> TrainState:
        if state.ema is None or gan.translator or "batch_stats" not in state.variables.gen:
            return state
        gen, own = place((state.ema, state.variables.gen))
        variables = state.variables._replace(gen=own)
        key = jax.random.fold_in(state.key, 2**31 + 1)
        found = [
            statistics(gen, state.params.disc, variables, jax.random.fold_in(key, i))
            for i in range(BATCHES)
        ]
        mean = jax.tree.map(lambda *x: sum(x) / BATCHES, *found)
        return state.replace(variables=variables._replace(gen={**own, "batch_stats": mean}))

    return standing
