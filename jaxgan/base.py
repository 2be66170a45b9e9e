"""The contract that every variant meets: a record of pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

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
    int32 [batch]; for pairs of images, `input` beside `image`; for words that describe images,
    `feature` float32 [batch, features] beside the word vectors `image` [batch, 1, 1, dimensions].

    Attributes:
      init: `(key, batch) -> (params, variables)`, both `Players`.
      disc_loss: `(disc, gen, variables, batch, key) -> (loss, (variables, metrics))`, loss a
        scalar, metrics a dict of scalars.
      gen_loss: `(gen, disc, variables, batch, key)`, the same result.
      sample: `(gen, variables, key, label) -> image` float32 [batch, height, width, channels] for
        `label` int32 [batch]; an unconditional model takes only the batch size from it, an image
        translator the input images in its place, a generator of words the images' features.
      value_range: (low, high) of its images, what the levels 0 and 255 become; None for data that
        are no images.
      latent: `(key, count) -> latent` float32 [count, size]; None where noise is no vector.
      decode: `(gen, variables, latent, label) -> image`, the sample of given noise; None as above.
      critic: `(disc, variables, image, label) -> (logits, features)`, the discriminator at rest: no
        dropout, running statistics, so that each image stands for itself. `features` has the output
        of every hidden layer after its nonlinearity, float [batch, height, width, channels] or
        [batch, units], by name: `conv1`, `conv2`, ..., `dense1`, ..., `maxout1`, ...,
        `decoder1`, ...; the logits of an auto-encoder are minus its energies. None where a
        discriminator does not show them.
      conditional: whether samples are of the class that `label` asks for.
      translator: whether `sample` takes input images in place of labels.
    """

    init: Callable[[jax.Array, Batch], tuple[Players, Players]]
    disc_loss: Callable[..., tuple[jax.Array, tuple[Players, Metrics]]]
    gen_loss: Callable[..., tuple[jax.Array, tuple[Players, Metrics]]]
    sample: Callable[..., jax.Array]
    value_range: tuple[float, float] | None
    latent: Callable[[jax.Array, int], jax.Array] | None = None
    decode: Callable[..., jax.Array] | None = None
    critic: Callable[..., tuple[jax.Array, dict[str, jax.Array]]] | None = None
    conditional: bool = False
    translator: bool = False


def interleave(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns two batches [batch, ...] as one [2 batch, ...], in turns.

    On several devices each keeps the examples that it has, as it would not behind one another.
    """
    return jnp.stack([real, fake], 1).reshape(-1, *real.shape[1:])


def separate(both: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the two batches that `interleave` made one."""
    pairs = both.reshape(-1, 2, *both.shape[1:])
    return pairs[:, 0], pairs[:, 1]


def seed_key(seed: int) -> jax.Array:
    """Returns the PRNG key of a seed, 0 <= seed < 2**64; JAX's own takes its low 32 bits alone."""
    key = jax.random.key(seed % 2**32)
    return key if seed < 2**32 else jax.random.fold_in(key, seed >> 32)


def below(value: Any, bound: float) -> bool:
    """Returns whether a number is known to be below a bound; a traced one is not known."""
    return not isinstance(value, jax.core.Tracer) and value < bound


def is_set(weight: Any) -> bool:
    """Returns whether a weight counts: it is traced, or not 0."""
    return isinstance(weight, jax.core.Tracer) or bool(weight)


def shown(state: dict[str, Any]) -> dict[str, jax.Array]:
    """Returns what modules sowed into `intermediates`, by name: the features of `critic`."""
    return {name: value for name, (value,) in state["intermediates"].items()}


def sample_by(latent: Callable[..., jax.Array], decode: Callable[..., jax.Array]) -> Callable:
    """Returns the function `sample` of a `GAN` from its functions `latent` and `decode`."""

    def sample(gen: Any, variables: Players, key: jax.Array, label: jax.Array) -> jax.Array:
        return decode(gen, variables, latent(key, label.shape[0]), label)

    return sample
