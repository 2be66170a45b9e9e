import functools

import jax
import numpy as np
import peer_inputs
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan import parallel
from jaxgan.metrics.frechet import frechet_distance, merge, moments


def with_moments(mean, cov, n=50):
    """Returns n examples whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(0).normal(size=(n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(np.asarray(cov, float)).T + mean


def distance(a, b):
    return frechet_distance(moments(a), moments(b))


def test_same_covariance_leaves_the_distance_of_the_means():
    cov = [[2.0, 0.5], [0.5, 1.0]]
    a, b = with_moments([0, 0], cov), with_moments([3, 4], cov)
    np.testing.assert_allclose(distance(a, b), 25.0, rtol=1e-9)


def test_commuting_covariances_by_hand():
    # (2 - 1)^2 + (3 - 5)^2
    a, b = with_moments([1, 1], np.diag([4.0, 9.0])), with_moments([1, 1], np.diag([1.0, 25.0]))
    np.testing.assert_allclose(distance(a, b), 5.0, rtol=1e-9)


def test_general_covariances_against_the_matrix_root():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(70, 5))
    product = np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)
    root = np.sqrt(np.linalg.eigvals(product).astype(complex)).real.sum()
    expected = (
        np.sum((a.mean(0) - b.mean(0)) ** 2)
        + np.trace(np.cov(a, rowvar=False))
        + np.trace(np.cov(b, rowvar=False))
        - 2 * root
    )
    np.testing.assert_allclose(distance(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(distance(b, a), expected, rtol=1e-9)


def test_of_a_set_with_itself_is_zero():
    a = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    np.testing.assert_allclose(distance(a, a), 0, atol=1e-9)


@pytest.mark.parametrize("case", ["correlated", "relu"])
def test_peers_find_the_same(case):
    recorded = peer_inputs.recorded()
    found = distance(*peer_inputs.features(case))
    for peer in ("pytorch_fid", "torch_fidelity"):
        np.testing.assert_allclose(found, recorded[f"frechet/{case}/{peer}"], rtol=1e-6)


def test_moments_by_hand():
    count, mean, scatter = moments(np.array([[1.0, 0.0], [3.0, 4.0]], np.float32))
    assert float(count) == 2
    np.testing.assert_array_equal(mean, [2, 2])
    np.testing.assert_array_equal(scatter, [[2, 4], [4, 8]])


def test_merged_unequal_batches_far_from_zero_have_the_moments_of_the_whole():
    x = 1e4 + np.random.default_rng(0).normal(size=(1000, 5)) @ np.triu(np.ones((5, 5)))
    batches = np.split(x, [1, 8, 300])
    merged = functools.reduce(merge, map(moments, batches))
    assert float(merged.count) == 1000 and merged.scatter.dtype == np.float64
    np.testing.assert_allclose(merged.mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(merged.covariance(), np.cov(x, rowvar=False), rtol=1e-12)


def test_merging_takes_any_order():
    a, b, c = np.split(np.random.default_rng(0).normal(3, 1, (90, 4)), [10, 40])
    left = merge(merge(moments(a), moments(b)), moments(c))
    right = merge(moments(c), merge(moments(b), moments(a)))
    for x, y in zip(left, right, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12)


def test_features_may_lie_on_several_devices():
    x = np.random.default_rng(0).normal(100, 1, (64, 6)).astype(np.float32)
    sharding = NamedSharding(parallel.make_mesh(), PartitionSpec("data"))
    sharded = jax.device_put(x, sharding)
    assert len(sharded.sharding.device_set) == 8
    for found, expected in zip(moments(sharded), moments(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_errors():
    few, many = moments(np.zeros((3, 4))), moments(np.zeros((9, 4)))
    with pytest.raises(ValueError, match="b: 3 examples are too few for 4 dimensions"):
        frechet_distance(many, few)
    with pytest.raises(ValueError, match=r"a, b: dimensions \(4,\) and \(3,\) disagree"):
        frechet_distance(many, moments(np.zeros((9, 3))))
    broken = np.zeros((9, 4))
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="a: not all values are finite"):
        frechet_distance(merge(many, moments(broken)), many)
