"""The step on a game small enough to be worked out by hand: G(z) = gen, l(x) = disc * x."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses, rows
from jaxgan import step as step_module
from jaxgan.base import GAN, Players
from jaxgan.parallel import batch_sharding, compile_step, make_mesh
from jaxgan.state import init_state
from jaxgan.step import gradient, make_train_step, repeat_step

RATE = Players(0.1, 0.2)
SGD = Players(optax.sgd(RATE.gen), optax.sgd(RATE.disc))


def toy(noise=0.0):
    """DiracGAN (Mescheder et al. 2018) with multiplicative noise on the sample."""

    def fake(gen, batch, key):
        def rule(key, count):
            return jax.random.normal(key, (count,))

        return gen * (1 + noise * rows.draw(rule, key, len(batch["image"])))

    def init(key, batch):
        return Players(jnp.float32(0.7), jnp.float32(0.3)), Players({}, {})

    def disc_loss(disc, gen, variables, batch, key):
        loss = jnp.mean(losses.minimax_disc(disc * batch["image"], disc * fake(gen, batch, key)))
        return loss, (variables, {"disc_loss": loss})

    def gen_loss(gen, disc, variables, batch, key):
        loss = jnp.mean(losses.nonsaturating_gen(disc * fake(gen, batch, key)))
        return loss, (variables, {"gen_loss": loss})

    return GAN(init, disc_loss, gen_loss, lambda *args: None, (0.0, 1.0))


def make(k=1, *, noise=0.0, ema_decay=0.0, optimizers=SGD):
    gan = toy(noise)
    batch = {"image": jnp.array([[1.0, 0.5, -0.5, 2.0], [0.2, 0.1, 3.0, -1.0]])[:k]}
    state = init_state(
        gan, optimizers, jax.random.key(0), jax.tree.map(lambda x: x[0], batch), ema=ema_decay > 0
    )
    step = make_train_step(gan, optimizers, disc_steps=k, ema_decay=ema_decay)
    return step, state, batch


def by_hand(gen, disc, batches):
    """Algorithm 1 with the derivatives written out."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for x in np.asarray(batches, np.float64):
        gradient = np.mean(-x * sigmoid(-disc * x)) + gen * sigmoid(disc * gen)
        disc = disc - RATE.disc * gradient
    gen = gen + RATE.gen * disc * sigmoid(-disc * gen)
    return gen, disc


class StepTest(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_one_discriminator_update_by_hand(self):
        step, state, batch = make(1)
        state, _ = self.variant(step)(state, batch)
        np.testing.assert_allclose(state.params, by_hand(0.7, 0.3, batch["image"]), rtol=1e-6)

    @chex.variants(with_jit=True, without_jit=True)
    def test_two_discriminator_updates_each_on_its_own_batch(self):
        step, state, batch = make(2)
        state, _ = self.variant(step)(state, batch)
        np.testing.assert_allclose(state.params, by_hand(0.7, 0.3, batch["image"]), rtol=1e-6)
        other, _ = step(make(2)[1], {"image": batch["image"][::-1]})
        assert not np.allclose(other.params, state.params, rtol=1e-6)


def test_traces_once():
    step, state, batch = make(2, noise=0.5)
    chex.clear_trace_counter()
    step = jax.jit(chex.assert_max_traces(step, n=1))
    for _ in range(3):
        state, _ = step(state, batch)
    assert int(state.step) == 3


def test_every_update_has_its_own_noise():
    # With the real examples equal, only the noise tells the updates apart.
    seen = []
    gan = toy()

    def spy(loss):
        def wrapped(*args):
            seen.append(jax.random.key_data(args[-1]).tolist())
            return loss(*args)

        return wrapped

    gan = gan._replace(disc_loss=spy(gan.disc_loss), gen_loss=spy(gan.gen_loss))
    _, state, batch = make(2)
    step = make_train_step(gan, SGD, disc_steps=2)
    state, _ = step(state, batch)
    step(state, batch)
    assert len({tuple(key) for key in seen}) == len(seen) == 6


def test_pure_and_repeatable():
    step, state, batch = make(2, noise=0.5)
    before = jax.tree.map(np.array, (state.params, state.step))
    first, second = step(state, batch), step(state, batch)
    chex.assert_trees_all_equal((state.params, state.step), before)
    chex.assert_trees_all_equal(first[0].params, second[0].params)
    chex.assert_trees_all_equal(first[1], second[1])


def test_moving_average_starts_fast():
    step, state, batch = make(1, ema_decay=0.9)
    start = float(state.ema)
    state, _ = step(state, batch)
    # at step 0 the decay is (1 + 0) / (10 + 0)
    np.testing.assert_allclose(state.ema, 0.1 * start + 0.9 * state.params.gen, rtol=1e-6)
    state = state.replace(step=jnp.int32(1000))
    average = float(state.ema)
    state, _ = step(state, batch)
    np.testing.assert_allclose(state.ema, 0.9 * average + 0.1 * state.params.gen, rtol=1e-6)


def test_samples_come_from_the_average_where_there_is_one():
    step, state, batch = make(1)
    state, _ = step(state, batch)
    assert state.ema is None and state.sampler is state.params.gen
    step, state, batch = make(1, ema_decay=0.9)
    state, _ = step(state, batch)
    assert state.sampler is state.ema


@pytest.mark.parametrize("player", Players._fields)
def test_a_player_without_learning_rate_stays(player):
    optimizers = SGD._replace(**{player: optax.sgd(0.0)})
    step, state, batch = make(2, optimizers=optimizers)
    after, _ = step(state, batch)
    for name in Players._fields:
        moved = float(getattr(after.params, name)) != float(getattr(state.params, name))
        assert moved == (name != player)


def test_compiled_step_consumes_its_state():
    step, state, batch = make(1)
    mesh = make_mesh(4)
    state = jax.device_put(jax.tree.map(jnp.copy, state), jax.NamedSharding(mesh, jax.P()))
    compiled = compile_step(step, mesh)
    after, _ = compiled(state, jax.device_put(batch, batch_sharding(mesh)))
    assert state.params.gen.is_deleted() and not after.params.gen.is_deleted()


def test_parts_of_a_batch_are_averaged():
    _, state, batch = make(2, noise=0.5)
    whole, metrics = make_train_step(toy(0.5), SGD, disc_steps=2)(state, batch)
    for parts in (2, 4):
        step = make_train_step(toy(0.5), SGD, disc_steps=2, accumulate=parts)
        after, means = jax.jit(step)(state, batch)
        chex.assert_trees_all_close((after.params, means), (whole.params, metrics), rtol=1e-6)
    with pytest.raises(ValueError, match="accumulate: 3 does not divide a batch of 4"):
        make_train_step(toy(), SGD, disc_steps=2, accumulate=3)(state, batch)


def test_variables_are_those_of_the_mean_over_parts():
    def loss(gen, disc, variables, batch, key):
        mean = jnp.mean(batch["image"])
        return gen * mean, (Players({"mean": mean}, {}), {"loss": mean})

    images = {"image": jnp.array([1.0, 2.0, 3.0, 6.0])}
    grads, (variables, metrics) = gradient(
        loss, jnp.float32(1.0), 0.0, Players({"mean": 0.0}, {}), images, jax.random.key(0), 2
    )
    assert float(grads) == float(variables.gen["mean"]) == float(metrics["loss"]) == 3.0


@pytest.mark.parametrize(
    "options", [{"disc_steps": 0}, {"accumulate": 0}, {"ema_decay": 1.0}, {"ema_decay": -0.1}]
)
def test_bad_arguments(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make_train_step(toy(), SGD, **options)


def test_wrong_number_of_batches():
    step, state, _ = make(2)
    with pytest.raises(AssertionError):
        step(state, {"image": jnp.zeros((3, 4))})


def test_several_steps_in_one_call_equal_as_many_calls():
    k, count = 2, 3
    step, state, _ = make(k, noise=0.3, ema_decay=0.9)
    batches = {"image": jax.random.normal(jax.random.key(3), (count * k, 4))}
    one = state
    for i in range(count):
        one, metrics = jax.jit(step)(one, {"image": batches["image"][i * k : (i + 1) * k]})
    many, last = jax.jit(repeat_step(step, count))(state, batches)
    assert many.step == count
    chex.assert_trees_all_close(many.params, one.params, rtol=1e-6)
    chex.assert_trees_all_close((many.ema, last), (one.ema, metrics), rtol=1e-6)
    assert repeat_step(step, 1) is step


def test_many_discriminator_updates_run_as_a_loop(monkeypatch):
    step, state, batch = make(2, noise=0.5, ema_decay=0.9)
    expected = jax.jit(step)(state, batch)
    monkeypatch.setattr(step_module, "UNROLLED", 1)
    found = jax.jit(step)(state, batch)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6),
        (found[0].replace(key=0), found[1]),
        (expected[0].replace(key=0), expected[1]),
    )
    monkeypatch.undo()
    step, state, _ = make(1)
    for k in (step_module.UNROLLED, 5000):
        many = {"image": jnp.ones((k, 4))}
        step = make_train_step(toy(), SGD, disc_steps=k)
        lines = str(jax.make_jaxpr(step)(state, many)).count("\n")
        assert (lines < 300) == (k == 5000)
