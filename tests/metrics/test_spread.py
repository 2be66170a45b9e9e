import numpy as np
import pytest

from jaxgan.metrics.spread import standard_error


def test_standard_errors_by_hand():
    assert standard_error([1.0, 2.0, 3.0, 4.0, 10.0]) == pytest.approx((12.5 / 5) ** 0.5)
    share = standard_error(np.arange(1000) % 10 == 0)  # sqrt(p (1 - p) / (n - 1))
    assert share == pytest.approx((0.09 / 999) ** 0.5)
    both = standard_error([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_allclose(both, [1, 0])
    assert np.isnan(standard_error([3.0])) and np.isnan(standard_error([1.0, np.inf]))
