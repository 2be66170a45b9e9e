import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.base import Players
from jaxgan.standing import make_standing
from jaxgan.state import init_state

SHAPE = (8, 8, 1)


def make(options, *, num_classes=0, ema=True):
    gan = gans.make(options, image_shape=SHAPE, num_classes=num_classes)
    image = jnp.zeros((4, *SHAPE))
    batch = {"image": image, "label": jnp.arange(4), "input": image}
    players = Players(optax.sgd(1.0), optax.sgd(1.0))
    state = init_state(gan, players, jax.random.key(1), batch, ema=ema)
    return gan, state, make_standing(gan, SHAPE, range(num_classes))


def test_statistics_are_those_of_the_average():
    """For uniform noise those of the first layer are known: the mean is 0, the variance |w|^2/3."""
    _, state, standing = make({"name": "dcgan", "width": 4})
    average = jax.tree.map(lambda x: 3 * x, state.ema)
    found = standing(state.replace(ema=average)).variables.gen["batch_stats"]["BatchNorm_0"]
    kernel = np.asarray(average["Dense_0"]["kernel"]).reshape(100, -1, 4)
    variance = np.square(kernel).sum(0).mean(0) / 3
    np.testing.assert_allclose(found["var"], variance, rtol=0.02)
    np.testing.assert_allclose(found["mean"], 0, atol=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "cdcgan", "width": 4, "units": 8},
        {"name": "ebgan", "network": "conv", "gen_width": 4, "disc_width": 4},
    ],
)
def test_the_scale_of_what_is_normalised_changes_no_sample(options):
    gan, state, standing = make(options, num_classes=4)
    state = state.replace(ema=jax.tree.map(lambda x: 20 * x, state.ema))
    double = jax.tree.map(lambda x: 2 * x, state.ema["Dense_0"])
    doubled = state.replace(ema={**state.ema, "Dense_0": double})

    def sample(state):
        return gan.sample(state.sampler, state.variables, jax.random.key(2), jnp.arange(40) % 4)

    assert np.abs(sample(doubled) - sample(state)).max() > 0.1
    np.testing.assert_allclose(sample(standing(doubled)), sample(standing(state)), atol=1e-3)


def test_a_state_without_average_or_normalisation_is_left_as_it_is():
    for options, ema in [
        ({"name": "dcgan", "width": 4}, False),
        ({"name": "cgan", "width": 4}, True),
        ({"name": "pix2pix", "width": 4, "disc_layers": 1}, True),
    ]:
        _, state, standing = make(options, num_classes=4, ema=ema)
        assert standing(state) is state
