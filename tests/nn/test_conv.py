import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan.nn.conv import Conv, ConvTranspose, conv, conv_transpose

PAIRS = [
    (Conv(7, (k, k), s), nn.Conv(7, (k, k), strides=s)) for k in (1, 2, 3, 4, 5) for s in (1, 2, 3)
] + [
    (ConvTranspose(7, (k, k), s), nn.ConvTranspose(7, (k, k), strides=(s, s)))
    for k in (2, 3, 4, 5)
    for s in (1, 2, 3)
    if k >= s
]


@pytest.mark.parametrize(("ours", "linen"), PAIRS, ids=lambda m: f"{m.kernel_size}")
def test_equals_linen_in_value_and_gradients(ours, linen):
    x = jax.random.normal(jax.random.key(0), (2, 9, 6, 3))
    params = ours.init(jax.random.key(1), x)
    chex.assert_trees_all_equal_shapes_and_dtypes(params, linen.init(jax.random.key(1), x))
    with jax.numpy_rank_promotion("allow"):
        expected, linen_vjp = jax.vjp(linen.apply, params, x)
    value, ours_vjp = jax.vjp(ours.apply, params, x)
    np.testing.assert_allclose(value, expected, atol=2e-5)
    cotangent = jax.random.normal(jax.random.key(2), value.shape)
    chex.assert_trees_all_close(ours_vjp(cotangent), linen_vjp(cotangent), atol=2e-4)


def test_explicit_padding_equals_lax():
    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 3))
    kernel = jax.random.normal(jax.random.key(1), (4, 5, 3, 6))
    padding = ((2, 1), (0, 3))
    expected = jax.lax.conv_general_dilated(
        x, kernel, (2, 2), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(conv(x, kernel, 2, padding), expected, atol=2e-5)


@pytest.mark.parametrize(
    "layer",
    [
        lambda x, kernel: conv(x, kernel, 2, ((1, 1), (1, 1))),
        lambda x, kernel: conv_transpose(x, kernel, 2, ((1, 1), (1, 1))),
    ],
)
def test_twice_differentiable(layer):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, kernel = rng.normal(size=(1, 4, 4, 2)), rng.normal(size=(4, 4, 2, 2))
        check_grads(lambda x, k: jnp.tanh(layer(x, k)), (x, kernel), order=2)
