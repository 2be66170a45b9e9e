import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.gans import cgan

SHAPE = (28, 28, 1)
BATCH = {
    "image": jax.random.uniform(jax.random.key(5), (8, *SHAPE)),
    "label": jnp.arange(8) % 10,
}


def size(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def test_parameters_of_the_papers_networks():
    gan = cgan.make(image_shape=SHAPE, num_classes=10)
    params, _ = jax.jit(gan.init)(jax.random.key(0), BATCH)
    assert (size(params.gen), size(params.disc)) == (2_413_984, 1_224_351)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_label_and_noise_both_matter(network):
    gan = cgan.make(image_shape=SHAPE, num_classes=10, network=network)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)

    def sample(key, label):
        return jax.jit(gan.sample)(params.gen, variables, jax.random.key(key), jnp.full(3, label))

    images = sample(0, 3)
    assert images.shape == (3, *SHAPE) and 0 <= images.min() <= images.max() <= 1
    np.testing.assert_array_equal(images, sample(0, 3))
    assert not np.allclose(images, sample(1, 3))
    assert not np.allclose(images, sample(0, 4))
    assert not np.allclose(images[0], images[1])


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_discriminator_sees_the_label(network):
    disc = cgan.MLPDiscriminator(10) if network == "mlp" else cgan.ConvDiscriminator(10)
    params = jax.jit(disc.init)(jax.random.key(0), BATCH["image"], BATCH["label"])
    logits = disc.apply(params, BATCH["image"], BATCH["label"])
    assert logits.shape == (8,)
    assert np.all(logits != disc.apply(params, BATCH["image"], BATCH["label"] + 1))


def test_penalty_is_half_gamma_times_the_norms_on_real_and_fake():
    options = {"image_shape": SHAPE, "num_classes": 10, "network": "conv", "width": 8}
    gan = cgan.make(**options, penalty_weight=3.0)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    key = jax.random.key(1)
    plain, _ = jax.jit(cgan.make(**options).disc_loss)(
        params.disc, params.gen, variables, BATCH, key
    )
    loss, (_, metrics) = jax.jit(gan.disc_loss)(params.disc, params.gen, variables, BATCH, key)

    fake_key = jax.random.split(jax.random.split(key, 3)[0])[0]
    z = jax.random.uniform(fake_key, (8, 100))
    fake = cgan.ConvGenerator(SHAPE, 10, 8).apply(params.gen, z, BATCH["label"])
    expected = 0.0
    for images in (BATCH["image"], fake):
        for i in range(8):
            gradient = jax.grad(
                lambda x, i=i: cgan.ConvDiscriminator(10, 8).apply(
                    params.disc, x[None], BATCH["label"][i : i + 1]
                )[0]
            )(images[i])
            expected += 3.0 / 2 * float(jnp.sum(gradient**2)) / 8
    np.testing.assert_allclose(metrics["penalty"], expected, rtol=1e-4)
    np.testing.assert_allclose(loss, plain + expected, rtol=1e-5)


def test_dropout_works_in_training_only():
    gan = cgan.make(image_shape=SHAPE, num_classes=10, dropout=0.5)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    disc = jax.tree.map(lambda x: 20 * x, params.disc)
    losses = [
        jax.jit(gan.gen_loss)(params.gen, disc, variables, BATCH, jax.random.key(k))[0]
        for k in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "resnet"}, "network: unknown 'resnet'; known: conv, mlp"),
        ({"latent": "gauss"}, "latent: unknown"),
        ({"latent_size": 0}, "latent_size: 0"),
        ({"loss": "hing"}, "loss: unknown 'hing'; known: minimax"),
        ({"dropout": 1.0}, "dropout: 1.0"),
        ({"dropout": 0.5, "network": "conv"}, "dropout: 0.5 has no effect"),
        ({"penalty_weight": -1.0}, "penalty_weight: -1.0"),
        ({"penalty_share": 0.0}, "penalty_share: 0.0"),
        ({"width": 7}, "width: 7"),
        ({"num_classes": 0}, "needs labels"),
        ({"network": "conv", "image_shape": (30, 28, 1)}, "30x28"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        cgan.make(**{"image_shape": SHAPE, "num_classes": 10, **options})


def test_lookup_by_name():
    assert "cgan" in gans.names()
    with pytest.raises(UserError, match=r"--config\.gan\.name: unknown 'cgn'; known: .*cgan"):
        gans.make({"name": "cgn"}, image_shape=SHAPE, num_classes=10)
    with pytest.raises(UserError, match=r"--config\.gan\.widht: cgan has no such option"):
        gans.make({"name": "cgan", "widht": 3}, image_shape=SHAPE, num_classes=10)
    with pytest.raises(UserError, match=r"--config\.gan\.loss: unknown"):
        gans.make({"name": "cgan", "loss": "x"}, image_shape=SHAPE, num_classes=10)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_bfloat16_computes_in_it_and_keeps_losses_in_float32(network):
    losses = []
    for dtype in ("float32", "bfloat16"):
        gan = cgan.make(
            image_shape=SHAPE, num_classes=10, network=network, penalty_weight=1.0, dtype=dtype
        )
        params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
        arguments = params.disc, params.gen, variables, BATCH, jax.random.key(1)
        loss = jax.jit(jax.value_and_grad(gan.disc_loss, has_aux=True))
        assert ("bf16" in loss.lower(*arguments).as_text()) == (dtype == "bfloat16")
        (value, _), gradients = loss(*arguments)
        for x in jax.tree.leaves((params, value, gradients)):
            assert x.dtype == jnp.float32
        losses.append(value)
    np.testing.assert_allclose(*losses, rtol=0.05)


def test_the_size_advised_for_conv_is_no_larger_than_the_picture():
    with pytest.raises(ValueError, match=r"not 30x45; set --config\.dataset\.image_size=28$"):
        cgan.make(image_shape=(30, 45, 1), num_classes=10, network="conv")
