import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import base


def test_interleave_and_back():
    real, fake = jnp.arange(6.0).reshape(3, 2), -jnp.arange(6.0).reshape(3, 2)
    both = base.interleave(real, fake)
    np.testing.assert_array_equal(both[:3], [[0, 1], [0, -1], [2, 3]])
    for a, b in zip(base.separate(both), (real, fake), strict=True):
        np.testing.assert_array_equal(a, b)


def test_traced_numbers_are_neither_below_a_bound_nor_zero():
    assert base.below(-1, 0) and not base.below(0, 0)
    assert base.is_set(0.1) and not base.is_set(0.0)

    @jax.jit
    def inside(x):
        assert not base.below(x, 0) and base.is_set(x)
        return x

    inside(-1.0)
