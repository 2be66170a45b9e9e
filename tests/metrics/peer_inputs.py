"""Inputs on which jaxgan's metrics and their peers are compared, and what the peers returned.

The inputs are the same wherever they are made: the streams of `RandomState` are frozen.
"""

import pathlib

import numpy as np

RECORDING = pathlib.Path(__file__).with_name("peers.npz")  # by record_peers.py


def recorded() -> dict[str, np.ndarray]:
    """Returns what the peers returned, by metric, case and peer."""
    with np.load(RECORDING) as file:
        return dict(file)


def features(case: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of features, float64 [1500, 64] and [1200, 64].

    Args:
      case: `correlated`, with means and covariances that differ; or `relu`, as a network may have
        them: ill-conditioned, without negative values, some dimensions 0 or constant.
    """
    rng = np.random.RandomState(0)
    mix = rng.randn(64, 64) / 8
    mean = rng.randn(64)
    real = rng.randn(1500, 64) @ mix + mean
    fake = rng.randn(1200, 64) @ (mix + 0.3 * rng.randn(64, 64) / 8) + mean + 0.2 * rng.randn(64)
    if case == "relu":
        scale = 10.0 ** rng.uniform(-3, 1, 64)
        real, fake = (np.maximum(x, 0) * scale for x in (real, fake))
        for x in (real, fake):
            x[:, :8] = 0
            x[:, 8:12] = 1.5
    return real, fake


def small_features() -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of features that overlap in part, float64 [400, 12] and [300, 12]."""
    rng = np.random.RandomState(1)
    return rng.randn(400, 12), 0.9 * rng.randn(300, 12) + 0.6


def logits(count: int) -> np.ndarray:
    """Returns logits, float64 [count, 1008]."""
    return 2 * np.random.RandomState(2).randn(count, 1008)


def images() -> list[np.ndarray]:
    """Returns images of several sizes, uint8 [height, width, 3]."""
    rng = np.random.RandomState(3)
    sizes = (32, 32), (48, 40), (320, 413)
    return [rng.randint(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]


def inception_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Returns random weights of the FID's network, float32, by their names in PyTorch.

    Their scales keep activations from vanishing and exploding.

    Args:
      shapes: by name, such as `Mixed_5b.branch1x1.conv.weight`.
    """
    rng = np.random.RandomState(4)
    make = {
        "conv.weight": lambda s: rng.randn(*s) * np.sqrt(2 / np.prod(s[1:])),
        "bn.weight": lambda s: rng.uniform(0.8, 1.2, s),
        "bn.bias": lambda s: 0.1 * rng.randn(*s),
        "bn.running_mean": lambda s: 0.1 * rng.randn(*s),
        "bn.running_var": lambda s: rng.uniform(0.5, 1.5, s),
        "fc.weight": lambda s: rng.randn(*s) / np.sqrt(s[1]),
        "fc.bias": lambda s: rng.randn(*s),
    }
    return {
        name: make[".".join(name.split(".")[-2:])](shapes[name]).astype(np.float32)
        for name in sorted(shapes)
    }


def positions(shape: tuple[int, ...], count: int) -> tuple[np.ndarray, ...]:
    """Returns an index of `count` values of an array [batch, height, width, channels].

    Every other one is in the first or last row and in the last 32 channels, where the pooled
    branches of the network meet their padding.
    """
    rng = np.random.RandomState(5)
    index = [rng.randint(0, size, count) for size in shape]
    index[1][::2] = (shape[1] - 1) * rng.randint(0, 2, index[1][::2].shape)
    index[3][::2] = shape[3] - 1 - index[3][::2] % 32
    return tuple(index)
