"""Draws how a GAN without limits on its players converges: Proposition 2, and what k does.

Command: python -m examples.proposition_2 --out=proposition_2.png

Goodfellow et al. 2014 (arXiv 1406.2661), section 4.2: on a finite set, with the generator's law
updated itself and the discriminator optimal, the law converges to that of the data. Left the
divergence by updates, for k discriminator steps each and for the optimal discriminator; right the
mean distance of D from 1/2, which tends to 0 with it.
"""

import jax
import jax.numpy as jnp
from matplotlib.figure import Figure

from examples import common
from jaxgan import cli
from jaxgan.theory import finite

PLACES = 20


def main(argv: list[str]) -> None:
    """Plays and draws."""
    parser = common.parser("proposition_2", "Draw a GAN on a finite set as it converges.")
    parser.add_argument("--steps", default=150, type=cli.integer(1), help="generator updates")
    args = parser.parse_args(argv)
    common.check_out(args)
    cli.start_jax()
    p = jax.nn.softmax(jax.random.normal(jax.random.key(0), (PLACES,)))
    q = jnp.full(PLACES, 1 / PLACES)
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for k in (1, 2, 5, 20, None):
        path = finite.play(p, q, steps=args.steps, disc_steps=k, disc_rate=0.3, gen_rate=0.2)
        name = "optimal D" if k is None else f"k = {k}"
        style = "k--" if k is None else "-"
        left.semilogy(jnp.maximum(path.divergence, 1e-7), style, linewidth=1, label=name)
        undecided = jnp.abs(path.discriminator - 0.5) @ p
        right.semilogy(jnp.maximum(undecided, 1e-5), style, linewidth=1, label=name)
    left.set(title="JSD of data and samples (nats)", xlabel="generator updates")
    right.set(title="|D - 1/2|, mean over the data", xlabel="generator updates")
    left.legend(frameon=False)
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
