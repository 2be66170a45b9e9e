"""What every configuration must meet; a new file in configs/ is picked up by itself."""

import ast
import importlib
import inspect
import pathlib
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import config as config_lib
from jaxgan import parallel, workdir
from jaxgan.base import Players
from jaxgan.data import pairs
from jaxgan.state import init_state
from jaxgan.step import make_train_step

FILES = sorted(pathlib.Path("configs").glob("*.py"))
SHAPES = {  # of the datasets that configurations name
    "celeb_a": ((64, 64, 3), 0),
    "cifar10": ((32, 32, 3), 10),
    "gaussian_grid": ((1, 1, 2), 0),
    "gaussian_ring": ((1, 1, 2), 0),
    "lsun/bedroom": ((64, 64, 3), 0),
    "mirflickr_tags": ((1, 1, 200), 0),
    "mnist": ((28, 28, 1), 10),
    "mnist_tags": ((1, 1, 32), 0),
    # Of folders, whose images are resized; smaller here than in their configurations.
    "cityscapes": ((32, 32, 3), 0),
    "edges2shoes": ((32, 32, 3), 0),
    "facades": ((32, 32, 3), 0),
    "maps": ((32, 32, 3), 0),
}
FEATURES = {"mirflickr_tags": 64, "mnist_tags": 128}  # that examples are conditioned on
# Options that make networks small, where a variant has them; cifar_conv has hundreds of units.
NARROW = {"width": 8, "units": 32, "gen_width": 16, "disc_width": 16}
DISC_STEPS = 2
BATCH = 8


def shapes(config):
    """Returns the shape of images, the number of classes, and the shape of inputs or None."""
    shape, classes = SHAPES[config.dataset.name]
    kind = config.dataset.pairs
    if not kind or kind in pairs.FOLDERS:
        return shape, classes, shape if kind else None
    a, b = pairs.derive(kind, np.zeros((1, *shape), np.uint8), config.dataset.direction)
    return b.shape[1:], classes, a.shape[1:]


def distinct(files):
    """Returns the file with the smallest images of each variant and network."""
    found = {}
    loaded = {file: config_lib.load(file) for file in files}
    for file in sorted(files, key=lambda file: SHAPES[loaded[file].dataset.name][0]):
        gan = loaded[file].gan
        found.setdefault((gan.name, gan.get("network")), file)
    return list(found.values())


def first_of_each(files):
    """Returns one file of each variant."""
    return list(
        {config_lib.load(file).gan.name: file for file in reversed(distinct(files))}.values()
    )


each_network = pytest.mark.parametrize(
    "config", distinct(FILES), indirect=True, ids=lambda file: file.stem
)


each_variant = pytest.mark.parametrize(
    "config", first_of_each(FILES), indirect=True, ids=lambda file: file.stem
)


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.stem)
def config(request):
    config = config_lib.load(request.param)
    options = inspect.signature(importlib.import_module(f"jaxgan.gans.{config.gan.name}").make)
    narrow = {key: NARROW[key] for key in NARROW.keys() & options.parameters.keys()}
    if config.gan.get("network") == "cifar_conv":
        narrow["gen_width"] = 100
    if (config.gan.name, config.gan.get("network")) == ("cgan", "mlp"):
        del narrow["width"]  # of the convolutional network
    return config_lib.load(request.param, [f"--config.gan.{k}={v}" for k, v in narrow.items()])


@pytest.fixture(scope="module")
def model(config):
    return workdir.make_model(config, *shapes(config), FEATURES.get(config.dataset.name, 0))


def make_batch(config, k=DISC_STEPS):
    shape, classes, input_shape = shapes(config)
    rng = np.random.default_rng(0)
    batch = {"image": jnp.asarray(rng.uniform(0, 1, (k, BATCH, *shape)), jnp.float32)}
    if classes:
        batch["label"] = jnp.asarray(rng.integers(0, classes, (k, BATCH)), jnp.int32)
    if config.dataset.name in FEATURES:
        size = FEATURES[config.dataset.name]
        batch["feature"] = jnp.asarray(rng.uniform(0, 1, (k, BATCH, size)), jnp.float32)
    if input_shape:
        batch["input"] = jnp.asarray(rng.uniform(0, 1, (k, BATCH, *input_shape)), jnp.float32)
    return batch


def start(gan, optimizers, config):
    batch = jax.tree.map(lambda x: x[0], make_batch(config))
    return jax.jit(lambda key: init_state(gan, optimizers, key, batch, ema=True))(jax.random.key(0))


def sgd(rate=1e-2):
    return Players(optax.sgd(rate), optax.sgd(rate))


def updates(before, after, player):
    return jax.tree.map(
        lambda a, b: np.asarray(b) - np.asarray(a),
        getattr(before.params, player),
        getattr(after.params, player),
    )


def assert_same_updates(before, one, other):
    """Compares what was added to the parameters, which may be far smaller than they are."""
    for player in Players._fields:
        first, second = updates(before, one, player), updates(before, other, player)
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-2, atol=1e-2 * np.abs(a).max() + 1e-7)


def rescaled(state):
    """Gives every kernel the variance 1 / inputs, for gradients that float32 can compare."""

    def rescale(x):
        if x.ndim < 2 or not x.any():  # biases, some of which have a value for every place
            return x
        return x / jnp.sqrt(np.prod(x.shape[:-1])) / jnp.std(x)

    return state.replace(params=jax.tree.map(rescale, state.params))


def test_docstring_tells_the_paper_and_the_command(config, request):
    file = pathlib.Path("configs") / f"{request.node.callspec.id}.py"
    text = file.read_text()
    assert "arXiv" in text and f"python train.py --config={file}" in text
    header = ast.get_docstring(ast.parse(text), clean=False)
    assert len(header.split("\n")) <= 15
    for page in re.findall(r"docs/[\w/]+\.md", header):
        assert pathlib.Path(page).is_file()


def test_samples_have_the_shape_and_range_of_the_data(config, model):
    gan = model.gan
    state = start(gan, model.optimizers, config)
    (height, width, channels), classes, _ = shapes(config)
    label = jnp.arange(6) % max(classes, 1)
    if config.dataset.name in FEATURES:
        label = make_batch(config)["feature"][0, :6]
    if gan.translator:
        label = make_batch(config)["input"][0, :6]
    images = gan.sample(state.sampler, state.variables, jax.random.key(1), label)
    chex.assert_shape(images, (6, height, width, channels))
    chex.assert_type(images, jnp.float32)
    if gan.value_range is not None:
        low, high = gan.value_range
        assert low <= images.min() and images.max() <= high


@each_network
def test_step_moves_both_players_traces_once_and_stays_finite(config, model):
    step = make_train_step(model.gan, model.optimizers, disc_steps=DISC_STEPS, ema_decay=0.9)
    chex.clear_trace_counter()
    step = jax.jit(chex.assert_max_traces(step, n=1))
    state, batch = start(model.gan, model.optimizers, config), make_batch(config)
    after = state
    for _ in range(2):
        after, metrics = step(after, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
    chex.assert_tree_all_finite((after.params, metrics))
    assert {"disc_loss", "gen_loss", "D(x)", "D(G(z))"} <= set(metrics)
    for old, new in zip(state.params, after.params, strict=True):
        assert any(
            not np.array_equal(a, b)
            for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
        )


@each_network
@pytest.mark.parametrize("player", Players._fields)
def test_a_player_moves_by_its_own_loss_alone(config, model, player):
    def silenced(*args):
        loss, aux = getattr(model.gan, f"{player}_loss")(*args)
        return 0.0 * loss, aux

    gan = model.gan._replace(**{f"{player}_loss": silenced})
    state = start(gan, sgd(), config)
    after, _ = jax.jit(make_train_step(gan, sgd(), disc_steps=DISC_STEPS))(
        state, make_batch(config)
    )
    for name in Players._fields:
        moved = any(jax.tree.leaves(jax.tree.map(jnp.any, updates(state, after, name))))
        assert moved == (name != player)


@each_variant
def test_with_and_without_jit_agree(config, model):
    optimizers = sgd()
    step = make_train_step(model.gan, optimizers, disc_steps=1)
    state, batch = rescaled(start(model.gan, optimizers, config)), make_batch(config, 1)
    plain, compiled = step(state, batch)[0], jax.jit(step)(state, batch)[0]
    assert_same_updates(state, plain, compiled)


WAYS = {  # devices, and how they share the step
    "two": (2, {}),
    "eight": (8, {}),
    "pmap": (2, {"mode": "pmap"}),
    "shared state": (8, {"divide": True}),
}


@each_variant
def test_every_way_of_sharing_a_step_is_the_same_step(config, monkeypatch):
    monkeypatch.setattr(parallel, "SMALLEST", 64)
    if config.gan.name in ("dcgan", "ebgan"):  # which take any size: fewer layers
        monkeypatch.setitem(SHAPES, config.dataset.name, ((8, 8, 1), 10))
    model = workdir.make_model(config, *shapes(config), FEATURES.get(config.dataset.name, 0))
    optimizers = Players(optax.sgd(1e-2, momentum=0.5), optax.sgd(1e-2, momentum=0.5))
    step = make_train_step(model.gan, optimizers, ema_decay=0.9)
    batch = make_batch(config, 1)
    begin = rescaled(start(model.gan, optimizers, config))

    def run(devices, mode="jit", divide=False):
        mesh = parallel.make_mesh(devices)
        shardings = parallel.state_shardings(mesh, begin, divide=divide)
        if divide:
            assert sum(not s.is_fully_replicated for s in jax.tree.leaves(shardings)) > 5
        state = jax.device_put(jax.tree.map(jnp.copy, begin), shardings)
        compiled = parallel.compile_step(step, mesh, mode=mode, shardings=shardings)
        state, metrics = compiled(state, jax.device_put(batch, parallel.batch_sharding(mesh)))
        assert jax.tree.all(
            jax.tree.map(lambda x, s: x.sharding.is_equivalent_to(s, x.ndim), state, shardings)
        )
        return state, jax.device_get(metrics)

    one, one_metrics = run(1)
    for devices, options in WAYS.values():
        other, metrics = run(devices, **options)
        assert_same_updates(begin, one, other)
        chex.assert_trees_all_close(one_metrics, metrics, rtol=1e-4)
        chex.assert_trees_all_close(one.variables, other.variables, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "config",
    [pathlib.Path(f"configs/{name}.py") for name in ("cgan_mnist", "cgan_tags_mnist", "gan_mnist")],
    indirect=True,
    ids=lambda file: file.stem,
)
def test_parts_of_a_batch_make_the_step_of_the_whole(config, model):
    """Of variants without statistics of the batch, with noise, dropout and penalties."""
    optimizers = sgd()
    state, batch = rescaled(start(model.gan, optimizers, config)), make_batch(config, 1)
    expected, _ = jax.jit(make_train_step(model.gan, optimizers))(state, batch)
    parts = make_train_step(model.gan, optimizers, accumulate=2)
    assert_same_updates(state, expected, jax.jit(parts)(state, batch)[0])
    if config.gan.get("penalty_share", 1.0) == 1.0:  # or the parts would have other examples of it
        mesh = parallel.make_mesh(2)
        for mode in parallel.MODES:
            compiled = parallel.compile_step(parts, mesh, mode=mode)
            after, _ = compiled(jax.tree.map(jnp.copy, state), batch)
            assert_same_updates(state, expected, after)
