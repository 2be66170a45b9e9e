"""Adversarial losses: pure functions of logits, one value per example.

Every function takes logits `l` (before the sigmoid, so that `D = sigmoid(l)`) of any shape, a
vector [batch] or a map of patches [batch, height, width, 1], and returns values of that shape; the
caller takes the mean. A `..._disc` loss is what the discriminator descends, a `..._gen` loss what
the generator descends. All are finite with finite gradients for any finite logit.
"""

import jax
from jax.nn import relu, softplus


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
    return softplus(-real) + softplus(fake)


def minimax_gen(fake: jax.Array) -> jax.Array:
    """Generator's part of the minimax game, which saturates where `D` rejects the fakes.

    `log(1 - D(G(z)))`; Goodfellow et al. 2014, equation 1. Its derivative by the logit is `-D`.

    Args:
      fake: logits of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    return -softplus(fake)


def nonsaturating_gen(fake: jax.Array) -> jax.Array:
    """Generator's loss with the same fixed point as the minimax one and a strong early gradient.

    `-log D(G(z))`; Goodfellow et al. 2014, section 3. Its derivative by the logit is `-(1 - D)`.

    Args:
      fake: logits of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
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
    return softplus(real - fake)


def ebgan_disc(real: jax.Array, fake: jax.Array, *, margin: float) -> jax.Array:
    """Discriminator's part of the energy-based game.

    `D(x) + [m - D(G(z))]^+`; Zhao et al. 2016 (arXiv 1609.03126), equation 1. The energies `D`
    are at least 0.

    Args:
      real: energies of real examples, [batch, ...].
      fake: energies of generated examples, [batch, ...].
      margin: m, the energy above which a fake counts no more.

    Returns:
      The loss of each pair, [batch, ...].
    """
    return real + relu(margin - fake)


def ebgan_gen(fake: jax.Array) -> jax.Array:
    """Generator's part of the energy-based game.

    `D(G(z))`; Zhao et al. 2016, equation 2.

    Args:
      fake: energies of generated examples, [batch, ...].

    Returns:
      The loss of each example, [batch, ...].
    """
    return fake


# Name -> (discriminator's loss, generator's loss), both functions of (real, fake) logits.
PAIRS = {
    "minimax": (minimax_disc, lambda real, fake: minimax_gen(fake)),
    "nonsaturating": (minimax_disc, lambda real, fake: nonsaturating_gen(fake)),
    "relativistic": (relativistic_disc, relativistic_gen),
}
