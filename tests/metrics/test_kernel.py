import jax
import numpy as np
import peer_inputs
import pytest

from jaxgan.metrics.kernel import kernel_distance

KEY = jax.random.key(0)


def of_whole(real, fake):
    return kernel_distance(real, fake, KEY, subsets=1, subset_size=len(real))


def test_on_a_line_by_hand():
    # k(0, 1) + k(2, 3) - 2 (k(0, 2) + k(0, 3) + k(1, 2) + k(1, 3)) / 4 with k(x, y) = (x y + 1)^3
    mean, deviation = of_whole(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]))
    np.testing.assert_allclose(mean, 1 + 343 - (1 + 1 + 27 + 64) / 2, rtol=1e-12)
    assert deviation == 0


def test_in_the_plane_by_hand():
    # x . y / 2 + 1 is 1 among the real, 5 among the fake, and 3, 5, 3, 1 between them
    mean, _ = of_whole(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 2.0], [4.0, 0.0]]))
    np.testing.assert_allclose(mean, 1 + 125 - (27 + 125 + 27 + 1) / 2, rtol=1e-12)


@pytest.mark.parametrize("case", ["correlated", "relu"])
def test_peers_find_the_same(case):
    recorded = peer_inputs.recorded()
    real, fake = (x[:1200] for x in peer_inputs.features(case))
    mean, deviation = kernel_distance(real, fake, KEY, subsets=2, subset_size=1200)
    for peer in ("mmd", "torch_fidelity"):
        np.testing.assert_allclose(mean, recorded[f"kernel/{case}/{peer}"], rtol=1e-6)
    np.testing.assert_allclose(deviation, 0, atol=1e-9 * mean)  # two orders of the same set


def test_parts_of_a_set_are_at_distance_zero_and_others_are_not():
    x = np.random.default_rng(0).normal(size=(1900, 16)).astype(np.float32)
    a, b, subsets = x[:1000], x[1000:], {"subsets": 40, "subset_size": 200}
    mean, deviation = kernel_distance(a, b, KEY, **subsets)
    assert 0 < deviation < 0.1 and abs(mean) < deviation
    assert kernel_distance(a, b + 0.5, KEY, **subsets)[0] > 10 * deviation
    assert (mean, deviation) == kernel_distance(a, b, KEY, **subsets)
    assert mean != kernel_distance(a, b, jax.random.key(1), **subsets)[0]


def test_errors():
    x = np.zeros((5, 2))
    with pytest.raises(ValueError, match="subsets: 0 is below 1"):
        kernel_distance(x, x, KEY, subsets=0)
    with pytest.raises(ValueError, match="subset_size: 1 is below 2"):
        kernel_distance(x, x, KEY, subset_size=1)
    with pytest.raises(ValueError, match="fake: 4 examples are too few; give 5 or more"):
        kernel_distance(x, x[:4], KEY, subset_size=5)
    with pytest.raises(ValueError, match=r"fake: shape \(5, 3\) is not \[n, 2\]"):
        kernel_distance(x, np.zeros((5, 3)), KEY, subset_size=5)
    with pytest.raises(ValueError, match="real: not all values are finite"):
        kernel_distance(x + np.inf, x, KEY, subset_size=5)
