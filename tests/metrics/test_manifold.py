import numpy as np
import pytest
from jaxgan.metrics.precision_recall import precision_recall


def brute_force(real, fake, k):
    def covered(points, members):
        count = 0
        for p in points:
            for m in members:
                distances = sorted(np.linalg.norm(m - other) for other in members)
                if np.linalg.norm(p - m) <= distances[k]:
                    count += 1
                    break
        return count / len(points)

    return covered(fake, real), covered(real, fake)


def test_on_a_line_by_hand():
    real = np.array([[0.0], [1.0], [3.0]])  # to the nearest neighbour: 1, 1, 2
    fake = np.array([[-0.5], [4.5], [10.0], [5.5]])  # to the nearest neighbour: 5, 1, 4.5, 1
    # fakes covered: -0.5 by 0, 4.5 by 3; real covered: all by -0.5, whose radius is 5
    assert precision_recall(real, fake, k=1) == (0.5, 1.0)


@pytest.mark.parametrize("k", [1, 3])
def test_against_brute_force(k):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(40, 3)), 1.5 * rng.normal(size=(30, 3)) + 0.5
    np.testing.assert_allclose(precision_recall(real, fake, k), brute_force(real, fake, k))


def test_far_from_the_origin_is_the_same():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(200, 8)), rng.normal(size=(200, 8))
    assert precision_recall(real + 1000, fake + 1000) == precision_recall(real, fake)


def test_collapse_shows_in_recall_only():
    real = np.random.default_rng(0).normal(size=(200, 8))
    collapsed = real[:1] + 1e-3 * np.random.default_rng(1).normal(size=(200, 8))
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1.0 and recall < 0.02


@pytest.mark.parametrize("k", [0, 5])
def test_k_out_of_range(k):
    with pytest.raises(ValueError, match=f"k: {k} is not between 1 and 4"):
        precision_recall(np.zeros((5, 2)), np.zeros((6, 2)), k)
