"""Fréchet distance between Gaussians fitted to two sets of features."""

import numpy as np


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features.

    `||m_a - m_b||^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))`; Heusel et al. 2017 (arXiv 1706.08500),
    equation 6. In float64; the trace of the root is the sum of the roots of the eigenvalues of
    the symmetric `S_a^(1/2) S_b S_a^(1/2)`.

    Args:
      a: features, float [n, dim].
      b: features, float [m, dim].

    Returns:
      The distance, in squared units of the features.

    Raises:
      ValueError: the shapes disagree, or a set has no more examples than dimensions.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"a, b: shapes {a.shape} and {b.shape} are not [n, dim] and [m, dim]")
    for name, features in (("a", a), ("b", b)):
        if features.shape[0] <= features.shape[1]:
            raise ValueError(
                f"{name}: {features.shape[0]} examples are too few for {features.shape[1]} "
                "dimensions; give more than there are dimensions"
            )
    a, b = a.astype(np.float64), b.astype(np.float64)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(np.atleast_2d(cov_a))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ np.atleast_2d(cov_b) @ root)
    trace_root = np.sqrt(np.maximum(product, 0)).sum()
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    return float(mean + np.trace(np.atleast_2d(cov_a + cov_b)) - 2 * trace_root)
