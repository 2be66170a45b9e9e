"""Adversarial losses: pure functions of logits, one value per example.

Every function takes logits `l` (before the sigmoid, so that `D = sigmoid(l)`), or scores where
there is no sigmoid, of any shape: a vector [batch] or a map of patches [batch, height, width, 1].
It returns values of that shape; the caller takes the mean. A `..._disc` loss is what the
discriminator descends, a `..._gen` loss what the generator descends. All are finite with finite
gradients for logits up to 80 in size, and but for some of `f_gan_...` for far larger ones.
Integer logits are taken as floats. Logits of real and generated examples that are not of one shape
raise `ValueError`; a single number goes with any. `PAIRS` has the losses by name.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, relu, sigmoid, softplus


def _logits(**logits: jax.Array) -> list[jax.Array]:
    """Returns logits, by argument name, as floating point numbers of one shape."""
    shape: tuple[int, ...] = ()
    for name, x in logits.items():
        if not jnp.issubdtype(jnp.result_type(x), jnp.floating):
            if jnp.issubdtype(jnp.result_type(x), jnp.complexfloating):
                raise ValueError(f"{name}: logits are real numbers, got {jnp.result_type(x)}")
            logits[name] = jnp.asarray(x, float)  # differences of unsigned integers wrap around
        if shape and jnp.ndim(x) and jnp.shape(x) != shape:
            raise ValueError(f"{name}: shape {jnp.shape(x)} is not that of real, {shape}")
        shape = jnp.shape(x)
    return list(logits.values())


def minimax_disc(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Discriminator's part of the minimax game, negated.

    `-log D(x) - log(1 - D(G(z)))`; Goodfellow et al. 2014 (arXiv 1406.2661), equation 1 and
    Algorithm 1. It is `2 log 2` where `D = 1/2`.

    Args:
      real: logits of real examples, [batch, ...].
      fake: logits of generated examples, [batch, ...].

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return softplus(-real) + softplus(fake)


def minimax_gen(fake: jax.Array) -> jax.Array:
    """Generator's part of the minimax game, which saturates where `D` rejects the fakes.

    `log(1 - D(G(z)))`; Goodfellow et al. 2014, equation 1. Its derivative by the logit is `-D`.

    Args:
      fake: logits of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return -softplus(fake)


def nonsaturating_gen(fake: jax.Array) -> jax.Array:
    """Generator's loss with the same fixed point as the minimax one and a strong early gradient.

    `-log D(G(z))`; Goodfellow et al. 2014, section 3. Its derivative by the logit is `-(1 - D)`.

    Args:
      fake: logits of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return softplus(-fake)


def relativistic_disc(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Discriminator's part of the relativistic pairing game.

    `-log sigmoid(l(x) - l(G(z)))`: a real example shall score higher than the fake it is paired
    with; Jolicoeur-Martineau 2018 (arXiv 1807.00734), RpGAN, in the form of Huang et al. 2024
    (R3GAN, arXiv 2501.05441), equation 2. Only differences of logits count.

    Args:
      real: logits of real examples, [batch, ...].
      fake: logits of generated examples, paired with the real ones, of the same shape.

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return softplus(fake - real)


def relativistic_gen(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Generator's part of the relativistic pairing game.

    `-log sigmoid(l(G(z)) - l(x))`; sources as for `relativistic_disc`.

    Args:
      real: logits of real examples, [batch, ...].
      fake: logits of generated examples, paired with the real ones, of the same shape.

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return softplus(real - fake)


def least_squares_disc(
    real: jax.Array, fake: jax.Array, *, a: float = 0.0, b: float = 1.0
) -> jax.Array:
    """Discriminator's part of the least squares game.

    `1/2 (D(x) - b)^2 + 1/2 (D(G(z)) - a)^2`; Mao et al. 2016 (LSGAN, arXiv 1611.04076), equation 2.
    With `b - c = 1` and `b - a = 2` the generator descends the Pearson chi-squared divergence of
    `p_data + p_g` and `2 p_g` (section 3.2.1); the defaults are the paper's other choice
    (equation 9).

    Args:
      real: scores of real examples, [batch, ...].
      fake: scores of generated examples, [batch, ...].
      a: target for generated examples.
      b: target for real examples.

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return (jnp.square(real - b) + jnp.square(fake - a)) / 2


def least_squares_gen(fake: jax.Array, *, c: float = 1.0) -> jax.Array:
    """Generator's part of the least squares game.

    `1/2 (D(G(z)) - c)^2`; Mao et al. 2016, equation 2.

    Args:
      fake: scores of generated examples, [batch, ...].
      c: what the generator wants the discriminator to answer.

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return jnp.square(fake - c) / 2


def wasserstein_disc(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Critic's part of the Wasserstein game.

    `D(G(z)) - D(x)`; Arjovsky et al. 2017 (WGAN, arXiv 1701.07875), equation 2 negated. It means
    something for a critic of bounded slope: see `penalties.wgan_gp`.

    Args:
      real: scores of real examples, [batch, ...].
      fake: scores of generated examples, [batch, ...].

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return fake - real


def wasserstein_gen(fake: jax.Array) -> jax.Array:
    """Generator's part of the Wasserstein game, and of the hinge game.

    `-D(G(z))`; Arjovsky et al. 2017, Algorithm 1; Lim & Ye 2017, equation 6.

    Args:
      fake: scores of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return -fake


def hinge_disc(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Discriminator's part of the hinge game, whose generator has `wasserstein_gen`.

    `[1 - D(x)]^+ + [1 + D(G(z))]^+`; Lim & Ye 2017 (Geometric GAN, arXiv 1705.02894), section 3;
    Miyato et al. 2018 (arXiv 1802.05957), equation 16.

    Args:
      real: scores of real examples, [batch, ...].
      fake: scores of generated examples, [batch, ...].

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return relu(1 - real) + relu(1 + fake)


def ebgan_disc(real: jax.Array, fake: jax.Array, *, margin: float) -> jax.Array:
    """Discriminator's part of the energy-based game.

    `D(x) + [m - D(G(z))]^+`; Zhao et al. 2016 (arXiv 1609.03126), equation 1. The energies `D`
    are at least 0.

    Args:
      real: energies of real examples, [batch, ...].
      fake: energies of generated examples, [batch, ...].
      margin: m, above 0, the energy above which a fake counts no more.

    Returns:
      The loss of each pair, [batch, ...].

    Raises:
      ValueError: the margin is not above 0.
    """
    real, fake = _logits(real=real, fake=fake)
    if not isinstance(margin, jax.core.Tracer) and not margin > 0:
        raise ValueError(f"margin: {margin} is not above 0")
    return real + relu(margin - fake)


def ebgan_gen(fake: jax.Array) -> jax.Array:
    """Generator's part of the energy-based game.

    `D(G(z))`; Zhao et al. 2016, equation 2.

    Args:
      fake: energies of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return fake


class FDivergence(NamedTuple):
    """A divergence `D_f(P || Q) = E_Q f(p / q)` as a game; Nowozin et al. 2016 (arXiv 1606.00709).

    `D_f >= E_P T - E_Q f*(T)` for every `T` (equation 4), with equality at `T = f'(p / q)`. A score
    `v` becomes an admissible `T` by the output activation `g_f` (section 2.4).

    Attributes:
      function: `f(u)` for `u > 0`, convex, `f(1) = 0`.
      activation: `g_f(v)`, which increases.
      conjugate: `f*(t) = sup_u (u t - f(u))`, for `t` that the activation reaches.
      fake: `f*(g_f(v))`, in a form without overflow where there is one.
    """

    function: Callable[[jax.Array], jax.Array]
    activation: Callable[[jax.Array], jax.Array]
    conjugate: Callable[[jax.Array], jax.Array]
    fake: Callable[[jax.Array], jax.Array]


@jax.custom_jvp
def _expm1(x: jax.Array) -> jax.Array:
    return jnp.expm1(x)


@jax.custom_jvp
def _tanh(x: jax.Array) -> jax.Array:
    return jnp.tanh(x)


# The derivatives that JAX takes from the rounded results are 0 where these are -1 or 1.
_expm1.defjvps(lambda dot, _, x: jnp.exp(x) * dot)
_tanh.defjvps(lambda dot, _, x: 4 * sigmoid(2 * x) * sigmoid(-2 * x) * dot)


def alpha_divergence(alpha: float) -> FDivergence:
    """Returns the divergence with `f(u) = (u^a - 1 - a (u - 1)) / (a (a - 1))`.

    Nowozin et al. 2016, tables 5 and 6, where for `a > 1` the conjugate is taken over `u >= 0`. Its
    limits are KL (a to 1) and reverse KL (a to 0). For `a < 1` the output activation is `f'(e^v)`,
    so that the score is `log(p / q)`; the activation of table 6 has the same range, but its game
    overflows at moderate scores where a is near 1.

    Args:
      alpha: a, above 0 and not 1.

    Raises:
      ValueError: alpha is another.
    """
    if not 0 < alpha < float("inf") or alpha == 1:
        raise ValueError(f"alpha: {alpha} is not above 0, or is 1, where the limit is 'kl'")
    rest = alpha - 1

    def function(u: jax.Array) -> jax.Array:
        if alpha < 0.5:  # two forms without cancellation, for a near 0 and near 1
            return (_expm1(alpha * jnp.log(u)) / alpha - (u - 1)) / rest
        return (u * _expm1(rest * jnp.log(u)) / rest - (u - 1)) / alpha

    def log_ratio(t: jax.Array) -> jax.Array:  # log u at the supremum
        inside = t * rest > -1
        log = jnp.log1p(jnp.where(inside, t * rest, 0)) / rest
        return jnp.where(inside, log, -rest * jnp.inf)

    @jax.custom_jvp
    def conjugate(t: jax.Array) -> jax.Array:
        return jnp.expm1(alpha * log_ratio(t)) / alpha

    conjugate.defjvps(lambda dot, _, t: jnp.exp(log_ratio(t)) * dot)

    if alpha > 1:
        return FDivergence(function, lambda v: v, conjugate, conjugate)
    return FDivergence(
        function,
        lambda v: _expm1(rest * v) / rest,
        conjugate,
        lambda v: _expm1(alpha * v) / alpha,
    )


def _function_of_gan(u: jax.Array) -> jax.Array:
    return u * jnp.log(u) - (u + 1) * jnp.log1p(u)


# Name -> divergence. `gan` is that of the minimax game, 2 JSD, with f(1) = -2 log 2 in place of 0.
F_DIVERGENCES = {
    "kl": FDivergence(
        lambda u: u * jnp.log(u), lambda v: v, lambda t: jnp.exp(t - 1), lambda v: jnp.exp(v - 1)
    ),
    "reverse_kl": FDivergence(
        lambda u: -jnp.log(u), lambda v: -jnp.exp(-v), lambda t: -1 - jnp.log(-t), lambda v: v - 1
    ),
    "pearson": FDivergence(
        lambda u: jnp.square(u - 1),
        lambda v: v,
        lambda t: jnp.square(t) / 4 + t,
        lambda v: jnp.square(v) / 4 + v,
    ),
    "squared_hellinger": FDivergence(
        lambda u: jnp.square(jnp.sqrt(u) - 1),
        lambda v: -_expm1(-v),
        lambda t: t / (1 - t),
        _expm1,
    ),
    "jensen_shannon": FDivergence(
        lambda u: _function_of_gan(u) + (u + 1) * jnp.log(2.0),
        lambda v: jnp.log(2.0) + log_sigmoid(v),
        lambda t: -jnp.log(2 - jnp.exp(t)),
        lambda v: softplus(v) - jnp.log(2.0),
    ),
    "gan": FDivergence(_function_of_gan, log_sigmoid, lambda t: -jnp.log(-jnp.expm1(t)), softplus),
    "total_variation": FDivergence(
        lambda u: jnp.abs(u - 1) / 2,
        lambda v: _tanh(v) / 2,
        lambda t: t,
        lambda v: _tanh(v) / 2,
    ),
}


def f_gan_disc(real: jax.Array, fake: jax.Array, *, divergence: FDivergence) -> jax.Array:
    """Discriminator's part of the f-GAN game.

    `-g_f(v(x)) + f*(g_f(v(G(z))))`; Nowozin et al. 2016 (arXiv 1606.00709), equation 6 negated. The
    least mean is `-D_f(p_data || p_g)`.

    Args:
      real: scores of real examples, [batch, ...].
      fake: scores of generated examples, [batch, ...].
      divergence: such as `F_DIVERGENCES["kl"]`, whose values grow as `exp(fake)`.

    Returns:
      The loss of each pair, [batch, ...].
    """
    real, fake = _logits(real=real, fake=fake)
    return divergence.fake(fake) - divergence.activation(real)


def f_gan_gen(fake: jax.Array, *, divergence: FDivergence) -> jax.Array:
    """Generator's part of the f-GAN game, which saturates as `minimax_gen` does.

    `-f*(g_f(v(G(z))))`; Nowozin et al. 2016, equation 6.

    Args:
      fake: scores of generated examples, [batch, ...].
      divergence: as for `f_gan_disc`.

    Returns:
      The loss of each example, [batch, ...].
    """
    (fake,) = _logits(fake=fake)
    return -divergence.fake(fake)


Loss = Callable[[jax.Array, jax.Array], jax.Array]


def _pair(disc: Loss, gen: Callable[[jax.Array], jax.Array]) -> tuple[Loss, Loss]:
    return disc, lambda real, fake: gen(fake)


# Name -> (discriminator's loss, generator's loss), both functions of (real, fake).
PAIRS: dict[str, tuple[Loss, Loss]] = {
    "minimax": _pair(minimax_disc, minimax_gen),
    "nonsaturating": _pair(minimax_disc, nonsaturating_gen),
    "relativistic": (relativistic_disc, relativistic_gen),
    "least_squares": _pair(least_squares_disc, least_squares_gen),
    "wasserstein": _pair(wasserstein_disc, wasserstein_gen),
    "hinge": _pair(hinge_disc, wasserstein_gen),
} | {
    f"f_gan_{name}": _pair(
        partial(f_gan_disc, divergence=divergence), partial(f_gan_gen, divergence=divergence)
    )
    for name, divergence in F_DIVERGENCES.items()
}
