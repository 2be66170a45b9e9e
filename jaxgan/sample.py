"""Draws samples from a trained model: `python -m jaxgan.sample --workdir=DIR --num=100`."""

import math
import pathlib

import numpy as np

from jaxgan import cli, results, storage
from jaxgan.errors import UserError


def main(argv: list[str]) -> None:
    """Writes a grid of samples, or the samples themselves."""
    parser = cli.Parser("python -m jaxgan.sample", "Draw samples from a trained model.")
    parser.add_argument("--workdir", required=True, metavar="DIR", help="a run of train.py")
    parser.add_argument("--num", type=cli.integer(1), default=100, help="how many (default: 100)")
    parser.add_argument(
        "--label",
        type=cli.integer(0),
        help="one class; default: all in equal shares, the first ones of fewer samples",
    )
    parser.add_argument("--seed", type=cli.SEED, default=0)
    parser.add_argument("--checkpoint", default="last", help="`last`, `best`, a step or mean:STEP")
    results.add_arguments(
        parser,
        "an image, or .npz with `image` uint8 [N, H, W, C] and `label` (default: samples.png)",
        default="samples.png",
        metavar="FILE",
    )
    args = parser.parse_args(argv)
    out = pathlib.Path(args.out)
    if out.suffix not in (".png", ".jpg", ".npz"):
        raise UserError(f"--out: {args.out!r} is of an unknown kind; end it in .png, .jpg or .npz")
    results.check(args, [out])

    from jaxgan import memory, viz, workdir

    cli.start_jax()
    trained = workdir.load(args.workdir, args.checkpoint)
    workdir.check_no_translator(trained.model.gan, "use python -m jaxgan.translate")
    workdir.check_label(trained.model, args.label)
    classes = trained.model.classes
    if out.suffix == ".jpg" and trained.image_shape[-1] == 4:
        raise UserError(f"--out: {args.out!r}: a JPEG has no transparency; end it in .png")
    memory.check_images("--num", args.num, trained.image_shape)
    label = workdir.equal_shares(args.num, classes if args.label is None else [args.label])
    images = workdir.draw(trained.sample, label, args.seed, mixed=trained.model.mixed)
    with results.writing(out):
        if out.suffix == ".npz":
            arrays = {"image": images} | ({"label": label} if len(classes) else {})
            with storage.replacing(out) as file:
                np.savez_compressed(file, **arrays)
        elif trained.model.gan.value_range is None:
            points = images.reshape(args.num, -1)
            viz.save_points(points, points, out)
        else:
            by_class = len(classes) and args.label is None and args.num % len(classes) == 0
            columns = args.num // len(classes) if by_class else math.ceil(math.sqrt(args.num))
            picture = images[0] if args.num == 1 else viz.grid(images, min(columns, 50))
            viz.save_image(picture, out)
    told = f"{args.num} sample{'s' * (args.num > 1)}"
    if args.label is None and args.num < len(classes):
        told += f", one each of class {workdir.list_briefly(classes[: args.num])}; "
        told += f"the model has {len(classes)} classes"
    print(f"wrote {out}: {told}")


if __name__ == "__main__":
    cli.run(main)
