"""Speed of the conditional GAN's paper networks beside the same networks in PyTorch.

`python benchmarks/cgan_mlp.py` (needs the extra `bench`) times one full adversarial iteration at
batch 100, discriminator and generator update with Adam and dropout, in turns in one process, and
prints medians and the spread of the ratio.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch import nn

from jaxgan.base import Players
from jaxgan.gans import cgan
from jaxgan.state import init_state
from jaxgan.step import make_train_step

BATCH = 100


class Maxout(nn.Module):
    """Fully connected maxout layer."""

    def __init__(self, inputs: int, features: int, pieces: int) -> None:
        """Makes the layer."""
        super().__init__()
        self.linear, self.shape = nn.Linear(inputs, features * pieces), (pieces, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps [batch, inputs] to [batch, features]."""
        return self.linear(x).view(-1, *self.shape).amax(-2)


class Generator(nn.Module):
    """The generator of Mirza & Osindero 2014, section 4.1."""

    def __init__(self) -> None:
        """Makes the layers."""
        super().__init__()
        self.z, self.y = nn.Linear(100, 200), nn.Linear(10, 1000)
        self.joint, self.out = nn.Linear(1200, 1200), nn.Linear(1200, 784)
        self.drop = nn.Dropout(0.5)

    def forward(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Maps noise [batch, 100] and one-hot labels [batch, 10] to images [batch, 784]."""
        x = torch.cat([self.z(z).relu(), self.y(y).relu()], 1)
        return self.out(self.drop(self.joint(self.drop(x)).relu())).sigmoid()


class Discriminator(nn.Module):
    """The discriminator of Mirza & Osindero 2014, section 4.1."""

    def __init__(self) -> None:
        """Makes the layers."""
        super().__init__()
        self.x, self.y, self.joint = Maxout(784, 240, 5), Maxout(10, 50, 5), Maxout(290, 240, 4)
        self.out, self.drop = nn.Linear(240, 1), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Maps images [batch, 784] and one-hot labels [batch, 10] to logits [batch]."""
        x = self.joint(self.drop(torch.cat([self.x(x), self.y(y)], 1)))
        return self.out(self.drop(x))[:, 0]


def torch_iteration(image: np.ndarray, label: np.ndarray):
    """Returns a function that takes one PyTorch iteration, and the numbers of parameters."""
    gen, disc = Generator(), Discriminator()
    gen_opt, disc_opt = (
        torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (gen, disc)
    )
    x = torch.from_numpy(image.reshape(BATCH, -1))
    y = nn.functional.one_hot(torch.from_numpy(label).long(), 10).float()
    bce = nn.functional.binary_cross_entropy_with_logits
    one, zero = torch.ones(BATCH), torch.zeros(BATCH)

    def iteration() -> None:
        fake = gen(torch.rand(BATCH, 100), y).detach()
        real_logits, fake_logits = disc(torch.cat([x, fake]), torch.cat([y, y])).chunk(2)
        disc_opt.zero_grad()
        (bce(real_logits, one) + bce(fake_logits, zero)).backward()
        disc_opt.step()
        gen_opt.zero_grad()
        bce(disc(gen(torch.rand(BATCH, 100), y), y), one).backward()
        gen_opt.step()

    return iteration, [sum(p.numel() for p in net.parameters()) for net in (gen, disc)]


def jax_iteration(image: np.ndarray, label: np.ndarray):
    """Returns a function that takes one jaxgan iteration, and the numbers of parameters."""
    gan = cgan.make(image_shape=(28, 28, 1), num_classes=10, dropout=0.5)
    optimizers = Players(*[optax.adam(2e-4, b1=0.5)] * 2)
    batch = {"image": jnp.asarray(image), "label": jnp.asarray(label)}
    state = jax.jit(lambda key: init_state(gan, optimizers, key, batch))(jax.random.key(0))
    step = jax.jit(make_train_step(gan, optimizers), donate_argnums=0)
    batch = jax.tree.map(lambda x: x[None], batch)

    def iteration() -> None:
        nonlocal state
        state, metrics = step(state, batch)
        jax.block_until_ready((state, metrics))

    sizes = [sum(x.size for x in jax.tree.leaves(params)) for params in state.params]
    return iteration, sizes


def main() -> None:
    """Times both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=20, help="per round")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(BATCH, 28, 28, 1)).astype(np.float32)
    label = rng.integers(0, 10, BATCH).astype(np.int32)
    (ours, our_sizes), (theirs, their_sizes) = (
        make(image, label) for make in (jax_iteration, torch_iteration)
    )
    if our_sizes != their_sizes:
        raise SystemExit(f"the networks differ: {our_sizes} and {their_sizes} parameters")
    times: dict[str, list[float]] = {"jaxgan": [], "PyTorch": []}
    for i in range(args.rounds + 1):
        for name, iteration in (("jaxgan", ours), ("PyTorch", theirs)):
            begun = time.perf_counter()
            for _ in range(args.iterations):
                iteration()
            if i:  # the first round warms up
                times[name].append(1e3 * (time.perf_counter() - begun) / args.iterations)
    ratios = np.array(times["jaxgan"]) / np.array(times["PyTorch"])
    for name, values in times.items():
        print(f"{name}: median {np.median(values):.1f} ms per iteration")
    low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    print(f"jaxgan / PyTorch: median {middle:.3f}, 10 % to 90 %: {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
