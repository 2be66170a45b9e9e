import subprocess
import sys
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan import losses
from jaxgan.losses import PAIRS

LOGITS = jnp.array([-3.0, -0.5, 0.25, 2.0])
FUNCTIONS = {
    "minimax_disc": lambda x: losses.minimax_disc(x, -0.3 * x),
    "minimax_gen": losses.minimax_gen,
    "nonsaturating_gen": losses.nonsaturating_gen,
    "relativistic_disc": lambda x: losses.relativistic_disc(x, -0.3 * x),
    "relativistic_gen": lambda x: losses.relativistic_gen(x, -0.3 * x),
    "least_squares_disc": lambda x: losses.least_squares_disc(x, -0.3 * x),
    "least_squares_gen": losses.least_squares_gen,
    "wasserstein_disc": lambda x: losses.wasserstein_disc(x, -0.3 * x),
    "wasserstein_gen": losses.wasserstein_gen,
    "hinge_disc": lambda x: losses.hinge_disc(x, -0.3 * x),
}
FUNCTIONS |= {
    f"{name}_{player}": lambda x, f=PAIRS[name][i]: f(x, -0.3 * x)
    for name in PAIRS
    if name.startswith("f_gan")
    for i, player in enumerate(("disc", "gen"))
}
DIVERGENCES = losses.F_DIVERGENCES | {
    f"alpha {a}": losses.alpha_divergence(a) for a in (0.1, 0.3, 0.5, 0.9, 2.0, 3.0)
}


def test_values_where_the_discriminator_is_undecided():
    zero = jnp.zeros(3)
    for value, expected in [
        (losses.minimax_disc(zero, zero), 1.386294),
        (losses.minimax_gen(zero), -0.693147),
        (losses.nonsaturating_gen(zero), 0.693147),
        (losses.relativistic_disc(zero, zero), 0.693147),
        (losses.relativistic_gen(zero, zero), 0.693147),
    ]:
        np.testing.assert_allclose(value, np.full(3, expected), atol=1e-6)


def test_values_by_hand():
    # D(x) = .8 and D(G(z)) = .3
    real, fake = jnp.log(jnp.array([0.8 / 0.2])), jnp.log(jnp.array([0.3 / 0.7]))
    np.testing.assert_allclose(losses.minimax_disc(real, fake), [-np.log(0.8 * 0.7)], rtol=1e-6)
    np.testing.assert_allclose(losses.minimax_gen(fake), [np.log(0.7)], rtol=1e-6)
    np.testing.assert_allclose(losses.nonsaturating_gen(fake), [-np.log(0.3)], rtol=1e-6)
    # sigmoid(log 4 - log 3/7) = (28/3) / (31/3)
    np.testing.assert_allclose(losses.relativistic_disc(real, fake), [np.log(31 / 28)], rtol=1e-6)
    np.testing.assert_allclose(losses.relativistic_gen(real, fake), [np.log(31 / 3)], rtol=1e-6)


def test_derivatives_by_the_logit():
    d = jax.nn.sigmoid(LOGITS)
    gradient = jax.vmap(jax.grad(losses.minimax_gen))(LOGITS)
    np.testing.assert_allclose(gradient, -d, rtol=1e-6)
    gradient = jax.vmap(jax.grad(losses.nonsaturating_gen))(LOGITS)
    np.testing.assert_allclose(gradient, d - 1, rtol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_agree_with_finite_differences(name):
    with jax.enable_x64(True):
        check_grads(FUNCTIONS[name], (np.asarray(LOGITS, np.float64),), order=2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_value_per_example_of_any_shape(name):
    patches = jnp.linspace(-2, 2, 24).reshape(2, 3, 4, 1)
    values = FUNCTIONS[name](patches)
    chex.assert_equal_shape([values, patches])
    chex.assert_trees_all_close(values.ravel(), FUNCTIONS[name](patches.ravel()))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_finite_at_extreme_logits(name, sign):
    logit = sign * (80 if name.startswith("f_gan") else 100)  # some grow as the exponential
    value, gradient = jax.value_and_grad(FUNCTIONS[name])(jnp.float32(logit))
    chex.assert_tree_all_finite((value, gradient))
    assert abs(value) <= 140 or name.startswith(("f_gan", "least_squares"))


def _sigmoid(v):
    return np.exp(-np.logaddexp(0, -v))


# Name -> derivatives of (activation, fake) by the score in float64, without cancellation.
SLOPES = {
    "kl": (np.ones_like, lambda v: np.exp(v - 1)),
    "reverse_kl": (lambda v: np.exp(-v), np.ones_like),
    "pearson": (np.ones_like, lambda v: v / 2 + 1),
    "squared_hellinger": (lambda v: np.exp(-v), np.exp),
    "jensen_shannon": (lambda v: _sigmoid(-v), _sigmoid),
    "gan": (lambda v: _sigmoid(-v), _sigmoid),
    "total_variation": (lambda v: np.cosh(v) ** -2.0 / 2, lambda v: np.cosh(v) ** -2.0 / 2),
}
SLOPES |= {
    f"alpha {a}": (lambda v, a=a: np.exp((a - 1) * v), lambda v, a=a: np.exp(a * v))
    for a in (0.01, 0.1, 0.3, 0.5, 0.9, 0.99, 0.9999)
}
SLOPES |= {
    f"alpha {a}": (np.ones_like, lambda v, a=a: np.maximum(1 + (a - 1) * v, 0) ** (1 / (a - 1)))
    for a in (1.0001, 1.01, 2.0, 3.0)
}


@pytest.mark.parametrize("name", SLOPES)
def test_divergences_have_right_values_and_gradients_up_to_80(name):
    f = losses.F_DIVERGENCES.get(name) or losses.alpha_divergence(float(name.split()[-1]))
    v = np.linspace(-80, 80, 321)
    for function, slope in zip((f.activation, f.fake), SLOPES[name], strict=True):
        value, gradient = jax.jit(jax.vmap(jax.value_and_grad(function)))(jnp.float32(v))
        np.testing.assert_allclose(gradient, slope(v), rtol=3e-5, atol=1e-37)
        middle = np.linspace(-20, 20, 40_001)
        with jax.enable_x64(True):
            exact, ends = (np.asarray(function(jnp.float64(x))) for x in (v, middle[[0, -1]]))
        np.testing.assert_allclose(value, exact, rtol=3e-5, atol=1e-6)
        integral = np.trapezoid(slope(middle), middle)
        np.testing.assert_allclose(integral, ends[1] - ends[0], rtol=1e-6)


@pytest.mark.parametrize("alpha", [1e-4, 0.3, 0.5, 0.9999, 1.0001, 3.0])
def test_alpha_divergences_of_laws_without_cancellation(alpha):
    u = np.geomspace(1e-3, 1e3, 61)
    with jax.enable_x64(True):
        exact = losses.alpha_divergence(alpha).function(jnp.float64(u))
    found = losses.alpha_divergence(alpha).function(jnp.float32(u))
    np.testing.assert_allclose(found, exact, rtol=1e-3, atol=1e-6)
    plain = (u**alpha - 1 - alpha * (u - 1)) / (alpha * (alpha - 1))
    np.testing.assert_allclose(exact, plain, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", [*PAIRS, "ebgan"])
def test_integer_logits_are_taken_as_floats(name):
    pair = PAIRS.get(name) or (
        partial(losses.ebgan_disc, margin=10.0),
        lambda real, fake: losses.ebgan_gen(fake),
    )
    real, fake = np.array([3, 0, 7]), np.array([1, 5, 2])
    for loss in pair:
        expected = loss(jnp.float32(real), jnp.float32(fake))
        for kind in (np.uint8, np.int32, np.int64):
            found = loss(real.astype(kind), fake.astype(kind))
            assert jnp.issubdtype(found.dtype, jnp.floating)
            np.testing.assert_array_equal(found, expected)
    assert losses.wasserstein_disc(np.uint8(3), np.uint8(1)) == -2
    with pytest.raises(ValueError, match="fake: logits are real numbers, got complex64"):
        losses.minimax_gen(jnp.zeros(3, jnp.complex64))


def test_relativistic_losses_see_only_differences():
    fake = jnp.array([0.3, -2.0, 1.0, 0.0])
    for loss in (losses.relativistic_disc, losses.relativistic_gen):
        chex.assert_trees_all_close(loss(LOGITS + 5, fake + 5), loss(LOGITS, fake), rtol=1e-5)


def test_pairs_have_the_signature_of_real_and_fake():
    fake = jnp.array([0.3, -2.0, 1.0, 0.0])
    for disc, gen in losses.PAIRS.values():
        chex.assert_shape([disc(LOGITS, fake), gen(LOGITS, fake)], (4,))


def test_losses_of_scores_by_hand():
    real, fake = jnp.array([2.0, 0.5]), jnp.array([-3.0, 0.25])
    for value, expected in [
        (losses.least_squares_disc(real, fake), [(1 + 9) / 2, (0.25 + 0.0625) / 2]),
        (losses.least_squares_disc(real, fake, a=-1, b=3), [(1 + 4) / 2, (6.25 + 1.5625) / 2]),
        (losses.least_squares_gen(fake), [16 / 2, 0.5625 / 2]),
        (losses.least_squares_gen(fake, c=0), [9 / 2, 0.0625 / 2]),
        (losses.wasserstein_disc(real, fake), [-5, -0.25]),
        (losses.wasserstein_gen(fake), [3, -0.25]),
        (losses.hinge_disc(real, fake), [0, 0.5 + 1.25]),
    ]:
        np.testing.assert_allclose(value, expected)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_conjugates(name):
    """`f*(t)` is the supremum of `u t - f(u)`, and `fake` is it after the activation."""
    with jax.enable_x64(True):
        f = DIVERGENCES[name]
        v = jnp.linspace(-2, 1.5, 15)
        t = f.activation(v)
        assert jnp.all(jnp.diff(t) > 0)
        np.testing.assert_allclose(f.fake(v), f.conjugate(t), rtol=1e-9, atol=1e-12)
        u = jnp.concatenate([jnp.linspace(1e-9, 1, 40_001), jnp.geomspace(1, 1e4, 60_001)])
        supremum = jnp.max(u[None] * t[:, None] - f.function(u)[None], 1)
        np.testing.assert_allclose(f.conjugate(t), supremum, rtol=1e-4, atol=1e-4)


def test_divergences_of_two_laws_by_hand():
    p, q = jnp.array([0.5, 0.5]), jnp.array([0.9, 0.1])
    expected = {
        "kl": 0.5 * np.log(5 / 9) + 0.5 * np.log(5),
        "reverse_kl": 0.9 * np.log(9 / 5) + 0.1 * np.log(1 / 5),
        "pearson": 0.16 / 0.9 + 0.16 / 0.1,
        "squared_hellinger": (0.5**0.5 - 0.9**0.5) ** 2 + (0.5**0.5 - 0.1**0.5) ** 2,
        "jensen_shannon": 2 * 0.101749,
        "gan": 2 * 0.101749 - np.log(4),
        "total_variation": 0.4,
        "alpha 2.0": (0.16 / 0.9 + 0.16 / 0.1) / 2,  # half of Pearson's
        "alpha 0.5": 2 * ((0.5**0.5 - 0.9**0.5) ** 2 + (0.5**0.5 - 0.1**0.5) ** 2),
    }
    for name, value in expected.items():
        f = DIVERGENCES[name].function
        np.testing.assert_allclose(jnp.sum(q * f(p / q)), value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", sorted(set(DIVERGENCES) - {"total_variation"}))
def test_the_best_score_attains_the_divergence(name):
    """Gradient descent of the discriminator's loss ends at `-D_f`, where `T = f'(p / q)`."""
    f = DIVERGENCES[name]
    with jax.enable_x64(True):
        p, q = jnp.array([0.5, 0.3, 0.2]), jnp.array([0.4, 0.25, 0.35])

        def loss(v):
            return jnp.sum(-p * f.activation(v) + q * f.fake(v))

        @jax.jit
        def newton(v):
            return v - 0.5 * jnp.linalg.solve(jax.hessian(loss)(v), jax.grad(loss)(v))

        v = jnp.zeros(3)
        for _ in range(60):
            v = newton(v)
        np.testing.assert_allclose(-loss(v), jnp.sum(q * f.function(p / q)), rtol=1e-8)
        np.testing.assert_allclose(f.activation(v), jax.vmap(jax.grad(f.function))(p / q))
        each = losses.f_gan_disc(v, v, divergence=f)
        np.testing.assert_allclose(each, f.fake(v) - f.activation(v))


def test_f_gan_has_the_minimax_game_in_it():
    fake = jnp.array([0.3, -2.0, 1.0, 0.0])
    for mine, theirs in zip(PAIRS["f_gan_gan"], PAIRS["minimax"], strict=True):
        np.testing.assert_allclose(mine(LOGITS, fake), theirs(LOGITS, fake), rtol=1e-6)


@pytest.mark.parametrize("alpha", [0, 1, -2])
def test_alpha_out_of_range(alpha):
    with pytest.raises(ValueError, match=f"^alpha: {alpha} is not above 0"):
        losses.alpha_divergence(alpha)


def test_energy_based_losses_by_hand():
    real, fake = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.5, 10.0, 12.0])
    np.testing.assert_allclose(losses.ebgan_disc(real, fake, margin=10.0), [10.5, 2.0, 3.0])
    np.testing.assert_allclose(losses.ebgan_gen(fake), fake)
    gradient = jax.grad(lambda f: jnp.sum(losses.ebgan_disc(real, f, margin=10.0)))(fake)
    np.testing.assert_allclose(gradient, [-1.0, 0.0, 0.0])  # per example, not of the mean


@pytest.mark.parametrize("name", [*PAIRS, "ebgan"])
def test_pairs_of_other_shapes(name):
    disc = PAIRS[name][0] if name in PAIRS else partial(losses.ebgan_disc, margin=1.0)
    for fake in (jnp.zeros(3), jnp.zeros((4, 1)), jnp.zeros((1, 4))):
        with pytest.raises(ValueError, match=r"^fake: shape \(.*\) is not that of real, \(4,\)"):
            disc(LOGITS, fake)
    chex.assert_shape(disc(LOGITS, 0.5), (4,))  # a number goes with any


@pytest.mark.parametrize("margin", [0, -1.0, float("nan")])
def test_margins_out_of_range(margin):
    with pytest.raises(ValueError, match=f"^margin: {margin} is not above 0"):
        losses.ebgan_disc(LOGITS, LOGITS, margin=margin)


def test_import_is_light():
    code = (
        "import sys, jaxgan.losses, jaxgan.penalties; "
        "print([m for m in ('flax', 'orbax', 'tensorflow_datasets', 'optax') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
