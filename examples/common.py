"""What the examples share: the flag for the picture."""

import argparse
import pathlib

from matplotlib.figure import Figure

from jaxgan import cli, results, viz
from jaxgan.errors import UserError


def parser(name: str, description: str) -> cli.Parser:
    """Returns a parser of `python -m examples.NAME` with the flags of its picture."""
    made = cli.Parser(f"python -m examples.{name}", description)
    about = f"picture (default: {name}.png)"
    results.add_arguments(made, about, default=f"{name}.png", type=pathlib.Path)
    return made


def check_out(args: argparse.Namespace) -> None:
    """Raises `UserError` where `--out` is of an unknown kind, exists or cannot be written."""
    if args.out.suffix not in (".png", ".pdf", ".svg"):
        raise UserError(
            f"--out: {str(args.out)!r} is of an unknown kind; end it in .png, .pdf or .svg"
        )
    results.check(args, [args.out])


def save(figure: Figure, out: pathlib.Path) -> None:
    """Writes the picture and says so."""
    with results.writing(out):
        viz.save_figure(figure, out, dpi=80)
    print(f"wrote {out}")
