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


def test_both_losses_by_the_networks_outputs():
    gan = make(dropout=0.0)
    params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
    key = jax.random.key(1)
    fakes = gan.sample(params.gen, variables, key, BATCH["input"])
    discriminator = pix2pix.PatchDiscriminator(2, 4, jnp.float32)
    weights = {"params": params.disc, **variables.disc}
    real, fake = (
        np.asarray(
            discriminator.apply(weights, BATCH["input"], image, mutable=["batch_stats"])[0], float
        )
        for image in (BATCH["image"], fakes)
    )
    expected = (np.log1p(np.exp(-real)) + np.log1p(np.exp(fake))).mean() / 2
    loss, _ = gan.disc_loss(params.disc, params.gen, variables, BATCH, key)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    expected = np.log1p(np.exp(-fake)).mean() + 100 * np.abs(BATCH["image"] - fakes).mean()
    loss, _ = gan.gen_loss(params.gen, params.disc, variables, BATCH, key)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


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
    module = pix2pix.UNet(3, 4, width=4, dropout=0.0)
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
        ("sample_statistics", "none"),
    ],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(UserError, match=f"^--config.gan.{option}: .*{value}"):
        gans.make(
            {"name": "pix2pix", "disc_layers": 2, option: value}, image_shape=SHAPE, num_classes=0
        )


def test_wrong_sizes_are_named():
    with pytest.raises(UserError, match="images of 4x4 or more, not 2x24"):
        gans.make({"name": "pix2pix"}, image_shape=(2, 24, 3), num_classes=0)


def test_the_generator_needs_a_loss():
    with pytest.raises(UserError, match=r"^--config.gan.l1_weight: 0.0 and gan_weight are both 0"):
        make_named(l1_weight=0.0, gan_weight=0.0)


def make_named(**options):
    return gans.make(
        {"name": "pix2pix", "disc_layers": 2, **options}, image_shape=SHAPE, num_classes=0
    )


@pytest.mark.parametrize(("side", "depth"), [(4, 2), (16, 4), (28, 5), (32, 5), (256, 8)])
def test_depth_follows_the_size(side, depth):
    assert pix2pix.depth_for(side, side + 3) == depth


@pytest.mark.parametrize("size", [(28, 28), (16, 24), (37, 45)])
def test_any_size_is_taken_and_inputs_may_have_other_channels(size):
    module = pix2pix.UNet(3, 4, width=2)
    image = jnp.zeros((2, *size, 1))
    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    out, _ = jax.eval_shape(lambda: module.init_with_output(rngs, image))
    assert out.shape == (2, *size, 3)


def test_padding_changes_nothing_where_edges_are_plain():
    """An image with a plain frame and the same with a wider one, at whose sizes nothing differs."""
    module = pix2pix.UNet(1, 4, width=2, dropout=0.0)
    small = jnp.zeros((1, 12, 12, 1)).at[:, 4:8, 4:8].set(1.0)
    large = jnp.pad(small, ((0, 0), (2, 2), (2, 2), (0, 0)))
    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    out, params = jax.jit(module.init_with_output)(rngs, large)
    cut, _ = jax.jit(lambda p, x: module.apply(p, x, rngs=rngs, mutable=["batch_stats"]))(
        params, small
    )
    np.testing.assert_allclose(cut, out[:, 2:-2, 2:-2], atol=1e-6)


def test_encoder_and_decoder_without_skips():
    """The decoder sees half the channels, and of the image what the innermost layer lets by."""
    shapes = {}
    for skips in (True, False):
        gan = make(skips=skips)
        params, _ = jax.eval_shape(gan.init, jax.random.key(0), BATCH)
        shapes[skips] = {
            name: x["kernel"].shape for name, x in params.gen.items() if "Conv" in name
        }
    assert shapes[True]["ConvTranspose_3"] == (4, 4, 8, 3)
    assert shapes[False]["ConvTranspose_3"] == (4, 4, 4, 3)

    module = pix2pix.UNet(3, 4, width=4, dropout=0.0, skips=False)
    rngs = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    params = jax.jit(module.init)(rngs, BATCH["input"])
    params["params"]["Conv_3"]["kernel"] *= 0
    out, _ = module.apply(params, BATCH["input"], rngs=rngs, mutable=["batch_stats"])
    np.testing.assert_array_equal(out[0], out[1])


def test_parameters_without_skips_by_hand():
    """Of the paper's: 16 * outputs * inputs, half the inputs of seven decoder layers gone."""
    gan = pix2pix.make(image_shape=(256, 256, 3), num_classes=0, skips=False)
    batch = {name: jnp.zeros((1, 256, 256, 3)) for name in BATCH}
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch)
    gone = 16 * (3 * 512 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert size(params.gen) == 54_413_952 - gone


def test_samples_by_running_statistics_stand_for_themselves():
    for statistics, alone in (("running", True), ("batch", False)):
        gan = make(sample_statistics=statistics, dropout=0.0)
        params, variables = jax.jit(gan.init)(jax.random.key(0), BATCH)
        sample = jax.jit(gan.sample)
        both = sample(params.gen, variables, jax.random.key(1), BATCH["input"])
        one = sample(params.gen, variables, jax.random.key(1), BATCH["input"][:1])
        assert np.allclose(both[:1], one, atol=1e-5) == alone
