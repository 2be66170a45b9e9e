import numpy as np
import pytest

from jaxgan.metrics.frechet import frechet_distance


def with_moments(mean, cov, n=50):
    """Returns n examples whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(0).normal(size=(n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(np.asarray(cov, float)).T + mean


def test_same_covariance_leaves_the_distance_of_the_means():
    cov = [[2.0, 0.5], [0.5, 1.0]]
    a, b = with_moments([0, 0], cov), with_moments([3, 4], cov)
    np.testing.assert_allclose(frechet_distance(a, b), 25.0, rtol=1e-9)


def test_commuting_covariances_by_hand():
    # (2 - 1)^2 + (3 - 5)^2
    a, b = with_moments([1, 1], np.diag([4.0, 9.0])), with_moments([1, 1], np.diag([1.0, 25.0]))
    np.testing.assert_allclose(frechet_distance(a, b), 5.0, rtol=1e-9)


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
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(b, a), expected, rtol=1e-9)


def test_of_a_set_with_itself_is_zero():
    a = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    np.testing.assert_allclose(frechet_distance(a, a), 0, atol=1e-9)


def test_errors():
    few, many = np.zeros((3, 4)), np.zeros((9, 4))
    with pytest.raises(ValueError, match="b: 3 examples are too few for 4 dimensions"):
        frechet_distance(many, few)
    with pytest.raises(ValueError, match=r"shapes \(9, 4\) and \(9, 3\)"):
        frechet_distance(many, np.zeros((9, 3)))
