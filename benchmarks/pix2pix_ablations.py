"""The ablations of pix2pix: `python -m benchmarks.pix2pix_ablations --of=loss|skips|patch`.

Isola et al. 2017 (arXiv 1611.07004), sections 4.2 to 4.4: the objectives (Table 1, Figure 4), the
generator with and without skips (Figure 5) and the size of the discriminator's patches (Figure 6),
trained alike. It measures held-out pairs and draws some: input | output of each | target. Runs are
kept beside the table, so that a command that was stopped goes on.
"""

import pathlib

import jax
import numpy as np

from jaxgan import cli, config, evaluate_pairs, loop, results, viz, workdir
from jaxgan.data import pairs
from jaxgan.errors import UserError

OBJECTIVES = {
    "L1": {"gan.gan_weight": 0.0},
    "cGAN": {"gan.l1_weight": 0.0},
    "L1+cGAN": {},
}
GENERATORS = {
    "L1, encoder-decoder": {"gan.gan_weight": 0.0, "gan.skips": False},
    "L1+cGAN, encoder-decoder": {"gan.skips": False},
    "L1, U-Net": {"gan.gan_weight": 0.0},
    "L1+cGAN, U-Net": {},
}
PATCHES = {
    f"{field}x{field}": {"gan.disc_layers": layers}
    for layers, field in enumerate((1, 16, 34, 70, 142, 286))
}
ABLATIONS = {"loss": OBJECTIVES, "skips": GENERATORS, "patch": PATCHES}
SHOWN = 8  # held-out pairs of the picture


def variants(ablation: str, side: int) -> dict[str, dict[str, float | bool]]:
    """Returns the settings of each column of an ablation; patches only if they fit the images.

    Args:
      ablation: of `ABLATIONS`.
      side: the shorter one of the images, in pixels.
    """
    least = {name: 4 * 2 ** x.get("gan.disc_layers", 0) for name, x in ABLATIONS[ablation].items()}
    return {name: x for name, x in ABLATIONS[ablation].items() if side >= least[name]}


def rows(results: dict[str, dict[str, float]]) -> str:
    """Returns a Markdown table of the measures of each variant."""
    names = evaluate_pairs.measures(next(iter(results.values())))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for variant, values in results.items():
        cells = [evaluate_pairs.cell(values, name) for name in names]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(columns: dict[str, np.ndarray], file: pathlib.Path) -> None:
    """Draws images uint8 [n, height, width, 1 or 3] of each title as a column."""
    from matplotlib.figure import Figure

    count = len(next(iter(columns.values())))
    figure = Figure(figsize=(1.5 * len(columns), 1.4 * count + 0.4), layout="constrained")
    panels = figure.subplots(count, len(columns), squeeze=False)
    for j, (title, images) in enumerate(columns.items()):
        panels[0, j].set_title(title.replace(", ", "\n"), fontsize=8)
        for i, image in enumerate(images):
            panels[i, j].imshow(image.repeat(3 // image.shape[-1], -1), interpolation="nearest")
            panels[i, j].axis("off")
    viz.save_figure(figure, file, dpi=100)


def main(argv: list[str]) -> None:
    """Trains what is missing, measures, prints the table and draws the picture."""
    parser = cli.Parser(
        "python -m benchmarks.pix2pix_ablations",
        "Compare objectives, generators or discriminators of pix2pix.",
        overrides=True,
        epilog="Any key of the configuration can be set: --config.steps=500",
    )
    parser.add_argument("--of", choices=tuple(ABLATIONS), default="loss", help="default: loss")
    parser.add_argument("--config", default="configs/pix2pix_edges_mnist.py", metavar="FILE")
    parser.add_argument(
        "--num", type=cli.integer(0), default=0, help="held-out pairs; 0 (default): all"
    )
    results.add_arguments(parser, "folder (default: benchmarks/results/pix2pix_OF)", metavar="DIR")
    args, rest = parser.parse_known_args(argv)
    args.overrides = parser.check_overrides(rest)
    settings = config.load(args.config, args.overrides)
    out = pathlib.Path(args.out or f"benchmarks/results/pix2pix_{args.of}")
    results.check(args, [out / "results.json", out / "outputs.png"])
    if settings.gan.name != "pix2pix":
        raise UserError(f"--config: {args.config} is of {settings.gan.name}; give a pix2pix")
    split, kind = settings.evaluation.test_split, settings.dataset.pairs
    evaluate_pairs.check_held_out(settings, split, "--config.evaluation.test_split")
    shown = loop.load_shown(settings)
    shown = {name: images[:SHOWN] for name, images in shown.items()}
    source, target = pairs.pictures(kind, **shown)

    found, columns = {}, {"input": source}
    for name, changes in variants(args.of, min(source.shape[1:3])).items():
        flags = [f"--config.{key}={value}" for key, value in changes.items()]
        folder = out / name
        if status := loop.train(config.load(args.config, [*rest, *flags]), folder):
            raise SystemExit(status)
        trained = workdir.load(folder)
        found[name] = evaluate_pairs.measure(trained, split, num=args.num)
        results.write_json(args, out / "results.json", found)
        output = np.asarray(trained.sample(jax.random.key(0), shown["input"]))
        columns[name] = pairs.pictures(kind, input=shown["input"], image=output)[1]
    draw({**columns, "target": target}, out / "outputs.png")
    print(rows(found))
    print(f"wrote {out / 'outputs.png'} and {out / 'results.json'}")


if __name__ == "__main__":
    cli.run(main)
