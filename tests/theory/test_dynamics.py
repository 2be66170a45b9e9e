import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.base import Players
from jaxgan.losses import PAIRS
from jaxgan.theory import dynamics

ORIGIN = Players(jnp.zeros(()), jnp.zeros(()))
START = Players(jnp.float32(0.5), jnp.float32(0.5))
# The slope of -L_D by the logit of a fake at 0, which is that of the generator's loss.
SLOPES = {
    "minimax": 0.5,
    "nonsaturating": 0.5,
    "relativistic": 0.5,
    "wasserstein": 1.0,
    "hinge": 1.0,
    "f_gan_kl": np.exp(-1),
    "f_gan_reverse_kl": 1.0,
    "f_gan_pearson": 1.0,
    "f_gan_squared_hellinger": 1.0,
    "f_gan_jensen_shannon": 0.5,
    "f_gan_gan": 0.5,
    "f_gan_total_variation": 0.5,
}


def distance(params):
    return np.hypot(params.gen, params.disc)


def spectrum(follow, where=ORIGIN):
    return np.linalg.eigvals(dynamics.jacobian(follow, where))


@pytest.mark.parametrize("loss", SLOPES)
def test_without_penalty_the_players_circle(loss):
    """Lemma 2.3 of Mescheder et al. 2018: eigenvalues `+-f'(0) i`; no convergence."""
    gan = dynamics.dirac_gan(loss)
    follow = dynamics.dirac_field(gan)
    values = spectrum(follow)
    np.testing.assert_allclose(values.real, 0, atol=1e-6)
    np.testing.assert_allclose(np.sort(values.imag), [-SLOPES[loss], SLOPES[loss]], atol=1e-6)
    path = dynamics.trajectory(dynamics.simultaneous(follow, 0.1), START, 2000)
    assert distance(path)[-500:].min() > 0.3


def test_every_loss_has_a_verdict():
    assert {*SLOPES, "least_squares"} == set(PAIRS)


@pytest.mark.parametrize("penalty", ["", "r1"])
def test_least_squares_do_not_converge(penalty):
    """`D(0) = psi 0` cannot be b = 1: at theta = psi = 0 an eigenvalue is 0, none positive."""
    follow = dynamics.dirac_field(dynamics.dirac_gan("least_squares", penalty, 0.8))
    expected = [-0.8, 0] if penalty else [0, 0]
    np.testing.assert_allclose(np.sort(spectrum(follow)), expected, atol=1e-6)
    path = dynamics.trajectory(dynamics.simultaneous(follow, 0.1), START, 1000)
    assert distance(path)[-500:].min() > 0.3


@pytest.mark.parametrize(
    ("loss", "penalty"),
    [(loss, "r1") for loss in SLOPES]
    + [("wasserstein", name) for name in ("r2", "r1_r2", "zero_centred_interpolation")],
)
def test_zero_centred_penalties_converge(loss, penalty):
    """Lemma 3.4 there: `-g / 2 +- sqrt(g^2 / 4 - f'(0)^2)`, with R1 as g psi^2 / 2."""
    gan = dynamics.dirac_gan(loss, penalty, 0.8)
    follow = dynamics.dirac_field(gan)
    g = 0.8 * (1 if penalty in ("r1", "r2") else 2)
    root = np.sqrt(complex(g**2 / 4 - SLOPES[loss] ** 2))
    found = np.sort_complex(spectrum(follow))
    np.testing.assert_allclose(found, np.sort_complex([-g / 2 + root, -g / 2 - root]), atol=1e-5)
    path = dynamics.trajectory(dynamics.simultaneous(follow, 0.1), START, 1000)
    assert distance(path)[-1] < 1e-3


@pytest.mark.parametrize("penalty", ["wgan_gp", "dragan"])
def test_one_centred_penalties_do_not_converge(penalty):
    """Section 2.4 there, of WGAN-GP: it ends in a cycle around the equilibrium, not in it."""
    gan = dynamics.dirac_gan("wasserstein", penalty, 1.0)
    update = dynamics.simultaneous(dynamics.dirac_field(gan), 0.05)
    path = dynamics.trajectory(update, START, 2000)
    assert distance(path)[-500:].max() > 0.2


@pytest.mark.parametrize("loss", ["minimax", "wasserstein"])
def test_consensus_converges(loss):
    follow = dynamics.consensus(dynamics.dirac_field(dynamics.dirac_gan(loss)), 1.0)
    s = SLOPES[loss]
    np.testing.assert_allclose(spectrum(follow).real, [-(s**2)] * 2, atol=1e-6)
    path = dynamics.trajectory(dynamics.simultaneous(follow, 0.1), START, 1000)
    assert distance(path)[-1] < 1e-3


def test_update_rules_on_the_bilinear_game():
    """Eigenvalues of one update of `v = (psi, -theta)`, by hand.

    Simultaneous `1 +- h i`, of modulus above 1; alternating of modulus 1 for small steps;
    extragradient `1 - h^2 +- h i`, of modulus `sqrt(1 - h^2 + h^4)`.
    """
    follow, h = dynamics.dirac_field(dynamics.dirac_gan("wasserstein")), 0.1
    modulus = {}
    for name in ("simultaneous", "alternating", "extragradient"):
        update = getattr(dynamics, name)(follow, h)
        modulus[name] = np.abs(np.linalg.eigvals(dynamics.jacobian(update, ORIGIN)))
    np.testing.assert_allclose(modulus["simultaneous"], np.sqrt(1 + h**2), rtol=1e-5)
    np.testing.assert_allclose(modulus["alternating"], 1, rtol=1e-5)
    np.testing.assert_allclose(modulus["extragradient"], np.sqrt(1 - h**2 + h**4), rtol=1e-5)


@pytest.mark.parametrize("disc_steps", [1, 2, 3, 4, 5])
def test_alternating_steps_of_the_bilinear_game_stay_on_an_orbit(disc_steps):
    """Matrix of one update: psi falls by `k h theta`, theta rises by `h psi`; determinant 1."""
    follow, h = dynamics.dirac_field(dynamics.dirac_gan("wasserstein")), 0.1
    update = dynamics.alternating(follow, h, disc_steps)
    matrix = dynamics.jacobian(update, ORIGIN)
    k = disc_steps
    np.testing.assert_allclose(matrix, [[1 - k * h**2, h], [-k * h, 1]], atol=1e-6)
    path = dynamics.trajectory(update, START, 1000)
    assert 0.1 < distance(path)[-200:].min() and distance(path).max() < 2


def test_first_updates_by_hand():
    follow = dynamics.dirac_field(dynamics.dirac_gan("wasserstein"))
    start = Players(jnp.float32(1.0), jnp.float32(2.0))
    # v = (psi, -theta) with rate .1
    for rule, expected in {
        "simultaneous": (1.2, 1.9),
        "alternating": (1.19, 1.9),
        "extragradient": (1.19, 1.88),
    }.items():
        found = getattr(dynamics, rule)(follow, 0.1)(start)
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=rule)
    with pytest.raises(ValueError, match="disc_steps: 0 is below 1"):
        dynamics.alternating(follow, 0.1, 0)


@pytest.fixture(scope="module")
def network():
    """The field of a small GAN on points, with its parameters."""
    options = {"name": "gan", "network": "mlp", "dropout": 0.0, "latent_size": 2}
    options |= {"gen_layers": 2, "disc_layers": 2, "gen_width": 4, "disc_width": 6}
    gan = gans.make(options, image_shape=(1, 1, 2), num_classes=0)
    batch = {"image": jax.random.normal(jax.random.key(1), (32, 1, 1, 2))}
    params, variables = gan.init(jax.random.key(0), batch)
    return dynamics.field(gan, variables, batch, jax.random.key(2)), params, gan, variables, batch


def test_field_of_a_network_is_the_negative_gradients(network):
    follow, params, gan, variables, batch = network
    key = jax.random.key(2)
    gen = jax.grad(gan.gen_loss, has_aux=True)(*params, variables, batch, key)[0]
    disc = jax.grad(gan.disc_loss, has_aux=True)(*params[::-1], variables, batch, key)[0]
    found = follow(params)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(Players(gen, disc)), strict=True):
        np.testing.assert_allclose(a, -b, atol=1e-6)


def test_eigenvalues_of_a_network_without_its_jacobian(network):
    follow, params, *_ = network
    dense = np.linalg.eigvals(dynamics.jacobian(follow, params))
    found = dynamics.eigenvalues(follow, params, 4, "LM")
    largest = dense[np.argsort(-np.abs(dense))][:6]
    for value in found:
        assert np.abs(largest - value).min() < 1e-3 * np.abs(largest[0])
    np.testing.assert_allclose(np.abs(found).max(), np.abs(dense).max(), rtol=1e-3)


def test_mistakes(network):
    follow, params, *_ = network
    with pytest.raises(ValueError, match="count: 0 is not in"):
        dynamics.eigenvalues(follow, params, 0)
    with pytest.raises(ValueError, match="which: unknown 'XX'; known: LR, LM"):
        dynamics.eigenvalues(follow, params, 2, "XX")
    with pytest.raises(ValueError, match="weight: -1 is below 0"):
        dynamics.consensus(follow, -1)
    with pytest.raises(ValueError, match="steps: 0 is below 1"):
        dynamics.trajectory(follow, params, 0)
    with pytest.raises(ValueError, match="loss: unknown 'mse'; known: minimax"):
        dynamics.dirac_gan("mse")
    with pytest.raises(ValueError, match="penalty: unknown 'r3'"):
        dynamics.dirac_gan("minimax", "r3", 1.0)
