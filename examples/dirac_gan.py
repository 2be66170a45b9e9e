"""Draws the DiracGAN's players: which objectives and which updates converge.

Command: python -m examples.dirac_gan --out=dirac_gan.png

Mescheder et al. 2018 (arXiv 1801.04406), section 2 and figure 3: data at 0, samples at theta,
`D(x) = psi x`. Arrows are the vector field, the line is what the updates do from (1, 1).
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples import common
from jaxgan import cli
from jaxgan.base import Players
from jaxgan.theory import dynamics

RATE = 0.1
PANELS = {  # title -> (objective, rule)
    "minimax": (("minimax",), "simultaneous"),
    "non-saturating": (("nonsaturating",), "simultaneous"),
    "Wasserstein": (("wasserstein",), "simultaneous"),
    "WGAN-GP": (("wasserstein", "wgan_gp", 1.0), "simultaneous"),
    "non-saturating, R1": (("nonsaturating", "r1", 0.8), "simultaneous"),
    "Wasserstein, R1": (("wasserstein", "r1", 0.8), "simultaneous"),
    "Wasserstein, alternating": (("wasserstein",), "alternating"),
    "Wasserstein, extragradient": (("wasserstein",), "extragradient"),
}


def draw(axes: Axes, objective: tuple, rule: str, steps: int) -> None:
    """Draws one panel: the field and the path of the players."""
    follow = dynamics.dirac_field(dynamics.dirac_gan(*objective))
    places = np.linspace(-2, 2, 13, dtype=np.float32)
    theta, psi = np.meshgrid(places, places)
    field = jax.vmap(follow)(Players(jnp.asarray(theta.ravel()), jnp.asarray(psi.ravel())))
    axes.quiver(theta.ravel(), psi.ravel(), *field, color="0.7", width=0.004)
    start = Players(jnp.float32(1), jnp.float32(1))
    path = dynamics.trajectory(getattr(dynamics, rule)(follow, RATE), start, steps)
    axes.plot(path.gen, path.disc, linewidth=0.8)
    axes.plot([0], [0], "k+")
    axes.set(xlim=(-2, 2), ylim=(-2, 2), xticks=(-2, 0, 2), yticks=(-2, 0, 2), aspect="equal")
    axes.set(xlabel=r"$\theta$", ylabel=r"$\psi$")


def main(argv: list[str]) -> None:
    """Plays and draws."""
    parser = common.parser("dirac_gan", "Draw phase portraits of the DiracGAN.")
    parser.add_argument("--steps", default=300, type=cli.integer(1), help="updates")
    args = parser.parse_args(argv)
    common.check_out(args)
    cli.start_jax()
    figure = Figure(figsize=(11, 5.8), layout="constrained")
    panels = zip(figure.subplots(2, 4).flat, PANELS.items(), strict=True)
    for axes, (title, (objective, rule)) in panels:
        draw(axes, objective, rule, args.steps)
        axes.set_title(title)
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
