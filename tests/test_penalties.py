import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan.penalties import squared_gradient_norm


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
