import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.gans import cdcgan

SHAPE = (16, 16, 1)


def make(**options):
    return cdcgan.make(image_shape=SHAPE, num_classes=3, width=4, **options)


def batch(count=6):
    image = jax.random.uniform(jax.random.key(5), (count, *SHAPE))
    return {"image": image, "label": jnp.arange(count) % 3}


def test_label_joins_every_layer():
    x = jnp.arange(8.0).reshape(2, 2, 2, 1)
    joined = cdcgan.with_label(x, jnp.eye(3)[jnp.array([2, 0])])
    assert joined.shape == (2, 2, 2, 4)
    np.testing.assert_array_equal(joined[0, 1, 0], [2, 0, 0, 1])
    np.testing.assert_array_equal(joined[1, 0, 1], [5, 1, 0, 0])
    params, _ = jax.eval_shape(make().init, jax.random.key(0), batch())
    inputs = {
        jax.tree_util.keystr(path): leaf.shape[-2]
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if leaf.ndim > 1
    }
    # noise 100, 1024, then 16 -> 8 -> 4 maps of 4 and 8 channels; each 3 more
    assert sorted(inputs.values()) == sorted([103, 1027, 11, 7, 4, 7, 131, 1027])


def test_layers_of_the_mnist_networks():
    gan = cdcgan.make(image_shape=(28, 28, 1), num_classes=10)
    data = {"image": jnp.zeros((2, 28, 28, 1)), "label": jnp.zeros(2, jnp.int32)}
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), data)
    shapes = [
        sorted(tuple(leaf.shape) for leaf in jax.tree.leaves(player) if leaf.ndim > 1)
        for player in params
    ]
    gen = [(110, 1024), (1034, 6272), (5, 5, 138, 64), (5, 5, 74, 1)]
    disc = [(5, 5, 11, 64), (5, 5, 74, 128), (6282, 1024), (1034, 1)]
    assert shapes == [sorted(gen), sorted(disc)]


def test_the_label_decides_the_image_and_the_logit():
    gan = make()
    params, variables = jax.jit(gan.init)(jax.random.key(0), batch())
    z = gan.latent(jax.random.key(1), 3)
    decode = jax.jit(gan.decode)
    same = decode(params.gen, variables, z.at[:].set(z[0]), jnp.array([0, 1, 0]))
    assert np.array_equal(same[0], same[2]) and not np.allclose(same[0], same[1], atol=1e-4)
    critic = jax.jit(gan.critic)
    logits = [
        critic(params.disc, variables, batch()["image"], jnp.full(6, value, jnp.int32))[0]
        for value in (0, 1)
    ]
    assert not np.allclose(*logits, atol=1e-4)


@pytest.mark.parametrize(
    ("option", "value"),
    [("latent", "cauchy"), ("loss", "hinged"), ("sample_statistics", "mean"), ("width", 0)],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(UserError, match=f"^--config.gan.{option}: .*{value}"):
        gans.make({"name": "cdcgan", option: value}, image_shape=SHAPE, num_classes=3)


def test_labels_and_sizes():
    with pytest.raises(ValueError, match="'cdcgan' needs labels"):
        cdcgan.make(image_shape=SHAPE, num_classes=0)
    with pytest.raises(ValueError, match=r"draw squares of 8, 14, 16, .* pixels, not 30x30"):
        cdcgan.make(image_shape=(30, 30, 1), num_classes=3)
