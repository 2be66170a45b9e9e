import numpy as np
import pytest

from jaxgan.metrics.agreement import agreement, confusion


def test_by_hand_and_in_two_batches():
    label, seen = np.array([0, 0, 1, 1, 1, 1]), np.array([0, 2, 1, 1, 1, 0])
    counts = confusion(label, seen, classes=3)
    np.testing.assert_array_equal(counts, [[1, 0, 1], [1, 3, 0], [0, 0, 0]])
    parts = [confusion(label[i : i + 3], seen[i : i + 3], classes=3) for i in (0, 3)]
    np.testing.assert_array_equal(parts[0] + parts[1], counts)
    overall, by_class = agreement(counts)
    assert overall == 4 / 6
    np.testing.assert_array_equal(by_class, [0.5, 0.75, np.nan])


def test_nothing_counted():
    with pytest.raises(ValueError, match="counts: all are 0"):
        agreement(np.zeros((3, 3), int))
