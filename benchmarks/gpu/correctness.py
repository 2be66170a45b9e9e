"""Values and gradients against float64 on the CPU, one bfloat16 step of each variant, resuming.

An error is `|found - reference| / |reference|` in the Euclidean norm, the largest over the arrays
of a result. For `highest` precision the arithmetic is float32; `default` is what a device does
unless asked, TF32 on a GPU.
"""

import importlib
import inspect
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.gpu.float64 import in_float64
from benchmarks.gpu.task import Row, Task, at_once, start_program
from jaxgan import config, parallel, workdir
from jaxgan.base import Players
from jaxgan.checkpoint import Checkpoints, abstract
from jaxgan.nn.conv import conv, conv_transpose
from jaxgan.nn.norm import batch_norm
from jaxgan.state import init_state
from jaxgan.step import make_train_step

TOLERANCES = {"highest": 1e-5, "default": 5e-3, "bfloat16": 5e-2}  # of layers
GRADIENT_TOLERANCES = {"highest": 1e-3, "default": 5e-2}  # of whole losses
LOSS_TOLERANCE = 0.1  # of the discriminator's loss in bfloat16

VARIANTS = {  # configuration: form of the data; networks are narrowed
    "gan_mnist": {"image_shape": (28, 28, 1)},
    "gan_cifar10_conv": {"image_shape": (32, 32, 3)},
    "cgan_mnist": {"image_shape": (28, 28, 1), "num_classes": 10},
    "cgan_mnist_paper": {"image_shape": (28, 28, 1), "num_classes": 10},
    "cgan_tags_mnist": {"image_shape": (1, 1, 32), "features": 64},
    "dcgan_mnist": {"image_shape": (28, 28, 1)},
    "cdcgan_mnist": {"image_shape": (28, 28, 1), "num_classes": 10},
    "ebgan_pt_mnist": {"image_shape": (28, 28, 1)},
    "pix2pix_edges_mnist": {"image_shape": (28, 28, 1), "input_shape": (28, 28, 1)},
}
NARROW = {"width": 16, "units": 32, "gen_width": 100, "disc_width": 16}
BATCH = 8
RESUMED = "configs/dcgan_mnist.py"  # convolutions, batch normalisation and an average


def measure(task: Task) -> Iterator[Row]:
    """Yields rows of layers, of variants and of a resumed run."""
    names = ("cgan_mnist",) if task.small else VARIANTS
    jobs = {name: _variant(name) for name in names}
    jobs |= {"layers": _layers(task.small), "resuming": _resume(task)}
    return at_once(jobs)  # most of the time is compilation


def _error(found: Any, reference: Any) -> float:
    """Returns the largest relative error over the arrays of two results."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(reference), strict=True)
    errors = []
    for a, b in pairs:
        b = np.asarray(b, np.float64)
        difference = np.linalg.norm(np.asarray(a, np.float64) - b)
        errors.append(difference / max(np.linalg.norm(b), 1e-30))
    return float(np.max(errors))  # NaN if one is


def _with_gradients(function: Callable[..., jax.Array]) -> Callable[..., Any]:
    """Returns the function of (cotangent, *args) whose results are the value and its gradients."""

    def both(cotangent: jax.Array, *args: jax.Array) -> Any:
        value, pull = jax.vjp(function, *args)
        return value, pull(cotangent)

    return both


def _layers(small: bool) -> Iterator[Row]:
    def normalise(x: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
        layer = batch_norm(batch_statistics=True)
        zeros = {"mean": jnp.zeros_like(bias), "var": jnp.ones_like(bias)}
        params = {"params": {"scale": scale, "bias": bias}, "batch_stats": zeros}
        return layer.apply(params, x, mutable=["batch_stats"])[0]

    n = 4 if small else 32
    images, maps = (n, 16, 16, 8), (n, 8, 8, 16)
    layers = {
        "Conv 4x4, stride 2": (
            lambda x, k: conv(x, k, 2, ((1, 1), (1, 1))),
            (images, (4, 4, 8, 16)),
        ),
        "Conv 5x5, stride 2, SAME": (lambda x, k: conv(x, k, 2, "SAME"), (images, (5, 5, 8, 16))),
        "Conv 3x3, VALID": (lambda x, k: conv(x, k, 1, "VALID"), (images, (3, 3, 8, 16))),
        "ConvTranspose 4x4, stride 2": (
            lambda x, k: conv_transpose(x, k, 2, "SAME"),
            (maps, (4, 4, 16, 8)),
        ),
        "ConvTranspose 5x5, stride 2": (
            lambda x, k: conv_transpose(x, k, 2, "SAME"),
            (maps, (5, 5, 16, 8)),
        ),
        "batch normalisation": (normalise, (maps, (16,), (16,))),
        "Dense": (lambda x, k: x @ k, ((n, 256), (256, 128))),
    }
    rng = np.random.default_rng(0)
    if small:
        layers = {name: layers[name] for name in ("Conv 4x4, stride 2", "batch normalisation")}
    for name, (function, shapes) in layers.items():
        args = [jnp.asarray(rng.normal(1, 1, shape), jnp.float32) for shape in shapes]
        out = jax.eval_shape(function, *args)
        args = [jnp.asarray(rng.normal(size=out.shape), jnp.float32), *args]
        function = _with_gradients(function)
        reference = in_float64(function, *args)
        row: Row = {"layer": name}
        for precision in ("highest", "default"):
            with jax.default_matmul_precision(precision):
                row[precision] = _error(jax.jit(function)(*args), reference)
        half = jax.tree.map(lambda x: x.astype(jnp.bfloat16), args)
        row["bfloat16"] = _error(jax.jit(function)(*half), reference)
        row["tolerances"] = ", ".join(f"{x:g}" for x in TOLERANCES.values())
        row["ok"] = all(row[name] <= tolerance for name, tolerance in TOLERANCES.items())
        yield row


def _narrow_config(name: str, dtype: str) -> Any:
    """Returns a configuration with narrow networks that compute in `dtype`."""
    file = f"configs/{name}.py"
    variant = importlib.import_module(f"jaxgan.gans.{config.load(file).gan.name}")
    options = inspect.signature(variant.make).parameters
    changes = {key: value for key, value in NARROW.items() if key in options}
    if config.load(file).gan.get("network") == "mlp":  # whose layers have widths of the paper
        changes.pop("width", None)
    changes["dtype"] = dtype
    return config.load(file, [f"--config.gan.{key}={value}" for key, value in changes.items()])


def _example(form: dict[str, Any]) -> dict[str, jax.Array]:
    """Returns a batch of random data of a form."""
    rng = np.random.default_rng(0)
    batch = {"image": rng.uniform(0, 1, (BATCH, *form["image_shape"]))}
    if "input_shape" in form:
        batch["input"] = rng.uniform(0, 1, (BATCH, *form["input_shape"]))
    if "features" in form:
        batch["feature"] = rng.uniform(0, 1, (BATCH, form["features"]))
    batch = {key: jnp.asarray(value, jnp.float32) for key, value in batch.items()}
    if "num_classes" in form:
        batch["label"] = jnp.arange(BATCH) % form["num_classes"]
    return batch


def _variant(name: str) -> Iterator[Row]:
    """Yields a row for each loss, of the errors of its gradient, and one for a bfloat16 step."""
    form = {"num_classes": 0, "input_shape": None, "features": 0, **VARIANTS[name]}
    batch = _example(VARIANTS[name])
    sgd = Players(optax.sgd(1e-3), optax.sgd(1e-3))
    gan, half = (
        workdir.make_model(_narrow_config(name, dtype), **form).gan
        for dtype in ("float32", "bfloat16")
    )
    state = jax.jit(lambda key: init_state(gan, sgd, key, batch))(jax.random.key(0))
    gen, disc = state.params
    key = jax.random.split(jax.random.fold_in(state.key, state.step), 2)[0]  # of the first update
    metrics: dict[str, Any] = {}
    for player, (mine, other) in {"disc": (disc, gen), "gen": (gen, disc)}.items():
        gradient = jax.value_and_grad(getattr(gan, f"{player}_loss"), has_aux=True)
        args = (mine, other, state.variables, batch, key)
        (_, (_, reference)), grads = in_float64(gradient, *args)
        metrics |= reference
        row: Row = {"config, loss": f"{name}, {player}_loss"}
        for precision in GRADIENT_TOLERANCES:
            with jax.default_matmul_precision(precision):
                _, found = jax.jit(gradient)(*args)
            row[f"gradient, {precision}"] = _whole_error(found, grads)
        row["tolerances"] = ", ".join(f"{x:g}" for x in GRADIENT_TOLERANCES.values())
        row["ok"] = all(row[f"gradient, {k}"] <= x for k, x in GRADIENT_TOLERANCES.items())
        yield row
    step = jax.jit(make_train_step(half, sgd))
    after, found = step(state, jax.tree.map(lambda x: x[None], batch))
    finite = all(map(jnp.all, map(jnp.isfinite, jax.tree.leaves((after.params, found)))))
    error = abs(float(found["disc_loss"]) / float(metrics["disc_loss"]) - 1)
    row = {"step in bfloat16": name, "finite": bool(finite), "error of disc_loss": error}
    row |= {"tolerance": LOSS_TOLERANCE, "ok": finite and error <= LOSS_TOLERANCE}
    yield row


def _whole_error(found: Any, reference: Any) -> float:
    """Returns the relative error of a pytree taken as one vector."""
    flat = [
        np.concatenate([np.asarray(x, np.float64).ravel() for x in jax.tree.leaves(tree)])
        for tree in (found, reference)
    ]
    return float(np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[1]))


def _resume(task: Task) -> Iterator[Row]:
    """Yields whether a killed and resumed run ends in the parameters of one that was not."""
    every = 10 if task.small else 500
    changes = {
        "steps": 4 * every,
        "checkpoint_every": every,
        "sample_every": 4 * every,
        "evaluate_every": 0,
        "dataset.data_dir": task.data,
    }
    file = RESUMED
    if task.small:
        file = "configs/cgan_mnist.py"
        changes |= {"batch_size": 8, "gan.width": 4, "parallel.devices": 1}
    overrides = [f"--config.{key}={value}" for key, value in changes.items()]
    ways = {"default": ""}
    if jax.default_backend() == "gpu":
        ways["--xla_gpu_deterministic_ops=true"] = "--xla_gpu_deterministic_ops=true"
    for way, flags in ways.items():
        env = {**os.environ, "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()}

        def train(folder: pathlib.Path, env: dict[str, str] = env) -> subprocess.Popen:
            argv = ["train.py", f"--config={file}", f"--workdir={folder}", *overrides]
            return start_program(argv, task.out / "log.txt", env=env)

        folders = [task.scratch / f"{kind}-{len(flags)}" for kind in ("whole", "killed")]
        whole = train(folders[0])
        if whole.wait():
            raise RuntimeError(f"train.py ended with status {whole.returncode}; see log.txt")
        killed = train(folders[1])
        while killed.poll() is None and not (folders[1] / "checkpoints" / str(every)).exists():
            time.sleep(0.002)
        killed.kill()
        was_killed = killed.wait() == -signal.SIGKILL
        if train(folders[1]).wait():
            raise RuntimeError("the resumed train.py failed; see log.txt")
        first, second = (_final_state(file, folder, overrides) for folder in folders)
        equal = all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(second)))
        yield {
            "resume": file,
            "XLA flags": way,
            "steps": 4 * every,
            "was killed": was_killed,
            "equal bit for bit": equal,
            "largest error": _error(first, second),
        }
        if equal:
            return


def _final_state(file: str, folder: pathlib.Path, overrides: list[str]) -> Any:
    """Returns parameters, variables and optimizer states of a run's newest checkpoint."""
    settings = config.load(file, overrides)
    model = workdir.make_model(settings, image_shape=(28, 28, 1), num_classes=10)
    checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
    like = abstract(model.abstract_state, parallel.replicated(parallel.make_mesh(1)))
    _, state = checkpoints.restore_newest(like)
    checkpoints.close()
    return jax.device_get((state.params, state.variables, state.opt_state, state.ema))
