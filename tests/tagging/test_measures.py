import numpy as np
import pytest

from jaxgan.tagging import measures

# Four images, five words; the last image has none of them.
TRUTH = measures.indicator(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 4, 0, 2, 3]), (4, 5))


def test_precision_and_recall_by_hand():
    tags = np.array([[0, 4], [0, 1], [3, 2], [0, 1]])
    found = measures.agreement(tags, TRUTH)
    # Right: 1, 0, 2 of 2 tags; of 2, 1 and 3 true words.
    assert found.precision == pytest.approx((1 / 2 + 0 + 1) / 3)
    assert found.recall == pytest.approx((1 / 2 + 0 + 2 / 3) / 3)
    assert found.precision_error == pytest.approx((1 / 4 / 3) ** 0.5)  # of 1/2, 0, 1
    assert found.recall_error == pytest.approx(np.std([1 / 2, 0, 2 / 3], ddof=1) / 3**0.5)
    assert measures.greatest_recall(TRUTH, 2) == pytest.approx((1 + 1 + 2 / 3) / 3)
    with pytest.raises(ValueError, match="truth: no image has a true word"):
        measures.agreement(tags[:1], measures.indicator(np.array([]), np.array([]), (1, 5)))


def test_diversity_by_hand():
    sampled = np.array([[0, 0, 1, 1], [2, 2, 2, 2]])
    found = measures.diversity(sampled, np.array([1, 1, 1, 1]))
    assert found.words == 1.5 and found.vocabulary == 0.75
    assert found.entropy == pytest.approx(np.log(2) / 2)
    # Overall 1/4, 1/4, 1/2 beside 1/4 each.
    assert found.kl == pytest.approx(0.5 * np.log(2))


def test_baselines_by_hand():
    # Frequencies 2, 1, 1, 1, 1.
    np.testing.assert_array_equal(measures.most_frequent(TRUTH, 2, 2), [[0, 1], [0, 1]])
    votes = measures.votes(np.array([[2, 1], [0, 2]]), TRUTH, 3)
    # Words 0, 2, 3, 4 once each, 0 the more frequent; then 0 twice, 1, 2 and 3 once.
    np.testing.assert_array_equal(votes, [[0, 2, 3], [0, 1, 2]])


def test_borrowed_tags_are_of_the_neighbours():
    nearest = np.tile([[0, 1, 2]], (300, 1))
    found = measures.borrowed(nearest, TRUTH[:3], np.random.default_rng(0))
    sets = [set(column.tolist()) for column in found.T]
    assert sets == [{0, 1}, {4}, {0, 2, 3}]


def test_nearest_images_by_hand():
    train = np.array([[0.0], [1.0], [5.0]])
    found = measures.nearest_images(np.array([[0.9], [4.0], [-1.0]]), train, 2)
    np.testing.assert_array_equal(found, [[1, 0], [2, 1], [0, 1]])
    with pytest.raises(ValueError, match="count: 4 is not in 1 to 3, the training images"):
        measures.nearest_images(train, train, 4)
