import numpy as np
import peer_inputs
import pytest

from jaxgan.metrics.manifold import manifold_measures


def brute_force(real, fake, k):
    """Returns precision, recall, density and coverage from all distances."""

    def radii(x):
        return np.sort(np.linalg.norm(x[:, None] - x[None], axis=-1), 1)[:, k]

    distances = np.linalg.norm(real[:, None] - fake[None], axis=-1)
    in_real = distances <= radii(real)[:, None]
    in_fake = distances <= radii(fake)[None, :]
    return (
        in_real.any(0).mean(),
        in_fake.any(1).mean(),
        in_real.sum(0).mean() / k,
        in_real.any(1).mean(),
    )


def test_on_a_line_by_hand():
    real = np.array(
        [[0.0], [1.0], [3.0]]
    )  # to the nearest neighbour: 1, 1, 2; to the second: 3, 2, 3
    fake = np.array([[-0.5], [4.5], [10.0], [5.5]])  # to the nearest neighbour: 5, 1, 4.5, 1
    found = manifold_measures(real, fake, k=1, density_k=1)
    # fakes covered: -0.5 by 0, 4.5 by 3; real covered: all by -0.5, whose radius is 5;
    # of the three real neighbourhoods those of 0 and 3 have a fake
    np.testing.assert_allclose(found, (2 / 4, 1, 2 / 4, 2 / 3), rtol=1e-6)
    # -0.5 lies in two neighbourhoods, 4.5 and 5.5 in one
    found = manifold_measures(real, fake, k=1, density_k=2)
    np.testing.assert_allclose(found, (2 / 4, 1, 4 / (2 * 4), 1), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_against_brute_force(k):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(40, 3)), 1.5 * rng.normal(size=(30, 3)) + 0.5
    found = manifold_measures(real, fake, k=k, density_k=k)
    np.testing.assert_allclose(found, brute_force(real, fake, k), rtol=1e-6)


def test_more_rows_than_a_block():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(607, 3)), 1.2 * rng.normal(size=(509, 3))
    found = manifold_measures(real, fake, k=3, density_k=3)
    np.testing.assert_allclose(found, brute_force(real, fake, 3), rtol=1e-6)


def test_peers_find_the_same():
    recorded = peer_inputs.recorded()
    real, fake = peer_inputs.small_features()
    for k in (3, 5):
        found = manifold_measures(real, fake, k=k, density_k=k)
        np.testing.assert_allclose(found, recorded[f"manifold/prdc/{k}"], rtol=1e-6)
    found = manifold_measures(real, fake)
    np.testing.assert_allclose(found[:2], recorded["manifold/torch_fidelity/3"], rtol=1e-6)
    np.testing.assert_allclose(found[:2], recorded["manifold/prdc/3"][:2], rtol=1e-6)
    np.testing.assert_allclose(found[2:], recorded["manifold/prdc/5"][2:], rtol=1e-6)


def test_far_from_the_origin_is_the_same():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(200, 8)), rng.normal(size=(200, 8))
    assert manifold_measures(real + 1000, fake + 1000) == manifold_measures(real, fake)


@pytest.mark.parametrize("shift", [1e4, 1e6])
def test_two_clusters_far_apart(shift):
    rng = np.random.default_rng(0)
    real, fake = np.float32(rng.normal(size=(2, 40, 8)))
    real[20:] += np.float32(shift)
    fake[20:] += np.float32(shift)
    found = manifold_measures(real, fake, k=3, density_k=3)
    expected = brute_force(np.float64(real), np.float64(fake), 3)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_one_outlier():
    rng = np.random.default_rng(0)
    real, fake = np.float32(rng.normal(size=(2, 40, 8)))
    for value in (1e6, 1e10):
        real[0] = value
        found = manifold_measures(real, fake, k=3, density_k=3)
        expected = brute_force(np.float64(real), np.float64(fake), 3)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_collapse_shows_in_recall_and_coverage_only():
    real = np.random.default_rng(0).normal(size=(200, 8))
    collapsed = real[:1] + 1e-3 * np.random.default_rng(1).normal(size=(200, 8))
    found = manifold_measures(real, collapsed)
    assert found.precision == 1 and found.density > 0.9
    assert found.recall < 0.02 and found.coverage < 0.1


def test_the_same_law_has_density_one():
    rng = np.random.default_rng(0)
    found = manifold_measures(rng.normal(size=(1000, 4)), rng.normal(size=(1000, 4)))
    assert abs(found.density - 1) < 0.05 and found.coverage > 0.9


def test_errors():
    five, six = np.zeros((5, 2)), np.zeros((6, 2))
    with pytest.raises(ValueError, match=r"^k: 0 is below 1"):
        manifold_measures(six, six, k=0)
    with pytest.raises(ValueError, match=r"^density_k: 0 is below 1"):
        manifold_measures(six, six, density_k=0)
    with pytest.raises(ValueError, match="fake: 5 examples are too few; give 6 or more"):
        manifold_measures(six, five)
    with pytest.raises(ValueError, match="real: 5 examples are too few; give 6 or more"):
        manifold_measures(five, six, k=5, density_k=1)
    with pytest.raises(ValueError, match=r"fake: shape \(6, 3\) is not \[n, 2\]"):
        manifold_measures(six, np.zeros((6, 3)))
    with pytest.raises(ValueError, match="real: not all values are finite"):
        manifold_measures(six * np.nan, six)
