import numpy as np
import pytest

from jaxgan.metrics.modes import mixture_counts, mixture_measures, mode_coverage, stacked_counts


def test_coverage_by_hand():
    modes, kl = mode_coverage(np.array([2, 2, 0, 0]))
    assert modes == 2
    np.testing.assert_allclose(kl, np.log(2))
    assert mode_coverage(np.array([3, 3, 3])) == (3, 0)
    np.testing.assert_allclose(mode_coverage(np.eye(1000)[0]).reverse_kl, np.log(1000))
    # q = (1/2, 1/2), p = (3/4, 1/4)
    kl = mode_coverage(np.array([1, 1]), target=np.array([3, 1])).reverse_kl
    np.testing.assert_allclose(kl, np.log(2 / 3) / 2 + np.log(2) / 2)


def test_mixture_by_hand():
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [8.0, 0.0]])
    points = np.array([[0.0, 0.29], [0.1, 0.1], [4.0, 0.31], [3.8, 0.1], [2.0, 0.0], [0.0, 0.0]])
    found = mixture_measures(points, centres, 0.1)
    assert (found.modes, found.high_quality) == (2, 4 / 6)
    expected = 0.75 * np.log(0.75 * 3) + 0.25 * np.log(0.25 * 3)
    np.testing.assert_allclose(found.reverse_kl, expected, rtol=1e-6)
    parts = [mixture_counts(part, centres, 0.1) for part in (points[:2], points[2:])]
    np.testing.assert_array_equal(parts[0] + parts[1], mixture_counts(points, centres, 0.1))


def test_mixture_far_from_the_origin_and_with_outliers():
    centres = np.array([[1e4, 0.0], [1e4 + 4, 0.0], [-1e4, 0.0]])
    points = np.r_[centres + 0.2, [[1e12, 1e12]]]
    found = mixture_measures(points, centres, 0.1)
    assert (found.modes, found.high_quality) == (3, 0.75)
    assert mixture_measures(points + 1, centres, 0.1).modes == 0


def test_samples_of_the_mixture_itself():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(range(-4, 5, 2), range(-4, 5, 2)), -1).reshape(-1, 2)
    points = grid[rng.integers(25, size=20_000)] + rng.normal(0, 0.05, (20_000, 2))
    found = mixture_measures(points, grid.astype(float), 0.05)
    assert found.modes == 25
    np.testing.assert_allclose(found.high_quality, 1 - np.exp(-4.5), atol=0.003)  # a 2d Gaussian
    assert found.reverse_kl < 0.003
    assert mixture_measures(points + 1, grid.astype(float), 0.05)[:2] == (0, 0.0)


def test_stacked_digits():
    counts = stacked_counts(np.array([[1, 2, 3], [1, 2, 3], [9, 9, 9]]))
    assert counts.shape == (1000,)
    assert (counts[123], counts[999], counts.sum()) == (2, 1, 3)
    assert mode_coverage(counts).modes == 2


def test_mistakes():
    with pytest.raises(ValueError, match="counts: shape"):
        mode_coverage(np.zeros(3))
    for wrong in ([1, -1, 2], [1, np.nan, 2], [1, np.inf, 2]):
        with pytest.raises(ValueError, match=r"^counts: .* are not finite and 0 or more"):
            mode_coverage(np.array(wrong))
        with pytest.raises(ValueError, match=r"^target: "):
            mode_coverage(np.ones(3), target=np.array(wrong))
    with pytest.raises(ValueError, match="target"):
        mode_coverage(np.ones(3), target=np.array([1, 0, 1]))
    with pytest.raises(ValueError, match="std: 0 is not above 0"):
        mixture_measures(np.zeros((2, 2)), np.zeros((2, 2)), 0)
    with pytest.raises(ValueError, match=r"centres: shape \(2, 3\)"):
        mixture_measures(np.zeros((2, 2)), np.zeros((2, 3)), 0.1)
    with pytest.raises(ValueError, match="predicted: 0 to 10"):
        stacked_counts(np.array([[0, 10]]))
