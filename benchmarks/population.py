"""Times many small GANs at once: `python -m benchmarks.population`.

The members of `configs/gan_ring.py` with as many seeds, in turns: as one program of
`jaxgan.population`, as single programs one after the other, and as single models in PyTorch. The
rates are steps of a member a second. PyTorch runs on as many threads as jaxgan may use.
"""

import importlib.util
import itertools
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import trange

from jaxgan import cli, config, loop, population
from jaxgan.errors import UserError

CONFIG = "configs/gan_ring.py"


def jaxgan_side(members: int, steps: int) -> tuple[Callable[[], None], int]:
    """Returns the function that takes `steps` steps of all members, and bytes per member."""
    settings = config.load(CONFIG, [f"--config.population.seeds={members}"])
    dataset = loop.load_dataset(settings)
    configs = population.members(settings)
    many = population.Population(configs, dataset.image_shape, 0)
    states = many.init(loop.first_examples(dataset))
    arrays = {"image": jnp.asarray(dataset.images)}
    orders = population.orders(configs, dataset.num_examples)
    size = sum(x.nbytes for x in jax.tree.leaves(states)) // members

    def run() -> None:
        nonlocal states
        for _ in range(steps):
            states, metrics = many.steps(states, next(orders), arrays)
        jax.block_until_ready(metrics)

    return run, size


def torch_side(steps: int) -> Callable[[], None]:
    """Returns the function that takes `steps` steps of one GAN in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    settings = config.load(CONFIG)
    options, batch = settings.gan, settings.batch_size

    def layers(sizes: list[int], norm: bool) -> nn.Sequential:
        parts: list[nn.Module] = []
        for i, (before, after) in enumerate(itertools.pairwise(sizes), 1):
            parts.append(nn.Linear(before, after))
            if i < len(sizes) - 1:
                parts += [nn.BatchNorm1d(after), nn.ReLU()] if norm else [nn.ReLU()]
        return nn.Sequential(*parts)

    hidden = [options.gen_width] * (options.gen_layers - 1)
    gen = layers([options.latent_size, *hidden, 2], norm=True)
    hidden = [options.disc_width] * (options.disc_layers - 1)
    disc = layers([2, *hidden, 1], norm=False)
    adam = {"lr": settings.optimizer.gen.learning_rate, "betas": (0.5, 0.999)}
    gen_adam = torch.optim.Adam(gen.parameters(), **adam)
    disc_adam = torch.optim.Adam(disc.parameters(), **adam)
    points = torch.from_numpy(np.array(loop.load_dataset(settings).images).reshape(-1, 2))

    def run() -> None:
        for _ in range(steps):
            real = points[torch.randint(len(points), (batch,))]
            with torch.no_grad():
                fake = gen(torch.randn(batch, options.latent_size))
            loss = F.softplus(-disc(real)).mean() + F.softplus(disc(fake)).mean()
            disc_adam.zero_grad(set_to_none=True)
            loss.backward()
            disc_adam.step()
            loss = F.softplus(-disc(gen(torch.randn(batch, options.latent_size)))).mean()
            gen_adam.zero_grad(set_to_none=True)
            loss.backward()
            gen_adam.step()

    return run


def main(argv: list[str]) -> None:
    """Times in turns, prints the rates and writes them."""
    parser = cli.Parser("python -m benchmarks.population", "Time many small GANs at once.")
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20, help="of each member in a turn")
    parser.add_argument("--out", default="benchmarks/results", type=pathlib.Path, help="folder")
    args = parser.parse_args(argv)
    for name, least in {"members": 2, "rounds": 1, "steps": 1}.items():
        if getattr(args, name) < least:
            raise UserError(f"--{name}: {getattr(args, name)} is below {least}")
    if importlib.util.find_spec("torch") is None:
        raise UserError("PyTorch is missing; pip install '.[bench]'")
    together, size = jaxgan_side(args.members, args.steps)
    sides = {
        f"{args.members} as one program": (together, args.members * args.steps),
        "single programs": (jaxgan_side(1, 10 * args.steps)[0], 10 * args.steps),
        "PyTorch": (torch_side(10 * args.steps), 10 * args.steps),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for run, _ in sides.values():  # compiles, warms up
        run()
    for _ in trange(args.rounds, unit="round"):
        for name, (run, steps) in sides.items():
            begin = time.perf_counter()
            run()
            rates[name].append(steps / (time.perf_counter() - begin))
    result: dict[str, Any] = {"rates": rates, "bytes_per_member": size}
    print("| | steps of a member a second | times PyTorch (10 % to 90 %) |")
    print("| --- | --- | --- |")
    for name, found in rates.items():
        low, middle, high = np.quantile(np.divide(found, rates["PyTorch"]), [0.1, 0.5, 0.9])
        print(f"| {name} | {np.median(found):,.0f} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    print(f"state: {size:,} bytes per member")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "population.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    cli.run(main)
