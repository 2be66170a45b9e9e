import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.nn.maxout import Maxout


def test_greatest_of_the_pieces_by_hand():
    params = {"kernel": jnp.array([[1.0, -2.0, 0.5, 3.0]]), "bias": jnp.array([0.0, 1.0, 0.0, -5])}
    x = jnp.array([[2.0], [-1.0]])
    # pieces: (x, 1 - 2x) and (x / 2, 3x - 5)
    out = Maxout(2, 2).apply({"params": {"Dense_0": params}}, x)
    np.testing.assert_allclose(out, [[2.0, 1.0], [-0.5, 3.0]])


def test_parameters():
    params = Maxout(240, 5).init(jax.random.key(0), jnp.zeros((1, 784)))
    assert sum(x.size for x in jax.tree.leaves(params)) == 785 * 1200
