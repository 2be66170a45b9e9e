import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.gans import cgan_tags

SHAPE = (1, 1, 6)
SMALL = {"gen_units": (8, 8), "disc_units": (8, 8), "maxout": (4, 2)}
BATCH = {
    "image": jax.random.normal(jax.random.key(5), (8, *SHAPE)),
    "feature": jax.random.normal(jax.random.key(6), (8, 5)),
}


def size(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def started(**options):
    gan = cgan_tags.make(image_shape=SHAPE, num_classes=0, **{**SMALL, **options})
    return gan, *jax.jit(gan.init)(jax.random.key(0), BATCH)


def test_parameters_of_the_papers_networks():
    gan = cgan_tags.make(image_shape=(1, 1, 200), num_classes=0)
    batch = {
        "image": jax.ShapeDtypeStruct((2, 1, 1, 200), jnp.float32),
        "feature": jax.ShapeDtypeStruct((2, 4096), jnp.float32),
    }
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch)
    assert (size(params.gen), size(params.disc)) == (8_744_700, 10_120_901)


def test_joint_layers_are_more_layers_of_the_generator_alone():
    plain, joint = started()[1], started(joint_layers=2, joint_units=7)[1]
    assert size(joint.disc) == size(plain.disc)
    # 16 -> 7 -> 7 -> 6 in place of 16 -> 6, with biases
    assert size(joint.gen) - size(plain.gen) == (17 * 7 + 8 * 7 + 8 * 6) - 17 * 6


def test_features_and_noise_both_matter_to_the_words():
    gan, params, variables = started(dropout=0.5)

    def sample(key, feature):
        return jax.jit(gan.sample)(params.gen, variables, jax.random.key(key), feature)

    words = sample(0, BATCH["feature"])
    assert words.shape == (8, *SHAPE) and words.dtype == jnp.float32
    np.testing.assert_array_equal(words, sample(0, BATCH["feature"]))
    assert not np.allclose(words, sample(1, BATCH["feature"]))
    assert not np.allclose(words, sample(0, BATCH["feature"] + 1))


def test_discriminator_sees_the_features_and_shows_its_layers():
    gan, params, variables = started()
    logits, features = gan.critic(params.disc, variables, BATCH["image"], BATCH["feature"])
    assert {name: value.shape for name, value in features.items()} == {
        "dense1": (8, 8),
        "dense2": (8, 8),
        "maxout1": (8, 4),
    }
    other, _ = gan.critic(params.disc, variables, BATCH["image"], BATCH["feature"] + 1)
    assert logits.shape == (8,) and np.all(logits != other)


def test_penalty_adds_to_the_loss():
    gan, params, variables = started(penalty_weight=2.0)
    key = jax.random.key(1)
    plain, _ = started()[0].disc_loss(params.disc, params.gen, variables, BATCH, key)
    loss, (_, metrics) = gan.disc_loss(params.disc, params.gen, variables, BATCH, key)
    np.testing.assert_allclose(loss, plain + metrics["penalty"], rtol=1e-5)
    assert metrics["penalty"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hing"}, "loss: unknown 'hing'; known: "),
        ({"gen_units": (5,)}, r"gen_units: \(5,\) is not two whole numbers"),
        ({"maxout": (5, 0)}, r"maxout: \(5, 0\) is not two whole numbers"),
        ({"joint_layers": -1}, "joint_layers: -1 is below 0"),
        ({"latent_size": 0}, "latent_size: 0 is below 1"),
        ({"dropout": 1.0}, r"dropout: 1.0 is not in \[0, 1\)"),
        ({"penalty_weight": -1.0}, "penalty_weight: -1.0 is below 0"),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(UserError, match=f"^--config.gan.{message}"):
        gans.make({"name": "cgan_tags", **options}, image_shape=SHAPE, num_classes=0)


def test_refuses_images_and_data_without_features():
    with pytest.raises(UserError, match="generates word vectors and the data are images"):
        gans.make({"name": "cgan_tags"}, image_shape=(28, 28, 1), num_classes=10)
    gan, *_ = started()
    with pytest.raises(UserError, match="needs image features and the dataset has none"):
        gan.init(jax.random.key(0), {"image": BATCH["image"]})
