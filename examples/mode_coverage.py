"""Draws what each objective finds of a ring or a grid of Gaussians.

Command: python -m examples.mode_coverage --out=mode_coverage.png
Command: python -m examples.mode_coverage --config=configs/gan_grid.py --steps=20000

For each objective several seeds are trained as one program; the panel shows samples of the first
and, of all, the mean number of modes and share of high-quality samples with their standard errors.
"""

import jax
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from examples import common
from jaxgan import cli, config, population
from jaxgan.data import gaussians
from jaxgan.errors import UserError
from jaxgan.metrics.spread import standard_error

OBJECTIVES = {  # title -> options of the variant
    "minimax": {"loss": "minimax"},
    "non-saturating": {},
    "least squares": {"loss": "least_squares"},
    "Wasserstein, WGAN-GP": {"loss": "wasserstein", "penalty": "wgan_gp", "penalty_weight": 1.0},
    "hinge, R1": {"loss": "hinge", "penalty": "r1", "penalty_weight": 0.1},
    "relativistic, R1 and R2": {"loss": "relativistic", "penalty_weight": 0.1},
}
SAMPLES = 2000


def fit(file: str, flags: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Trains the members of a configuration.

    Returns:
      Samples [members, n, 2], their modes and high-quality shares [members, 2].
    """
    many, states = population.fit(config.load(file, flags))
    points, found = population.mixtures(many, states, jax.random.key(0), SAMPLES)
    return points, np.array([x[:2] for x in found])


def main(argv: list[str]) -> None:
    """Trains and draws."""
    parser = common.parser("mode_coverage", "Draw what each objective finds.")
    parser.add_argument("--config", default="configs/gan_ring.py", help="of points")
    parser.add_argument("--steps", default=5000, type=cli.integer(1), help="generator updates")
    parser.add_argument("--seeds", default=4, type=cli.integer(2))
    args = parser.parse_args(argv)
    common.check_out(args)
    name = config.load(args.config).dataset.name
    if name not in gaussians.STD:
        raise UserError(f"--config: {args.config} is not of Gaussians; give configs/gan_ring.py")
    cli.start_jax()
    flags = [f"--config.steps={args.steps}", f"--config.population.seeds={args.seeds}"]
    rows = -(-len(OBJECTIVES) // 3)
    figure = Figure(figsize=(10, 3.5 * rows), layout="constrained")
    for i, (title, options) in enumerate(tqdm(OBJECTIVES.items(), disable=None), 1):
        axes = figure.add_subplot(rows, 3, i)
        chosen = [f"--config.gan.{key}={value}" for key, value in options.items()]
        fakes, found = fit(args.config, [*flags, "--config.evaluate_every=0", *chosen])
        centres = gaussians.centres(name)
        axes.scatter(*centres.T, s=60, facecolors="none", edgecolors="C3", linewidth=0.6)
        axes.scatter(*fakes[0].T, s=1, alpha=0.5)
        mean, error = found.mean(0), standard_error(found)
        axes.set_title(
            f"{title}\n{mean[0]:.1f} ± {error[0]:.1f} of {len(centres)} modes, "
            f"{100 * mean[1]:.0f} ± {100 * error[1]:.0f} % near one",
            fontsize=9,
        )
        reach = 1.3 * np.abs(centres).max()
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=(), yticks=(), aspect="equal")
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
