"""What the examples share: the flag for the picture."""

import pathlib

from matplotlib.figure import Figure

from jaxgan import cli, viz
from jaxgan.errors import UserError


def parser(name: str, description: str) -> cli.Parser:
    """Returns a parser of `python -m examples.NAME` with the flag `--out`."""
    made = cli.Parser(f"python -m examples.{name}", description)
    made.add_argument("--out", default=f"{name}.png", type=pathlib.Path, help="picture")
    return made


def check_out(out: pathlib.Path) -> None:
    """Raises `UserError` where no picture can be written."""
    if out.suffix not in (".png", ".pdf", ".svg") or not out.parent.is_dir():
        raise UserError(f"--out: {out} is no .png, .pdf or .svg in a folder that exists")


def save(figure: Figure, out: pathlib.Path) -> None:
    """Writes the picture and says so."""
    viz.save_figure(figure, out, dpi=80)
    print(f"wrote {out}")
