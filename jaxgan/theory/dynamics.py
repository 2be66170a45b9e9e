"""Dynamics of an adversarial game: its gradient vector field, its Jacobian, and update rules.

The field `v(gen, disc) = (-grad_gen L_G, -grad_disc L_D)` is what both players follow (Mescheder et
al. 2017, arXiv 1705.10461, section 2). Near an equilibrium simultaneous steps with a small enough
rate converge where every eigenvalue of its Jacobian has a negative real part; where they are purely
imaginary, the players circle.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.sparse import linalg

from jaxgan import losses, penalties
from jaxgan.base import GAN, Batch, Metrics, Players, below

Field = Callable[[Players], Players]


def field(gan: GAN, variables: Players, batch: Batch, key: jax.Array) -> Field:
    """Returns the vector field of a variant, for one batch and one draw of the noise.

    Args:
      gan: the variant.
      variables: `Players` of variables that no gradient trains.
      batch: one batch, as its losses take it.
      key: of the noise; the discriminator's and the generator's loss draw from it as they would
        with this key.

    Returns:
      `v(params) -> Players`, of the shape of the parameters.
    """

    def follow(params: Players) -> Players:
        gen, disc = params
        gen_grads, _ = jax.grad(gan.gen_loss, has_aux=True)(gen, disc, variables, batch, key)
        disc_grads, _ = jax.grad(gan.disc_loss, has_aux=True)(disc, gen, variables, batch, key)
        return jax.tree.map(jnp.negative, Players(gen_grads, disc_grads))

    return follow


def consensus(follow: Field, weight: float) -> Field:
    """Returns the field with consensus optimisation, `v - weight grad 1/2 ||v||^2`.

    Mescheder et al. 2017 (arXiv 1705.10461), section 4: both players also reduce the length of the
    field, which moves eigenvalues to the left.

    Args:
      follow: the field v.
      weight: gamma, at least 0.

    Raises:
      ValueError: the weight is below 0.
    """
    if below(weight, 0):
        raise ValueError(f"weight: {weight} is below 0")

    def regularised(params: Players) -> Players:
        v, pull_back = jax.vjp(follow, params)
        return add(v, pull_back(v)[0], -weight)

    return regularised


def jacobian(follow: Field, params: Players) -> np.ndarray:
    """Returns the dense Jacobian of a small game, float [n, n], generator's parameters first.

    Args:
      follow: the field.
      params: where, n numbers in all.
    """
    flat, unravel = ravel_pytree(params)
    return np.asarray(jax.jacfwd(lambda x: ravel_pytree(follow(unravel(x)))[0])(flat))


def eigenvalues(
    follow: Field, params: Players, count: int = 6, which: str = "LR", seed: int = 0
) -> np.ndarray:
    """Returns some eigenvalues of the Jacobian, complex [count], without forming it.

    By Arnoldi's method (ARPACK through `scipy.sparse.linalg.eigs`), each product with the Jacobian
    being one forward-mode derivative.

    Args:
      follow: the field.
      params: where, n numbers in all.
      count: how many, less than n - 1.
      which: `LR` those of the largest real part, `LM` the largest, `LI` the largest imaginary part,
        and `SR`, `SM`, `SI` the smallest.
      seed: of the vector that it starts from.

    Raises:
      ValueError: `count` is out of its range, or `which` unknown.
    """
    known = ("LR", "LM", "LI", "SR", "SM", "SI")
    if which not in known:
        raise ValueError(f"which: unknown {which!r}; known: {', '.join(known)}")
    flat, unravel = ravel_pytree(params)
    if not 0 < count < flat.size - 1:
        raise ValueError(f"count: {count} is not in [1, {flat.size - 2}], for {flat.size} numbers")

    @jax.jit
    def product(tangent: jax.Array) -> jax.Array:
        return jax.jvp(lambda x: ravel_pytree(follow(unravel(x)))[0], (flat,), (tangent,))[1]

    operator = linalg.LinearOperator(
        (flat.size, flat.size), lambda x: np.asarray(product(x.ravel())), dtype=flat.dtype
    )
    start = np.random.default_rng(seed).normal(size=flat.size).astype(flat.dtype)
    values = linalg.eigs(operator, count, which=which, v0=start, return_eigenvectors=False)
    return values[np.argsort(-values.real, kind="stable")]


def dirac_gan(loss: str = "nonsaturating", penalty: str = "", penalty_weight: float = 0.0) -> GAN:
    """Returns the DiracGAN: data at 0, samples at theta, `D(x) = psi x`.

    Definition 2.1 of Mescheder et al. 2018 (arXiv 1801.04406). The parameters are scalars; the only
    equilibrium is (0, 0).

    Args:
      loss: a name of `losses.PAIRS`.
      penalty: a name of `penalties.PENALTIES`, or empty for none.
      penalty_weight: of the penalty, at least 0.

    Raises:
      ValueError: a name is unknown, or the weight below 0.
    """
    if loss not in losses.PAIRS:
        raise ValueError(f"loss: unknown {loss!r}; known: {', '.join(losses.PAIRS)}")
    penalties.check(penalty or "r1", penalty_weight)
    disc_pair, gen_pair = losses.PAIRS[loss]

    def points(gen: jax.Array, batch: Batch) -> tuple[jax.Array, jax.Array]:
        real = jnp.zeros_like(batch["image"])
        return real, real + gen

    def init(key: jax.Array, batch: Batch) -> tuple[Players, Players]:
        del key, batch
        return Players(jnp.ones(()), jnp.ones(())), Players({}, {})

    def disc_loss(
        disc: jax.Array, gen: jax.Array, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        real, fake = points(gen, batch)
        value = jnp.mean(disc_pair(disc * real, disc * fake))
        if penalty:
            value += penalty_weight * penalties.estimate(
                penalties.PENALTIES[penalty], lambda x: disc * x, real, fake, key
            )
        return value, (variables, {"disc_loss": value})

    def gen_loss(
        gen: jax.Array, disc: jax.Array, variables: Players, batch: Batch, key: jax.Array
    ) -> tuple[jax.Array, tuple[Players, Metrics]]:
        del key
        real, fake = points(gen, batch)
        value = jnp.mean(gen_pair(disc * real, disc * fake))
        return value, (variables, {"gen_loss": value})

    def sample(gen: Any, variables: Players, key: jax.Array, label: jax.Array) -> jax.Array:
        del variables, key
        return jnp.broadcast_to(gen, (label.shape[0], 1))

    return GAN(init, disc_loss, gen_loss, sample, None)


def dirac_field(gan: GAN) -> Field:
    """Returns the field of a `dirac_gan`, on `Players` of scalars (theta, psi)."""
    return field(gan, Players({}, {}), {"image": jnp.zeros((1, 1))}, jax.random.key(0))


def simultaneous(follow: Field, rate: float) -> Field:
    """Returns the update of both players at once, `w + rate v(w)`."""
    return lambda params: add(params, follow(params), rate)


def alternating(follow: Field, rate: float, disc_steps: int = 1) -> Field:
    """Returns k updates of the discriminator, then one of the generator, as Algorithm 1 has them.

    Args:
      follow: the field.
      rate: learning rate of both.
      disc_steps: k, at least 1.

    Raises:
      ValueError: `disc_steps` is below 1.
    """
    if disc_steps < 1:
        raise ValueError(f"disc_steps: {disc_steps} is below 1")

    def update(params: Players) -> Players:
        for _ in range(disc_steps):
            params = params._replace(disc=add(params, follow(params), rate).disc)
        return params._replace(gen=add(params, follow(params), rate).gen)

    return update


def extragradient(follow: Field, rate: float) -> Field:
    """Returns the update `w + rate v(w + rate v(w))`.

    Korpelevich 1976; for GANs Gidel et al. 2018 (arXiv 1802.10551), equations 15 and 16. In
    training it is `optimizers.extragradient`.
    """
    return lambda params: add(params, follow(add(params, follow(params), rate)), rate)


def trajectory(update: Field, params: Players, steps: int) -> Players:
    """Returns the parameters before and after each of `steps` updates, leaves [steps + 1, ...].

    Raises:
      ValueError: `steps` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps: {steps} is below 1")

    def step(params: Players, _: None) -> tuple[Players, Players]:
        return (new := update(params)), new

    _, path = jax.jit(lambda params: jax.lax.scan(step, params, None, length=steps))(params)
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), params, path)


def add(params: Players, direction: Players, rate: float) -> Players:
    """Returns `params + rate direction`, leaf by leaf."""
    return jax.tree.map(lambda a, b: a + rate * b, params, direction)
