import numpy as np
import pytest

from jaxgan.metrics.neighbours import memorisation, nearest


def test_nearest_against_all_distances():
    rng = np.random.default_rng(0)
    points, train = rng.normal(5, 1, (700, 8)), rng.normal(5, 1, (90, 8))
    distance, index = nearest(points, train)
    distances = np.sqrt(((points[:, None] - train[None]) ** 2).sum(-1))
    np.testing.assert_array_equal(index, distances.argmin(1))
    np.testing.assert_allclose(distance, distances.min(1), rtol=1e-5)


@pytest.mark.parametrize("outlier", [1e6, 1e20])
def test_one_outlier_among_the_training_examples(outlier):
    rng = np.random.default_rng(0)
    points, train = np.float32(rng.normal(size=(2, 90, 8)))
    train[0] = outlier
    points[1] = train[7]
    distance, index = nearest(points, train)
    squares = ((points[:, None].astype(float) - train[None]) ** 2).sum(-1)
    np.testing.assert_array_equal(index, squares.argmin(1))
    np.testing.assert_allclose(distance, np.sqrt(squares.min(1)), rtol=1e-5)
    assert distance[1] == 0 and distance.dtype == np.float32 and index.dtype == np.int32


def test_a_copy_is_at_distance_zero():
    train = np.random.default_rng(0).normal(100, 1, (50, 8)).astype(np.float32)
    distance, index = nearest(train[[7, 3]], train)
    np.testing.assert_array_equal(index, [7, 3])
    np.testing.assert_array_equal(distance, [0, 0])


def test_memorisation_by_hand():
    # Of the nine pairs the sample is nearer in four and as near in one.
    assert memorisation(np.array([0.0, 2.0, 9.0]), np.array([1.0, 2.0, 3.0])) == 4.5 / 9


def test_memorisation_of_copies_of_new_and_of_far_examples():
    rng = np.random.default_rng(0)
    train, test, new = (rng.normal(size=(500, 4)) for _ in range(3))
    held_out = nearest(test, train)[0]
    assert memorisation(nearest(train[:100], train)[0], held_out) == 1
    assert abs(memorisation(nearest(new, train)[0], held_out) - 0.5) < 0.05
    assert memorisation(nearest(new + 9, train)[0], held_out) == 0


def test_mistakes():
    with pytest.raises(ValueError, match=r"train: shape \(3, 4\) is not \[n, 2\]"):
        nearest(np.zeros((2, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="points: not all values are finite"):
        nearest(np.full((2, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="held_out: shape"):
        memorisation(np.zeros(3), np.zeros(0))
