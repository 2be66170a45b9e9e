"""The cost of the mesh: one device through `jit` with shardings against a plain `jit`."""

import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.gpu.task import Row, Task
from benchmarks.models import MODELS, Settings, make_batch
from jaxgan import gans, parallel
from jaxgan.base import Players
from jaxgan.state import init_state
from jaxgan.step import make_train_step

TARGET = 1.02


def measure(task: Task) -> Iterator[Row]:
    """Yields a row for each model: milliseconds of a step by both, and their ratio."""
    for name in ("cgan_mlp", "dcgan_28", "dcgan_64")[: 1 if task.small else None]:
        batch_size, rounds, seconds = (2, 2, 0.01) if task.small else (None, 10, 0.25)
        yield _ratio(Settings(name, batch_size, None, None, False, ""), rounds, seconds)


def _ratio(settings: Settings, rounds: int, seconds: float) -> Row:
    model = MODELS[settings.model]
    gan = gans.make(dict(model.gan), image_shape=model.image_shape, num_classes=model.num_classes)
    optimizers = Players(*[optax.adam(model.learning_rate, b1=0.5)] * 2)
    batch = make_batch(settings)
    first = jax.jit(lambda key: init_state(gan, optimizers, key, batch))(jax.random.key(0))
    step = make_train_step(gan, optimizers)
    mesh = parallel.make_mesh(1)
    batch = jax.device_put(jax.tree.map(lambda x: x[None], batch), parallel.batch_sharding(mesh))
    plain_batch = jax.device_put(jax.device_get(batch), jax.devices()[0])
    plain_state = jax.device_put(jax.tree.map(jnp.copy, first), jax.devices()[0])
    sides = [
        [jax.jit(step, donate_argnums=0), plain_state, plain_batch],
        [
            parallel.compile_step(step, mesh),
            jax.device_put(jax.tree.map(jnp.copy, first), parallel.replicated(mesh)),
            batch,
        ],
    ]

    def run(side: list, steps: int) -> float:
        compiled, state, batch = side
        begun = time.perf_counter()
        for _ in range(steps):
            state, metrics = compiled(state, batch)
        jax.block_until_ready((state, metrics))
        side[1] = state
        return (time.perf_counter() - begun) / steps

    for side in sides:
        run(side, 3)
    length = max(1, int(seconds / run(sides[0], 3)))
    times = np.array([[run(side, length) for side in sides] for _ in range(rounds)])
    low, middle, high = np.quantile(times[:, 1] / times[:, 0], [0.1, 0.5, 0.9])
    plain, spread = 1e3 * np.median(times, 0)
    return {
        "model (batch)": f"{settings.model} ({settings.batch_size or model.batch_size})",
        "jit, ms": float(plain),
        "jit with shardings, ms": float(spread),
        "ratio": float(middle),
        "10 % to 90 %": f"{low:.3f} to {high:.3f}",
        f"at most {TARGET}": bool(middle <= TARGET),
    }
