import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics.parzen import SIGMAS, log_sums, parzen, parzen_log_likelihood


def test_a_point_on_its_only_centre():
    # -784 log(.2 sqrt(2 pi)); with one of 10,000 centres, log 10,000 less.
    x = np.random.default_rng(0).uniform(size=(1, 784))
    np.testing.assert_allclose(parzen_log_likelihood(x, x, [0.2]), [[541.35]], atol=0.01)
    far = np.concatenate([x, np.full((9999, 784), 50.0)])
    np.testing.assert_allclose(parzen_log_likelihood(x, far, [0.2]), [[532.14]], atol=0.05)


def test_against_the_formula_in_float64():
    rng = np.random.default_rng(0)
    x, samples, sigma = rng.normal(size=(30, 5)), rng.normal(size=(40, 5)), np.array([0.3, 2.0])
    squares = ((x[:, None] - samples[None]) ** 2).sum(-1)
    densities = [
        np.mean(np.exp(-squares / (2 * s * s)), 1) / (s * np.sqrt(2 * np.pi)) ** 5 for s in sigma
    ]
    np.testing.assert_allclose(parzen_log_likelihood(x, samples, sigma), np.log(densities), 2e-5)


def test_samples_in_two_parts_are_merged_by_logaddexp():
    rng = np.random.default_rng(0)
    x, samples = (rng.normal(size=(n, 5)).astype(np.float32) for n in (20, 60))
    sigma = np.array([0.5], np.float32)
    merged = jnp.logaddexp(log_sums(x, samples[:10], sigma), log_sums(x, samples[10:], sigma))
    np.testing.assert_allclose(merged, log_sums(x, samples, sigma), rtol=1e-4, atol=1e-4)


def test_one_window_of_unit_gaussians_finds_its_width():
    # All centres at 0: the likelihood of N(0, .3^2) is highest at a window of .3.
    rng = np.random.default_rng(0)
    valid, test = (rng.normal(0, 0.3, (4000, 3)) for _ in range(2))
    found = parzen(np.zeros((5, 3)), valid, test, sigmas=[0.1, 0.2, 0.3, 0.4])
    assert found.sigma == 0.3
    entropy = 3 * (np.log(0.3 * np.sqrt(2 * np.pi)) + 0.5)
    assert abs(found.mean + entropy) < 4 * found.standard_error
    np.testing.assert_allclose(found.standard_error, np.sqrt(1.5 / 4000), rtol=0.1)
    assert abs(found.valid + entropy) < 4 * found.standard_error


def test_widths_are_those_of_the_paper():
    np.testing.assert_allclose((SIGMAS[0], SIGMAS[-1], len(SIGMAS)), (0.1, 1.0, 10))


def test_mistakes():
    x = np.zeros((3, 2))
    with pytest.raises(ValueError, match="sigma"):
        parzen_log_likelihood(x, x, [0.0])
    with pytest.raises(ValueError, match=r"samples: shape \(3, 4\)"):
        parzen_log_likelihood(x, np.zeros((3, 4)), [0.1])
    with pytest.raises(ValueError, match="test: 1 examples are too few"):
        parzen(x, x, x[:1])
