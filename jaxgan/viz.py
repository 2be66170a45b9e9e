"""Pictures: grids of images, animations and training curves."""

import io
import logging
import pathlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from jaxgan import storage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


def grid(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Lays images out in rows.

    Args:
      images: uint8 [n, height, width, channels], 1 or 3 channels.
      columns: images per row.
      gap: white pixels around each image.

    Returns:
      uint8 [grid height, grid width, channels].
    """
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    canvas = np.full((rows, height + gap, columns, width + gap, channels), 255, np.uint8)
    for i, image in enumerate(images):
        canvas[i // columns, gap:, i % columns, gap:] = image
    canvas = canvas.reshape(rows * (height + gap), columns * (width + gap), channels)
    return np.pad(canvas, ((0, gap), (0, gap), (0, 0)), constant_values=255)


def triples(
    input: np.ndarray, output: np.ndarray, target: np.ndarray, columns: int = 1
) -> np.ndarray:
    """Lays translations out in rows of input | output | target.

    Args:
      input: uint8 [n, height, width, channels], 1 or 3 channels.
      output: the same shape.
      target: the same shape.
      columns: triples in each row.

    Returns:
      uint8 [height of all, width of all, channels].
    """
    whole = np.stack([input, output, target], 1)
    shares = np.array_split(whole, columns)
    return beside([grid(x.reshape(-1, *x.shape[2:]), 3) for x in shares if len(x)])


def beside(panels: Sequence[np.ndarray], gap: int = 6) -> np.ndarray:
    """Returns pictures uint8 [height, width, channels] in a row, centred, white between them."""
    height = max(len(panel) for panel in panels)
    parts = []
    for panel in panels:
        top = (height - len(panel)) // 2
        sides = ((top, height - len(panel) - top), (gap // 2, gap // 2), (0, 0))
        parts.append(np.pad(panel, sides, constant_values=255))
    return np.concatenate(parts, 1)


def below(panels: Sequence[np.ndarray], gap: int = 6, centre: bool = True) -> np.ndarray:
    """Returns pictures uint8 [height, width, channels] in a column, centred or to the left."""
    width = max(panel.shape[1] for panel in panels)
    parts = []
    for panel in panels:
        left = (width - panel.shape[1]) // 2 if centre else 0
        sides = ((gap // 2, gap // 2), (left, width - panel.shape[1] - left), (0, 0))
        parts.append(np.pad(panel, sides, constant_values=255))
    return np.concatenate(parts)


def sign(kind: str, channels: int) -> np.ndarray:
    """Returns the sign `-`, `+` or `=` as a picture uint8 [9, 9, channels]."""
    picture = np.full((9, 9, channels), 255, np.uint8)
    for row in (2, 6) if kind == "=" else (4,):
        picture[row, 1:-1] = 0
    if kind == "+":
        picture[1:-1, 4] = 0
    return picture


def save_image(image: np.ndarray, path: str | pathlib.Path, scale: int = 1) -> None:
    """Writes uint8 [height, width, channels] as an image file, each pixel `scale` wide."""
    image = image.repeat(scale, 0).repeat(scale, 1)
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    with storage.replacing(path) as file:
        picture.save(file, _format(path))


def save_points(fake: np.ndarray, real: np.ndarray, path: str | pathlib.Path) -> None:
    """Draws points, float [n, d], over those of the data, float [m, d], m >= 2.

    Of points in more than two dimensions it draws the data's first two principal components.
    """
    from matplotlib.figure import Figure

    if real.shape[1] > 2:
        centre = real.mean(0)
        axes = np.linalg.svd(real - centre, full_matrices=False)[2][:2].T
        fake, real = (fake - centre) @ axes, (real - centre) @ axes

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(*real.T, s=2, color="0.7", label="data")
    axes.scatter(*fake.T, s=2, color="C0", label="samples")
    reach = 1.2 * np.abs(real).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    axes.legend(loc="upper right", frameon=False, markerscale=4)
    save_figure(figure, path, dpi=80)


def save_animation(
    frames: Sequence[str | pathlib.Path], path: str | pathlib.Path, milliseconds: int = 150
) -> None:
    """Writes image files as one looping GIF that rests on its last frame.

    Files that are no longer images are left out with a warning.
    """
    images, damaged = [], []
    for frame in frames:
        try:
            with Image.open(io.BytesIO(storage.read_bytes(frame))) as image:
                images.append(image.convert("P" if image.mode == "RGB" else "L"))
        except Exception:  # of Pillow, for whatever a file may hold
            damaged.append(pathlib.Path(frame).name)
    if damaged:
        _log.warning("%s is made without damaged files: %s", path, ", ".join(damaged))
    if not images:
        return
    durations = [milliseconds] * (len(images) - 1) + [2000]
    options = {"save_all": True, "append_images": images[1:], "duration": durations, "loop": 0}
    with storage.replacing(path) as file:
        images[0].save(file, _format(path), **options)


def save_curves(
    metrics_file: str | pathlib.Path,
    path: str | pathlib.Path,
    floors: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Draws losses, the discriminator's outputs and other metrics against the step.

    Args:
      metrics_file: lines of JSON, each with `step` and scalars; without any, nothing is drawn.
      path: the image to write.
      floors: values of real images by name, drawn as dashed lines.
    """
    from matplotlib.figure import Figure

    rows = storage.read_metrics(metrics_file)
    known = dict.fromkeys(name for row in rows for name in row)  # in order, each once
    panels = {
        "losses": ("disc_loss", "gen_loss"),
        "discriminator output": ("D(x)", "D(G(z))"),
        "quality": ("precision", "agreement"),
        "variety": ("recall", "coverage"),
    }
    drawn = {name for names in panels.values() for name in names}
    rest = [name for name in known if name not in drawn and name != "step"]
    panels |= {name: (name,) for name in rest if "per_second" not in name}
    panels = {title: [n for n in names if n in known] for title, names in panels.items()}
    panels = {title: names for title, names in panels.items() if names}
    if not panels:
        return
    columns = min(4, len(panels))
    rows_of_panels = -(-len(panels) // columns)
    figure = Figure(figsize=(4.5 * columns, 3.2 * rows_of_panels), layout="constrained")
    for i, (title, names) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows_of_panels, columns, i)
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            (line,) = axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
            if name in floors:
                axes.axhline(floors[name], color=line.get_color(), linestyle="--", linewidth=1)
        axes.set(title=title, xlabel="generator updates")
        axes.grid(alpha=0.3)
        if len(names) > 1:
            axes.legend(frameon=False)
    save_figure(figure, path, dpi=100)


def save_bands(metrics_file: str | pathlib.Path, path: str | pathlib.Path) -> None:
    """Draws what many runs have against the step: median, quartiles and extremes.

    Args:
      metrics_file: lines of JSON, each with `step` and `NAME.q0`, `NAME.q25`, ..., `NAME.q100`.
      path: the image to write.
    """
    from matplotlib.figure import Figure

    rows = storage.read_metrics(metrics_file)
    known = dict.fromkeys(name for row in rows for name in row)
    names = [key.removesuffix(".q50") for key in known if key.endswith(".q50")]
    if not names:
        return
    columns = min(4, len(names))
    height = -(-len(names) // columns)
    figure = Figure(figsize=(4.5 * columns, 3.2 * height), layout="constrained")
    steps = [row["step"] for row in rows]
    for i, name in enumerate(names, 1):
        axes = figure.add_subplot(height, columns, i)
        for low, high, alpha in (("q0", "q100", 0.15), ("q25", "q75", 0.35)):
            band = [[row.get(f"{name}.{q}", np.nan) for row in rows] for q in (low, high)]
            axes.fill_between(steps, *band, color="C0", alpha=alpha, linewidth=0)
        axes.plot(steps, [row.get(f"{name}.q50", np.nan) for row in rows], "C0", linewidth=1)
        axes.set(title=name, xlabel="generator updates")
        axes.grid(alpha=0.3)
    save_figure(figure, path, dpi=100)


def save_figure(figure: "Figure", path: str | pathlib.Path, *, dpi: int) -> None:
    """Writes a figure of Matplotlib as an image file."""
    with storage.replacing(path) as file:
        figure.savefig(file, dpi=dpi, format=pathlib.Path(path).suffix[1:].lower())


def _format(path: str | pathlib.Path) -> str:
    """Returns Pillow's name of the format that a file's ending stands for."""
    return Image.registered_extensions()[pathlib.Path(path).suffix.lower()]
