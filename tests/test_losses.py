import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan import losses

LOGITS = jnp.array([-3.0, -0.5, 0.25, 2.0])
FUNCTIONS = {
    "minimax_disc": lambda x: losses.minimax_disc(x, -0.3 * x),
    "minimax_gen": losses.minimax_gen,
    "nonsaturating_gen": losses.nonsaturating_gen,
    "relativistic_disc": lambda x: losses.relativistic_disc(x, -0.3 * x),
    "relativistic_gen": lambda x: losses.relativistic_gen(x, -0.3 * x),
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


@pytest.mark.parametrize("logit", [-100.0, 100.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_finite_at_extreme_logits(name, logit):
    value, gradient = jax.value_and_grad(FUNCTIONS[name])(jnp.float32(logit))
    chex.assert_tree_all_finite((value, gradient))
    assert abs(value) <= 140


def test_relativistic_losses_see_only_differences():
    fake = jnp.array([0.3, -2.0, 1.0, 0.0])
    for loss in (losses.relativistic_disc, losses.relativistic_gen):
        chex.assert_trees_all_close(loss(LOGITS + 5, fake + 5), loss(LOGITS, fake), rtol=1e-5)


def test_pairs_have_the_signature_of_real_and_fake():
    fake = jnp.array([0.3, -2.0, 1.0, 0.0])
    for disc, gen in losses.PAIRS.values():
        chex.assert_shape([disc(LOGITS, fake), gen(LOGITS, fake)], (4,))


def test_energy_based_losses_by_hand():
    real, fake = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.5, 10.0, 12.0])
    np.testing.assert_allclose(losses.ebgan_disc(real, fake, margin=10.0), [10.5, 2.0, 3.0])
    np.testing.assert_allclose(losses.ebgan_gen(fake), fake)
    gradient = jax.grad(lambda f: jnp.sum(losses.ebgan_disc(real, f, margin=10.0)))(fake)
    np.testing.assert_allclose(gradient, [-1.0, 0.0, 0.0])  # per example, not of the mean


def test_import_is_light():
    code = (
        "import sys, jaxgan.losses, jaxgan.penalties; "
        "print([m for m in ('flax', 'orbax', 'tensorflow_datasets', 'optax') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
