import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.base import Players
from jaxgan.state import init_state
from jaxgan.step import make_train_step

BLOCKS = re.findall(r"```python\n(.*?)```", pathlib.Path("README.md").read_text(), re.DOTALL)


def block(word):
    (found,) = (text for text in BLOCKS if word in text)
    return found


def test_losses_alone():
    value = re.search(r"(losses\..*?)  # \[(1\.386)", block("minimax_disc"))
    names = {}
    exec(block("minimax_disc"), names)
    np.testing.assert_allclose(eval(value[1], names), [float(value[2])] * 3, atol=1e-3)


def test_a_variant_as_a_library():
    image = jnp.zeros((2, 4, 28, 28, 1))
    batches = {"image": image, "label": jnp.zeros((2, 4), jnp.int32)}
    names = {"batch": jax.tree.map(lambda x: x[0], batches), "batches": batches}
    exec(block("make_train_step"), names)
    assert int(names["state"].step) == 1 and jnp.isfinite(names["metrics"]["disc_loss"])


def test_a_gan_of_ones_own_learns():
    """Under twenty lines; its samples come to where the points are."""
    text = block("hinge_disc")
    assert len([line for line in text.splitlines()[4:] if line.strip()]) < 20
    names = {}
    exec(text, names)
    gan, adam = names["gan"], optax.adam(2e-3, b1=0.5)
    step = make_train_step(gan, Players(adam, adam))
    batch = {"image": 3 + 0.1 * jax.random.normal(jax.random.key(1), (1, 64, 2))}
    first = {"image": batch["image"][0]}
    state = init_state(gan, Players(adam, adam), jax.random.key(0), first)
    label = jnp.zeros(100, jnp.int32)

    def far():
        fakes = gan.sample(state.params.gen, state.variables, jax.random.key(2), label)
        return float(jnp.abs(jnp.mean(fakes, 0) - 3).max())

    assert far() > 1.5
    run = jax.jit(lambda state: jax.lax.fori_loop(0, 300, lambda _, s: step(s, batch)[0], state))
    state = run(state)
    assert far() == pytest.approx(0, abs=0.5)
