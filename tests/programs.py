"""Starts the programs as a user would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jax

from jaxgan import checkpoint, config, loop, workdir

CONFIG = "configs/cgan_mnist.py"


def small(digits_file: Path | str, **changes) -> list[str]:
    """Returns the flags of a run of seconds."""
    values = {
        "dataset.path": digits_file,
        "dataset.data_dir": Path(digits_file).parent,
        "batch_size": 8,
        "steps": 6,
        "log_every": 1,
        "sample_every": 3,
        "checkpoint_every": 2,
        "evaluate_every": 0,
        "gan.width": 4,
        **changes,
    }
    return [f"--config.{key}={value}" for key, value in values.items()]


def small_pairs(folder: Path, **changes) -> list[str]:
    """Returns the flags of a pix2pix of seconds on a folder of pairs."""
    values = {
        "dataset.image_size": 8,
        "dataset.jitter_size": 10,
        "steps": 4,
        "checkpoint_every": 2,
        "batch_size": 8,
        "gan.width": 2,
        "gan.disc_layers": 1,
        **changes,
    }
    return small(folder, **values)


def untrained(path: str, flags: list[str], folder: Path) -> Path:
    """Makes the work folder of a run at step 1 whose parameters are another seed's first ones.

    For tests of what is done with a run: compiling its training would take most of their time.
    """
    settings = config.load(path, flags)
    dataset = loop.load_dataset(settings)
    about = loop.describe(settings, dataset)
    model = workdir.make_model(settings, **about)
    workdir.claim(folder, settings, about)
    example = loop.floats(loop.first_examples(dataset, 8), model.gan.value_range)
    state = jax.jit(model.new_state)(jax.random.key(settings.seed + 1), example)
    saved = checkpoint.Checkpoints(folder / "checkpoints")
    saved.save(1, state.replace(step=state.step + 1))
    saved.close()
    return folder


def start(*arguments: object, devices: int = 1, **options) -> subprocess.Popen:
    """Starts `python ARGUMENTS...` with its output captured."""
    count = re.compile("(?<=device_count=)[0-9]+")
    env = dict(os.environ, XLA_FLAGS=count.sub(str(devices), os.environ["XLA_FLAGS"]))
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        **options,
    )


def run(*arguments: object, **options) -> tuple[int, str, str]:
    """Runs `python ARGUMENTS...`; returns exit status, standard output and standard error."""
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err
