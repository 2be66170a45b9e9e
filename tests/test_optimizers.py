import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import optimizers
from jaxgan.base import Players
from jaxgan.errors import UserError
from jaxgan.state import init_state
from jaxgan.step import make_train_step
from jaxgan.theory import dynamics


def test_momentum_ramp_by_hand():
    options = {"decay": 1.1, "min_learning_rate": 0.06, "ramp_epochs": 5, "steps_per_epoch": 2}
    optimizer = optimizers.momentum_ramp(0.1, **options)
    params = jnp.float32(0.0)
    state = optimizer.init(params)
    velocity, expected = 0.0, 0.0
    for t in range(14):
        gradient = 1.0 + 0.1 * t
        updates, state = optimizer.update(jnp.float32(gradient), state, params)
        params = optax.apply_updates(params, updates)
        momentum = 0.5 + 0.2 * min(t // 2, 4) / 4
        velocity = momentum * velocity - max(0.1 / 1.1**t, 0.06) * gradient
        expected += velocity
        np.testing.assert_allclose(params, expected, rtol=1e-5)


def test_every_name_makes_an_optimizer_that_descends():
    for name in optimizers.OPTIMIZERS:
        optimizer = optimizers.make({"name": name, "learning_rate": 0.01}, updates=1)
        params = jnp.float32(1.0)
        updates, _ = optimizer.update(jnp.float32(2.0), optimizer.init(params), params)
        assert float(updates) < 0, name


def test_learning_rate_falls_to_zero_from_the_given_share_of_the_run():
    options = {"name": "sgd", "learning_rate": 1.0, "decay_from": 0.5}
    optimizer = optimizers.make(options, updates=8)
    state, rates = optimizer.init(jnp.float32(0)), []
    for _ in range(9):
        updates, state = optimizer.update(jnp.float32(-1), state)
        rates.append(float(updates))
    np.testing.assert_allclose(rates, [1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0])


def test_momentum_ramp_may_fall_to_zero_as_well():
    options = {"name": "momentum_ramp", "learning_rate": 1.0, "decay": 2.0, "momentum": 0.0}
    options |= {"final_momentum": 0.0, "decay_from": 0.5, "min_learning_rate": 0.01}
    optimizer = optimizers.make(options, updates=4)
    state, rates = optimizer.init(jnp.float32(0)), []
    for _ in range(5):
        updates, state = optimizer.update(jnp.float32(-1), state)
        rates.append(float(updates))
    np.testing.assert_allclose(rates, [1, 1 / 2, 1 / 4, 0.5 / 8, 0.01], rtol=1e-6)


def test_optimistic_steps_converge_where_plain_ones_leave():
    """`min_x max_y x y`, both players at once: Daskalakis et al. 2017 (arXiv 1711.00141)."""
    ends = {}
    for name in ("sgd", "optimistic_sgd"):
        optimizer = optimizers.make({"name": name, "learning_rate": 0.1}, updates=1)
        players = jnp.array([1.0, 1.0])
        state = optimizer.init(players)
        for _ in range(600):
            grads = jnp.array([1.0, -1.0]) * players[::-1]
            updates, state = optimizer.update(grads, state, players)
            players = optax.apply_updates(players, updates)
        ends[name] = float(jnp.linalg.norm(players))
    assert ends["sgd"] > 10 and ends["optimistic_sgd"] < 0.1


def updated(optimizer, params, gradients):
    """The parameters after each update by `gradients(params)`."""
    state, path = optimizer.init(params), []
    for _ in range(4):
        updates, state = optimizer.update(gradients(params), state, params)
        params = optax.apply_updates(params, updates)
        path.append(params)
    return np.array(path)


def test_extragradient_by_hand():
    """`min_x max_y x y` from (2, 1), rate .1: ahead, the step, ahead, the step."""
    optimizer = optimizers.extragradient_sgd(0.1)
    path = updated(optimizer, jnp.array([2.0, 1.0]), lambda p: jnp.array([1, -1]) * p[::-1])
    expected = [[1.9, 1.2], [1.88, 1.19], [1.761, 1.378], [1.7422, 1.3661]]
    np.testing.assert_allclose(path, expected, rtol=1e-6)


def test_extragradient_adam_is_the_papers_algorithm():
    """Algorithm 4 of Gidel et al. 2018 for the gradient w, moments of both gradients."""
    found = updated(optimizers.extragradient_adam(0.1, 0.5, 0.9), jnp.array([1.0]), lambda p: p)
    w, m, v, expected = 1.0, 0.0, 0.0, []
    for t in (1, 2):
        place = w
        for count in (2 * t - 1, 2 * t):  # ahead, then the step
            m, v = 0.5 * m + 0.5 * place, 0.9 * v + 0.1 * place**2
            length = np.sqrt(v / (1 - 0.9**count)) + 1e-8
            place = w - 0.1 * m / (1 - 0.5**count) / length
            expected.append(place)
        w = place
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["extragradient_sgd", "optimistic_sgd"])
def test_training_with_look_ahead_converges_where_plain_steps_do_not(name):
    """The DiracGAN of Wasserstein's loss, by the training step: k = 1, the players in turns.

    The eigenvalues of two extragradient updates have modulus `sqrt(1 - h^2)`,
    those of plain ones 1.
    """
    gan = dynamics.dirac_gan("wasserstein")
    batch, ends = {"image": jnp.zeros((1, 1, 1))}, {}
    for rule in (name, "sgd"):
        optimizer = optimizers.make({"name": rule, "learning_rate": 0.1}, updates=1)
        players = Players(optimizer, optimizer)
        state = init_state(gan, players, jax.random.key(0), batch)
        step = make_train_step(gan, players)
        run = jax.lax.fori_loop(0, 800, lambda _, s, step=step: step(s, batch)[0], state)
        ends[rule] = np.hypot(*run.params)
        if rule == "extragradient_sgd":
            np.testing.assert_allclose(ends[rule], 2**0.5 * 0.99**200, rtol=0.1)
    assert ends[name] < 0.3 < 0.6 < ends["sgd"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adma"}, r"^where\.name: unknown 'adma'; known: .*adam"),
        ({"name": "adam"}, r"^where\.learning_rate: missing"),
        ({"name": "adam", "learning_rate": 0.1, "beta": 1}, r"^where\.beta: adam has no such"),
        ({"name": "momentum_ramp", "learning_rate": 0.1, "decay": 0.9}, r"^where\.decay: 0\.9"),
        ({"name": "sgd", "learning_rate": 0.1, "decay_from": 1.5}, r"^where\.decay_from: 1\.5"),
        (
            {"name": "adam", "learning_rate": "fast"},
            r"^where\.learning_rate: 'fast' is not",
        ),
        ({"name": "adam", "learning_rate": True}, r"^where\.learning_rate: True is not a number"),
        (
            {"name": "sgd", "learning_rate": 1.0, "nesterov": 1},
            r"^where\.nesterov: 1 is not true",
        ),
    ],
)
def test_errors(options, message):
    with pytest.raises(UserError, match=message):
        optimizers.make(options, updates=10, where="where")


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_every_number_has_a_range(name):
    """What is out of it is refused by its name, and what the defaults are is in it."""
    options = {"learning_rate": 0.1, **optimizers.defaults(name)}
    optimizers.make({"name": name, **options}, updates=10)
    inside = {"b1": (0.0,), "b2": (0.0,), "eps": (0.0,), "momentum": (-0.5, 0.99)}
    outside = {"b1": (1.0, 1.5), "b2": (1.0,), "momentum": (1.0, -1.0), "steps_per_epoch": (0,)}
    for key, default in options.items():
        if isinstance(default, bool):
            continue
        for value in (*outside.get(key, ()), -1.5, float("nan"), float("inf")):
            with pytest.raises(UserError, match=rf"^where\.{key}: {value} is not "):
                optimizers.make({"name": name, **options, key: value}, updates=10, where="where")
        for value in inside.get(key, ()):
            optimizers.make({"name": name, **options, key: value}, updates=10)


def test_optimistic_adam_is_the_papers_algorithm():
    """Algorithm 1 of Daskalakis et al. 2017, `min_x max_y x y` from (2, 1).

    `w <- w - 2 eta r_t + eta r_{t-1}`, where r is Adam's direction; the first step is plain Adam's.
    """
    options = {"name": "optimistic_adam", "learning_rate": 0.1, "b1": 0.5, "b2": 0.9}
    optimizer = optimizers.make(options, updates=1)
    found = updated(optimizer, jnp.array([2.0, 1.0]), lambda p: jnp.array([1, -1]) * p[::-1])
    w, m, v, before, expected = np.array([2.0, 1.0]), 0.0, 0.0, None, []
    for t in (1, 2, 3, 4):
        gradient = np.array([w[1], -w[0]])
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        direction = m / (1 - 0.5**t) / (np.sqrt(v / (1 - 0.9**t)) + 1e-8)
        w = w - 0.2 * direction + 0.1 * (direction if before is None else before)
        before = direction
        expected.append(w)
    np.testing.assert_allclose(found[0], [1.9, 1.1], rtol=1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("disc_steps", [1, 2, 3])
def test_extragradient_with_several_discriminator_updates(disc_steps):
    """The DiracGAN of Wasserstein's loss, rate .1: each player counts its own updates.

    The gradients are psi for the critic's loss `psi theta` and -psi for the generator's.
    """
    gan, optimizer = dynamics.dirac_gan("wasserstein"), optimizers.extragradient_sgd(0.1)
    players, batch = Players(optimizer, optimizer), {"image": jnp.zeros((disc_steps, 1, 1))}
    state = init_state(gan, players, jax.random.key(0), batch)
    step = jax.jit(make_train_step(gan, players, disc_steps=disc_steps))
    place, origin, ahead = [1.0, 1.0], [1.0, 1.0], [False, False]  # theta, psi

    def update(player, gradient):
        place[player] = origin[player] - 0.1 * gradient
        if ahead[player]:
            origin[player] = place[player]
        ahead[player] = not ahead[player]

    for _ in range(4):
        for _ in range(disc_steps):
            update(1, place[0])
        update(0, -place[1])
        state, _ = step(state, {"image": jnp.zeros((disc_steps, 1, 1, 1))})
        np.testing.assert_allclose(jax.tree.leaves(state.params), place, rtol=1e-6)
    assert ahead == [False, False]
