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


def zero_centred(
    critic: Callable[..., jax.Array],
    real: jax.Array,
    fake: jax.Array,
    *condition: jax.Array,
    share: float = 1.0,
) -> jax.Array:
    """Half the sum of R1 and R2, each a mean over the batch: R3GAN's penalty over gamma.

    Huang et al. 2024 (arXiv 2501.05441), section 2; `squared_gradient_norm` on real and on
    generated examples.

    Args:
      critic: `(image, *condition) -> logits`, each logit of its own example alone.
      real: float [batch, ...].
      fake: float [batch, ...].
      condition: labels and the like of both, [batch, ...].
      share: of the batch on which it is estimated, one example at least.

    Returns:
      A scalar.
    """
    count = max(1, round(share * real.shape[0]))
    both, *given = (
        jnp.concatenate([a[:count], b[:count]])
        for a, b in [(real, fake), *((x, x) for x in condition)]
    )
    return jnp.mean(squared_gradient_norm(lambda x: critic(x, *given), both))


def pulling_away(code: jax.Array) -> jax.Array:
    """Pulling-away term: the mean squared cosine between the codes of different examples.

    `1 / (N (N - 1)) sum_i sum_{j != i} (S_i . S_j / (||S_i|| ||S_j||))^2`; Zhao et al. 2016 (arXiv
    1609.03126), equation 4. It is 1 where all codes are parallel, 0 where all are orthogonal.

    Args:
      code: of the encoder, float [batch, size], at least 2 of them.

    Returns:
      A scalar in [0, 1].

    Raises:
      ValueError: the shape is another.
    """
    if code.ndim != 2 or code.shape[0] < 2:
        raise ValueError(f"code: shape {code.shape} is not [batch, size] with 2 examples or more")
    code = code.astype(jnp.float32)
    unit = code * jax.lax.rsqrt(jnp.sum(jnp.square(code), 1, keepdims=True) + 1e-12)
    squares = jnp.square(unit @ unit.T)
    count = code.shape[0]
    return (jnp.sum(squares) - jnp.trace(squares)) / (count * (count - 1))
