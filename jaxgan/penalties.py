"""Gradient penalties: pure functions of a critic and its inputs, one value per example."""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def squared_gradient_norm(critic: Callable[[jax.Array], jax.Array], inputs: jax.Array) -> jax.Array:
    """Squared norm of the critic's gradient with respect to its input.

    `||grad_x l(x)||^2`: on real examples it is R1, on generated ones R2, the zero-centred
    penalties of Mescheder et al. 2018 (arXiv 1801.04406), equation 9; the paper weighs them by
    `gamma / 2`.

    Args:
      critic: maps inputs [batch, ...] to logits [batch, ...]; the logit of one example may not
        depend on another example.
      inputs: floating point [batch, ...].

    Returns:
      float [batch].

    Raises:
      ValueError: `inputs` are not floating point.
    """
    if not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(f"inputs: a gradient penalty needs floating point, got {inputs.dtype}")
    gradient = jax.grad(lambda x: jnp.sum(critic(x)))(inputs)
    return jnp.sum(jnp.square(gradient), axis=tuple(range(1, gradient.ndim)))
