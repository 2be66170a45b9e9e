"""Draws what k, the discriminator's steps per step of the generator, does to quality.

Command: python -m examples.disc_steps --out=disc_steps.png

Algorithm 1 of Goodfellow et al. 2014 (arXiv 1406.2661) on a ring of Gaussians, k = 1 to 5, several
seeds of each as one program: modes and share of high-quality samples, means with standard errors,
after as many updates of the generator, and after as many updates of both players together.
"""

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

from examples import common
from examples.mode_coverage import fit
from jaxgan import cli
from jaxgan.metrics.spread import standard_error

STEPS = (1, 2, 3, 4, 5)


def main(argv: list[str]) -> None:
    """Trains and draws."""
    parser = common.parser("disc_steps", "Draw quality against k.")
    parser.add_argument("--config", default="configs/gan_ring.py", help="of points")
    parser.add_argument("--steps", default=2000, type=cli.integer(3), help="generator updates")
    parser.add_argument("--seeds", default=8, type=cli.integer(2))
    args = parser.parse_args(argv)
    common.check_out(args)
    cli.start_jax()
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, 2)
    rules = {
        f"{args.steps} updates of G": lambda k: args.steps,
        f"{2 * args.steps} updates of both": lambda k: max(1, round(2 * args.steps / (k + 1))),
    }
    for label, rule in rules.items():
        means, errors = [], []
        for k in tqdm(STEPS, desc=label, disable=None):
            flags = {"steps": rule(k), "disc_steps": k, "population.seeds": args.seeds}
            flags["evaluate_every"] = 0
            found = fit(args.config, [f"--config.{key}={v}" for key, v in flags.items()])[1]
            means.append(found.mean(0))
            errors.append(standard_error(found))
        for i, axes in enumerate(panels):
            y, error = np.array(means)[:, i], np.array(errors)[:, i]
            axes.errorbar(STEPS, y, error, marker="o", linewidth=1, capsize=3, label=label)
    panels[0].set(title="modes", xlabel="k", xticks=STEPS)
    panels[1].set(title="share of high-quality samples", xlabel="k", xticks=STEPS)
    panels[1].legend(frameon=False)
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
