"""How near images are to their targets, pixel by pixel, and whether their colours are as varied."""

import numpy as np

from jaxgan.data import colour
from jaxgan.errors import UserError
from jaxgan.metrics.arguments import Array, check_images

SSIM_SIZE, SSIM_SIGMA = 11, 1.5  # of the Gaussian window
_CHUNK = 2**21  # elements of images that are compared at a time


def _checked(images: Array, targets: Array) -> tuple[np.ndarray, np.ndarray]:
    images, targets = np.asarray(images), np.asarray(targets)
    check_images("images", images, targets.shape[1:])
    check_images("targets", targets, targets.shape[1:])
    if len(images) != len(targets) or not images.size:
        raise UserError(f"images: {len(images)} for {len(targets)} targets; give a target for each")
    return images, targets


def l1(images: Array, targets: Array) -> np.ndarray:
    """Mean absolute difference, `mean |x - y| / 255`.

    Args:
      images: uint8 [n, height, width, channels].
      targets: the same shape.

    Returns:
      float64 [n], in [0, 1].

    Raises:
      UserError: shapes or types are others.
    """
    images, targets = _checked(images, targets)
    return np.array(
        [np.abs(x.astype(np.int32) - y).mean() / 255 for x, y in zip(images, targets, strict=True)]
    )


def psnr(images: Array, targets: Array) -> np.ndarray:
    """Peak signal-to-noise ratio, `10 log10(255^2 / mean (x - y)^2)`.

    Args:
      images: uint8 [n, height, width, channels].
      targets: the same shape.

    Returns:
      float64 [n], in decibels; infinite for an image that is its target.

    Raises:
      UserError: shapes or types are others.
    """
    images, targets = _checked(images, targets)
    error = np.array(
        [np.square(x.astype(np.float64) - y).mean() for x, y in zip(images, targets, strict=True)]
    )
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / error)


def ssim(images: Array, targets: Array) -> np.ndarray:
    """Structural similarity (Wang et al. 2004, doi 10.1109/TIP.2003.819861, equation 13).

    `(2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))` with means,
    variances and covariance under a Gaussian window of 11x11 pixels and sigma 1.5, C1 = (.01 *
    255)^2, C2 = (.03 * 255)^2; the mean over all places where the window lies within the image, and
    over channels.

    Args:
      images: uint8 [n, height, width, channels], 11x11 or larger.
      targets: the same shape.

    Returns:
      float64 [n], in (-1, 1].

    Raises:
      UserError: shapes or types are others.
    """
    images, targets = _checked(images, targets)
    if min(images.shape[1:3]) < SSIM_SIZE:
        raise UserError(
            f"images: {images.shape[1]}x{images.shape[2]} is too small for structural similarity; "
            f"give {SSIM_SIZE}x{SSIM_SIZE} or more"
        )
    distance = np.arange(SSIM_SIZE) - SSIM_SIZE // 2
    weights = np.exp(-(distance**2) / (2 * SSIM_SIGMA**2))
    weights /= weights.sum()

    def blur(x: np.ndarray) -> np.ndarray:
        for axis in (1, 2):
            length = x.shape[axis] - SSIM_SIZE + 1
            x = sum(w * x.take(range(i, i + length), axis) for i, w in enumerate(weights))
        return x

    def of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = x.astype(np.float64), y.astype(np.float64)
        mean_x, mean_y = blur(x), blur(y)
        var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
        covariance = blur(x * y) - mean_x * mean_y
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        value = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        value /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
        return value.mean((1, 2, 3))

    step = max(1, _CHUNK // images[0].size)
    parts = [of(images[i : i + step], targets[i : i + step]) for i in range(0, len(images), step)]
    return np.concatenate(parts)


def colour_intersection(images: Array, targets: Array) -> dict[str, float]:
    """Intersection of the histograms of L*, a* and b* over all pixels of two sets of images.

    `sum_i min(p_i, q_i)` over bins one unit wide; Isola et al. 2017 (arXiv 1611.07004), section
    4.2 and Figure 7: L1 alone makes colours greyer than they are.

    Args:
      images: uint8 [n, height, width, 3].
      targets: uint8 [m, height, width, 3], of which no one need be the target of an image.

    Returns:
      `L`, `a` and `b`, in [0, 1]; 1 where the histograms are the same.

    Raises:
      UserError: shapes or types are others.
    """
    edges = {"L": np.arange(-0.5, 101), "a": np.arange(-110.5, 111), "b": np.arange(-110.5, 111)}
    shares = []
    for name, whole in (("images", np.asarray(images)), ("targets", np.asarray(targets))):
        check_images(name, whole, (*whole.shape[1:3], 3))
        counts = [np.zeros(len(x) - 1) for x in edges.values()]
        step = max(1, _CHUNK // whole[0].size)
        for i in range(0, len(whole), step):
            lab = colour.rgb_to_lab(whole[i : i + step]).reshape(-1, 3)
            for count, values, bins in zip(counts, lab.T, edges.values(), strict=True):
                count += np.histogram(values, bins)[0]
        shares.append([count / count.sum() for count in counts])
    return {name: float(np.minimum(p, q).sum()) for name, p, q in zip(edges, *shares, strict=True)}
