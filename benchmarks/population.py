"""Times many small GANs at once: `python -m benchmarks.population`.

The members of `configs/gan_ring.py` with as many seeds, in turns: as one program of
`jaxgan.population`, spread over the CPU cores, as single programs one after the other, and as
single models in PyTorch, eager, one after the other, on one thread and on as many as there are
cores. The rates are steps of a member a second; the ratios are to the faster of both in PyTorch.
`--width=32` gives both networks another width.
"""

import importlib.util
import itertools
import os
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import trange

from jaxgan import cli, config, loop, population, results
from jaxgan.errors import UserError

CONFIG = "configs/gan_ring.py"
PER_CALL = 10  # steps that jaxgan takes in one call


def jaxgan_side(
    members: int, steps: int, changes: Sequence[str] = ()
) -> tuple[Callable[[], None], int]:
    """Returns the function that takes `steps` steps of all members, and bytes of one's state.

    Steps are a multiple of the `steps_per_call` of the configuration so changed.
    """
    settings = config.load(CONFIG, [*changes, f"--config.population.seeds={members}"])
    dataset = loop.load_dataset(settings)
    configs = population.members(settings)
    many = population.Population(configs, dataset.image_shape, 0)
    states = many.init(loop.first_examples(dataset))
    arrays = {"image": jnp.asarray(dataset.images)}
    orders = population.orders(configs, dataset.num_examples)
    size = sum(x.nbytes for x in jax.tree.leaves(states)) // members

    def run() -> None:
        nonlocal states
        for _ in range(steps // settings.steps_per_call):
            states, metrics = many.steps(states, next(orders), arrays)
        jax.block_until_ready(metrics)

    return run, size


def temporary_bytes(members: int, changes: Sequence[str] = ()) -> int:
    """Returns the bytes that one step of all members needs beside their states, on one device."""
    settings = config.load(CONFIG, [*changes, f"--config.population.seeds={members}"])
    dataset = loop.load_dataset(settings)
    many = population.Population(population.members(settings), dataset.image_shape, 0)
    states = jax.eval_shape(many.init, loop.first_examples(dataset))
    count = settings.steps_per_call * settings.disc_steps
    indices = np.zeros((members, count, settings.batch_size), np.int32)
    program = many.lower(states, indices, {"image": dataset.images}).compile()
    return program.memory_analysis().temp_size_in_bytes * many.mesh.size


def torch_side(steps: int, threads: int, changes: Sequence[str] = ()) -> Callable[[], None]:
    """Returns the function that takes `steps` steps of one GAN in PyTorch on so many threads."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    settings = config.load(CONFIG, changes)
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
        torch.set_num_threads(threads)
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
    parser.add_argument("--members", type=cli.integer(2), default=64)
    parser.add_argument("--rounds", type=cli.integer(1), default=10)
    parser.add_argument("--steps", type=cli.integer(1), default=20, help="of each member in a turn")
    parser.add_argument(
        "--width", type=cli.integer(1), help="units of the layers (default: the config's)"
    )
    parser.add_argument("--devices", type=cli.integer(1), default=os.cpu_count(), help="of the CPU")
    results.add_arguments(
        parser,
        "folder (default: benchmarks/results)",
        default="benchmarks/results",
        type=pathlib.Path,
        metavar="DIR",
    )
    args = parser.parse_args(argv)
    results.check(args, [args.out / "population.json"])
    if args.steps % PER_CALL:
        raise UserError(f"--steps: {args.steps} is no multiple of {PER_CALL}, the steps of a call")
    if importlib.util.find_spec("torch") is None:
        raise UserError("PyTorch is missing; pip install '.[bench]'")
    widths = [] if args.width is None else [f"{p}_width={args.width}" for p in ("gen", "disc")]
    changes = [f"--config.steps_per_call={PER_CALL}"]
    changes += [f"--config.gan.{width}" for width in widths]
    jax.config.update("jax_num_cpu_devices", args.devices)
    cli.start_jax()
    together, size = jaxgan_side(args.members, args.steps, changes)
    many, one, single = f"{args.members} as one program", "single programs", 10 * args.steps
    torch_sides = {
        f"PyTorch, threads: {n}": (torch_side(single, n, changes), single)
        for n in {1, os.cpu_count()}
    }
    sides = {
        many: (together, args.members * args.steps),
        one: (jaxgan_side(1, single, changes)[0], single),
        **torch_sides,
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for run, _ in sides.values():  # compiles, warms up
        run()
    for _ in trange(args.rounds, unit="round"):
        for name, (run, steps) in sides.items():
            begin = time.perf_counter()
            run()
            rates[name].append(steps / (time.perf_counter() - begin))
    temporary = temporary_bytes(args.members, changes) // args.members
    result: dict[str, Any] = {
        "devices": args.devices,
        "changes": changes,
        "rates": rates,
        "bytes_of_state": size,
        "temporary_bytes": temporary,
    }
    reference = np.max([rates[name] for name in torch_sides], 0)
    print("| | steps of a member a second | times PyTorch (10 % to 90 %) |")
    print("| --- | --- | --- |")
    for name, found in rates.items():
        low, middle, high = np.quantile(np.divide(found, reference), [0.1, 0.5, 0.9])
        print(f"| {name} | {np.median(found):,.0f} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    times = args.members * np.divide(rates[one], rates[many])
    low, middle, high = np.quantile(times, [0.1, 0.5, 0.9])
    print(f"{args.members} take {middle:.1f} ({low:.1f} to {high:.1f}) times as long as one")
    print(f"bytes per member: {size:,} of state, {temporary:,} while it steps")
    results.write_json(args, args.out / "population.json", result)


if __name__ == "__main__":
    cli.run(main)
