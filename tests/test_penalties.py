import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan.penalties import pulling_away, squared_gradient_norm, zero_centred


def test_of_a_linear_critic_is_the_norm_of_its_weights():
    weights = jnp.array([3.0, -4.0])
    norms = squared_gradient_norm(lambda x: x @ weights, jnp.ones((5, 2)))
    np.testing.assert_allclose(norms, np.full(5, 25.0))


def test_of_a_quadratic_critic_by_hand():
    # l = |x|^2 has gradient 2 x
    x = jnp.arange(12.0).reshape(2, 3, 2)
    norms = squared_gradient_norm(lambda x: jnp.sum(x**2, (1, 2)), x)
    np.testing.assert_allclose(norms, 4 * np.sum(np.square(x), (1, 2)))


def test_can_be_differentiated_by_the_critic():
    x = np.linspace(-1, 1, 6).reshape(3, 2)

    def penalty(weights):
        return squared_gradient_norm(lambda x: jnp.tanh(x @ weights), x).sum()

    with jax.enable_x64(True):
        check_grads(penalty, (np.array([0.5, -0.2]),), order=2)


def test_refuses_integers():
    with pytest.raises(ValueError, match=r"inputs: .* uint8"):
        squared_gradient_norm(lambda x: x.sum(1), jnp.zeros((2, 3), jnp.uint8))


def test_pulling_away_by_hand():
    assert pulling_away(jnp.array([[1.0, 0.0], [2.0, 0.0]])) == pytest.approx(1)
    assert pulling_away(jnp.array([[1.0, 0.0], [0.0, 3.0]])) == pytest.approx(0)
    sixty = jnp.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    assert pulling_away(sixty) == pytest.approx(0.25)
    # One pair of three is parallel, the other two are orthogonal.
    assert pulling_away(jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])) == pytest.approx(1 / 3)


def test_pulling_away_does_not_change_with_the_scale_and_has_derivatives():
    code = np.random.default_rng(0).normal(size=(4, 3))
    scales = np.array([[0.1], [1.0], [5.0], [-2.0]])
    np.testing.assert_allclose(pulling_away(scales * code), pulling_away(code), rtol=1e-5)
    with jax.enable_x64(True):
        check_grads(jax.jit(pulling_away), (code,), order=2, rtol=1e-2, atol=1e-2, eps=1e-3)
    assert np.isfinite(jax.grad(pulling_away)(jnp.zeros((3, 2)))).all()


def test_pulling_away_refuses_what_are_no_codes():
    with pytest.raises(ValueError, match=r"code: shape \(1, 3\)"):
        pulling_away(jnp.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"code: shape \(2, 3, 4\)"):
        pulling_away(jnp.zeros((2, 3, 4)))


def test_zero_centred_by_hand():
    """`l = y x^2 / 2` has the gradient `y x`; of all examples, or of the first half of each."""

    def critic(x, y):
        return y * jnp.sum(jnp.square(x), -1) / 2

    real, fake = jnp.array([[1.0, 2.0], [0, 3.0]]), jnp.array([[2.0, 0], [4.0, 1.0]])
    label = jnp.array([1.0, 2.0])
    np.testing.assert_allclose(
        zero_centred(critic, real, fake, label), (5 + 4 * 9 + 4 + 4 * 17) / 4
    )
    np.testing.assert_allclose(zero_centred(critic, real, fake, label, share=0.5), (5 + 4) / 2)
