"""Mode coverage over many seeds at once: `python -m benchmarks.modes --config=configs/gan_grid.py`.

Trains the configuration with several seeds as one program, for each of the objectives below, and
prints modes, high-quality share and reverse KL with their standard errors: the table of Lin et al.
2018 (PacGAN, arXiv 1712.04086), section 4.1, 2,500 samples each.
"""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from tqdm import trange

from jaxgan import cli, config, data, workdir
from jaxgan.data import gaussians
from jaxgan.errors import UserError
from jaxgan.metrics.modes import mixture_measures
from jaxgan.step import make_train_step

OBJECTIVES = {
    "GAN, non-saturating": {},
    "GAN, R1 and R2": {"gan.penalty_weight": 0.1},
    "relativistic, R1 and R2": {"gan.loss": "relativistic", "gan.penalty_weight": 0.1},
}
SAMPLES = 2500
CHUNK = 50  # steps whose batches are drawn at once


def train(settings: ConfigDict, seeds: int) -> list[tuple[float, float, float]]:
    """Returns modes, high-quality share and reverse KL of each seed after training."""
    name = settings.dataset.name
    points = jnp.asarray(data.load(name).images)
    model = workdir.make_model(settings, points.shape[1:], 0)
    step = make_train_step(model.gan, model.optimizers, disc_steps=settings.disc_steps)

    def new_state(key: jax.Array) -> workdir.state.TrainState:
        return model.new_state(key, {"image": points[:1000]})

    @jax.jit
    def steps(states, key):
        """Takes `CHUNK` steps of every member, each with batches of its own."""

        def one(states, key):
            shape = (seeds, settings.disc_steps, settings.batch_size)
            batch = {"image": points[jax.random.randint(key, shape, 0, len(points))]}
            return jax.vmap(step)(states, batch)

        return jax.lax.scan(one, states, jax.random.split(key, CHUNK))[0]

    states = jax.jit(jax.vmap(new_state))(jax.random.split(jax.random.key(settings.seed), seeds))
    key = jax.random.key(settings.seed + 1)
    for i in trange(settings.steps // CHUNK, leave=False):
        states = steps(states, jax.random.fold_in(key, i))

    @jax.vmap
    def sample(state, key):
        label = jnp.zeros(SAMPLES, jnp.int32)
        return model.gan.sample(state.sampler, state.variables, key, label)

    fakes = np.asarray(sample(states, jax.random.split(key, seeds)))
    return [
        mixture_measures(fake.reshape(SAMPLES, -1), gaussians.centres(name), gaussians.STD[name])
        for fake in fakes
    ]


def main(argv: list[str]) -> None:
    """Trains, prints the table and writes it."""
    parser = cli.Parser("python -m benchmarks.modes", "Count modes over many seeds at once.")
    parser.add_argument("--config", default="configs/gan_grid.py")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", default="benchmarks/results", help="folder")
    args, rest = parser.parse_known_args(argv)
    settings = config.load(args.config, rest)
    if settings.dataset.name not in gaussians.STD:
        raise UserError(
            f"--config: {args.config} is of {settings.dataset.name}; give one of Gaussians, such "
            "as configs/gan_grid.py"
        )
    if args.seeds < 2:
        raise UserError(f"--seeds: {args.seeds} has no standard error; give 2 or more")
    if settings.steps % CHUNK:
        raise UserError(f"--config.steps: {settings.steps} is no multiple of {CHUNK}; give one")
    rows = {}
    print(f"| {args.config}, {args.seeds} seeds | modes | high quality | reverse KL |")
    print("| --- | --- | --- | --- |")
    for title, changes in OBJECTIVES.items():
        overrides = [f"--config.{key}={value}" for key, value in changes.items()]
        found = np.array(train(config.load(args.config, [*overrides, *rest]), args.seeds))
        rows[title] = found.tolist()
        mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(len(found))
        cells = [f"{mean[0]:.1f} +- {error[0]:.1f}"]
        cells.append(f"{100 * mean[1]:.1f} +- {100 * error[1]:.1f} %")
        cells.append(f"{mean[2]:.3f} +- {error[2]:.3f}")
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"modes_{pathlib.Path(args.config).stem}.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    cli.run(main)
