"""Mixtures of Gaussians in the plane: the ring and the grid on which mode collapse is counted."""

import numpy as np

from jaxgan.errors import UserError

COUNT = 100_000
_SEEDS = {"train": 0, "test": 1}


def centres(name: str) -> np.ndarray:
    """Returns the centres of a mixture, float32 [modes, 2].

    `gaussian_ring`: 8 on the unit circle; `gaussian_grid`: 25 at -4, -2, 0, 2, 4 in both axes; as
    in Srivastava et al. 2017 (VEEGAN, arXiv 1705.07761) and Lin et al. 2018 (PacGAN, arXiv
    1712.04086).
    """
    if name == "gaussian_ring":
        angle = np.arange(8) * np.pi / 4
        return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    side = np.arange(-4, 5, 2)
    return np.stack(np.meshgrid(side, side), -1).reshape(-1, 2).astype(np.float32)


STD = {"gaussian_ring": 0.01, "gaussian_grid": 0.05}  # in each dimension


def load(name: str, split: str) -> np.ndarray:
    """Returns 100,000 points as "images" float32 [points, 1, 1, 2], the same each time.

    Args:
      name: of `STD`.
      split: `train` or `test`.

    Raises:
      UserError: the split is another.
    """
    if split not in _SEEDS:
        raise UserError(f"dataset.split={split!r}: {name} has train and test")
    rng = np.random.default_rng(_SEEDS[split])
    middle = centres(name)
    points = middle[rng.integers(len(middle), size=COUNT)]
    points = points + rng.normal(0, STD[name], points.shape)
    return points.astype(np.float32).reshape(COUNT, 1, 1, 2)
