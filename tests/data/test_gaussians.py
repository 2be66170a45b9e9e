import numpy as np
import pytest

from jaxgan.data import gaussians, load
from jaxgan.errors import UserError
from jaxgan.metrics.modes import mixture_measures


@pytest.mark.parametrize(("name", "modes"), [("gaussian_ring", 8), ("gaussian_grid", 25)])
def test_points_are_those_of_the_mixture(name, modes):
    train, test = load(name, split="train"), load(name, split="test")
    assert train.images.shape == (100_000, 1, 1, 2) and train.images.dtype == np.float32
    assert train.num_classes is None
    assert not np.array_equal(train.images, test.images)
    np.testing.assert_array_equal(train.images, load(name, split="train").images)
    found = mixture_measures(
        test.images.reshape(-1, 2), gaussians.centres(name), gaussians.STD[name]
    )
    assert found.modes == modes and found.reverse_kl < 1e-3
    assert found.high_quality == pytest.approx(1 - np.exp(-4.5), abs=2e-3)


def test_centres():
    ring = gaussians.centres("gaussian_ring")
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1, rtol=1e-6)
    grid = gaussians.centres("gaussian_grid")
    assert grid.min() == -4 and grid.max() == 4 and len(np.unique(grid, axis=0)) == 25


def test_unknown_split():
    with pytest.raises(UserError, match=r"dataset\.split='train\[:10\]': gaussian_ring has train"):
        load("gaussian_ring", split="train[:10]")
