"""A GAN on a finite set, both players unrestricted: Proposition 2 by running it.

Goodfellow et al. 2014 (arXiv 1406.2661), section 4.2: the generator is its law `q` itself, a point
of the simplex, and the discriminator has a logit of its own at every place.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.losses import minimax_disc, minimax_gen
from jaxgan.theory import laws


class Path(NamedTuple):
    """What happened, step by step.

    Attributes:
      law: of the generator, float [steps + 1, n].
      discriminator: D as each generator update saw it, float [steps, n].
      divergence: JSD of the data's and the generator's law in nats, float [steps + 1].
    """

    law: jax.Array
    discriminator: jax.Array
    divergence: jax.Array


def play(
    p: jax.Array,
    q: jax.Array,
    *,
    steps: int,
    disc_steps: int | None = 1,
    disc_rate: float = 1.0,
    gen_rate: float = 0.1,
) -> Path:
    """Plays Algorithm 1 with exact expectations and in function space.

    The discriminator ascends `V` in its logits, which start at 0. The generator descends `V` in
    `q`, whose gradient is `log(1 - D)` (proof of proposition 2), by mirror descent, which keeps it
    on the simplex: `q <- q exp(-gen_rate log(1 - D))`, normalised.

    Args:
      p: law of the data, float [n].
      q: law of the generator at the start, float [n], positive where p is: it gains no place.
      steps: generator updates.
      disc_steps: k, updates of the discriminator for each of them; None: the best one.
      disc_rate: learning rate of the discriminator, times n, so that it does not depend on n.
      gen_rate: learning rate of the generator.

    Raises:
      ValueError: p or q is no law [n], q lacks a place of p, or a number is out of its range.
    """
    p, q = laws.check_law("p", p), laws.check_law("q", q)
    if p.ndim != 1 or p.shape != q.shape:
        raise ValueError(f"q: shapes {p.shape} of p and {q.shape} are not one [n]")
    if bool(jnp.any((p > 0) & (q == 0))):
        raise ValueError("q: it is 0 where p is not, and never gets there")
    least = {"steps": (steps, 1), "disc_steps": (1 if disc_steps is None else disc_steps, 1)}
    for name, (number, bound) in least.items():
        if number < bound:
            raise ValueError(f"{name}: {number} is below {bound}")
    for name, rate in {"disc_rate": disc_rate, "gen_rate": gen_rate}.items():
        if not rate > 0:
            raise ValueError(f"{name}: {rate} is not above 0")
    return _play(p, q, disc_rate, gen_rate, steps=steps, disc_steps=disc_steps)


def _disc_objective(logits: jax.Array, p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns `-V` for logits [n] and laws [n], by the loss for samples."""
    real, fake = minimax_disc(logits, -jnp.inf), minimax_disc(jnp.inf, logits)
    return jnp.sum(p * real + q * fake)


@partial(jax.jit, static_argnames=("steps", "disc_steps"))
def _play(
    p: jax.Array,
    q: jax.Array,
    disc_rate: jax.Array,
    gen_rate: jax.Array,
    *,
    steps: int,
    disc_steps: int | None,
) -> Path:
    def best(logits: jax.Array, q: jax.Array) -> jax.Array:
        if disc_steps is None:
            return jnp.log(jnp.maximum(p, 1e-30)) - jnp.log(jnp.maximum(q, 1e-30))

        def ascend(_: int, logits: jax.Array) -> jax.Array:
            return logits - disc_rate * p.size * jax.grad(_disc_objective)(logits, p, q)

        return jax.lax.fori_loop(0, disc_steps, ascend, logits)

    def step(state: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple, tuple]:
        q, logits = state
        logits = best(logits, q)
        gradient = minimax_gen(logits)  # log(1 - D), of V by each q
        moved = jnp.log(jnp.maximum(q, 1e-30)) - gen_rate * gradient
        new = jnp.where(q > 0, jax.nn.softmax(jnp.where(q > 0, moved, -jnp.inf)), 0)
        return (new, logits), (new, jax.nn.sigmoid(logits))

    start = (q, jnp.zeros_like(q))
    _, (path, discriminator) = jax.lax.scan(step, start, None, length=steps)
    path = jnp.concatenate([q[None], path])
    return Path(path, discriminator, jax.vmap(lambda q: laws.jensen_shannon(p, q))(path))
