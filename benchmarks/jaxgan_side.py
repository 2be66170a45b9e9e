"""The side of jaxgan: the step as `train.py` runs it."""

import os
import resource
import time
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.models import MODELS, Settings, make_batch
from jaxgan import cli, gans
from jaxgan.base import Players
from jaxgan.state import init_state
from jaxgan.step import make_train_step, repeat_step


class Side:
    """One model in jaxgan."""

    def __init__(self, settings: Settings) -> None:
        """Makes the state; nothing of the step is compiled yet.

        Args:
          settings: of the worker.
        """
        cli.keep_freed_memory()
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the device is shared
        jax.config.update("jax_compilation_cache_dir", settings.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        model = MODELS[settings.model]
        self._gpu = jax.default_backend() == "gpu"
        self._dtype = settings.dtype or ("bfloat16" if self._gpu else "float32")
        self._gan = gans.make(
            {**model.gan, "dtype": self._dtype},
            image_shape=model.image_shape,
            num_classes=model.num_classes,
        )
        self._optimizers = Players(*[optax.adam(model.learning_rate, b1=0.5)] * 2)
        batch = jax.device_put(make_batch(settings))
        init = jax.jit(lambda key: init_state(self._gan, self._optimizers, key, batch))
        self._state = init(jax.random.key(0))
        self._per_call = settings.steps_per_call
        self._batch = jax.tree.map(lambda x: jnp.stack([x] * self._per_call), batch)
        one = make_train_step(self._gan, self._optimizers)
        self._step = jax.jit(repeat_step(one, self._per_call), donate_argnums=0)

    def describe(self) -> dict[str, Any]:
        """Returns what is run, and on what."""
        return {
            "version": f"jax {jax.__version__}",
            "platform": jax.default_backend(),
            "device": jax.devices()[0].device_kind,
            "dtype": self._dtype,
            "parameters": [sum(x.size for x in jax.tree.leaves(p)) for p in self._state.params],
        }

    def compile(self) -> float:
        """Returns the seconds that it takes to trace and compile the step, or to load it."""
        begun = time.perf_counter()
        self._step = self._step.lower(self._state, self._batch).compile()
        return time.perf_counter() - begun

    def run(self, iterations: int) -> float:
        """Returns the seconds of an iteration, over the calls that contain as many as given."""
        calls = -(-iterations // self._per_call)
        begun = time.perf_counter()
        for _ in range(calls):
            self._state, metrics = self._step(self._state, self._batch)
        jax.block_until_ready((self._state, metrics))
        return (time.perf_counter() - begun) / (calls * self._per_call)

    def peak_bytes(self) -> int:
        """Returns the most memory held so far: of the device, or of the process on CPU."""
        if self._gpu:
            return jax.devices()[0].memory_stats()["peak_bytes_in_use"]
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def flops(self) -> float:
        """Returns the floating-point operations of an iteration.

        XLA's count of the program before it is optimised: afterwards, the operations of libraries
        are missing. It is the form for TPU, of plain convolutions, that is counted everywhere: no
        products with padding, and no loops, whose bodies XLA counts once. The backend of the CPU
        counts, since plugins such as CUDA's do not.
        """
        step = jax.jit(make_train_step(self._gan, self._optimizers))
        batch = jax.tree.map(lambda x: x[:1], self._batch)
        shapes = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (self._state, batch)
        )
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            lowered = step.trace(*shapes).lower(lowering_platforms=("tpu",))
        return lowered.cost_analysis()["flops"]

    def product_rate(self) -> float:
        """Returns the floating-point operations per second of the fastest of 20 matrix products."""
        size = 8192 if self._gpu else 2048
        a = jax.random.normal(jax.random.key(0), (size, size), self._dtype)
        product = jax.jit(jnp.matmul)
        product(a, a).block_until_ready()
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            product(a, a).block_until_ready()
            times.append(time.perf_counter() - begun)
        return 2 * size**3 / min(times)
