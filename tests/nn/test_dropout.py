import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import rows
from jaxgan.nn.dropout import Dropout


def test_masks_are_linens_and_those_of_the_global_batch():
    x, key = jnp.arange(1.0, 33.0).reshape(8, 4), {"dropout": jax.random.key(1)}
    whole = Dropout(0.5, deterministic=False).apply({}, x, rngs=key)
    np.testing.assert_array_equal(
        whole, nn.Dropout(0.5, deterministic=False).apply({}, x, rngs=key)
    )
    assert set(np.unique(whole / x)) == {0.0, 2.0}
    with rows.at_hand(part=1, parts=2):
        half = Dropout(0.5, deterministic=False).apply({}, x[4:], rngs=key)
    np.testing.assert_array_equal(half, whole[4:])


def test_does_nothing_at_rest():
    x = jnp.ones((2, 3))
    assert Dropout(0.5, deterministic=True).apply({}, x) is x
    assert Dropout(0.0, deterministic=False).apply({}, x) is x
