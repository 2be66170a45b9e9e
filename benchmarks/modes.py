"""Mode coverage over many seeds at once: `python -m benchmarks.modes --config=configs/gan_grid.py`.

Trains the configuration with several seeds as one program, for each of the objectives below, and
prints modes, high-quality share and reverse KL with their standard errors: the table of Lin et al.
2018 (PacGAN, arXiv 1712.04086), section 4.1, 2,500 samples each.
"""

import pathlib

import numpy as np
from ml_collections import FrozenConfigDict

from jaxgan import cli, config, population, results
from jaxgan.base import seed_key
from jaxgan.data import gaussians
from jaxgan.errors import UserError
from jaxgan.metrics.modes import MixtureMeasures
from jaxgan.metrics.spread import standard_error

OBJECTIVES = {
    "GAN, non-saturating": {},
    "GAN, R1 and R2": {"gan.penalty_weight": 0.1},
    "relativistic, R1 and R2": {"gan.loss": "relativistic", "gan.penalty_weight": 0.1},
}


def fit(settings: FrozenConfigDict) -> list[MixtureMeasures]:
    """Returns modes, high-quality share and reverse KL of each member after training."""
    many, states = population.fit(settings)
    return population.mixtures(many, states, seed_key(settings.seed))[1]


def main(argv: list[str]) -> None:
    """Trains, prints the table and writes it."""
    parser = cli.Parser(
        "python -m benchmarks.modes", "Count modes over many seeds at once.", overrides=True
    )
    parser.add_argument("--config", default="configs/gan_grid.py")
    parser.add_argument("--seeds", type=cli.integer(2), default=10)
    results.add_arguments(
        parser, "folder (default: benchmarks/results)", default="benchmarks/results", metavar="DIR"
    )
    args, rest = parser.parse_known_args(argv)
    args.overrides = parser.check_overrides(rest)
    settings = config.load(args.config, args.overrides)
    file = pathlib.Path(args.out) / f"modes_{pathlib.Path(args.config).stem}.json"
    results.check(args, [file])
    if settings.dataset.name not in gaussians.STD:
        raise UserError(
            f"--config: {args.config} is of {settings.dataset.name}; give one of Gaussians, such "
            "as configs/gan_grid.py"
        )
    cli.start_jax()
    rest = [*rest, f"--config.population.seeds={args.seeds}"]
    rows = {}
    print(f"| {args.config}, {args.seeds} seeds | modes | high quality | reverse KL |")
    print("| --- | --- | --- | --- |")
    for title, changes in OBJECTIVES.items():
        overrides = [f"--config.{key}={value}" for key, value in changes.items()]
        found = np.array(fit(config.load(args.config, [*overrides, *rest])))
        rows[title] = found.tolist()
        mean, error = found.mean(0), standard_error(found)
        cells = [f"{mean[0]:.1f} +- {error[0]:.1f}"]
        cells.append(f"{100 * mean[1]:.1f} +- {100 * error[1]:.1f} %")
        cells.append(f"{mean[2]:.3f} +- {error[2]:.3f}")
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    results.write_json(args, file, rows)


if __name__ == "__main__":
    cli.run(main)
