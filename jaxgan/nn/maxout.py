"""Maxout layer."""

from typing import Any

import flax.linen as nn
import jax


class Maxout(nn.Module):
    """Fully connected maxout layer: the greatest of `pieces` linear units per output.

    Goodfellow et al. 2013 (arXiv 1302.4389), section 3.

    Attributes:
      features: outputs.
      pieces: linear units per output.
      kernel_init: initialiser of the kernel [inputs, features * pieces].
      dtype: of the computation; None: what input and parameters promote to.
    """

    features: int
    pieces: int
    kernel_init: Any = nn.initializers.lecun_normal()
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float [batch, inputs] to float [batch, features]."""
        units = self.features * self.pieces
        x = nn.Dense(units, kernel_init=self.kernel_init, dtype=self.dtype)(x)
        return x.reshape(*x.shape[:-1], self.pieces, self.features).max(-2)
