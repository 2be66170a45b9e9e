import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxgan import penalties
from jaxgan.penalties import estimate, lecam, pulling_away, squared_gradient_norm

KEY = jax.random.key(0)


def test_of_a_linear_critic_is_the_norm_of_its_weights():
    weights = jnp.array([3.0, -4.0])
    norms = squared_gradient_norm(lambda x: x @ weights, jnp.ones((5, 2)))
    np.testing.assert_allclose(norms, np.full(5, 25.0))


def test_of_a_quadratic_critic_by_hand():
    # l = |x|^2 has gradient 2 x
    x = jnp.arange(12.0).reshape(2, 3, 2)
    norms = squared_gradient_norm(lambda x: jnp.sum(x**2, (1, 2)), x)
    np.testing.assert_allclose(norms, 4 * np.sum(np.square(x), (1, 2)))


def test_can_be_differentiated_by_the_critic():
    x = np.linspace(-1, 1, 6).reshape(3, 2)

    def penalty(weights):
        return squared_gradient_norm(lambda x: jnp.tanh(x @ weights), x).sum()

    with jax.enable_x64(True):
        check_grads(penalty, (np.array([0.5, -0.2]),), order=2)


def test_refuses_integers():
    with pytest.raises(ValueError, match=r"inputs: .* uint8"):
        squared_gradient_norm(lambda x: x.sum(1), jnp.zeros((2, 3), jnp.uint8))


def test_pulling_away_by_hand():
    assert pulling_away(jnp.array([[1.0, 0.0], [2.0, 0.0]])) == pytest.approx(1)
    assert pulling_away(jnp.array([[1.0, 0.0], [0.0, 3.0]])) == pytest.approx(0)
    sixty = jnp.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    assert pulling_away(sixty) == pytest.approx(0.25)
    # One pair of three is parallel, the other two are orthogonal.
    assert pulling_away(jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])) == pytest.approx(1 / 3)


def test_pulling_away_does_not_change_with_the_scale_and_has_derivatives():
    code = np.random.default_rng(0).normal(size=(4, 3))
    scales = np.array([[0.1], [1.0], [5.0], [-2.0]])
    np.testing.assert_allclose(pulling_away(scales * code), pulling_away(code), rtol=1e-5)
    with jax.enable_x64(True):
        check_grads(jax.jit(pulling_away), (code,), order=2, rtol=1e-2, atol=1e-2, eps=1e-3)
    assert np.isfinite(jax.grad(pulling_away)(jnp.zeros((3, 2)))).all()


@pytest.mark.parametrize("size", [1e-30, 1e-19, 1e-6, 1e19, 1e30])
def test_pulling_away_of_codes_of_any_size(size):
    code = jnp.array([[1.0, 0.2], [0.5, 0.1], [-0.3, 1.0]])
    value, gradient = jax.value_and_grad(pulling_away)(code)
    sizes = jnp.array([[size], [1.0], [size]])
    found, found_gradient = jax.value_and_grad(pulling_away)(code * sizes)
    np.testing.assert_allclose(found, value, rtol=1e-5)
    np.testing.assert_allclose(found_gradient * sizes, gradient, rtol=1e-4, atol=1e-6)
    for factor in (size, 3e38):
        assert pulling_away(factor * jnp.ones((3, 500))) == pytest.approx(1)


def test_pulling_away_refuses_what_are_no_codes():
    with pytest.raises(ValueError, match=r"code: shape \(1, 3\)"):
        pulling_away(jnp.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"code: shape \(2, 3, 4\)"):
        pulling_away(jnp.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match=r"code: .* int32"):
        pulling_away(jnp.zeros((2, 3), jnp.int32))


def slope(x, y):
    """`l = y |x|^2 / 2` has the gradient `y x`."""
    return y * jnp.sum(jnp.square(x), -1) / 2


REAL, FAKE = jnp.array([[1.0, 2.0], [0, 3.0]]), jnp.array([[2.0, 0], [4.0, 1.0]])
LABEL = jnp.array([1.0, 2.0])


def test_r1_and_r2_by_hand():
    arguments = (slope, REAL, FAKE, KEY, LABEL)
    np.testing.assert_allclose(penalties.r1(*arguments), [5 / 2, 4 * 9 / 2])
    np.testing.assert_allclose(penalties.r2(*arguments), [4 / 2, 4 * 17 / 2])
    np.testing.assert_allclose(penalties.r1_r2(*arguments), [(5 + 4) / 2, 4 * (9 + 17) / 2])


def test_estimate_of_all_examples_or_of_the_first_half():
    arguments = (penalties.r1_r2, slope, REAL, FAKE, KEY, LABEL)
    np.testing.assert_allclose(estimate(*arguments), (5 + 4 * 9 + 4 + 4 * 17) / 4)
    np.testing.assert_allclose(estimate(*arguments, share=0.5), (5 + 4) / 2)


@pytest.mark.parametrize("name", penalties.PENALTIES)
def test_estimate_of_an_empty_batch(name):
    empty = REAL[:0]
    with pytest.raises(ValueError, match=r"^real: shape \(0, 2\) has no example; give one or more"):
        estimate(penalties.PENALTIES[name], slope, empty, empty, KEY, LABEL[:0])


@pytest.mark.parametrize("name", ["dragan", "wgan_gp"])
def test_slope_one_is_free_of_charge(name):
    weights = jnp.array([0.6, 0.8])
    values = [
        penalties.PENALTIES[name](lambda x: c * (x @ weights), REAL, FAKE, KEY)  # noqa: B023
        for c in (1, 3, 0)
    ]
    np.testing.assert_allclose(values, [[0, 0], [4, 4], [1, 1]], atol=1e-5)


def test_interpolation_is_between_pairs_and_uniform():
    """`l = |x|^2 / 2` has the gradient `x`: the penalty shows the squared place where it is taken.

    Between 0 and 1 in one dimension the place is uniform and its square has the mean 1/3.
    """
    real, fake = jnp.zeros((4000, 1)), jnp.ones((4000, 1))
    critic = lambda x: jnp.sum(jnp.square(x), -1) / 2  # noqa: E731
    place = jnp.sqrt(penalties.zero_centred_interpolation(critic, real, fake, KEY))
    assert place.min() >= 0 and place.max() <= 1
    np.testing.assert_allclose([place.mean(), jnp.square(place).mean()], [1 / 2, 1 / 3], atol=0.02)
    # One share for all values of an example, whose place is then (e, 2 (1 - e), 2 (1 - e)).
    critic = lambda x: jnp.sum(x**2, (1, 2)) / 2  # noqa: E731
    pair = jnp.array([[[1.0, 0, 0]]] * 9), jnp.array([[[0.0, 2, 2]]] * 9)
    square = penalties.zero_centred_interpolation(critic, *pair, KEY)  # 9 e^2 - 16 e + 8
    share = (8 - jnp.sqrt(9 * square - 8)) / 9
    other = (8 + jnp.sqrt(9 * square - 8)) / 9
    expected = jax.random.uniform(KEY, (9, 1, 1)).ravel()
    assert jnp.all(
        jnp.isclose(share, expected, atol=1e-4) | jnp.isclose(other, expected, atol=1e-4)
    )


def test_dragan_looks_around_real_examples():
    real = jnp.array([[0.0], [2.0]])  # standard deviation 1, so that noise is uniform on [0, .5)
    critic = lambda x: jnp.sum(jnp.square(x), -1) / 2  # noqa: E731
    keys = jax.random.split(KEY, 2000)
    values = jax.vmap(lambda k: penalties.dragan(critic, real, 0 * real, k))(keys)
    place = 1 + jnp.sqrt(values[:, 1])  # (x - 1)^2 at 2 + noise
    assert place.min() >= 2 and place.max() <= 2.5
    np.testing.assert_allclose(place.mean(), 2.25, atol=0.02)


@pytest.mark.parametrize("name", penalties.PENALTIES)
def test_penalties_train_a_critic(name):
    """Values per example, equal to those of each example alone, with derivatives by weights."""
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, 3, 2))
    label = np.array([0.5, 1.0, 2.0])

    def values(weights):
        def critic(x, y):
            return y * jnp.tanh(x @ weights) + jnp.sum(x**2, -1) * weights[0]

        return penalties.PENALTIES[name](critic, real, fake, KEY, label)

    with jax.enable_x64(True):
        weights = np.array([0.5, -0.2])
        assert values(weights).shape == (3,)
        check_grads(lambda w: jnp.mean(values(w)), (weights,), order=1)


@pytest.mark.parametrize("name", penalties.PENALTIES)
def test_penalties_refuse_integers_and_pairs_of_other_shapes(name):
    penalty = penalties.PENALTIES[name]
    with pytest.raises(ValueError, match=r"^(inputs|real): .* uint8"):
        whole = jnp.zeros((2, 3), jnp.uint8)
        penalty(lambda x: x.sum(1), whole, whole, KEY)
    if name not in ("r1", "r2"):
        with pytest.raises(ValueError, match=r"fake: shape \(4, 3\) is not .* \(2, 3\)"):
            penalty(lambda x: x.sum(1), jnp.zeros((2, 3)), jnp.zeros((4, 3)), KEY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("r3", 1.0), "penalty: unknown 'r3'; known: dragan, r1, "),
        (("r1", -1.0), "penalty_weight: -1.0 is below 0"),
        (("r1", 1.0, 1.5), r"penalty_share: 1.5 is not in \(0, 1\]"),
    ],
)
def test_options_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        penalties.check(*arguments)


def test_lecam_by_hand():
    values = lecam(
        jnp.array([1.0, 2.0]), jnp.array([0.0, -1.0]), real_anchor=jnp.float32(1.5), fake_anchor=0.5
    )
    np.testing.assert_allclose(values, [0.25 + 2.25, 2.25 + 6.25])


def test_scores_of_other_shapes_and_anchors():
    anchors = {"real_anchor": 0.0, "fake_anchor": 0.0}
    with pytest.raises(ValueError, match=r"^fake: shape \(2, 1\) is not .* \(2,\)"):
        lecam(jnp.zeros(2), jnp.zeros((2, 1)), **anchors)
    with pytest.raises(ValueError, match=r"^real: .* int32"):
        lecam(jnp.zeros(2, jnp.int32), jnp.zeros(2), **anchors)
    with pytest.raises(ValueError, match=r"^real_anchor: shape \(2,\) is not that of a number"):
        lecam(jnp.zeros(2), jnp.zeros(2), **anchors | {"real_anchor": jnp.zeros(2)})


def test_critics_without_a_logit_for_each_example():
    with pytest.raises(ValueError, match=r"^critic: logits \(\) of inputs \(2, 2\)"):
        squared_gradient_norm(jnp.sum, REAL)
    with pytest.raises(ValueError, match=r"^inputs: .* \[batch, ...\], got float32\[\]"):
        squared_gradient_norm(jnp.sum, jnp.float32(1))


def test_share_out_of_range():
    for share in (0, 1.5):
        with pytest.raises(ValueError, match=rf"^share: {share} is not in \(0, 1\]"):
            estimate(penalties.r1, slope, REAL, FAKE, KEY, LABEL, share=share)
