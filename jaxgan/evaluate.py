"""Measures samples against real data: `python -m jaxgan.evaluate --workdir=DIR`.

Every value is a mean over several sets of samples, with its spread, beside the same value for real
images in place of samples.
"""

import pathlib
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

import jaxgan
from jaxgan import cli, config, memory, results, viz, workdir
from jaxgan.data.files import read_arrays
from jaxgan.errors import UserError
from jaxgan.metrics import networks, suite
from jaxgan.metrics.arguments import check_images, check_labels
from jaxgan.metrics.neighbours import nearest

FLAGS = {  # of the options and the splits of real data
    "name": "--dataset",
    "path": "--dataset",
    "image_size": "--image-size",
    "data_dir": "--data-dir",
    "train": "--train-split",
    "test": "--test-split",
    "valid": "--valid-split",
}


def parse(argv: list[str]) -> Any:
    """Returns the arguments, checked as far as they can be without any file."""
    parser = cli.Parser("python -m jaxgan.evaluate", "Measure samples against real data.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--workdir", metavar="DIR", help="a run of train.py to sample from")
    source.add_argument(
        "--samples", metavar="FILE", help=".npz with `image` uint8 [N, H, W, C] and maybe `label`"
    )
    parser.add_argument("--checkpoint", default="last", help="`last`, `best`, a step or mean:STEP")
    parser.add_argument(
        "--num", type=cli.integer(2), default=10_000, help="samples (default: 10000)"
    )
    parser.add_argument("--seed", type=cli.SEED, default=0, help="of the first set of samples")
    parser.add_argument(
        "--seeds", type=cli.integer(1), default=3, help="sets of samples (default: 3)"
    )
    parser.add_argument(
        "--class-shares",
        choices=("training", "equal"),
        default="training",
        help="how often each class is drawn (default: as in the training data)",
    )
    parser.add_argument(
        "--metrics",
        default="default",
        help=f"`default`, `all`, or some of {', '.join(suite.MEASURES)}, with commas between",
    )
    parser.add_argument(
        "--features",
        choices=networks.NAMES,
        help="network that judges (default: the classifier for MNIST, else Inception)",
    )
    parser.add_argument("--inception", metavar="FILE", help="Inception's converted weights")
    parser.add_argument(
        "--dataset", help="TFDS name or .npz of the real images (default: what was trained on)"
    )
    parser.add_argument("--train-split", help="training images (default: what was trained on)")
    parser.add_argument(
        "--test-split", default="test", help="images that were not trained on (default: test)"
    )
    parser.add_argument(
        "--valid-split",
        default="",
        help="images that choose the Parzen window (default: some test)",
    )
    parser.add_argument(
        "--image-size",
        type=cli.integer(1, config.MOST_PIXELS),
        help="of the real images (default: as trained on)",
    )
    parser.add_argument("--data-dir", help="TFDS data folder (default: that of the run)")
    results.add_arguments(parser, "default: evaluation.json beside the source", metavar="FILE")
    args = parser.parse_args(argv)
    if args.seed + args.seeds > 2**63:
        raise UserError(
            f"--seed: {args.seed} is too large for {args.seeds} seeds in a row; give "
            f"{2**63 - args.seeds} or less"
        )
    if args.out and pathlib.Path(args.out).suffix != ".json":
        raise UserError(f"--out: {args.out!r} is of an unknown kind; end it in .json")
    if args.samples:
        without_effect = ("seeds", "seed", "num", "checkpoint", "class_shares")
        for key in without_effect:
            if getattr(args, key) != parser.get_default(key):
                name = key.replace("_", "-")
                raise UserError(f"--{name}: has no effect with --samples; leave it out")
    return args


def _batch_norm(trained: workdir.Trained) -> str:
    """Returns which statistics batch normalisation uses in the generator."""
    if "batch_stats" not in trained.state.variables.gen:
        return "none"
    if trained.config.gan.get("sample_statistics") == "batch":
        return "batch"
    return "running" if trained.state.ema is None else "standing"


class Source:
    """Where samples come from: a trained run or a file.

    Attributes:
      image_shape: (height, width, channels).
      labelled: whether classes were asked for.
      num: samples in each set.
      seeds: one per set.
      about: the protocol's part on the samples.
    """

    def __init__(self, args: Any) -> None:
        """Opens the run or the file."""
        self._trained = self._arrays = None
        if args.samples:
            self._arrays = _read_samples(pathlib.Path(args.samples))
            self.image_shape, self.num = self._arrays[0].shape[1:], len(self._arrays[0])
            self.labelled = self._arrays[1] is not None
            self.seeds, self.about = [0], {"samples_file": args.samples}
            return
        trained = self._trained = workdir.load(args.workdir, args.checkpoint)
        workdir.check_no_translator(trained.model.gan, "use python -m jaxgan.evaluate_pairs")
        self.image_shape, self.num = trained.image_shape, args.num
        memory.check_images("--num", self.num, self.image_shape)
        counts = trained.model.class_counts
        self.labelled = len(counts) > 0
        if args.class_shares == "equal" and not self.labelled:
            raise UserError("--class-shares: has no effect: the model has no classes; leave it out")
        equal = args.class_shares == "equal" or len({*counts} - {0}) < 2
        self._label = workdir.shares(args.num, np.sign(counts) if equal else counts)
        self.seeds = list(range(args.seed, args.seed + args.seeds))
        self.about = {
            "seeds": self.seeds,
            "checkpoint": args.checkpoint,
            "step": int(trained.state.step),
            "weights": "raw" if trained.state.ema is None else "moving average",
            "batch_norm": _batch_norm(trained),
        }
        if self.labelled:
            drawn = np.bincount(self._label, minlength=len(counts)).tolist()
            self.about |= {
                "class_shares": "equal" if equal else "training",
                "samples_by_class": drawn,
            }

    def check_labels(self, network: networks.Network) -> None:
        """Raises `UserError` where the labels of a file are not classes of the network."""
        if self._arrays is not None:
            check_labels("--samples: label", self._arrays[1], network.num_classes)

    def draw(self, seed: int, tick: suite.Tick) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns a set of images uint8 [num, ...] and their labels, None without classes."""
        if self._arrays is not None:
            tick(self.num)
            return self._arrays
        images = workdir.draw(
            self._trained.sample,
            self._label,
            seed,
            mixed=self._trained.model.mixed,
            devices=jax.device_count(),
            tick=tick,
        )
        return images, self._label if self.labelled else None

    def dataset_options(self, args: Any) -> dict[str, Any]:
        """Returns how the training images are loaded: arguments of `data.load`."""
        options = {"name": "mnist", "path": None, "split": "train", "image_size": None}
        data_dir = None
        if self._trained is not None:
            run = self._trained.config.dataset
            options = {name: run[name] or None for name in options}
            data_dir = run.data_dir
        if args.dataset:
            is_file = args.dataset.endswith(".npz")
            options |= {"path": args.dataset} if is_file else {"name": args.dataset, "path": None}
        if args.train_split:
            options["split"] = args.train_split
        if args.image_size:
            options["image_size"] = args.image_size
        return options | {"data_dir": args.data_dir or data_dir or None}


def _read_samples(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns `image` and `label` or None of a `.npz`, in whatever shape and type they are."""

    def fail(problem: str) -> UserError:
        return UserError(
            f"--samples: {path} {problem}; give `image` uint8 [N, H, W, C] in a .npz, as "
            "python -m jaxgan.sample --out=FILE.npz writes it"
        )

    arrays = read_arrays(path, ("image", "label"), fail)
    image, label = arrays["image"], arrays.get("label")
    image = image[..., None] if image.ndim == 3 else image
    if image.ndim != 4 or (label is not None and label.shape != image.shape[:1]):
        shapes = image.shape if label is None else (image.shape, label.shape)
        raise UserError(
            f"--samples: {path} has shapes {shapes}; give `image` [N, H, W, C] and `label` [N]"
        )
    if image.shape[1:3] != (1, 1):  # no points
        check_images("--samples: image", image, image.shape[1:])
    return image, label


def evaluate(args: Any, bar: tqdm) -> tuple[dict[str, Any], np.ndarray | None]:
    """Returns all values with the protocol, and samples beside their training neighbours."""
    source = Source(args)
    shape, options = tuple(source.image_shape), source.dataset_options(args)
    judge = args.features or suite.default_judge(options)
    names = suite.choose(
        args.metrics, image_shape=shape, judge=judge, labelled=source.labelled, where="--metrics"
    )
    network = None
    if suite.needs_network(names):
        suite.load_real(options, FLAGS | {"split": "--train-split"})  # a name is sooner wrong
        network = networks.load(judge, args.inception)
        networks.check_shape(network, shape, "--samples" if args.samples else "--workdir")
    suite.check_count(names, source.num, network, "--samples" if args.samples else "--num")
    if any("label" in suite.MEASURES[name].needs for name in names):
        source.check_labels(network)
    passes = 2 if network else 1  # drawing, and the network
    bar.reset(total=passes * source.num * len(source.seeds))

    def tick(count: int) -> None:
        bar.update(count)

    def tick_real(count: int) -> None:  # none of them where the features were kept
        bar.total += count
        bar.update(count)

    def at(where: str) -> Any:
        return lambda name: bar.set_description(f"{where}: {name}")

    at("real images")("features")
    reference = suite.real_data(
        options,
        {"test": args.test_split, "valid": args.valid_split},
        shape,
        names,
        network,
        flags=FLAGS,
        tick=tick_real,
    )
    rows, classes, drawn = [], [], None
    for seed in source.seeds:
        where = f"samples, seed {seed}"
        at(where)("drawing")
        images, label = source.draw(seed, tick)
        at(where)("features")
        candidate = suite.make_candidate(images, label, network, tick=tick)
        drawn = drawn or candidate
        rows.append(suite.measure(candidate, reference, names, at(where)))
        if "agreement" in names:
            at(where)("by class")
            classes.append(suite.by_class(candidate, reference))
    real = suite.floors(reference, names, source.num, at("real images"))
    prefix = network.prefix if network else ""
    better = suite.values_of(names, prefix)
    result: dict[str, Any] = {
        name: _summary([row[name] for row in rows], real[name], better[name]) for name in better
    }
    if classes:
        result["by_class"] = [
            {name: float(np.mean([row[name] for row in same])) for name in same[0]}
            for same in zip(*classes, strict=True)
        ]
        result["classes_without_samples"] = np.setdiff1d(
            reference.train.label, drawn.label
        ).tolist()
    best = workdir.read_best(pathlib.Path(args.workdir)) if args.workdir else None
    if best:
        result["during_training"] = best
    result["protocol"] = {
        "jaxgan": jaxgan.__version__,
        "samples": source.num,
        **source.about,
        "dataset": options["path"] or options["name"],
        "image_size": options["image_size"] or "original",
        "train_split": options["split"],
        "test_split": args.test_split,
        "valid_split": args.valid_split,
        "train_images": len(reference.train.images),
        "test_images": len(reference.test.images),
        "real_images_as_samples": {
            name: min(source.num, len(getattr(reference, suite.MEASURES[name].real).images))
            for name in names
        },
        **_protocol(names, network),
    }
    return result, _neighbour_rows(drawn, reference) if network else None


def _summary(values: list[float], real: float, better: str) -> dict[str, Any]:
    """Returns mean, spread and single values beside the floor."""
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "values": values,
        "real": real,
        "better": better,
    }


def _protocol(names: list[str], network: networks.Network | None) -> dict[str, Any]:
    """Returns what has to be known to repeat the measures."""
    about: dict[str, Any] = {"spread": "standard deviation over seeds"}
    if network:
        about |= {
            "features": network.name,
            "features_dimensions": network.dim,
            "features_sha256": network.checksum,
            "resize": network.resize,
        }
    texts = {
        "frechet": "unbiased covariances, float64; all training images against all samples",
        "kernel": f"cubic polynomial, {suite.SUBSETS} subsets of at most {suite.SUBSET_SIZE}",
        "inception_score": f"{suite.SPLITS} splits in random order",
        "manifold": "k = 3 for precision and recall, 5 for density and coverage, "
        f"at most {suite.MANIFOLD_LIMIT} of each kind",
        "memorisation": "share of pairs with the sample nearer to the training images than a test "
        "image, by features",
        "parzen": "images in [0, 1]; sigma of logspace(-1, 0, 10) by 1000 images of "
        "`valid_split`, or by the first 1000 test images, the others being measured",
        "classification_accuracy": "the classifier's own program, 10 epochs of the samples",
    }
    return about | {name: text for name, text in texts.items() if name in names}


def _neighbour_rows(candidate: suite.Candidate, reference: suite.Reference) -> np.ndarray:
    """Returns rows of 20 random samples, under each row their nearest training images."""
    count = len(candidate.images)
    part = candidate.take(slice(20 if count >= 20 else min(10, count)))
    _, index = nearest(part.outputs.features, reference.train.outputs.features)
    pairs = [part.images, reference.train.images[index]]
    images = np.concatenate([pair[start : start + 10] for start in (0, 10) for pair in pairs])
    scale = max(1, 64 // images.shape[1])
    return viz.grid(images.repeat(scale, 1).repeat(scale, 2), min(10, len(part.images)))


_SHARES = ("agreement", "classification_accuracy")


def _number(name: str, value: float) -> str:
    if name in _SHARES:
        return f"{100 * value:.2f} %"
    return f"{value:.4g}"


def table(result: dict[str, Any]) -> str:
    """Returns the result as text: a row for each value, then one for each class."""
    lines = [f"{'':26s}{'samples':>12s}{'+-':>11s}{'real':>12s}"]
    for name, row in result.items():
        if not isinstance(row, dict) or "mean" not in row:
            continue
        spread = "" if row["std"] is None else _number(name, row["std"])
        line = f"{name:26s}{_number(name, row['mean']):>12s}{spread:>11s}"
        line += f"{_number(name, row['real']):>12s}"
        counts = result["protocol"]["real_images_as_samples"]
        if name.endswith("FID") and counts["frechet"] == result["protocol"]["samples"]:
            line += f"   {row['mean'] / row['real']:.2f} times that of real images"
        lines.append(line.rstrip())
    if "by_class" in result:
        names = dict.fromkeys(name for row in result["by_class"] for name in row)
        names.pop("label")
        titles = (name.replace("classifier-", "cl.-") for name in names)
        lines += ["", f"{'class':7s}" + "".join(f"{title:>15s}" for title in titles)]
        for row in result["by_class"]:
            texts = (_number(name, row[name]) if name in row else "-" for name in names)
            cells = "".join(f"{text:>15s}" for text in texts)
            lines.append(f"{int(row['label']):<7d}{cells}")
    if "during_training" in result:
        lines += ["", workdir.describe_best(result["during_training"])]
    return "\n".join(lines)


def warnings(result: dict[str, Any]) -> list[str]:
    """Returns what must not be overlooked, a line each."""
    found = []

    def check_variety(where: str, values: dict[str, float], real: dict[str, float]) -> None:
        for name in ("recall", "coverage"):
            if name in values and values[name] < real[name] / 2:
                found.append(
                    f"collapse{where}: the {name} of samples is {values[name]:.3f}, that of real "
                    f"images {real[name]:.3f}; high precision or agreement does not mend that"
                )

    single = {name: row for name, row in result.items() if isinstance(row, dict) and "mean" in row}
    check_variety(
        "",
        {name: row["mean"] for name, row in single.items()},
        {name: row["real"] for name, row in single.items()},
    )
    for row in result.get("by_class", []):
        real = {name: row.get(f"{name}_real") for name in row}
        check_variety(f" of class {int(row['label'])}", row, real)
    missing = result.get("classes_without_samples")
    if missing:
        found.append(
            f"no samples of class {workdir.list_briefly(missing)}, which the training images have; "
            "the table by class leaves it out"
        )
    rows = result.get("by_class", [])
    few = [int(row["label"]) for row in rows if len(row) < max(map(len, rows))]
    if few:
        found.append(
            f"class {workdir.list_briefly(few)} has too few samples or real images for distances "
            "of its own, which need more than the features have dimensions"
        )
    row = single.get("modes_reverse_kl")
    if row and row["mean"] > max(0.02, 10 * row["real"]):
        found.append(
            f"collapse: the classes of samples are uneven, KL {row['mean']:.3f} from the training "
            f"images'; that of real images is {row['real']:.4f}"
        )
    row = single.get("memorisation")
    if row and row["mean"] > 0.75:
        found.append(
            f"copies: in {100 * row['mean']:.0f} % of pairs a sample is nearer to the training "
            "images than a test image is"
        )
    protocol = result["protocol"]
    counts = protocol["real_images_as_samples"]
    fewer = sorted(name for name, count in counts.items() if count < protocol["samples"])
    if fewer:
        found.append(
            f"`real` is of {min(counts.values())} images, not of {protocol['samples']} as the "
            f"samples are, for {', '.join(fewer)}; compare at --num={min(counts.values())}"
        )
    return found


def main(argv: list[str]) -> None:
    """Samples, measures, prints a table and writes `evaluation.json`."""
    args = parse(argv)
    beside = pathlib.Path(args.workdir) if args.workdir else pathlib.Path(args.samples).parent
    file = pathlib.Path(args.out) if args.out else beside / "evaluation.json"
    picture = file.with_name(f"{file.stem}_nearest.png")
    results.check(args, [file, picture], [args.samples, args.dataset, args.inception])
    cli.start_jax()
    with tqdm(unit="image", unit_scale=True, disable=None) as bar:
        result, rows = evaluate(args, bar)
    print(table(result))
    for line in warnings(result):
        print(f"WARNING: {line}")
    results.write_json(args, file, result)
    if rows is not None:
        with results.writing(picture):
            viz.save_image(rows, picture)
    print(f"wrote {file}" + ("" if rows is None else f" and {picture}"))


if __name__ == "__main__":
    cli.run(main)
