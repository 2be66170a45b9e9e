"""Dropout whose mask for an example depends on neither devices nor parts of the batch."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan import rows


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014, JMLR 15), from the stream `dropout`.

    The masks are those of `flax.linen.Dropout` for the global batch, of which the rows at hand are
    taken.

    Attributes:
      rate: chance of a 0; other values are divided by `1 - rate`.
      deterministic: leave the input as it is.
    """

    rate: float
    deterministic: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, ...] to the same shape."""
        if self.rate == 0.0 or self.deterministic:
            return x
        kept = 1.0 - self.rate

        def rule(key: jax.Array, count: int) -> jax.Array:
            return jax.random.bernoulli(key, kept, (count, *x.shape[1:]))

        mask = rows.draw(rule, self.make_rng("dropout"), len(x))
        return jnp.where(mask, x / kept, jnp.zeros_like(x))
