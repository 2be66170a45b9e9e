"""The contract that every variant meets: a record of pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]


class Players(NamedTuple):
    """One value per player: parameters, optimizers, optimizer states, ...

    Attributes:
      gen: the generator's value, any pytree.
      disc: the discriminator's value, any pytree.
    """

    gen: Any
    disc: Any


class GAN(NamedTuple):
    """A generative adversarial network as a record of pure functions.

    The first argument of a loss is the one it is differentiated by. `variables` holds what is not
    trained by gradient (batch statistics and the like; `{}` where there is none). A `batch` is a
    dict with `image` float32 [batch, height, width, channels] and, for labelled data, `label`
    int32 [batch]; for pairs of images, `input` beside `image`.

    Attributes:
      init: `(key, batch) -> (params, variables)`, both `Players`.
      disc_loss: `(disc, gen, variables, batch, key) -> (loss, (variables, metrics))`, loss a
        scalar, metrics a dict of scalars.
      gen_loss: `(gen, disc, variables, batch, key)`, the same result.
      sample: `(gen, variables, key, label) -> image` float32 [batch, height, width, channels] for
        `label` int32 [batch]; an unconditional model takes only the batch size from it, an image
        translator the input images in its place.
      value_range: (low, high) of its images, what the levels 0 and 255 become.
    """

    init: Callable[[jax.Array, Batch], tuple[Players, Players]]
    disc_loss: Callable[..., tuple[jax.Array, tuple[Players, Metrics]]]
    gen_loss: Callable[..., tuple[jax.Array, tuple[Players, Metrics]]]
    sample: Callable[..., jax.Array]
    value_range: tuple[float, float]
