import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import config as config_lib
from jaxgan import gans, workdir
from jaxgan.base import Players
from jaxgan.errors import UserError
from jaxgan.gans import pix2pix
from jaxgan.state import init_state
from jaxgan.step import make_train_step

SHAPE = (16, 16, 3)
BATCH = {
    name: jax.random.uniform(jax.random.key(i), (2, *SHAPE)) * 2 - 1
    for i, name in enumerate(("input", "image"))
}


def make(**options):
    return pix2pix.make(
        image_shape=SHAPE, num_classes=0, **{"width": 4, "disc_layers": 2, **options}
    )


def size(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def test_parameters_of_the_papers_networks():
    gan = pix2pix.make(image_shape=(256, 256, 3), num_classes=0)
    batch = {name: jnp.zeros((1, 256, 256, 3)) for name in BATCH}
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch)
    assert (size(params.gen), size(params.disc)) == (54_413_952, 2_768_640)


@pytest.mark.parametrize(
    ("layers", "field", "map_size"),
    [(0, 1, 256), (1, 16, 126), (2, 34, 62), (3, 70, 30), (4, 142, 14), (5, 286, 6)],
)
def test_receptive_field_and_map_of_the_discriminator(layers, field, map_size, monkeypatch):
    """The pixels that one logit in the middle depends on, but for normalisation's global reach."""
    monkeypatch.setattr(pix2pix, "batch_norm", lambda **options: lambda x: x)
    module = pix2pix.PatchDiscriminator(layers, width=1)
    image = jnp.zeros((1, 256, 256, 1))
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), image, image))
    assert jax.eval_shape(module.apply, params, image, image).shape == (1, map_size, map_size)

    image = jax.random.normal(jax.random.key(1), (1, 512, 512, 1))
    params = jax.tree.map(lambda x: jnp.ones(x.shape), params)

    def logit(image):
        logits = module.apply(params, image, image)
        return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

    gradient = jax.jit(jax.grad(logit))(image)[0, :, :, 0]
    for axis in (0, 1):
        (reached,) = np.nonzero(np.any(gradient != 0, axis))
        assert reached[-1] - reached[0] + 1 == field


def test_dataset_without_pairs_is_named():
    config = config_lib.load("configs/cgan_mnist.py", ["--config.gan.name=pix2pix"])
    with pytest.raises(UserError, match="'pix2pix' needs pairs of images and the dataset has none"):
        workdir.make_model(config, (256, 256, 1), 10)


def test_generators_loss_is_weighted_by_hand():
    key = jax.random.key(1)
    parts = {}
    for name, options in {
        "gan": {"l1_weight": 0.0},
        "l1": {"gan_weight": 0.0, "l1_weight": 1.0},
        "both": {"gan_weight": 2.0, "l1_weight": 30.0},
    }.items():
        gan = make(**options)
        params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
        parts[name], (_, metrics) = jax.jit(gan.gen_loss)(
            params.gen, params.disc, variables, BATCH, key
        )
    np.testing.assert_allclose(parts["l1"], metrics["l1"], rtol=1e-5)
    np.testing.assert_allclose(parts["both"], 2 * parts["gan"] + 30 * parts["l1"], rtol=1e-5)


def test_dropout_is_the_noise_of_samples():
    for dropout, noisy in ((0.5, True), (0.0, False)):
        gan = make(dropout=dropout)
        params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
        samples = [
            jax.jit(gan.sample)(params.gen, variables, jax.random.key(i), BATCH["input"])
            for i in (1, 2)
        ]
        assert samples[0].shape == (2, *SHAPE)
        assert (not np.allclose(*samples)) == noisy


def test_skips_carry_the_input():
    """Without the innermost layers the output still depends on every part of the input."""
    module = pix2pix.UNet(3, width=4, dropout=0.0)
    image = BATCH["input"][:1]
    params = module.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, image)

    def silent(path, x):
        return 0 * x if "Conv_3" in jax.tree_util.keystr(path) else x

    params = jax.tree_util.tree_map_with_path(silent, params)
    apply = lambda x: module.apply(  # noqa: E731
        params, x, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"]
    )[0]
    gradient = jax.grad(lambda x: jnp.sum(apply(x) ** 2))(image)
    assert jnp.all(jnp.max(jnp.abs(gradient), -1) > 0)


def test_a_step_moves_both_players():
    gan = make()
    optimizers = Players(optax.adam(2e-4, b1=0.5), optax.adam(2e-4, b1=0.5))
    state = jax.jit(lambda key: init_state(gan, optimizers, key, BATCH))(jax.random.key(0))
    step = jax.jit(make_train_step(gan, optimizers))
    after, metrics = step(state, jax.tree.map(lambda x: x[None], BATCH))
    assert {"disc_loss", "gen_loss", "l1", "D(x)", "D(G(z))"} <= set(metrics)
    assert all(np.isfinite(x) for x in metrics.values())
    for old, new in zip(state.params, after.params, strict=True):
        assert jnp.any(jax.tree.leaves(old)[-1] != jax.tree.leaves(new)[-1])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("disc_layers", 6),
        ("disc_layers", 3),
        ("dropout", 1.0),
        ("width", 0),
        ("l1_weight", -1.0),
        ("dtype", "half"),
    ],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(UserError, match=f"^--config.gan.{option}: .*{value}"):
        gans.make(
            {"name": "pix2pix", "disc_layers": 2, option: value}, image_shape=SHAPE, num_classes=0
        )


def test_wrong_sizes_are_named():
    with pytest.raises(UserError, match="squares of a power of 2, not 24x24"):
        gans.make({"name": "pix2pix"}, image_shape=(24, 24, 3), num_classes=0)
