import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import F_DIVERGENCES, ebgan_disc
from jaxgan.theory import laws

P, Q = jnp.array([0.5, 0.5]), jnp.array([0.9, 0.1])


def random_laws(count=5, n=6):
    x = np.random.default_rng(0).exponential(size=(2, count, n))
    return jnp.asarray(x / x.sum(-1, keepdims=True), jnp.float32)


def test_two_places_by_hand():
    np.testing.assert_allclose(laws.optimal_discriminator(P, Q), [0.357143, 0.833333], atol=1e-6)
    np.testing.assert_allclose(laws.jensen_shannon(P, Q), 0.101749, atol=1e-6)
    np.testing.assert_allclose(laws.criterion(P, Q), -1.182796, atol=1e-6)
    np.testing.assert_allclose(laws.total_variation(P, Q), 0.4, atol=1e-6)
    np.testing.assert_allclose(laws.kl(P, Q), 0.5 * np.log(5 / 9) + 0.5 * np.log(5), rtol=1e-6)
    np.testing.assert_allclose(laws.energy_value(P, Q, 10.0), 6.0, rtol=1e-6)


def test_laws_without_common_places():
    p, q = jnp.array([1.0, 0, 0]), jnp.array([0, 1.0, 0])
    np.testing.assert_allclose(laws.optimal_discriminator(p, q), [1, 0, 0.5])
    np.testing.assert_allclose(laws.jensen_shannon(p, q), np.log(2), rtol=1e-6)
    assert laws.kl(p, q) == np.inf and laws.kl(p, p) == 0


def test_no_discriminator_is_better_than_the_optimal_one():
    p, q = random_laws()
    best = laws.optimal_discriminator(p, q)
    np.testing.assert_allclose(laws.value(p, q, best), laws.criterion(p, q), rtol=1e-5)
    for seed in range(5):
        shift = 0.1 * jax.random.normal(jax.random.key(seed), best.shape)
        other = jax.nn.sigmoid(jax.scipy.special.logit(best) + shift)
        assert jnp.all(laws.value(p, q, other) < laws.criterion(p, q))


def test_criterion_is_least_where_the_laws_are_equal():
    p, q = random_laws()
    np.testing.assert_allclose(laws.criterion(p, p), -np.log(4), rtol=1e-6)
    assert jnp.all(laws.criterion(p, q) > -np.log(4))


def test_derivative_of_the_criterion_by_the_generators_law():
    """`dC / dq_i = log(1 - D*_i)` (proposition 2), along the simplex."""
    with jax.enable_x64(True):
        along = jnp.array([1.0, -1.0])
        p, q = P.astype(along.dtype), Q.astype(along.dtype)
        slope = jax.jvp(laws.criterion, (p, q), (jnp.zeros(2), along))[1]
        gradient = jnp.log(1 - laws.optimal_discriminator(P, Q))
        np.testing.assert_allclose(slope, gradient @ along, rtol=1e-5)


def test_divergences_are_those_of_f():
    p, q = random_laws()
    for name, expected in {
        "kl": laws.kl(p, q),
        "reverse_kl": laws.kl(q, p),
        "total_variation": laws.total_variation(p, q),
        "jensen_shannon": 2 * laws.jensen_shannon(p, q),
        "gan": laws.criterion(p, q),
    }.items():
        found = laws.f_divergence(p, q, F_DIVERGENCES[name])
        np.testing.assert_allclose(found, expected, rtol=1e-4, err_msg=name)


def test_energies_of_the_best_discriminator():
    """By search at every place: `p D + q [m - D]^+` is least at 0 or at m (lemma 1)."""
    p, q = random_laws()
    energies = jnp.linspace(0, 20, 401)
    hinge = ebgan_disc(0.0, energies, margin=10.0)
    each = jnp.multiply.outer(p, energies) + jnp.multiply.outer(q, hinge)
    np.testing.assert_allclose(each.min(-1).sum(-1), laws.energy_value(p, q, 10.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("mean", "divergence", "least"), [(1, 0.111421, -1.163451), (2, 0.336831, -0.712633)]
)
def test_gaussians_apart(mean, divergence, least):
    with jax.enable_x64(True):
        found = laws.gaussian_jensen_shannon(0.0, 1.0, mean, 1.0)
        np.testing.assert_allclose(found, divergence, atol=1e-6)
        np.testing.assert_allclose(2 * found - np.log(4), least, atol=1e-6)
        x = np.linspace(-2, 3, 6)
        logit = laws.gaussian_optimal_logit(x, 0.0, 1.0, float(mean), 1.0)
        np.testing.assert_allclose(logit, mean**2 / 2 - mean * x, atol=1e-9)


def test_gaussians_by_sums_over_a_fine_grid():
    with jax.enable_x64(True):
        x = np.linspace(-30, 30, 60_001)
        p, q = (np.exp(-(((x - m) / s) ** 2) / 2) / s for m, s in ((0.3, 1.2), (-0.5, 2.0)))
        p, q = p / p.sum(), q / q.sum()
        arguments = (0.3, 1.2, -0.5, 2.0)
        np.testing.assert_allclose(laws.gaussian_kl(*arguments), laws.kl(p, q), rtol=1e-6)
        expected = laws.jensen_shannon(p, q)
        np.testing.assert_allclose(laws.gaussian_jensen_shannon(*arguments), expected, rtol=1e-6)
        # EBGAN's value for N(0, 1) and N(1, 1)
        p, q = (np.exp(-((x - m) ** 2) / 2) for m in (0, 1))
        np.testing.assert_allclose(
            laws.energy_value(p / p.sum(), q / q.sum(), 1.0), 0.617075, atol=1e-5
        )


JENSEN_SHANNON = jax.jit(jax.value_and_grad(laws.gaussian_jensen_shannon, (0, 1, 2, 3)))


def test_jensen_shannon_of_gaussians_far_apart():
    for mean in (50.0, 1e6, 1e25):
        found, gradient = JENSEN_SHANNON(0.0, 1.0, mean, 1.0)
        np.testing.assert_allclose(found, np.log(2), rtol=1e-6)
        np.testing.assert_allclose(gradient, np.zeros(4), atol=1e-30)


@pytest.mark.parametrize(
    ("mean", "std", "other_mean", "other_std"),
    [
        (0, 1, 0, 10),
        (0, 1, 0, 100),
        (0, 0.001, 0.5, 1),
        (0.5, 1, 0, 0.001),
        (0, 1e-6, 3, 1),
        (0, 1e-3, 0, 1e3),
        (0, 1, 6, 1),
        (0, 1, 20, 1),
        (0, 1, 30, 5),
        (1, 2**-13, 1 + 3 * 2**-13, 2**-13),
        (0, 1, 0, 1),
    ],
)
def test_jensen_shannon_of_gaussians_of_any_widths(mean, std, other_mean, other_std):
    """By sums over places that are dense around both means on the scale of both deviations."""
    means, stds = (mean, other_mean), (std, other_std)
    scales = np.concatenate([-np.geomspace(40, 1e-9, 20_000), np.geomspace(1e-9, 40, 20_000)])
    even = np.linspace(-40, 40, 80_001)
    x = np.unique(np.concatenate([m + s * np.r_[scales, even] for m in means for s in stds]))
    log_p, log_q = (
        -(((x - m) / s) ** 2) / 2 - np.log(s * np.sqrt(2 * np.pi))
        for m, s in zip(means, stds, strict=True)
    )
    log_middle = np.logaddexp(log_p, log_q) - np.log(2)
    density = np.exp(log_p) * (log_p - log_middle) + np.exp(log_q) * (log_q - log_middle)
    exact = np.trapezoid(density, x) / 2
    found, gradient = JENSEN_SHANNON(*map(float, (mean, std, other_mean, other_std)))
    np.testing.assert_allclose(found, exact, atol=1e-6)
    assert np.isfinite(gradient).all()
    with jax.enable_x64(True):
        found = laws.gaussian_jensen_shannon(mean, std, other_mean, other_std)
    np.testing.assert_allclose(found, exact, atol=2e-8)


def test_works_inside_jit():
    np.testing.assert_allclose(jax.jit(laws.criterion)(P, Q), laws.criterion(P, Q), rtol=1e-6)
    found = jax.jit(laws.gaussian_kl)(0.0, 1.0, 1.0, 1.0)
    np.testing.assert_allclose(found, 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.6], Q, "p: the probabilities sum to 1.1"),
        (P, [1.5, -0.5], "q: a probability is below 0"),
        (P, [0.2, 0.3, 0.5], r"q: shape \(3,\) is not that of p, \(2,\)"),
        ([1, 0], Q, "p: probabilities are floats"),
        (P, [float("nan"), 1.0], "q: a probability is below 0 or no number"),
    ],
)
@pytest.mark.parametrize("function", [laws.kl, laws.jensen_shannon, laws.criterion])
def test_what_is_no_law(function, p, q, message):
    with pytest.raises(ValueError, match=message):
        function(jnp.asarray(p), jnp.asarray(q))


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="margin: 0 is not above 0"):
        laws.energy_value(P, Q, 0)
    with pytest.raises(ValueError, match=r"other_std: 0.0 is not above 0"):
        laws.gaussian_kl(0.0, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"std: -1.0 is not above 0"):
        laws.gaussian_expectation(jnp.square, 0.0, -1.0)
    with pytest.raises(ValueError, match="nodes: 0 is below 1"):
        laws.gaussian_expectation(jnp.square, 0.0, 1.0, 0)


def test_what_is_no_discriminator_of_two_laws():
    with pytest.raises(ValueError, match=r"discriminator: shape \(3,\) is not that of p, \(2,\)"):
        laws.value(P, Q, jnp.zeros(3))
    with pytest.raises(ValueError, match=r"discriminator: a value is not in \[0, 1\]"):
        laws.value(P, Q, jnp.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="q: a probability is 0"):
        laws.f_divergence(P, jnp.array([1.0, 0.0]), F_DIVERGENCES["kl"])
