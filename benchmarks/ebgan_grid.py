"""The grid of the EBGAN paper in small: `python -m benchmarks.ebgan_grid`.

Zhao, Mathieu & LeCun 2016 (arXiv 1609.03126), section 4.1 and Figure 3: architectures drawn from a
grid, each trained as a GAN, an EBGAN and an EBGAN with pulling-away term by the same optimizer; the
histogram of their modified scores tells which is the more robust. What has been measured is kept in
the results file, so that a run that was stopped goes on.
"""

import itertools
import json
import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from jaxgan import cli, config, data, workdir
from jaxgan.data import transforms
from jaxgan.errors import UserError
from jaxgan.metrics import networks, suite
from jaxgan.metrics.spread import standard_error
from jaxgan.step import make_train_step

GRID = {
    "gen_layers": (2, 3, 4, 5),
    "gen_width": (400, 800),
    "disc_layers": (2, 3, 4, 5),
    "disc_width": (128, 256, 512, 1024),
    "dropout": (0.0, 0.5),
}
METHODS = ("GAN", "EBGAN", "EBGAN-PT")
SAMPLES = 5000


def settings(method: str, choice: dict[str, float], steps: int) -> ConfigDict:
    """Returns the configuration of one architecture trained by one method."""
    sizes = {key: value for key, value in choice.items() if key != "dropout"}
    if method == "GAN":
        gan = {"name": "gan", "network": "mlp", "latent": "normal", "output_bias": "zero"}
        gan["dropout"] = choice["dropout"]
    else:
        weight = 0.1 if method == "EBGAN-PT" else 0.0
        gan = {"name": "ebgan", "pulling_away_weight": weight, "disc_dropout": choice["dropout"]}
    found = config.base()
    found.steps = steps
    found.gan = ConfigDict({**gan, **sizes})
    adam = {"name": "adam", "learning_rate": 1e-3}
    found.optimizer = ConfigDict({"gen": dict(adam), "disc": dict(adam)})
    return found


def score(options: ConfigDict, dataset: data.Dataset, network: networks.Network) -> float:
    """Trains and returns the modified score of samples, 0 where training diverged."""
    model = workdir.make_model(options, dataset.image_shape, 0)
    low, high = model.gan.value_range

    def floats(batch):
        return {"image": transforms.to_float(batch["image"], low, high)}

    step = make_train_step(model.gan, model.optimizers)
    step = jax.jit(lambda state, batch, step=step: step(state, floats(batch)), donate_argnums=0)
    new_state = jax.jit(lambda key, batch: model.new_state(key, floats(batch)))
    state = new_state(jax.random.key(0), {"image": dataset.images[:1000]})
    batches = data.batches(dataset, seed=0, batch_size=options.batch_size, disc_steps=1)
    for _, batch in zip(range(options.steps), batches, strict=False):
        state, _ = step(state, batch)
    batches.close()
    sample = workdir.make_sample(model.gan)
    images, _ = workdir.draw(
        lambda key, label: sample(state, key, label), SAMPLES, 0, num_classes=0
    )
    finite = all(bool(np.isfinite(x).all()) for x in jax.tree.leaves(state.params.gen))
    candidate = suite.make_candidate(images, None, network)
    values = suite.measure(
        candidate, suite.Reference(network, None, None, None), ["modified_score"]
    )
    return values["classifier-modified_IS"] if finite else 0.0


def draw(scores: dict[str, list[float]], path: pathlib.Path) -> None:
    """Draws the histogram of scores for each method."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    top = max(max(values) for values in scores.values())
    bins = np.linspace(0, top, 11)
    share = [np.full(len(values), 100 / len(values)) for values in scores.values()]
    axes.hist(list(scores.values()), bins, weights=share, label=list(scores))
    axes.set(xlabel="modified score", ylabel="% of architectures")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=90)


def main(argv: list[str]) -> None:
    """Trains what is missing, prints the table and draws the figure."""
    parser = cli.Parser("python -m benchmarks.ebgan_grid", "Compare GAN and EBGAN over a grid.")
    parser.add_argument("--count", type=int, default=12, help="architectures")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", default="benchmarks/results", help="folder")
    args = parser.parse_args(argv)
    for name in ("count", "steps"):
        if getattr(args, name) < 1:
            raise UserError(f"--{name}: {getattr(args, name)} is below 1")
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"ebgan_grid_{args.steps}.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    every = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    chosen = [every[i] for i in np.random.default_rng(0).permutation(len(every))[: args.count]]
    dataset, network = data.load("mnist"), networks.load("classifier")
    for choice, method in tqdm(list(itertools.product(chosen, METHODS))):
        name = f"{method} {json.dumps(choice)}"
        if name not in found:
            found[name] = score(settings(method, choice, args.steps), dataset, network)
            workdir.write_atomically(file, json.dumps(found, indent=1) + "\n")
    scores = {
        method: [found[f"{method} {json.dumps(choice)}"] for choice in chosen] for method in METHODS
    }
    title = f"{args.count} architectures, {args.steps} steps"
    print(f"| {title} | mean | median | best | worst | above 2 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for method, values in scores.items():
        both = np.stack([values, 100 * (np.array(values) > 2)], 1)
        (mean, above), errors = both.mean(0), standard_error(both)
        print(
            f"| {method} | {mean:.3f} +- {errors[0]:.3f} | {np.median(values):.3f} "
            f"| {max(values):.3f} | {min(values):.3f} | {above:.0f} +- {errors[1]:.0f} % |"
        )
    draw(scores, file.with_suffix(".png"))


if __name__ == "__main__":
    cli.run(main)
