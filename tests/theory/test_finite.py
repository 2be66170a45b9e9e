import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.theory import finite, laws

P = jnp.array([0.1, 0.2, 0.3, 0.4])
UNIFORM = jnp.full(4, 0.25)


def test_with_the_best_discriminator_the_generator_converges_to_the_data():
    """Proposition 2: the divergence falls at every step, and to nothing."""
    path = finite.play(P, UNIFORM, steps=400, disc_steps=None, gen_rate=0.2)
    assert np.all(np.diff(path.divergence) < 3e-7)
    assert path.divergence[-1] < 1e-6
    np.testing.assert_allclose(path.law[-1], P, atol=1e-3)
    np.testing.assert_allclose(path.law.sum(-1), 1, rtol=1e-5)
    expected = laws.optimal_discriminator(P, UNIFORM)
    np.testing.assert_allclose(path.discriminator[0], expected, rtol=1e-5)
    np.testing.assert_allclose(path.discriminator[-1], 0.5, atol=2e-3)


def test_first_step_by_hand():
    path = finite.play(P, UNIFORM, steps=1, disc_steps=1, disc_rate=1.0, gen_rate=0.5)
    # V has the gradient (p - q) / 2 by the logits at 0; the rate is times n = 4
    logits = 4 * (np.asarray(P) - 0.25) / 2
    disc = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(path.discriminator[0], disc, rtol=1e-5)
    law = 0.25 * (1 - disc) ** -0.5
    np.testing.assert_allclose(path.law[1], law / law.sum(), rtol=1e-5)


def test_more_discriminator_steps_come_nearer():
    ends = [
        finite.play(P, UNIFORM, steps=100, disc_steps=k, disc_rate=0.3, gen_rate=0.2).divergence
        for k in (1, 5, 50)
    ]
    best = finite.play(P, UNIFORM, steps=100, disc_steps=None, gen_rate=0.2).divergence
    middle = [float(np.max(end[40:60])) for end in ends]  # k = 1 has passed the data and returns
    assert middle[0] > 10 * middle[1] and middle[0] > 10 * middle[2]
    np.testing.assert_allclose(ends[2], best, atol=1e-3)


def test_places_without_data_are_left():
    path = finite.play(
        jnp.array([0.5, 0.5, 0]), jnp.array([0.2, 0.2, 0.6]), steps=300, disc_steps=None
    )
    assert path.law[-1, 2] < 1e-3 and jnp.all(jnp.isfinite(path.law))


def test_is_a_function_of_the_laws_that_can_be_differentiated():
    def end(p):
        return finite._play(p, UNIFORM, 1.0, 0.1, steps=3, disc_steps=2).divergence[-1]

    chex_value, gradient = jax.value_and_grad(end)(P)
    assert jnp.isfinite(chex_value) and jnp.all(jnp.isfinite(gradient))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"q": jnp.array([1.0, 0, 0, 0])}, "q: it is 0 where p is not"),
        ({"q": jnp.array([0.5, 0.5])}, r"q: shapes \(4,\) of p and \(2,\)"),
        ({"p": 2 * P}, "p: the probabilities sum to"),
        ({"steps": 0}, "steps: 0 is below 1"),
        ({"disc_steps": 0}, "disc_steps: 0 is below 1"),
        ({"gen_rate": 0.0}, "gen_rate: 0.0 is not above 0"),
    ],
)
def test_mistakes(changes, message):
    options = {"p": P, "q": UNIFORM, "steps": 1} | changes
    with pytest.raises(ValueError, match=message):
        finite.play(options.pop("p"), options.pop("q"), **options)
