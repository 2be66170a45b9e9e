"""Penalties of a discriminator: pure functions of it and its inputs, one value per example.

Those of `PENALTIES` are called as `penalty(critic, real, fake, key, *condition)`. The critic maps
inputs [batch, ...], and conditions such as labels, to logits [batch, ...]; the logit of one example
may not depend on another example, so that batch normalisation rules them out. `real` and `fake` are
floating point arrays of one shape [batch, ...], `key` is for those that draw, and the result is
float [batch]: its mean, times a weight, is added to the discriminator's loss.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import rows
from jaxgan.base import below, interleave, separate
from jaxgan.errors import UserError

Critic = Callable[..., jax.Array]


def squared_gradient_norm(critic: Critic, inputs: jax.Array, *condition: jax.Array) -> jax.Array:
    """Squared norm of the critic's gradient with respect to its input.

    `||grad_x l(x)||^2`, with the gradient of an example's logits summed where it has several.

    Args:
      critic: maps inputs [batch, ...] and conditions to logits [batch, ...]; the logit of one
        example may not depend on another example.
      inputs: floating point [batch, ...].
      condition: further arguments of the critic, [batch, ...].

    Returns:
      float [batch].

    Raises:
      ValueError: `inputs` are not floating point, or the critic has no logits for each.
    """
    inputs = jnp.asarray(inputs)
    if inputs.ndim < 1 or not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(
            f"inputs: a gradient penalty needs floating point [batch, ...], got {inputs.dtype}"
            f"{list(inputs.shape)}"
        )

    def total(inputs: jax.Array) -> jax.Array:
        logits = critic(inputs, *condition)
        if logits.shape[:1] != inputs.shape[:1]:
            raise ValueError(
                f"critic: logits {logits.shape} of inputs {inputs.shape}; give each its own"
            )
        return jnp.sum(logits)

    gradient = jax.grad(total)(inputs)
    return jnp.sum(jnp.square(gradient), axis=tuple(range(1, gradient.ndim)))


def r1(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """R1: `1/2 ||grad l(x)||^2` at real examples.

    Mescheder et al. 2018 (arXiv 1801.04406), equation 9, over gamma.
    """
    del fake, key
    return squared_gradient_norm(critic, real, *condition) / 2


def r2(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """R2: `1/2 ||grad l(G(z))||^2` at generated examples.

    Mescheder et al. 2018 (arXiv 1801.04406), section 4.1, over gamma.
    """
    del real, key
    return squared_gradient_norm(critic, fake, *condition) / 2


def r1_r2(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """R1 and R2 together, at real and at generated examples.

    Huang et al. 2024 (R3GAN, arXiv 2501.05441), section 2, over gamma.
    """
    del key
    _check(real, fake)
    both, *given = (interleave(*pair) for pair in [(real, fake), *((x, x) for x in condition)])
    return sum(separate(squared_gradient_norm(critic, both, *given))) / 2


def wgan_gp(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """Gradients of norm 1 between real and generated examples.

    `(||grad D(x^)|| - 1)^2` at `x^ = e x + (1 - e) G(z)`, `e` uniform on [0, 1) for each pair;
    Gulrajani et al. 2017 (WGAN-GP, arXiv 1704.00028), equation 3; the paper's weight is 10.
    """
    between = _between(real, fake, key)
    return jnp.square(_norm(squared_gradient_norm(critic, between, *condition)) - 1)


def zero_centred_interpolation(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """Small gradients between real and generated examples.

    `||grad D(x^)||^2` at the points of `wgan_gp`; Thanh-Tung et al. 2019 (arXiv 1902.03984),
    section 5, which keeps the discriminator from overfitting; the paper's weights are 10 to 100.
    """
    return squared_gradient_norm(critic, _between(real, fake, key), *condition)


def dragan(
    critic: Critic, real: jax.Array, fake: jax.Array, key: jax.Array, *condition: jax.Array
) -> jax.Array:
    """Gradients of norm 1 around real examples.

    `(||grad D(x + d)|| - 1)^2`; Kodali et al. 2017 (DRAGAN, arXiv 1705.07215), section 2.3. The
    perturbation `d` is that of the authors' code, half the standard deviation of the batch's values
    times uniform noise on [0, 1) for every value; the paper's weight is 10.
    """
    _check(real, fake)

    def rule(key: jax.Array, count: int) -> jax.Array:
        return jax.random.uniform(key, (count, *real.shape[1:]), real.dtype)

    centre = rows.mean(jnp.mean(real))
    std = jnp.sqrt(rows.mean(jnp.mean(jnp.square(real - centre))))
    around = real + std / 2 * rows.draw(rule, key, len(real))
    return jnp.square(_norm(squared_gradient_norm(critic, around, *condition)) - 1)


# Name -> penalty, as in the options of variants.
PENALTIES: dict[str, Callable[..., jax.Array]] = {
    "dragan": dragan,
    "r1": r1,
    "r1_r2": r1_r2,
    "r2": r2,
    "wgan_gp": wgan_gp,
    "zero_centred_interpolation": zero_centred_interpolation,
}


def estimate(
    penalty: Callable[..., jax.Array],
    critic: Critic,
    real: jax.Array,
    fake: jax.Array,
    key: jax.Array,
    *condition: jax.Array,
    share: float = 1.0,
) -> jax.Array:
    """Returns the mean of a penalty over a share of the batch, a scalar.

    Args:
      penalty: one of `PENALTIES`.
      critic: `(image, *condition) -> logits`, each logit of its own example alone.
      real: float [batch, ...].
      fake: float [batch, ...].
      key: for penalties that draw.
      condition: labels and the like of both, [batch, ...].
      share: of the batch, in (0, 1], one example at least.

    Raises:
      ValueError: the share is out of its range, or the batch is empty.
      UserError: the batch is taken in pieces that do not have equal parts of the share.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: {share} is not in (0, 1]")
    if not len(real):
        raise ValueError(f"real: shape {real.shape} has no example; give one or more")
    whole, pieces = rows.whole(len(real))
    total = max(1, round(share * whole))
    if pieces > 1 and (total % pieces or whole % total):
        raise UserError(
            f"penalty_share: {share} of {whole} examples has no equal parts in the {pieces} pieces "
            "of a batch; give 1.0, or --config.parallel.mode=jit and accumulate=1"
        )
    count = total * len(real) // whole
    stride = len(real) // count
    if count * stride == len(real):  # some of every device's examples
        real, fake, *condition = (
            x.reshape(count, stride, *x.shape[1:])[:, 0] for x in (real, fake, *condition)
        )
    else:
        real, fake, *condition = (x[:count] for x in (real, fake, *condition))
    return jnp.mean(penalty(critic, real, fake, key, *condition))


def check(name: str, weight: float, share: float = 1.0) -> None:
    """Raises `ValueError` where options of a variant are no penalty, weight and share."""
    if name not in PENALTIES:
        raise ValueError(f"penalty: unknown {name!r}; known: {', '.join(PENALTIES)}")
    if below(weight, 0):
        raise ValueError(f"penalty_weight: {weight} is below 0")
    if not 0 < share <= 1:
        raise ValueError(f"penalty_share: {share} is not in (0, 1]")


def lecam(
    real: jax.Array, fake: jax.Array, *, real_anchor: jax.Array, fake_anchor: jax.Array
) -> jax.Array:
    """LeCam regulariser: predictions stay near the moving averages of the other side's.

    `(D(x) - a_F)^2 + (D(G(z)) - a_R)^2`; Tseng et al. 2021 (arXiv 2104.03310), equation 4; the
    paper's weights are .1 to .3, on hinge and other losses, and its averages have a decay of .99.

    Args:
      real: scores of real examples, float [batch, ...].
      fake: scores of generated examples, float [batch, ...].
      real_anchor: moving average of the scores of real examples, a scalar.
      fake_anchor: moving average of the scores of generated examples, a scalar.

    Returns:
      The value of each pair, float [batch, ...].

    Raises:
      ValueError: the scores are not of one shape, or an anchor is no single number.
    """
    _check(real, fake)
    for name, anchor in {"real_anchor": real_anchor, "fake_anchor": fake_anchor}.items():
        if jnp.ndim(anchor):
            raise ValueError(f"{name}: shape {jnp.shape(anchor)} is not that of a number, ()")
    return jnp.square(real - fake_anchor) + jnp.square(fake - real_anchor)


def _check(real: jax.Array, fake: jax.Array) -> None:
    for name, x in {"real": real, "fake": fake}.items():
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(f"{name}: a penalty needs floating point, got {x.dtype}")
    if real.shape != fake.shape:
        raise ValueError(f"fake: shape {fake.shape} is not that of real examples, {real.shape}")


def _between(real: jax.Array, fake: jax.Array, key: jax.Array) -> Any:
    _check(real, fake)

    def rule(key: jax.Array, count: int) -> jax.Array:
        return jax.random.uniform(key, (count,) + (1,) * (real.ndim - 1), fake.dtype)

    share = rows.draw(rule, key, len(real))
    return share * real + (1 - share) * fake


def _norm(square: jax.Array) -> jax.Array:
    return jnp.sqrt(square + 1e-12)  # the root of 0 has no derivative


def pulling_away(code: jax.Array) -> jax.Array:
    """Pulling-away term: the mean squared cosine between the codes of different examples.

    `1 / (N (N - 1)) sum_i sum_{j != i} (S_i . S_j / (||S_i|| ||S_j||))^2`; Zhao et al. 2016 (arXiv
    1609.03126), equation 4. It is 1 where all codes are parallel, 0 where all are orthogonal.

    Args:
      code: of the encoder, float [batch, size], at least 2 of them.

    Returns:
      A scalar in [0, 1].

    Raises:
      ValueError: the shape is another, or the codes are integers.
    """
    if not jnp.issubdtype(code.dtype, jnp.floating):
        raise ValueError(f"code: a penalty needs floating point, got {code.dtype}")
    if code.ndim != 2 or code.shape[0] < 2:
        raise ValueError(f"code: shape {code.shape} is not [batch, size] with 2 examples or more")
    code = code.astype(jnp.float32)
    # Squares of numbers of other sizes overflow or vanish; cosines do not depend on the size.
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(code), 1, keepdims=True))
    far = (size > 0) & ((size < 1e-3) | (size > 1e15))
    code /= jnp.where(far, size / 4, 1)  # the reciprocal of the size itself may be subnormal
    unit = code * jax.lax.rsqrt(jnp.sum(jnp.square(code), 1, keepdims=True) + 1e-12)
    squares = jnp.square(unit @ unit.T)
    count = code.shape[0]
    return (jnp.sum(squares) - jnp.trace(squares)) / (count * (count - 1))
