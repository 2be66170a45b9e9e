import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans, penalties
from jaxgan.base import Players
from jaxgan.errors import UserError
from jaxgan.gans import dcgan
from jaxgan.state import init_state
from jaxgan.step import make_train_step


def size(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def make(side=16, channels=1, **options):
    options = {"width": 4, **options}
    return dcgan.make(image_shape=(side, side, channels), num_classes=0, **options)


def batch(side=16, channels=1, count=8):
    return {"image": jax.random.uniform(jax.random.key(5), (count, side, side, channels)) * 2 - 1}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kernel": 4, "width": 64}, (3_576_704, 2_765_568)),
        ({"kernel": 5, "width": 128}, (18_885_760, 17_232_768)),
    ],
)
def test_parameters_of_the_published_networks(options, expected):
    gan = make(64, 3, **options)
    params, _ = jax.eval_shape(gan.init, jax.random.key(0), batch(64, 3, 2))
    assert (size(params.gen), size(params.disc)) == expected


@pytest.mark.parametrize("kernel", [4, 5])
@pytest.mark.parametrize("side", [8, 14, 28, 32])
def test_sizes_are_4_or_7_times_powers_of_2(side, kernel):
    gan = make(side, 3, kernel=kernel)
    params, variables = jax.jit(gan.init)(jax.random.key(0), batch(side, 3))
    images = jax.jit(gan.sample)(params.gen, variables, jax.random.key(1), jnp.zeros(5, jnp.int32))
    assert images.shape == (5, side, side, 3) and np.all(np.abs(images) <= 1)


def test_map_is_drawn_from_the_first_and_the_last_of_the_mapping_layers():
    params, variables = jax.jit(make(units=8, mapping_layers=2).init)(jax.random.key(0), batch())
    shapes = [params.gen[f"Dense_{i}"]["kernel"].shape for i in range(4)]
    assert shapes == [(100, 8), (8, 8), (8, 8), (16, 4 * 4 * 8)]
    generator = dcgan.Generator((16, 16, 1), 4, units=8, mapping_layers=2)
    z = jax.random.normal(jax.random.key(1), (6, 100))

    def draw(gen):
        weights = {"params": gen, **variables.gen}
        return generator.apply(weights, z, True, mutable=["batch_stats"])[0]

    def without(name):
        return draw(params.gen | {name: jax.tree.map(jnp.zeros_like, params.gen[name])})

    for name in ("Dense_1", "Dense_2"):  # both count, and what comes before them goes past them
        assert np.max(np.abs(without(name) - draw(params.gen))) > 0.001
        assert np.max(np.std(without(name), 0)) > 0.001


def test_instance_noise_is_on_every_image_that_the_discriminator_sees():
    made, seen = [], []

    def watch(call, args, kwargs, context):
        found = call(*args, **kwargs)
        if isinstance(context.module, dcgan.Generator):
            made.append(found)
        elif isinstance(context.module, dcgan.Discriminator):
            seen.append(args[0])
        return found

    examples, key = batch(count=64), jax.random.key(1)
    plain, gan = make(), make(instance_noise=0.3)
    params, variables = jax.jit(plain.init)(jax.random.key(0), examples)
    noise = []
    for player in (gan, plain):
        with nn.intercept_methods(watch):
            player.disc_loss(params.disc, params.gen, variables, examples, key)
            player.gen_loss(params.gen, params.disc, variables, examples, jax.random.key(2))
        given = (examples["image"], *made, examples["image"])
        noise.append(np.stack([x - y for x, y in zip(seen, given, strict=True)]))
        made.clear(), seen.clear()
    assert not np.any(noise[1])
    np.testing.assert_allclose(noise[0].std((1, 2, 3, 4)), 0.3, rtol=0.03)
    correlation = np.corrcoef(noise[0].reshape(4, -1))
    assert np.all(np.abs(correlation - np.eye(4)) < 0.04)


def test_penalty_is_of_images_with_instance_noise(monkeypatch):
    found = []

    def penalty(critic, real, fake, key):
        found.append(real)
        return jnp.zeros(len(real))

    monkeypatch.setitem(penalties.PENALTIES, "r1_r2", penalty)
    gan = make(instance_noise=0.3, disc_norm="none", penalty_weight=1.0)
    params, variables = gan.init(jax.random.key(0), batch())
    gan.disc_loss(params.disc, params.gen, variables, batch(), jax.random.key(1))
    np.testing.assert_allclose(np.std(found[0] - batch()["image"]), 0.3, rtol=0.1)


def test_weights_start_as_in_the_paper():
    params, _ = jax.jit(make(32, 3, width=64).init)(jax.random.key(0), batch(32, 3))
    for path, x in jax.tree_util.tree_leaves_with_path(params):
        name = jax.tree_util.keystr(path)
        if "kernel" in name:
            assert 0.018 < jnp.std(x) < 0.022 and abs(jnp.mean(x)) < 0.002, name
        elif "scale" in name:
            assert 0.012 < jnp.std(x) < 0.028 and abs(jnp.mean(x) - 1) < 0.01, name
        else:
            assert "bias" in name and "BatchNorm" in name and not jnp.any(x), name


def test_running_statistics_make_samples_independent_and_batch_statistics_do_not():
    key, label = jax.random.key(1), jnp.zeros(6, jnp.int32)
    for statistics, independent in (("running", True), ("batch", False)):
        gan = make(sample_statistics=statistics, latent="normal")
        params, variables = jax.jit(gan.init)(jax.random.key(0), batch())
        apply = jax.jit(gan.sample)(params.gen, variables, key, label)
        z = jax.random.normal(key, (6, 100))
        generator = dcgan.Generator((16, 16, 1), 4)
        weights = {"params": params.gen, **variables.gen}
        alone = generator.apply(weights, z[:2], not independent, mutable=["batch_stats"])[0]
        assert np.allclose(apply[:2], alone, atol=1e-5) == independent


def test_real_and_fake_are_batches_of_their_own():
    """Shifting the fakes' level must not move the logits of real examples."""
    gan = make()
    params, variables = jax.jit(gan.init)(jax.random.key(0), batch())
    key = jax.random.key(1)
    other = jax.tree.map(lambda x: 3 * x + 0.1, params.gen)
    real = [
        jax.jit(gan.disc_loss)(params.disc, gen, variables, batch(), key)[1][1]
        for gen in (params.gen, other)
    ]
    assert real[0]["D(x)"] == real[1]["D(x)"]
    assert real[0]["D(G(z))"] != real[1]["D(G(z))"]


def changes(before, after):
    """Returns for each player whether its statistics differ."""
    return [
        any(
            jnp.any(a != b) for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
        )
        for old, new in zip(before, after, strict=True)
    ]


def test_each_player_updates_its_own_statistics():
    gan = make()
    params, variables = jax.jit(gan.init)(jax.random.key(0), batch())
    _, (after, _) = jax.jit(gan.disc_loss)(
        params.disc, params.gen, variables, batch(), jax.random.key(1)
    )
    assert changes(variables, after) == [False, True]
    _, (after, _) = jax.jit(gan.gen_loss)(
        params.gen, params.disc, variables, batch(), jax.random.key(1)
    )
    assert changes(variables, after) == [True, False]


def test_spectral_normalisation_bounds_every_layer():
    gan = make(disc_norm="spectral", width=8)
    params, variables = jax.jit(gan.init)(jax.random.key(0), batch())
    params = params._replace(disc=jax.tree.map(lambda x: 50 * x, params.disc))

    def step(variables):
        return run(params.disc, params.gen, variables, batch(), jax.random.key(1))

    run = jax.jit(gan.disc_loss)
    for _ in range(30):  # power iterations
        _, (variables, _) = step(variables)
    sigmas = {}
    for path, value in jax.tree_util.tree_leaves_with_path(variables.disc):
        name = jax.tree_util.keystr(path)
        if "sigma" in name:
            sigmas[name.split("'")[-2].split("/")[0]] = float(value)
    expected = {
        name: float(jnp.linalg.svd(layer["kernel"].reshape(-1, layer["kernel"].shape[-1]))[1][0])
        for name, layer in params.disc.items()
    }
    assert sigmas.keys() == expected.keys() and len(sigmas) == 3
    loss = step(variables)[0]  # does not change when a layer is scaled
    params = params._replace(disc=jax.tree.map(lambda x: 3 * x, params.disc))
    np.testing.assert_allclose(step(variables)[0], loss, rtol=1e-3)
    for name, sigma in expected.items():
        np.testing.assert_allclose(sigmas[name], sigma, rtol=1e-2)


def test_bfloat16_keeps_float32_in_parameters_statistics_and_losses():
    losses = []
    for dtype in ("float32", "bfloat16"):
        gan = make(dtype=dtype)
        optimizers = Players(optax.adam(1e-3), optax.adam(1e-3))
        state = init_state(gan, optimizers, jax.random.key(0), batch())
        step = jax.jit(make_train_step(gan, optimizers))
        text = step.lower(state, jax.tree.map(lambda x: x[None], batch())).as_text()
        assert ("bf16" in text) == (dtype == "bfloat16")
        after, metrics = step(state, jax.tree.map(lambda x: x[None], batch()))
        for x in jax.tree.leaves((after.params, after.variables, metrics)):
            assert x.dtype == jnp.float32
        losses.append(metrics["disc_loss"])
    np.testing.assert_allclose(*losses, rtol=0.05)


@pytest.mark.parametrize(
    ("option", "value", "shape"),
    [
        ("latent", "sphere", (16, 16, 1)),
        ("loss", "none", (16, 16, 1)),
        ("disc_norm", "layer", (16, 16, 1)),
        ("penalty_weight", -1.0, (16, 16, 1)),
        ("sample_statistics", "none", (16, 16, 1)),
        ("kernel", 3, (16, 16, 1)),
        ("width", 0, (16, 16, 1)),
        ("latent_size", 0, (16, 16, 1)),
        ("mapping_layers", -1, (16, 16, 1)),
        ("mapping_layers", 2, (16, 16, 1)),
        ("instance_noise", -0.1, (16, 16, 1)),
        ("dtype", "float16", (16, 16, 1)),
        ("name", "dcgan", (20, 20, 1)),
        ("name", "dcgan", (16, 32, 1)),
        ("name", "dcgan", (4, 4, 1)),
    ],
)
def test_wrong_options_are_named(option, value, shape):
    found = "x".join(map(str, shape[:2])) if option == "name" else value
    with pytest.raises(UserError, match=rf"^--config\.gan\.{option}: .*{found}"):
        gans.make({"name": "dcgan", option: value}, image_shape=shape, num_classes=0)


@pytest.mark.parametrize("name", ["dcgan", "cdcgan"])
def test_penalty_is_for_logits_of_one_example_each(name):
    options = {"name": name, "width": 2, "disc_norm": "none", "penalty_share": 0.5}
    made = {"image_shape": (8, 8, 1), "num_classes": 3}
    key, image = jax.random.key(0), jax.random.uniform(jax.random.key(1), (8, 8, 8, 1))
    batch = {"image": image, "label": jnp.arange(8) % 3}
    plain, weighted = (gans.make(options | {"penalty_weight": w}, **made) for w in (0.0, 2.0))
    params, variables = jax.jit(plain.init)(key, batch)
    assert not jax.tree.leaves(variables.disc)
    loss = jax.jit(plain.disc_loss)(params.disc, params.gen, variables, batch, key)[0]
    more, (_, metrics) = jax.jit(weighted.disc_loss)(params.disc, params.gen, variables, batch, key)
    assert metrics["penalty"] > 0
    np.testing.assert_allclose(more, loss + metrics["penalty"], rtol=1e-5)
    with pytest.raises(UserError, match=r"^--config\.gan\.penalty_weight: 1\.0 needs logits"):
        gans.make({"name": name, "penalty_weight": 1.0}, **made)
    with pytest.raises(UserError, match=r"^--config\.gan\.penalty_share: 0\.0 is not in"):
        gans.make({"name": name, "penalty_share": 0.0}, **made)


@pytest.mark.parametrize(
    ("shape", "size"), [((60, 40, 3), 32), ((28, 27, 1), 16), ((300, 500, 3), 256), ((5, 5, 1), 8)]
)
def test_the_size_advised_is_no_larger_than_the_picture(shape, size):
    """Where there is one: a square that the networks draw."""
    with pytest.raises(ValueError, match=rf"not {shape[0]}x{shape[1]}; set .*image_size={size}$"):
        dcgan.base_and_layers(shape)
    assert dcgan.base_and_layers((size, size, 3))
