import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.gans import gan as gan_lib


def size(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def batch(shape, count=4, low=0.0):
    return {"image": jax.random.uniform(jax.random.key(5), (count, *shape), minval=low)}


@pytest.mark.parametrize(
    ("network", "shape", "expected"),
    [
        ("mnist", (28, 28, 1), (2_503_984, 1_231_441)),
        # 100 -> 8000 -> 8000 -> 3072; 3072 -> 1600 x 5 -> 1600 x 5 -> 1
        (
            "cifar_fc",
            (32, 32, 3),
            (101 * 8000 + 8001 * 8000 + 8001 * 3072, 3073 * 8000 + 1601 * 8000 + 1601),
        ),
        # ... -> 10x10x80 -> 5x5 to 3 channels, a bias for every pixel; 32 and 32 and 192 channels
        # of 2 pieces, 5x5x192 left
        (
            "cifar_conv",
            (32, 32, 3),
            (
                101 * 8000 + 8001 * 8000 + 25 * 80 * 3 + 3072,
                (64 * 3 + 64 * 32) * 64 + 128 + 25 * 32 * 384 + 384 + 4801 * 2500 + 501,
            ),
        ),
    ],
)
def test_parameters_of_the_papers_networks(network, shape, expected):
    gan = gan_lib.make(image_shape=shape, num_classes=0, network=network)
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch(shape))
    assert (size(params.gen), size(params.disc)) == expected


def test_discriminator_is_maxout_of_maxout():
    module = gan_lib.PaperDiscriminator(width=3)
    image = batch((2, 2, 1))["image"]
    params = jax.jit(module.init)(jax.random.key(0), image)
    layers = jax.tree.map(np.asarray, params["params"])

    def maxout(x, dense):
        pieces = x @ dense["kernel"] + dense["bias"]
        return pieces.reshape(len(x), 5, 3).max(1)

    x = maxout(np.asarray(image).reshape(4, 4), layers["Maxout_0"]["Dense_0"])
    x = maxout(x, layers["Maxout_1"]["Dense_0"])
    logits = x @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"]
    np.testing.assert_allclose(module.apply(params, image), logits[:, 0], atol=1e-6)
    kernel = layers["Maxout_0"]["Dense_0"]["kernel"]
    assert 0.004 < np.abs(kernel).max() <= 0.005


@pytest.mark.parametrize(
    ("network", "shape", "low"),
    [("mnist", (6, 6, 1), 0.2), ("mlp", (6, 6, 1), -0.6), ("mlp", (1, 1, 2), -3.0)],
)
def test_output_bias_is_the_mean_image(network, shape, low):
    """With kernels of 0 the generator draws the mean of the data."""
    gan = gan_lib.make(image_shape=shape, num_classes=0, network=network, gen_width=8)
    data = batch(shape, 500, low)
    params, variables = jax.jit(gan.init)(jax.random.key(0), data)
    zeros = jax.tree.map(lambda x: 0 * x if x.ndim > 1 else x, params.gen)
    image = gan.sample(zeros, variables, jax.random.key(1), jnp.zeros(1, jnp.int32))
    np.testing.assert_allclose(image[0], data["image"].mean(0), atol=1e-4)
    plain = gan_lib.make(image_shape=shape, num_classes=0, network=network, output_bias="zero")
    assert not jnp.any(jax.jit(plain.init)(jax.random.key(0), data)[0].gen["output"]["bias"])


def test_noise_has_unit_variance_and_dropout_is_in_training_only():
    gan = gan_lib.make(image_shape=(6, 6, 1), num_classes=0)
    z = gan.latent(jax.random.key(0), 10_000)
    assert np.abs(z).max() <= np.sqrt(3) and abs(np.std(z) - 1) < 0.01
    module = gan_lib.PaperDiscriminator(width=20)
    image = batch((6, 6, 1))["image"]
    params = jax.tree.map(lambda x: 100 * x, jax.jit(module.init)(jax.random.key(0), image))
    seeds = [{"dropout": jax.random.key(i)} for i in (0, 1)]
    training = [module.apply(params, image, True, rngs=seed) for seed in seeds]
    assert not np.allclose(*training)
    np.testing.assert_array_equal(*(module.apply(params, image, False) for _ in range(2)))


def test_dropout_on_the_image_is_the_discriminators_own():
    image = batch((6, 6, 1))["image"]
    for rates, moves in (((0.5, 0.0), True), ((0.0, 0.0), False)):
        module = gan_lib.PaperDiscriminator(width=20, input_dropout=rates[0], dropout=rates[1])
        params = jax.tree.map(lambda x: 100 * x, jax.jit(module.init)(jax.random.key(0), image))
        seeds = [{"dropout": jax.random.key(i)} for i in (0, 1)]
        logits = [module.apply(params, image, True, rngs=seed) for seed in seeds]
        assert np.allclose(*logits) != moves


def test_options_of_the_plain_networks():
    options = {"image_shape": (6, 6, 1), "num_classes": 0, "network": "mlp"}
    gan = gan_lib.make(**options, gen_layers=4, disc_layers=2, gen_width=5, disc_width=7)
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch((6, 6, 1)))
    assert size(params.disc) == 37 * 7 + 8
    assert size(params.gen) == 101 * 5 + 2 * 6 * 5 + 3 * 2 * 5 + 6 * 36
    with pytest.raises(ValueError, match="gen_layers: 1 is below 2"):
        gan_lib.make(**options, gen_layers=1)
    with pytest.raises(ValueError, match=r"input_dropout: 0\.1 has no effect"):
        gan_lib.make(**options, input_dropout=0.1)


def test_spectral_normalisation_divides_by_the_norm_of_each_kernel():
    """Kernels 10 times as large change no logit; steps of it make the norm of each layer 1."""
    shape, key = (1, 1, 2), jax.random.key(0)
    options = {"network": "mlp", "dropout": 0.0, "disc_layers": 2, "disc_width": 3}
    gan = gan_lib.make(image_shape=shape, num_classes=0, disc_norm="spectral", **options)
    (gen, disc), variables = gan.init(key, batch(shape))
    loss = jax.jit(gan.disc_loss)
    for _ in range(30):  # a power iteration each
        variables = loss(disc, gen, variables, batch(shape), key)[1][0]
    image = batch(shape, low=-1.0)["image"]
    logits, _ = gan.critic(disc, variables, image, None)
    larger = jax.tree.map(lambda x: 10 * x, disc)  # biases are 0
    np.testing.assert_allclose(gan.critic(larger, variables, image, None)[0], logits, rtol=1e-4)
    first, last = (disc[f"Dense_{i}"]["kernel"] for i in range(2))
    first, last = (x / np.linalg.norm(x, 2) for x in (first, last))
    expected = np.maximum(np.asarray(image).reshape(4, 2) @ first, 0) @ last
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="disc_norm: 'spectral' is for network=mlp, not mnist"):
        gan_lib.make(image_shape=(28, 28, 1), num_classes=0, disc_norm="spectral")


def test_penalty_is_a_part_of_the_discriminators_loss():
    shape, key = (6, 6, 1), jax.random.key(1)
    options = {"image_shape": shape, "num_classes": 0, "network": "mlp", "gen_width": 8}
    plain, weighted = (gan_lib.make(**options, penalty_weight=w) for w in (0.0, 2.0))
    params, variables = jax.jit(plain.init)(jax.random.key(0), batch(shape))
    loss = jax.jit(plain.disc_loss)(params.disc, params.gen, variables, batch(shape), key)[0]
    more, (_, metrics) = jax.jit(weighted.disc_loss)(
        params.disc, params.gen, variables, batch(shape), key
    )
    assert metrics["penalty"] > 0
    np.testing.assert_allclose(more, loss + metrics["penalty"], rtol=1e-5)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("network", "lenet"),
        ("latent", "cauchy"),
        ("loss", "hinged"),
        ("output_bias", "one"),
        ("dropout", 1.0),
        ("input_dropout", -0.1),
        ("penalty_weight", -1.0),
        ("gen_layers", 1),
        ("disc_layers", 3),  # without effect on the paper's networks
        ("gen_width", -1),
        ("latent_size", 0),
    ],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(UserError, match=f"^--config.gan.{option}: .*{value}"):
        gans.make({"name": "gan", option: value}, image_shape=(28, 28, 1), num_classes=0)


def test_convolutional_network_is_for_32_pixels():
    with pytest.raises(ValueError, match="network: 'cifar_conv' needs images of 32x32, not 28x28"):
        gan_lib.make(image_shape=(28, 28, 1), num_classes=0, network="cifar_conv")
    with pytest.raises(ValueError, match="network: 'mnist' is for images and the data are points"):
        gan_lib.make(image_shape=(1, 1, 2), num_classes=0)
    with pytest.raises(ValueError, match="gen_width: 150 is not divisible by 100"):
        gan_lib.make(image_shape=(32, 32, 3), num_classes=0, network="cifar_conv", gen_width=150)
