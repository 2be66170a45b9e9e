"""What all tests share: eight simulated devices, strict shapes, a small dataset."""

import os
from importlib.metadata import version

os.environ["JAX_PLATFORMS"] = "cpu"
# Tests compile far more than they compute: less optimised programs, made by XLA's older code, take
# a quarter of the time. Later versions do not know the last flag and would stop.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0 "
    "--xla_cpu_parallel_codegen_split_count=1"
    + " --xla_cpu_use_fusion_emitters=false"
    * version("jaxlib").startswith("0.10.")
)
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

import jax
import numpy as np
import programs
import pytest


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory):
    """Keeps tests out of the user's caches; programs that tests start share one of their own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs():
    """Lets go of a module's compiled programs at its end: they take gigabytes together."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def mnist_dir(tmp_path_factory: pytest.TempPathFactory):
    """A TFDS data folder with MNIST prepared and its test split cached."""
    from jaxgan import data

    data_dir = tmp_path_factory.mktemp("tfds")
    data.load("mnist", split="test", data_dir=data_dir)
    return data_dir


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory):
    """A `.npz` of 200 images 28x28 in ten classes: noise around a square that tells the class."""
    rng = np.random.default_rng(0)
    label = np.arange(200) % 10
    image = rng.integers(0, 60, (200, 28, 28, 1))
    for i, c in enumerate(label):
        image[i, 2 * c : 2 * c + 8, 2 * c : 2 * c + 8] += 180
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, image=image.astype(np.uint8), label=label)
    return path


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory):
    """A folder of side-by-side pairs of two sizes: 6 to train on, 3 to test."""
    from PIL import Image

    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("pairs") / "scenes"
    for split, count in (("train", 6), ("test", 3)):
        (folder / split).mkdir(parents=True)
        for i in range(count):
            side = 12 + 4 * (i % 2)
            picture = rng.integers(0, 256, (side, 2 * side, 3)).astype(np.uint8)
            Image.fromarray(picture).save(folder / split / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def translator_run(tmp_path_factory: pytest.TempPathFactory, scenes):
    """The work folder of a pix2pix of seconds on `scenes`, with jitter."""
    from jaxgan import config, loop

    folder = tmp_path_factory.mktemp("runs") / "translator"
    flags = programs.small_pairs(scenes)
    assert loop.train(config.load("configs/pix2pix_facades.py", flags), folder) == 0
    return folder
