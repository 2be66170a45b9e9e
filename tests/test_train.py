"""The program as its users type it: every mistake is one line and exit status 2."""

import programs
import pytest


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config=configs/none.py"], "--config: no file 'configs/none.py'"),
        (["--config.stepz=3"], "--config.stepz: unknown key; did you mean 'steps'?"),
        (["--steps=3"], "--steps=3: unknown argument"),
        (["--config.gan.name=wgan"], "--config.gan.name: unknown 'wgan'; known: "),
        (["--config.gan.loss=hing"], "--config.gan.loss: unknown 'hing'; known: "),
        (["--config.optimizer.gen.name=adm"], "--config.optimizer.gen.name: unknown 'adm'"),
        (["--config.disc_steps=0"], "--config.disc_steps: 0 is too small"),
        (["--config.batch_size=0"], "--config.batch_size: 0 is too small"),
        (["--config.dataset.path=/none.npz"], "--config.dataset.path="),
        (
            ["--config.dataset.path=", "--config.dataset.name=mnits"],
            "--config.dataset.name='mnits'",
        ),
    ],
)
def test_mistakes(digits_file, tmp_path, flags, message):
    status, out, err = programs.run(
        "train.py",
        f"--config={programs.CONFIG}",
        f"--workdir={tmp_path / 'run'}",
        *programs.small(digits_file),
        *flags,
    )
    assert status == 2, err
    # The first program to read the file may say that it decodes it.
    lines = [line for line in err.splitlines() if not line.startswith("INFO: decoding")]
    assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0]
    assert out == ""


def test_corrupt_file(tmp_path):
    file = tmp_path / "bad.npz"
    file.write_bytes(b"PK not a zip file")
    status, _, err = programs.run(
        "train.py", f"--config={programs.CONFIG}", *programs.small(file),
        f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    assert status == 2 and err.count("\n") == 1 and "dataset.path" in err


def test_missing_config_is_one_line():
    status, _, err = programs.run("train.py")
    assert status == 2 and err.count("\n") == 1 and "--config; see train.py --help" in err


def test_reader_of_the_output_may_leave(digits_file, tmp_path):
    process = programs.start(
        "train.py", f"--config={programs.CONFIG}", *programs.small(digits_file, steps=300),
        f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141 and "error" not in err and "Traceback" not in err


def test_help():
    status, out, _ = programs.run("train.py", "--help")
    assert status == 0 and "--workdir" in out and "--config.steps=500" in out
