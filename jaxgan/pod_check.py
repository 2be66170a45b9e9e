"""Compiles a training step for TPUs that are not there: `python -m jaxgan.pod_check`.

`--config=configs/dcgan_lsun.py --topology=v5e:4x4,v5e:16x16` compiles the step of the configuration
for each chip of the slices, by the TPU compiler alone (libtpu, in the extra `tpu`), and tells what
every chip would do: operations, bytes, memory, collectives, and how the time would grow from one
chip to the slice with the configuration's batch on every chip. Nothing is run; times are
predictions from the chips' published rates.
"""

import importlib.util
import math
import os
import pathlib
import re
import sys
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from jaxgan import cli, config, loop, parallel, results, workdir
from jaxgan.errors import UserError
from jaxgan.step import make_train_step, repeat_step


class Chip(NamedTuple):
    """Published figures of a chip (cloud.google.com/tpu/docs, one chip).

    Attributes:
      flops: peak rate in bfloat16, per second.
      bandwidth: of its memory, bytes per second.
      memory: bytes.
      links: of its inter-chip interconnect, all links together, bytes per second.
    """

    flops: float
    bandwidth: float
    memory: float
    links: float


CHIPS = {
    "v4": Chip(275e12, 1228e9, 32e9, 300e9),
    "v5e": Chip(197e12, 819e9, 16e9, 200e9),
    "v5p": Chip(459e12, 2765e9, 95e9, 600e9),
    "v6e": Chip(918e12, 1640e9, 32e9, 448e9),
}
# Form of the images of TFDS datasets, so that none has to be at hand.
SHAPES = {
    "celeb_a": ((218, 178, 3), 0),
    "cifar10": ((32, 32, 3), 10),
    "cityscapes": ((256, 256, 3), 0),
    "edges2shoes": ((256, 256, 3), 0),
    "facades": ((256, 256, 3), 0),
    "fashion_mnist": ((28, 28, 1), 10),
    "lsun/bedroom": ((256, 256, 3), 0),
    "maps": ((256, 256, 3), 0),
    "mnist": ((28, 28, 1), 10),
}
COLLECTIVE = re.compile(
    r" = (.*?) (all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)(?:-start)?\("
)
SIZES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "f32": 4, "s32": 4, "u32": 4, "f64": 8}


class Report(NamedTuple):
    """What one device, a chip or half of one, of a slice does in a step.

    Attributes:
      devices: of the slice.
      flops: operations.
      bytes: to and from its memory.
      memory: needed in all, bytes.
      collectives: (kind, bytes) of each.
      estimate: of the compiler for the time on the chip, seconds; not above 0 where it has none.
    """

    devices: int
    flops: float
    bytes: float
    memory: int
    collectives: list[tuple[str, int]]
    estimate: float


def collectives(text: str) -> list[tuple[str, int]]:
    """Returns kind and size in bytes of every collective in a program's HLO text."""
    found = []
    for shapes, kind in COLLECTIVE.findall(text):
        sizes = [
            SIZES.get(dtype, 4) * math.prod(int(n) for n in dims.split(",") if n)
            for dtype, dims in re.findall(r"([a-z]+[0-9]*)\[([0-9,]*)\]", shapes)
        ]
        found.append((kind, sum(sizes)))
    return found


def compile_for(
    settings: FrozenConfigDict,
    image_shape: tuple[int, ...],
    num_classes: int,
    devices: np.ndarray,
) -> Report:
    """Compiles the training step with the configuration's batch on every device.

    Args:
      settings: the configuration.
      image_shape: (height, width, channels).
      num_classes: of the data; 0 where it has no labels.
      devices: of a topology.
    """
    inputs = image_shape if settings.gan.name == "pix2pix" else None
    model = workdir.make_model(settings, image_shape, num_classes, inputs)
    mesh = jax.sharding.Mesh(devices.ravel(), ("data",))
    train = make_train_step(
        model.gan,
        model.optimizers,
        disc_steps=settings.disc_steps,
        ema_decay=settings.ema_decay,
        accumulate=settings.parallel.accumulate,
    )
    one = repeat_step(
        lambda state, batch: train(state, loop.floats(batch, model.gan.value_range)),
        settings.steps_per_call,
    )
    rows = settings.disc_steps * settings.steps_per_call, settings.batch_size * devices.size
    batch = {"image": jax.ShapeDtypeStruct((*rows, *image_shape), np.uint8)}
    if inputs:
        batch["input"] = jax.ShapeDtypeStruct((*rows, *inputs), np.uint8)
    if num_classes:
        batch["label"] = jax.ShapeDtypeStruct(rows, np.int32)
    shardings = parallel.state_shardings(
        mesh, model.abstract_state, divide=settings.parallel.shard_state
    )
    step = parallel.compile_step(one, mesh, shardings=shardings)
    compiled = step.lower(model.abstract_state, batch).compile()
    cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
    needed = (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes
    )
    return Report(
        devices.size,
        cost["flops"],
        cost["bytes accessed"],
        needed,
        collectives(compiled.as_text()),
        cost.get("optimal_seconds", 0.0),
    )


def seconds(report: Report, chip: Chip) -> tuple[float, float]:
    """Returns the predicted seconds of a step: on the chip, and between chips.

    On the chip the longer of operations and memory traffic at their peak rates; between chips a
    ring all-reduce, `2 (n - 1) / n` times the bytes over the links. Neither overlaps.
    """
    alone = max(report.flops / chip.flops, report.bytes / chip.bandwidth)
    n = report.devices
    return alone, 2 * (n - 1) / n * sum(size for _, size in report.collectives) / chip.links


def main(argv: list[str]) -> None:
    """Compiles for one chip and for the slice, and prints the comparison."""
    parser = cli.Parser(
        "python -m jaxgan.pod_check", "Compile a training step for TPUs.", overrides=True
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="a file of configs/")
    parser.add_argument("--topology", default="v5e:4x4", help="chip:shape, ...")
    parser.add_argument("--image-shape", help="height,width,channels, where it is not known")
    parser.add_argument("--num-classes", type=cli.integer(0), default=0, help="with --image-shape")
    results.add_arguments(parser, "JSON of what is printed", metavar="FILE")
    args, rest = parser.parse_known_args(argv)
    args.overrides = parser.check_overrides(rest)
    settings = config.load(args.config, args.overrides)
    if args.out:
        results.check(args, [pathlib.Path(args.out)], [args.config])
    topologies = args.topology.split(",")
    for topology in topologies:
        name, _, shape = topology.partition(":")
        if name not in CHIPS or not re.fullmatch(r"\d+(x\d+){1,2}", shape):
            raise UserError(
                f"--topology: {topology!r} is not chip:shape; chips: {', '.join(CHIPS)}; try "
                "v5e:4x4 or v5p:2x2x1"
            )
    image_shape, classes = form(settings, args.image_shape, args.num_classes)
    if importlib.util.find_spec("libtpu") is None:
        raise UserError("libtpu is missing; pip install 'jaxgan[tpu]', or libtpu")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # there is no metadata server to be asked
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # only the compiler is used
    alone: dict[str, Report] = {}
    found: dict[str, Any] = {}
    for topology in topologies:
        name, devices = topology.partition(":")[0], describe(topology)
        print(f"compiling for one and for {devices.size} devices of {name} ...", file=sys.stderr)
        if name not in alone:
            alone[name] = compile_for(settings, image_shape, classes, devices[:1])
        reports = [alone[name], compile_for(settings, image_shape, classes, devices)]
        cores = devices.size // math.prod(int(n) for n in topology.partition(":")[2].split("x"))
        device = Chip(*(rate / cores for rate in CHIPS[name]))  # a v4 chip is two devices
        table(args.config, settings.batch_size, device, reports)
        found[topology] = {str(report.devices): report._asdict() for report in reports}
        if args.out:
            results.write_json(args, pathlib.Path(args.out), found)


def describe(topology: str) -> np.ndarray:
    """Returns the devices of a slice that is not there, in one row.

    Raises:
      UserError: the compiler does not know it.
    """
    from jax.experimental import topologies

    try:
        found = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    except Exception as error:  # of many kinds, from the plugin
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise UserError(f"--topology: {topology!r} is refused: {reason}") from error
    return np.array(found.devices).ravel()


def form(
    settings: FrozenConfigDict, given: str | None, num_classes: int
) -> tuple[tuple[int, ...], int]:
    """Returns the shape of the images and the classes of a configuration's data.

    Raises:
      UserError: the shape is not known, or is not height,width,channels.
    """
    if given:
        if not re.fullmatch(r"\d+,\d+,\d+", given):
            raise UserError(f"--image-shape: {given!r} is not height,width,channels; try 64,64,3")
        return tuple(int(n) for n in given.split(",")), num_classes
    if settings.dataset.path or settings.dataset.name not in SHAPES:
        raise UserError(
            f"--image-shape: missing for {settings.dataset.path or settings.dataset.name}; give "
            "height,width,channels"
        )
    shape, classes = SHAPES[settings.dataset.name]
    size = settings.dataset.image_size
    return ((size, size, shape[-1]) if size else shape), classes


def table(file: str, batch_size: int, chip: Chip, reports: list[Report]) -> None:
    """Prints what a device of the rates `chip` does alone and in the slice."""
    rows = {}
    for report in reports:
        on_chip, between = seconds(report, chip)
        kinds: dict[str, Any] = {}
        for kind, size in report.collectives:
            count, total = kinds.get(kind, (0, 0))
            kinds[kind] = count + 1, total + size
        rows[report.devices] = {
            "GFLOP": f"{report.flops / 1e9:.2f}",
            "memory traffic": f"{report.bytes / 1e6:,.0f} MB",
            "memory needed": f"{report.memory / 1e6:,.0f} MB of {chip.memory / 1e9:.0f} GB",
            "collectives": "; ".join(
                f"{count} {kind}, {total / 1e6:.1f} MB" for kind, (count, total) in kinds.items()
            )
            or "none",
            "compiler's estimate": f"{1e3 * report.estimate:.2f} ms on the device"
            if report.estimate > 0  # it is below where the compiler knows no time of an operation
            else "none",
            "predicted time": f"{1e3 * (on_chip + between):.2f} ms, "
            f"{1e3 * between:.2f} of it between chips",
        }
    one, many = reports
    print(f"| {file}, batch {batch_size} a device | 1 device | each of {many.devices} |")
    print("| --- | --- | --- |")
    for key in rows[1]:
        print(f"| {key} | {rows[1][key]} | {rows[many.devices][key]} |")
    efficiency = sum(seconds(one, chip)) / sum(seconds(many, chip))
    print(
        f"a device in the slice has {many.flops / one.flops:.3f} times the operations of one "
        f"alone; predicted scaling efficiency {100 * efficiency:.0f} %"
    )


if __name__ == "__main__":
    cli.run(main)
