"""Draws Figure 1 of Goodfellow et al. 2014 (arXiv 1406.2661): a GAN in one dimension.

Command: python -m examples.gan_1d --out=gan_1d.png

The data are N(0, 1), the noise is uniform, both networks are small and fully connected. Each panel
shows the densities of data and samples, the discriminator D, what it is at its best for this
generator, p / (p + q) (Proposition 1), and below how the generator moves evenly spaced noise.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples import common
from jaxgan import cli, gans
from jaxgan.base import GAN, Players, seed_key
from jaxgan.state import TrainState, init_state
from jaxgan.step import make_train_step

PANELS = (0.0, 0.05, 0.2, 1.0)  # shares of the training
BATCH = 256
BINS = np.linspace(-4, 4, 81)


def draw(axes: Axes, gan: GAN, state: TrainState, key: jax.Array) -> None:
    """Draws one panel: densities, discriminator and mapping of the noise."""
    label = jnp.zeros(100_000, jnp.int32)
    fakes = gan.sample(state.params.gen, state.variables, key, label).ravel()
    middle = (BINS[1:] + BINS[:-1]) / 2
    real = np.exp(-(middle**2) / 2) / np.sqrt(2 * np.pi)
    fake = np.histogram(fakes, BINS)[0] / len(fakes) / np.diff(BINS)
    points = jnp.asarray(middle, jnp.float32)[:, None, None, None]
    logits, _ = gan.critic(state.params.disc, state.variables, points, label[: len(middle)])
    axes.plot(middle, real, "k:", label="p, data")
    axes.plot(middle, fake, "C2", label="q, samples")
    axes.plot(middle, jax.nn.sigmoid(logits), "C0--", label="D")
    axes.plot(middle, real / (real + fake), "C0", linewidth=0.6, label="p / (p + q)")
    noise = np.linspace(-(3**0.5), 3**0.5, 17, dtype=np.float32)[:, None]
    moved = gan.decode(state.params.gen, state.variables, noise, label[: len(noise)]).ravel()
    for z, x in zip(noise[:, 0], moved, strict=True):
        axes.plot([z, x], [-0.45, -0.1], "0.6", linewidth=0.6)
    axes.text(-3.9, -0.13, "x", va="center")
    axes.text(-3.9, -0.45, "z", va="center")
    axes.set(title=f"after {int(state.step)} updates", xlim=(-4, 4), ylim=(-0.5, 1.05))
    axes.set(yticks=(0, 0.5, 1))


def main(argv: list[str]) -> None:
    """Trains and draws."""
    parser = common.parser("gan_1d", "Draw a GAN in one dimension as it learns.")
    parser.add_argument(
        "--steps", default=4000, type=cli.integer(len(PANELS)), help="generator updates"
    )
    parser.add_argument("--disc-steps", default=3, type=cli.integer(1), help="k of Algorithm 1")
    parser.add_argument("--seed", default=0, type=cli.SEED)
    args = parser.parse_args(argv)
    common.check_out(args)

    cli.start_jax()
    options = {"name": "gan", "network": "mlp", "dropout": 0.0, "latent_size": 1}
    options |= {"gen_width": 32, "disc_width": 32}
    gan = gans.make(options, image_shape=(1, 1, 1), num_classes=0)
    optimizers = Players(  # the learning rate falls with each player's own updates
        gen=optax.adam(optax.linear_schedule(2e-3, 0, args.steps), b1=0.5),
        disc=optax.adam(optax.linear_schedule(2e-3, 0, args.steps * args.disc_steps), b1=0.5),
    )
    step = make_train_step(gan, optimizers, disc_steps=args.disc_steps)

    @jax.jit
    def train(state: TrainState, key: jax.Array) -> TrainState:
        points = jax.random.normal(key, (args.disc_steps, BATCH, 1, 1, 1))
        return step(state, {"image": points})[0]

    keys = jax.random.split(seed_key(args.seed), len(PANELS) + 2)
    points = jax.random.normal(keys[0], (1000, 1, 1, 1))
    state = jax.jit(lambda key: init_state(gan, optimizers, key, {"image": points}))(keys[1])
    figure = Figure(figsize=(3 * len(PANELS), 3.2), layout="constrained")
    for axes, share, key in zip(
        figure.subplots(1, len(PANELS), sharey=True), PANELS, keys[2:], strict=True
    ):
        for i in range(int(state.step), round(share * args.steps)):
            state = train(state, jax.random.fold_in(key, i))
        draw(axes, gan, state, key)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
