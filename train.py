"""Trains a GAN: `python train.py --config=configs/cgan_mnist.py`; see `--help`."""

import pathlib
import signal

from jaxgan import cli, config, parallel


def main(argv: list[str]) -> int:
    """Parses the flags and trains; returns the exit status."""
    parser = cli.Parser(
        "train.py",
        "Train a GAN. Running the same command again resumes.",
        overrides=True,
        epilog="Any key of the configuration can be set: --config.steps=500 --config.seed=1",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="a file of configs/")
    parser.add_argument("--workdir", metavar="DIR", help="default: runs/<name of the config>")
    several = parser.add_argument_group(
        "several processes", "not needed on Cloud TPU, Slurm, Open MPI and in Kubernetes jobs"
    )
    several.add_argument("--coordinator", metavar="HOST:PORT", help="of process 0")
    several.add_argument("--num-processes", type=cli.integer(1), metavar="N")
    several.add_argument("--process-id", type=cli.integer(0), metavar="I", help="0 to N - 1")
    args, rest = parser.parse_known_args(argv)
    parallel.start(args.coordinator, args.num_processes, args.process_id)
    with parallel.agreed():
        settings = config.load(args.config, parser.check_overrides(rest))
    workdir = args.workdir or pathlib.Path("runs") / pathlib.Path(args.config).stem

    from jaxgan import loop, population  # heavy: only once the settings are sound

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the first step, which nothing waits for
    train = population.train if population.is_population(settings) else loop.train
    return train(settings, workdir)


if __name__ == "__main__":
    cli.run(main)
