"""What all tests share: four simulated devices, strict shapes, a small dataset."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
# Tests compile far more than they compute: less optimised programs take a third of the time.
os.environ["XLA_FLAGS"] = (
    "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
)
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory):
    """Keeps tests out of the user's caches; programs that tests start share one of their own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


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
