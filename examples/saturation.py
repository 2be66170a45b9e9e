"""Draws why the generator's loss is not log(1 - D): it saturates while D rejects the samples.

Command: python -m examples.saturation --out=saturation.png

Goodfellow et al. 2014 (arXiv 1406.2661), section 3. Left the derivative by the logit of each loss,
`-D`, `-(1 - D)` and others. Right the norm of the generator's gradient as the discriminator alone
is trained, against samples that are far from the data, as in figure 2 of Arjovsky & Bottou 2017
(arXiv 1701.04862).
"""

import jax
import jax.numpy as jnp
import optax
from matplotlib.figure import Figure

from examples import common
from jaxgan import cli, gans, losses

LOSSES = ("minimax", "nonsaturating", "least_squares", "relativistic", "wasserstein")
BATCH = 256


def main(argv: list[str]) -> None:
    """Trains a discriminator and draws."""
    parser = common.parser("saturation", "Draw gradients that the generator gets.")
    parser.add_argument("--steps", default=300, type=cli.integer(2), help="discriminator updates")
    args = parser.parse_args(argv)
    common.check_out(args)
    cli.start_jax()

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    logits = jnp.linspace(-8, 4, 121)
    for name in LOSSES:
        slope = jax.vmap(jax.grad(lambda x, gen=losses.PAIRS[name][1]: gen(jnp.zeros(()), x)))
        style = "--" if name == "relativistic" else "-"  # as nonsaturating, where l(x) = 0
        left.plot(logits, jnp.abs(slope(logits)), style, linewidth=1, label=name)
    left.set(title="|derivative by the logit of a sample|", xlabel="logit", ylim=(0, 3))
    left.legend(frameon=False)

    options = {"name": "gan", "network": "mlp", "dropout": 0.0, "latent_size": 2}
    options |= {"gen_width": 32, "disc_width": 32}
    made = {
        name: gans.make(options | {"loss": name}, image_shape=(1, 1, 2), num_classes=0)
        for name in LOSSES
    }
    gan = made["nonsaturating"]
    batch = {"image": 3 + jax.random.normal(jax.random.key(0), (BATCH, 1, 1, 2))}
    # Networks as at the start, but for the output bias: samples lie around 0.
    (gen, disc), variables = gan.init(jax.random.key(1), batch)
    gen["output"]["bias"] = jnp.zeros(2)
    adam = optax.adam(1e-3)

    @jax.jit
    def step(disc, state, key):
        norms = {
            name: optax.tree.norm(
                jax.grad(one.gen_loss, has_aux=True)(gen, disc, variables, batch, key)[0]
            )
            for name, one in made.items()
        }
        grads, _ = jax.grad(gan.disc_loss, has_aux=True)(disc, gen, variables, batch, key)
        updates, state = adam.update(grads, state)
        return optax.apply_updates(disc, updates), state, norms

    state, norms = adam.init(disc), []
    for key in jax.random.split(jax.random.key(2), args.steps):
        disc, state, found = step(disc, state, key)
        norms.append(found)
    for name in LOSSES:
        right.semilogy([float(x[name]) for x in norms], linewidth=1, label=name)
    right.set(title="norm of the generator's gradient", xlabel="updates of the discriminator")
    common.save(figure, args.out)


if __name__ == "__main__":
    cli.run(main)
