import os
import platform
import re
import subprocess
import sys

import pytest

from jaxgan import cli
from jaxgan.errors import RunError, UserError

FAULTS = """
import resource, sys
import numpy as np
from jaxgan import cli

if sys.argv[1] == "keep":
    cli.keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(3):  # 128 MB each, freed at once
    before = faults()
    np.ones(2**24)
    after = faults()
print(after - before)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or platform.libc_ver()[1] < "2.35",
    reason="the allocator of glibc 2.35 or later",
)
def test_freed_memory_is_kept():
    def faults(mode):
        out = subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, check=True)
        return int(out.stdout)

    assert faults("keep") < 0.1 * faults("leave")


@pytest.fixture
def parser():
    made = cli.Parser("python -m jaxgan.x", "Tries arguments.")
    made.add_argument("--workdir", required=True)
    made.add_argument("--num", type=cli.integer(1))
    made.add_argument("--rows", type=cli.integer(1, 9))
    made.add_argument("--strength", type=cli.number(-10, 10))
    made.add_argument("--seed", type=cli.SEED)
    return made


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workdir="], "--workdir: its value is empty; give one, or leave the argument out"),
        (["--workdir=--"], "--workdir: '--' is not a value; give one, or leave the argument out"),
        (["--workdir", ""], "--workdir: its value is empty"),
        (["--workdir=x", ""], "'': its value is empty"),
        (["--workdri=x"], "--workdri=x: unknown argument; did you mean '--workdir=x'?"),
        (["--workdir=x", "--foo"], "--foo: unknown argument; see python -m jaxgan.x --help"),
        (["--workdir=x", "-num=3"], "-num=3: unknown argument; did you mean '--num=3'?"),
        (["--workdir=x", "7"], "7: unknown argument"),
        (["--workdir=x", "--num=a"], "--num: 'a' is not an integer; give 1 or more"),
        (["--workdir=x", "--num=1.0"], "--num: '1.0' is not an integer"),
        (["--workdir=x", "--num=0"], "--num: 0 is too small; give 1 or more"),
        (["--workdir=x", f"--num={2**31}"], f"--num: {2**31} is too large; give {2**31 - 1} or"),
        (["--workdir=x", "--rows=0"], "--rows: 0 is too small; give 1 to 9"),
        (["--workdir=x", "--strength=nan"], "--strength: 'nan' is not a number; give -10 to 10"),
        (["--workdir=x", "--strength=1e39"], "--strength: 1e39 is too large; give 10 or less"),
        (["--workdir=x", "--strength=-inf"], "--strength: -inf is too small; give -10 to 10"),
        (["--workdir=x", "--seed=-1"], "--seed: -1 is too small"),
        (["--workdir=x", f"--seed={2**63}"], "--seed: 9223372036854775808 is too large"),
        ([], "required: --workdir; see python -m jaxgan.x --help"),
    ],
)
def test_wrong_arguments(parser, words, message):
    with pytest.raises(UserError, match=re.escape(message)):
        parser.parse_args(words)


def test_right_arguments(parser):
    args = parser.parse_args(["--workdir", "x", "--strength", "-1", f"--seed={2**63 - 1}"])
    assert (args.workdir, args.strength, args.seed) == ("x", -1.0, 2**63 - 1)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (["--steps=10"], "--steps=10: unknown argument; did you mean '--config.steps=10'?"),
        (["--learning_rate=1"], "did you mean '--config.optimizer.gen.learning_rate=1'?"),
        (["--foo"], "--foo: unknown argument; keys of the configuration are set by --config.KEY="),
        (["--config.steps", "10"], "--config.steps: no value; write --config.steps=10"),
        (["--config.steps", "--config.seed=1"], "no value; write --config.steps=VALUE"),
        (["--config.dataset.name", "a b"], "write --config.dataset.name='a b'"),
        (["--config.steps=3", "10"], "10: unknown argument"),
    ],
)
def test_wrong_overrides_of_a_configuration(rest, message):
    parser = cli.Parser("train.py", "Trains.", overrides=True)
    parser.add_argument("--workdir")
    with pytest.raises(UserError, match=re.escape(message)):
        parser.check_overrides(parser.parse_known_args(rest)[1])


def test_overrides_are_left_alone():
    parser = cli.Parser("train.py", "Trains.", overrides=True)
    words = ["--config.dataset.path=", "--config.steps=3"]
    assert parser.check_overrides(parser.parse_known_args(words)[1]) == words


def test_names_of_files_are_printable(capsys):
    """Bytes that are not UTF-8, escape sequences; in errors line breaks too."""
    name = os.fsdecode(b"caf\xe9\x1b[31m")
    stream = cli.Printable(sys.stdout)
    print(f"wrote {name}\n\tü 日本", file=stream, flush=True)
    assert capsys.readouterr().out == "wrote caf\\udce9\\x1b[31m\n\tü 日本\n"
    assert str(UserError(f"{name}\n")) == "caf\\udce9\\x1b[31m\\n"
    assert str(RunError(str(UserError("\x00")))) == "\\x00"
