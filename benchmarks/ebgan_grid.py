"""The grid of the EBGAN paper in small: `python -m benchmarks.ebgan_grid`.

Zhao, Mathieu & LeCun 2016 (arXiv 1609.03126), section 4.1 and Figure 3: architectures drawn from a
grid, each trained as a GAN, an EBGAN and an EBGAN with pulling-away term by the same optimizer, the
last two as one program; the histogram of their modified scores tells which is the more robust. What
has been measured is kept in the results file, so that a run that was stopped goes on.
"""

import functools
import itertools
import json
import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict, FrozenConfigDict
from tqdm import tqdm

from jaxgan import cli, config, population, storage, viz, workdir
from jaxgan.metrics import networks, suite
from jaxgan.metrics.spread import standard_error

GRID = {
    "gen_layers": (2, 3, 4, 5),
    "gen_width": (400, 800),
    "disc_layers": (2, 3, 4, 5),
    "disc_width": (128, 256, 512, 1024),
    "dropout": (0.0, 0.5),
}
PROGRAMS = {"GAN": ["GAN"], "EBGAN": ["EBGAN", "EBGAN-PT"]}  # methods that train as one
METHODS = [method for methods in PROGRAMS.values() for method in methods]
SAMPLES = 5000


def settings(program: str, choice: dict[str, float], steps: int) -> FrozenConfigDict:
    """Returns the configuration of one architecture trained by the methods of one program."""
    sizes = {key: value for key, value in choice.items() if key != "dropout"}
    found = config.base()
    if program == "GAN":
        gan = {"name": "gan", "network": "mlp", "latent": "normal", "output_bias": "zero"}
        gan["dropout"] = choice["dropout"]
    else:
        gan = {"name": "ebgan", "disc_dropout": choice["dropout"], "pulling_away_weight": 0.0}
        found.population.grid = "gan.pulling_away_weight=0,0.1"
    found.steps = steps
    found.gan = ConfigDict({**gan, **sizes})
    adam = {"name": "adam", "learning_rate": 1e-3}
    found.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return FrozenConfigDict(found)


def scores(options: FrozenConfigDict, network: networks.Network) -> list[float]:
    """Trains and returns the modified score of each member's samples, 0 where it diverged."""
    many, states = population.fit(options)
    sample = workdir.make_sample(many.models[0].gan)
    found = []
    for index in range(many.size):
        state = population.member(states, index)
        images = workdir.draw(functools.partial(sample, state), np.zeros(SAMPLES, np.int32), 0)
        finite = all(bool(np.isfinite(x).all()) for x in jax.tree.leaves(state.params.gen))
        values = suite.measure(
            suite.make_candidate(images, None, network),
            suite.Reference(network, None, None, None),
            ["modified_score"],
        )
        found.append(values["classifier-modified_IS"] if finite else 0.0)
    return found


def draw(table: dict[str, list[float]], path: pathlib.Path) -> None:
    """Draws the histogram of scores for each method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    top = max(max(values) for values in table.values())
    bins = np.linspace(0, top, 11)
    share = [np.full(len(values), 100 / len(values)) for values in table.values()]
    axes.hist(list(table.values()), bins, weights=share, label=list(table))
    axes.set(xlabel="modified score", ylabel="% of architectures")
    axes.legend(frameon=False)
    viz.save_figure(figure, path, dpi=90)


def main(argv: list[str]) -> None:
    """Trains what is missing, prints the table and draws the figure."""
    parser = cli.Parser("python -m benchmarks.ebgan_grid", "Compare GAN and EBGAN over a grid.")
    parser.add_argument("--count", type=cli.integer(1), default=12, help="architectures")
    parser.add_argument("--steps", type=cli.integer(1), default=2000)
    parser.add_argument("--out", default="benchmarks/results", help="folder")
    args = parser.parse_args(argv)
    cli.start_jax()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"ebgan_grid_{args.steps}.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    every = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    chosen = [every[i] for i in np.random.default_rng(0).permutation(len(every))[: args.count]]
    network = networks.load("classifier")
    for choice, (program, methods) in tqdm(list(itertools.product(chosen, PROGRAMS.items()))):
        names = [f"{method} {json.dumps(choice)}" for method in methods]
        if not all(name in found for name in names):
            values = scores(settings(program, choice, args.steps), network)
            found.update(zip(names, values, strict=True))
            storage.write_json(file, found, indent=1)
    table = {
        method: [found[f"{method} {json.dumps(choice)}"] for choice in chosen] for method in METHODS
    }
    title = f"{args.count} architectures, {args.steps} steps"
    print(f"| {title} | mean | median | best | worst | above 2 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for method, values in table.items():
        both = np.stack([values, 100 * (np.array(values) > 2)], 1)
        (mean, above), errors = both.mean(0), standard_error(both)
        print(
            f"| {method} | {mean:.3f} +- {errors[0]:.3f} | {np.median(values):.3f} "
            f"| {max(values):.3f} | {min(values):.3f} | {above:.0f} +- {errors[1]:.0f} % |"
        )
    draw(table, file.with_suffix(".png"))


if __name__ == "__main__":
    cli.run(main)
