import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
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
