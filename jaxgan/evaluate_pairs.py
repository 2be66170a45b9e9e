"""Measures translations of held-out pairs: `python -m jaxgan.evaluate_pairs --workdir=DIR`."""

import math
import pathlib
from typing import Any

import jax
import numpy as np

from jaxgan import cli, data, loop, results, workdir
from jaxgan.base import seed_key
from jaxgan.data import pairs
from jaxgan.errors import UserError, named
from jaxgan.metrics import classifier, pixels
from jaxgan.metrics.spread import standard_error


def measure(
    trained: workdir.Trained, split: str, *, num: int = 0, seed: int = 0, batch: int = 0
) -> dict[str, Any]:
    """Returns the measures of a run's translations beside their targets.

    Args:
      trained: from `workdir.load`.
      split: of held-out pairs.
      num: how many, evenly spread over the split; 0: all.
      seed: of the noise.
      batch: images translated at a time, whose statistics batch normalisation uses; 0: as many as
        in training.

    Returns:
      `L1`, `PSNR` (dB), `SSIM`: means over the pairs; of RGB images `intersection_L`, `_a`, `_b`;
      of MNIST `agreement`, the share of outputs that the classifier sees as the source digit, and
      `agreement_targets`, that of the targets; in `standard_error` those of the means, by name.

    Raises:
      UserError: the split is wrong.
    """
    config = trained.config
    dataset = loop.load_dataset(config, split, config.dataset.image_size)
    count = min(num or dataset.num_examples, dataset.num_examples)
    batch = min(batch or config.batch_size, count)
    chosen = np.linspace(0, dataset.num_examples - 1, count).astype(int)
    key, parts = seed_key(seed), []
    for start in range(0, count, batch):
        # The last batch is filled up from the first, so that all are of one size.
        indices = chosen[np.arange(start, start + batch) % count]
        examples = [dataset.read(int(i)) for i in indices]
        part = {name: np.stack([x[name] for x in examples]) for name in examples[0]}
        output = np.asarray(trained.sample(jax.random.fold_in(key, start), part["input"]))
        kind, target = config.dataset.pairs, part["image"]
        if kind == "colour":  # as RGB
            output = pairs.pictures(kind, input=part["input"], image=output)[1]
            target = pairs.pictures(kind, input=part["input"], image=target)[1]
        label = [part["label"]] if "label" in part else []
        parts.append([x[: count - start] for x in (output, target, *label)])
    output, target, *label = (np.concatenate(x) for x in zip(*parts, strict=True))

    values = {"L1": pixels.l1(output, target), "PSNR": pixels.psnr(output, target)}
    if min(output.shape[1:3]) >= pixels.SSIM_SIZE:
        values["SSIM"] = pixels.ssim(output, target)
    shares = {}  # of colours, over all pixels
    if output.shape[-1] == 3:
        shares = pixels.colour_intersection(output, target)
    # Digits are what the dataset of the name holds; any other is not for this classifier.
    options = config.dataset
    of_digits = options.name.split(":")[0] == "mnist" and not options.path
    of_digits = of_digits and options.direction == "AtoB"  # the other way the outputs are edges
    if of_digits and label and output.shape[1:] == (28, 28, 1):
        variables, _ = classifier.load()
        values["agreement"] = classifier.predict(variables, output) == label[0]
        values["agreement_targets"] = classifier.predict(variables, target) == label[0]
    result: dict[str, Any] = {name: float(x.mean()) for name, x in values.items()}
    result |= {f"intersection_{name}": value for name, value in shares.items()}
    result["standard_error"] = {name: float(standard_error(x)) for name, x in values.items()}
    result["protocol"] = {
        "split": split,
        "trained_on": config.dataset.split,
        "pairs": count,
        "seed": seed,
        "step": int(trained.state.step),
        "batch": batch,
        "batch_norm": config.gan.get("sample_statistics", "none"),
    }
    return result


def table(result: dict[str, Any]) -> str:
    """Returns the measures as lines of text."""
    return "\n".join(
        f"{name:20s}{cell(result, name)}{' dB' if name == 'PSNR' else ''}"
        for name in measures(result)
    )


def measures(result: dict[str, Any]) -> list[str]:
    """Returns the names of what was measured."""
    return [name for name in result if name not in ("standard_error", "protocol")]


def cell(result: dict[str, Any], name: str) -> str:
    """Returns a measure with its standard error over the pairs, where it has one."""
    value, error = result[name], result["standard_error"].get(name)
    if name.startswith("agreement"):
        return f"{100 * value:.2f} +- {100 * error:.2f} %"
    return f"{value:.4f}" + ("" if error is None else f" +- {error:.4f}")


def finite(values: dict[str, float]) -> dict[str, float | None]:
    """Returns numbers for JSON, which has no infinity: None in its place."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def check_held_out(config: Any, split: str, where: str) -> None:
    """Raises `UserError`, which begins with `where`, where a split has pairs of training."""
    options = config.dataset
    with named({"dataset.split": where}, where):
        common = data.shared(
            split,
            options.split,
            name=options.name,
            path=options.path or None,
            data_dir=options.data_dir or None,
            pairs=options.pairs,
            unreadable=options.unreadable,
        )
    if common:
        raise UserError(
            f"{where}: {common} pairs of {split!r} are of {options.split!r}, which was trained on; "
            "give held-out ones"
        )


def open_run(folder: str, checkpoint: str) -> workdir.Trained:
    """Opens a run of a translator; raises `UserError` where it is something else."""
    trained = workdir.load(folder, checkpoint)
    if not trained.model.gan.translator:
        raise UserError(
            f"--workdir: the model of {folder} is no translator of images; give a run of pix2pix"
        )
    return trained


def main(argv: list[str]) -> None:
    """Measures, prints and writes `pairs.json`."""
    parser = cli.Parser("python -m jaxgan.evaluate_pairs", "Measure translations of pairs.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of pix2pix")
    parser.add_argument("--checkpoint", default="last", help="`last` (default) or a step")
    parser.add_argument("--split", help="held-out pairs (default: evaluation.test_split)")
    parser.add_argument("--num", type=cli.integer(0), default=0, help="pairs; 0 (default): all")
    parser.add_argument("--batch", type=cli.integer(1), help="images at a time (default: training)")
    parser.add_argument("--seed", type=cli.SEED, default=0, help="of the noise")
    results.add_arguments(parser, "default: pairs.json in the work folder", metavar="FILE")
    args = parser.parse_args(argv)
    file = pathlib.Path(args.out or pathlib.Path(args.workdir) / "pairs.json")
    results.check(args, [file])
    cli.start_jax()
    trained = open_run(args.workdir, args.checkpoint)
    split = args.split or trained.config.evaluation.test_split
    check_held_out(trained.config, split, "--split")
    with named({"--config.dataset.split": "--split"}):
        result = measure(trained, split, num=args.num, seed=args.seed, batch=args.batch or 0)
    print(table(result))
    result |= finite({name: result[name] for name in measures(result)})
    result["standard_error"] = finite(result["standard_error"])
    results.write_json(args, file, result)
    print(f"wrote {file}")


if __name__ == "__main__":
    cli.run(main)
