"""The objectives of pix2pix beside each other: `python -m benchmarks.pix2pix_objectives`.

Isola et al. 2017 (arXiv 1611.07004), section 4.2 and Table 1: L1 alone, the conditional GAN alone
and both, trained alike and measured on held-out pairs. Runs are kept beside the table, so that a
command that was stopped goes on.
"""

import json
import pathlib

from jaxgan import cli, config, evaluate_pairs, loop, workdir
from jaxgan.errors import UserError

OBJECTIVES = {
    "L1": {"gan.gan_weight": "0.0"},
    "cGAN": {"gan.l1_weight": "0.0"},
    "L1+cGAN": {},
}


def rows(results: dict[str, dict[str, float]]) -> str:
    """Returns a Markdown table of the measures, with standard errors over the held-out pairs."""
    names = evaluate_pairs.measures(next(iter(results.values())))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for objective, values in results.items():
        cells = [evaluate_pairs.cell(values, name) for name in names]
        lines.append(f"| {objective} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    """Trains what is missing, measures and prints the table."""
    parser = cli.Parser(
        "python -m benchmarks.pix2pix_objectives",
        "Compare L1, cGAN and L1+cGAN.",
        epilog="Any key of the configuration can be set: --config.steps=500",
    )
    parser.add_argument("--config", default="configs/pix2pix_edges_mnist.py", metavar="FILE")
    parser.add_argument("--num", type=int, default=0, help="held-out pairs; 0 (default): all")
    parser.add_argument("--out", default="benchmarks/results/pix2pix_objectives", help="folder")
    args, rest = parser.parse_known_args(argv)
    if args.num < 0:
        raise UserError(f"--num: {args.num} is below 0; give 1 or more")
    for argument in rest:
        if not argument.startswith("--config."):
            raise UserError(f"{argument}: unknown argument; see {parser.prog} --help")
    name = config.load(args.config, rest).gan.name
    if name != "pix2pix":
        raise UserError(f"--config: {args.config} is of {name}; give a pix2pix")
    out, results = pathlib.Path(args.out), {}
    for name, changes in OBJECTIVES.items():
        flags = [f"--config.{key}={value}" for key, value in changes.items()]
        settings = config.load(args.config, [*rest, *flags])
        folder = out / name
        if status := loop.train(settings, folder):
            raise SystemExit(status)
        results[name] = evaluate_pairs.measure(
            workdir.load(folder), settings.evaluation.test_split, num=args.num
        )
        workdir.write_atomically(out / "results.json", json.dumps(results, indent=1) + "\n")
    print(rows(results))


if __name__ == "__main__":
    cli.run(main)
