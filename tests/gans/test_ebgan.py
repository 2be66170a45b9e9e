import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.gans import ebgan

SHAPE = (6, 6, 1)
BATCH = {"image": jax.random.uniform(jax.random.key(5), (8, *SHAPE)) * 2 - 1}


def test_energy_is_the_norm_of_the_reconstruction_error():
    module = ebgan.AutoEncoder(layers=2, width=5)
    params = jax.jit(module.init)(jax.random.key(0), BATCH["image"])
    energy, code = module.apply(params, BATCH["image"])
    flat = np.asarray(BATCH["image"]).reshape(8, 36)
    layers = jax.tree.map(np.asarray, params["params"])
    first, second = layers["Dense_0"], layers["Dense_1"]
    hidden = np.maximum(flat @ first["kernel"] + first["bias"], 0)
    decoded = hidden @ second["kernel"] + second["bias"]
    np.testing.assert_allclose(code, hidden, atol=1e-5)
    np.testing.assert_allclose(energy, np.linalg.norm(decoded - flat, axis=1), rtol=1e-5)


def test_perfect_reconstruction_has_energy_and_gradient_0():
    zeros = jnp.zeros((1, *SHAPE))
    module = ebgan.AutoEncoder(width=5)
    params = jax.jit(module.init)(jax.random.key(0), zeros)
    energy, gradient = jax.value_and_grad(lambda x: module.apply(params, x)[0][0])(zeros)
    assert energy < 1e-5 and not jnp.any(gradient)


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_codes_are_the_encoders(layers):
    module = ebgan.AutoEncoder(layers=layers, width=5)
    params = jax.jit(module.init)(jax.random.key(0), BATCH["image"])
    assert len(params["params"]) == layers
    _, state = module.apply(params, BATCH["image"], capture_intermediates=True)
    encoder = state["intermediates"][f"Dense_{layers - 2}"]["__call__"][
        0
    ]  # the decoder is one layer
    np.testing.assert_array_equal(module.apply(params, BATCH["image"])[1], jax.nn.relu(encoder))


@pytest.mark.parametrize("margin", [1e-3, 1e3])
def test_margin_decides_whether_fakes_count(margin):
    gan = ebgan.make(image_shape=SHAPE, num_classes=0, margin=margin)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    gradients = [
        jax.jit(jax.grad(gan.disc_loss, has_aux=True))(
            params.disc, gen, variables, BATCH, jax.random.key(1)
        )[0]
        for gen in (params.gen, jax.tree.map(lambda x: x + 0.1, params.gen))
    ]
    same = all(jax.tree.leaves(jax.tree.map(jnp.allclose, *gradients)))
    assert same == (margin == 1e-3)


@pytest.mark.parametrize(
    ("option", "value"),
    [("margin", 0.0), ("gen_layers", 1), ("disc_layers", 1), ("disc_width", -1), ("dtype", "half")],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(UserError, match=f"^--config.gan.{option}: .*{value}"):
        gans.make({"name": "ebgan", option: value}, image_shape=SHAPE, num_classes=0)


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_pulling_away_is_added_to_the_generators_loss_alone(weight):
    gan = ebgan.make(image_shape=SHAPE, num_classes=0, pulling_away_weight=weight)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    loss, (_, metrics) = jax.jit(gan.gen_loss)(
        params.gen, params.disc, variables, BATCH, jax.random.key(1)
    )
    assert ("pulling_away" in metrics) == (weight > 0)
    plain = ebgan.make(image_shape=SHAPE, num_classes=0)
    energy = jax.jit(plain.gen_loss)(params.gen, params.disc, variables, BATCH, jax.random.key(1))[
        0
    ]
    np.testing.assert_allclose(loss, energy + weight * metrics.get("pulling_away", 0), rtol=1e-6)


def test_pulling_away_spreads_the_codes():
    """A few steps with a heavy term must lower it."""
    gan = ebgan.make(
        image_shape=SHAPE, num_classes=0, pulling_away_weight=100.0, gen_width=32, disc_width=32
    )
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    gen, values = params.gen, []
    step = jax.jit(jax.grad(gan.gen_loss, has_aux=True))
    for i in range(30):
        grads, (_, metrics) = step(gen, params.disc, variables, BATCH, jax.random.key(i))
        gen = jax.tree.map(lambda p, g: p - 3e-3 * g, gen, grads)
        values.append(metrics["pulling_away"])
    assert np.mean(values[-5:]) < 0.8 * np.mean(values[:5])


def test_dropout_is_in_the_encoder_and_in_training_only():
    module = ebgan.AutoEncoder(layers=4, width=50, dropout=0.5)
    params = jax.jit(module.init)(jax.random.key(0), BATCH["image"])
    codes = [
        module.apply(params, BATCH["image"], True, rngs={"dropout": jax.random.key(i)})[1]
        for i in (0, 1)
    ]
    assert not np.allclose(*codes)
    assert np.mean(np.asarray(codes[0]) == 0) > 0.6
    still = [module.apply(params, BATCH["image"])[1] for _ in range(2)]
    np.testing.assert_array_equal(*still)


def test_convolutional_auto_encoder_is_the_papers():
    """Channels 64-128-256-128-64-3, normalised but at the input and the output, N(0, .002^2)."""
    gan = ebgan.make(image_shape=(64, 64, 3), num_classes=0, network="conv", gen_width=4)
    batch = {"image": jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)}
    params, variables = jax.eval_shape(gan.init, jax.random.key(0), batch)
    channels = [3, 64, 128, 256, 128, 64, 3]
    weights = sum(16 * a * b + b for a, b in itertools.pairwise(channels))
    scales = 2 * sum(channels[2:-1])
    assert sum(x.size for x in jax.tree.leaves(params.disc)) == weights + scales
    assert sum(x.size for x in jax.tree.leaves(variables.disc)) == scales
    module = ebgan.ConvAutoEncoder(8)
    kernel = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))["params"]["Conv_2"][
        "kernel"
    ]
    assert 0.0015 < np.std(kernel) < 0.0025


def test_points_are_no_images():
    gan = ebgan.make(image_shape=(1, 1, 2), num_classes=0)
    assert gan.value_range is None


def test_convolutional_networks_have_the_shape_of_the_image():
    options = {"network": "conv", "gen_width": 4, "disc_width": 4, "pulling_away_weight": 0.1}
    gan = ebgan.make(image_shape=(16, 16, 3), num_classes=0, **options)
    batch = {"image": jax.random.uniform(jax.random.key(5), (4, 16, 16, 3)) * 2 - 1}

    def losses(key):
        params, variables = gan.init(key, batch)
        disc = gan.disc_loss(params.disc, params.gen, variables, batch, key)
        gen = jax.jit(gan.gen_loss)(params.gen, params.disc, variables, batch, key)
        label = jnp.zeros(3, jnp.int32)
        return variables, disc, gen, gan.sample(params.gen, variables, key, label)

    variables, disc, gen, images = jax.eval_shape(losses, jax.random.key(0))
    assert disc[0].shape == gen[0].shape == () and images.shape == (3, 16, 16, 3)
    assert jax.tree.structure(variables) == jax.tree.structure(disc[1][0])
    assert jax.tree.leaves(variables.disc) and "pulling_away" in gen[1][1]
    with pytest.raises(ValueError, match="gen_layers: 3 has no effect on network=conv"):
        ebgan.make(image_shape=(16, 16, 3), num_classes=0, network="conv", gen_layers=3)
    with pytest.raises(ValueError, match=r"disc_dropout: 0\.5 has no effect"):
        ebgan.make(image_shape=(16, 16, 3), num_classes=0, network="conv", disc_dropout=0.5)
    with pytest.raises(ValueError, match=r"divisible by 8, not 28; set .*image_size=16"):
        ebgan.make(image_shape=(28, 28, 1), num_classes=0, network="conv")
