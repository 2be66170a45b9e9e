import functools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan import parallel
from jaxgan.nn import conv as conv_lib
from jaxgan.nn.conv import Conv, ConvTranspose, Window, conv, conv_transpose

PADDINGS = ("SAME", "VALID", ((2, 1), (0, 3)))
PAIRS = [
    (ours(7, size, strides, padding=p), linen(7, size, strides, padding=p))
    for ours, linen in ((Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose))
    for size, strides in (
        ((1, 1), (1, 1)),
        ((4, 4), (2, 2)),
        ((5, 5), (2, 2)),
        ((3, 3), (1, 1)),
        ((2, 5), (3, 1)),
        ((1, 3), (2, 2)),
    )
    for p in PADDINGS
]
RULES = {
    "lax": conv_lib._LAX,
    "product": conv_lib._PRODUCT,
    "small": conv_lib._SMALL,
    "cpu": conv_lib._CPU,
}


@pytest.fixture(autouse=True)
def _rank_promotion():
    with jax.numpy_rank_promotion("allow"):  # Linen's
        yield


@pytest.mark.parametrize(
    ("ours", "linen"), PAIRS, ids=lambda m: f"{type(m).__name__}{m.kernel_size}{m.padding}"
)
def test_equals_linen_in_value_and_gradients(ours, linen):
    x = jax.random.normal(jax.random.key(0), (2, 9, 6, 3))
    params = ours.init(jax.random.key(1), x)
    chex.assert_trees_all_equal_shapes_and_dtypes(params, linen.init(jax.random.key(1), x))
    expected, linen_vjp = jax.vjp(linen.apply, params, x)
    value, ours_vjp = jax.vjp(ours.apply, params, x)
    np.testing.assert_allclose(value, expected, atol=2e-5)
    cotangent = jax.random.normal(jax.random.key(2), value.shape)
    chex.assert_trees_all_close(ours_vjp(cotangent), linen_vjp(cotangent), atol=2e-4)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("chunk_bytes", [1, 2**23])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "window",
    [
        Window((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1))),
        Window((9, 7), (5, 3), (2, 3), ((2, 0), (0, 1))),
        Window((7, 7), (3, 3), (1, 1), ((-1, 1), (2, 2))),
        Window((6, 6), (1, 2), (3, 1), ((0, 0), (0, 0))),
    ],
)
def test_formulations_equal_the_transposes_of_lax(rules, chunk_bytes, window, turned, monkeypatch):
    """Those of other platforms too: each is a formula that any platform can compute."""
    monkeypatch.setattr(conv_lib, "CHUNK_BYTES", chunk_bytes)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(6, *window.size, 3)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(*window.kernel, 3, 5)), jnp.float32)
    y = jnp.asarray(rng.normal(size=(6, *window.out, 5)), jnp.float32)
    lax = functools.partial(
        jax.lax.conv_general_dilated,
        window_strides=window.strides,
        padding=window.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    value, vjp = jax.vjp(lax, x, kernel)
    expected_x, expected_kernel = vjp(y)
    rule = RULES[rules]
    if turned:
        window = window._replace(turned=True)
        kernel, expected_kernel = (k[::-1, ::-1].swapaxes(2, 3) for k in (kernel, expected_kernel))
    np.testing.assert_allclose(rule["y"](x, kernel, window), value, atol=1e-4)
    np.testing.assert_allclose(rule["x"](y, kernel, window), expected_x, atol=1e-4)
    np.testing.assert_allclose(rule["kernel"](x, y, window), expected_kernel, atol=1e-4)


LAYERS = {
    "conv": lambda x, kernel: conv(x, kernel, (2, 2), ((1, 1), (1, 1))),
    "conv_transpose": lambda x, kernel: conv_transpose(x, kernel, (2, 2), "SAME"),
    "stride 1": lambda x, kernel: conv(x, kernel, (1, 1), "SAME"),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    return LAYERS[request.param]


def operands(batch=4, dtype=np.float32):
    rng = np.random.default_rng(0)
    return (
        jnp.asarray(rng.normal(size=(batch, 4, 4, 2)), dtype),
        jnp.asarray(rng.normal(size=(4, 4, 2, 3)), dtype),
    )


def test_derivatives_in_both_modes_to_third_order(layer):
    with jax.enable_x64(True):
        x, kernel = operands(1, np.float64)
        check_grads(lambda x, k: jnp.tanh(layer(x, k)), (x, kernel), order=3)


def test_linearize_equals_jvp(layer):
    x, kernel = operands()
    tangents = 0.5 * x + 1, kernel**2
    _, expected = jax.jvp(layer, (x, kernel), tangents)
    value, linear = jax.linearize(layer, x, kernel)
    np.testing.assert_allclose(value, layer(x, kernel), atol=1e-5)
    np.testing.assert_allclose(linear(*tangents), expected, rtol=1e-5, atol=1e-4)


def test_gradient_penalty_equals_that_of_linen():
    """The gradient of a gradient's norm, through two layers."""
    x = operands()[0]

    def penalty(modules, params, x):
        def critic(x):
            x = nn.leaky_relu(modules[0].apply(params[0], x), 0.2)
            return jnp.sum(jnp.tanh(modules[1].apply(params[1], x)))

        return jnp.sum(jax.grad(critic)(x) ** 2)

    ours = Conv(8, (4, 4), 2), ConvTranspose(3, (4, 4), 2)
    linen = nn.Conv(8, (4, 4), 2), nn.ConvTranspose(3, (4, 4), (2, 2))
    params = (
        ours[0].init(jax.random.key(0), x),
        ours[1].init(jax.random.key(1), x[..., :1].repeat(8, -1)),
    )
    gradients = [jax.grad(functools.partial(penalty, m))(params, x) for m in (ours, linen)]
    chex.assert_trees_all_close(*gradients, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0), (1, 3)])
def test_vmap_equals_a_loop_in_value_and_gradients(layer, in_axes):
    rng = np.random.default_rng(1)
    x, kernel = (
        a if axis is None else jnp.stack([a, 2 * a + 1, a**2], axis)
        for a, axis in zip(operands(), in_axes, strict=True)
    )

    def looped(x, kernel):
        pick = lambda a, axis, i: a if axis is None else jnp.take(a, i, axis)  # noqa: E731
        return jnp.stack(
            [layer(pick(x, in_axes[0], i), pick(kernel, in_axes[1], i)) for i in range(3)]
        )

    value, vjp = jax.vjp(jax.vmap(layer, in_axes), x, kernel)
    expected, expected_vjp = jax.vjp(looped, x, kernel)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-3)
    cotangent = jnp.asarray(rng.normal(size=value.shape), jnp.float32)
    chex.assert_trees_all_close(vjp(cotangent), expected_vjp(cotangent), rtol=1e-4, atol=1e-3)


def test_per_example_gradients_by_nested_vmap(layer):
    """Gradients of each of four kernels for each of three examples at once."""
    x, kernel = operands(3)
    kernels = jnp.stack([kernel, 2 * kernel, -kernel, kernel**2])

    def gradient(x, kernel):
        return jax.grad(lambda k: jnp.sum(jnp.tanh(layer(x[None], k))))(kernel)

    found = jax.vmap(jax.vmap(gradient, (0, None)), (None, 0))(x, kernels)
    expected = jnp.stack([jnp.stack([gradient(a, k) for a in x]) for k in kernels])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_sharded_batch_is_not_gathered_and_gives_the_same_gradients(monkeypatch):
    monkeypatch.setattr(conv_lib, "CHUNK_BYTES", 25000)  # two chunks of 8 examples
    x, kernel = operands(16)

    def loss(kernel, x):
        for name in ("conv_transpose", "conv"):
            x = jnp.tanh(LAYERS[name](x, jnp.resize(kernel, (4, 4, x.shape[-1], 3))))
        return jnp.sum(x)

    gradient = jax.jit(jax.grad(loss))
    expected = gradient(kernel, x)
    mesh = parallel.make_mesh()
    assert mesh.size == 8
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    sharded = jax.device_put(kernel, parallel.replicated(mesh)), jax.device_put(x, split)
    np.testing.assert_allclose(gradient(*sharded), expected, rtol=1e-4, atol=1e-4)
    text = gradient.lower(*sharded).compile().as_text()
    assert "all-reduce" in text and "all-gather" not in text


@pytest.mark.parametrize("layer", [Conv(5, (4, 4), 2), ConvTranspose(5, (4, 4), 2)])
def test_bfloat16_computes_in_it_and_keeps_float32_parameters(layer):
    x = operands()[0]
    half = layer.clone(dtype=jnp.bfloat16)
    params = half.init(jax.random.key(0), x)
    chex.assert_type(jax.tree.leaves(params), jnp.float32)
    loss = lambda params, module: jnp.sum(jnp.tanh(module.apply(params, x)))  # noqa: E731
    chex.assert_type(half.apply(params, x), jnp.bfloat16)
    found, expected = jax.grad(loss)(params, half), jax.grad(loss)(params, layer)
    chex.assert_type(jax.tree.leaves(found), jnp.float32)
    chex.assert_trees_all_close(found, expected, rtol=0.1, atol=0.2)


def test_long_sums_over_chunks_in_bfloat16_keep_their_precision(monkeypatch):
    """The gradient of a kernel is a sum over the batch: bfloat16 would stop adding at 256."""
    monkeypatch.setattr(conv_lib, "CHUNK_BYTES", 1)
    ones = jnp.ones((1024, 1, 1, 1), jnp.bfloat16)
    window = Window((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
    assert conv_lib._product_kernel(ones, ones, window) == 1024


def test_bias_is_optional():
    params = Conv(3, use_bias=False).init(jax.random.key(0), operands()[0])
    assert set(params["params"]) == {"kernel"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, k: conv(x, k[..., :1, :], (1, 1), "SAME"), "x: .* and kernel: .* are not"),
        (lambda x, k: conv(x, k, (1, 1), ((-2, 0), (0, 0))), "smaller than the kernel"),
        (lambda x, k: conv_transpose(x, k, (1, 1), ((-4, 0), (0, 0))), "leaves nothing"),
        (lambda x, k: conv_transpose(x, k, (1, 1), "CIRCULAR"), "padding: 'CIRCULAR' is not"),
        (lambda x, k: conv(x, k, 1, "same"), "padding: 'same' is not"),
        (lambda x, k: conv(x, k, 1, 1), "padding: 1 is not"),
        (lambda x, k: conv(x, k, 0, "SAME"), "strides: 0 is not"),
        (lambda x, k: conv(x, k, (2,), "SAME"), "strides: .2,. is not"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(*operands())


def test_one_number_stands_for_both_axes():
    x, kernel = operands()
    np.testing.assert_array_equal(conv(x, kernel, 2, "SAME"), conv(x, kernel, (2, 2), "SAME"))
    assert Conv(3, 5, 2).init_with_output(jax.random.key(0), x)[0].shape == (4, 2, 2, 3)


@pytest.mark.parametrize("strides", [1, 2])
def test_padding_that_cuts_equals_a_cut(strides):
    """Of many positions: it is there that XLA's convolutions come in on CPU."""
    x = jax.random.normal(jax.random.key(0), (64, 12, 12, 3))
    kernel = jax.random.normal(jax.random.key(1), (4, 4, 3, 5))
    ours, vjp = jax.vjp(lambda x, k: conv(x, k, strides, ((-2, 2), (1, -3))), x, kernel)

    def cut(x, k):
        return conv(x[:, 2:, :-3], k, strides, ((0, 2), (1, 0)))

    expected, expected_vjp = jax.vjp(cut, x, kernel)
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    chex.assert_trees_all_close(vjp(ours), expected_vjp(expected), rtol=1e-4, atol=1e-2)


def test_empty_batch(layer):
    x, kernel = operands()
    value, vjp = jax.vjp(layer, x[:0], kernel)
    assert value.shape == (0, *layer(x, kernel).shape[1:])
    gradients = vjp(value)
    assert gradients[0].shape == (0, *x.shape[1:]) and not jnp.any(gradients[1])
    assert jax.vmap(layer, (0, None))(x[None][:0], kernel).shape[0] == 0


def test_precision_is_that_of_the_call(layer):
    @jax.jit
    def precise(x, kernel):
        with jax.default_matmul_precision("highest"):
            return layer(x, kernel)

    text = jax.export.export(precise, platforms=["tpu"])(*operands()).mlir_module()
    assert "HIGHEST" in text


def test_shard_map_that_tracks_what_varies_is_refused(layer):
    mesh, spec = parallel.make_mesh(), jax.sharding.PartitionSpec("data")
    x, kernel = operands(8)

    def run(**options):
        mapped = jax.shard_map(
            layer,
            mesh=mesh,
            in_specs=(spec, jax.sharding.PartitionSpec()),
            out_specs=spec,
            **options,
        )
        return jax.jit(mapped)(x, kernel)

    np.testing.assert_allclose(run(check_vma=False), layer(x, kernel), atol=1e-4)
    with pytest.raises(NotImplementedError, match="check_vma=False"):
        run()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_other_platforms_get_plain_convolutions(layer, platform):
    x, kernel = operands()
    gradients = jax.jit(jax.grad(lambda x, k: jnp.sum(jnp.tanh(layer(x, k))), (0, 1)))
    text = jax.export.export(gradients, platforms=[platform])(x, kernel).mlir_module()
    assert text.count("stablehlo.convolution") == 3
    assert "dot_general" not in text
