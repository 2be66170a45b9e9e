import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config, parallel, rows, workdir
from jaxgan.errors import UserError
from jaxgan.nn.norm import batch_norm

X = 3 * jax.random.normal(jax.random.key(0), (16, 2, 2, 5)) + 1


def test_batch_statistics_by_hand():
    norm = batch_norm(batch_statistics=True)
    variables = norm.init(jax.random.key(1), X)
    y, after = norm.apply(variables, X, mutable=["batch_stats"])
    x = np.asarray(X, np.float64)
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(var + 1e-5) * np.asarray(variables["params"]["scale"])
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(after["batch_stats"]["mean"], 0.1 * mean, rtol=1e-4)
    np.testing.assert_allclose(after["batch_stats"]["var"], 0.9 + 0.1 * var, rtol=1e-4)


def test_means_of_fifty_standard_deviations_do_not_cancel():
    norm = batch_norm(batch_statistics=True)
    x = 0.1 * X + 0.1 * 3 * 50
    y, _ = norm.init_with_output(jax.random.key(1), x)
    scale = norm.init(jax.random.key(1), x)["params"]["scale"]
    np.testing.assert_allclose(jnp.std(y, (0, 1, 2)), scale, rtol=0.01)


def test_running_statistics_by_hand():
    variables = {
        "params": {"scale": jnp.full(5, 2.0), "bias": jnp.full(5, 0.5)},
        "batch_stats": {"mean": jnp.full(5, 1.0), "var": jnp.full(5, 4.0)},
    }
    y = batch_norm(batch_statistics=False).apply(variables, X)
    np.testing.assert_allclose(y, (X - 1) / np.sqrt(4 + 1e-5) * 2 + 0.5, atol=1e-5)


def test_statistics_are_those_of_the_whole_sharded_batch():
    norm = batch_norm(batch_statistics=True)
    variables = norm.init(jax.random.key(1), X)
    apply = jax.jit(lambda x: norm.apply(variables, x, mutable=["batch_stats"]))
    mesh = parallel.make_mesh()
    assert mesh.size == 8
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    shifted = X + jnp.arange(16.0).reshape(16, 1, 1, 1)  # every device has another mean
    one, many = apply(shifted), apply(jax.device_put(shifted, split))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), one, many)


def test_bfloat16_results_have_float32_statistics():
    norm = batch_norm(batch_statistics=True, dtype=jnp.bfloat16)
    variables = norm.init(jax.random.key(1), X.astype(jnp.bfloat16))
    y, after = norm.apply(variables, X.astype(jnp.bfloat16), mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert all(x.dtype == jnp.float32 for x in jax.tree.leaves((variables, after)))


def test_statistics_of_a_single_value_are_refused():
    """Alone, in one part of many, and on devices of which each has one: these share statistics."""
    norm, one = batch_norm(batch_statistics=True), jnp.ones((1, 5))
    variables = norm.init(jax.random.key(0), one)
    for x in (one, jnp.ones((1, 1, 1, 5))):
        with pytest.raises(UserError, match="a single value for each channel and would give"):
            norm.apply(variables, x, mutable=["batch_stats"])
    norm.apply(variables, jnp.ones((1, 1, 2, 5)), mutable=["batch_stats"])
    batch_norm(batch_statistics=False).apply(variables, one)

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x):
            return batch_norm(batch_statistics=True)(x)

    assert list(Layer().init(jax.random.key(0), X)["params"]) == ["BatchNorm_0"]

    def shared(x):
        with rows.at_hand(axis="data", shares=2):
            return batch_norm(batch_statistics=True).apply(variables, x, mutable=["batch_stats"])[0]

    y = jax.vmap(shared, axis_name="data")(jnp.array([[[1.0] * 5], [[3.0] * 5]]))
    np.testing.assert_allclose(y[1], -y[0], rtol=1e-4)
    assert jnp.all(y[1] > 0.9)


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("dcgan_mnist", ["batch_size=1"], "--config.batch_size: 1 is one example at a time, and b"),
        (
            "cdcgan_mnist",
            ["batch_size=4", "parallel.accumulate=4"],
            "4 in 4 parts .*give 8",
        ),
        ("gan_ring", ["batch_size=1"], "batch normalisation has a single value"),
        ("ebgan_mnist", ["batch_size=1"], "batch normalisation has a single value"),
        ("cgan_mnist", ["batch_size=1"], None),
        ("cdcgan_mnist", ["batch_size=8", "parallel.accumulate=4"], None),
        ("pix2pix_facades", ["batch_size=1"], None),
    ],
)
def test_training_on_single_examples(name, flags, message):
    settings = config.load(f"configs/{name}.py", [f"--config.{flag}" for flag in flags])
    shape = {"gan_ring": (1, 1, 2), "pix2pix_facades": (64, 64, 3)}.get(name, (28, 28, 1))
    labelled = name in ("cgan_mnist", "cdcgan_mnist")
    about = {"image_shape": shape, "num_classes": 10 if labelled else 0}
    if name == "pix2pix_facades":
        about["input_shape"] = shape
    model = workdir.make_model(settings, **about)
    if message is None:
        workdir.check_single_examples(settings, model, about)
        return
    with pytest.raises(UserError, match=message):
        workdir.check_single_examples(settings, model, about)
