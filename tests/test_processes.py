"""Runs of two real processes on one machine, started as a user starts them."""

import re
import signal
import socket
import time

import jax
import numpy as np
import programs
import pytest

from jaxgan import config as config_lib
from jaxgan import loop, workdir


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Pair:
    """Two processes with two devices each."""

    def __init__(self, folder, flags, others=None):
        coordinator = f"--coordinator=127.0.0.1:{free_port()}"
        self.processes = [
            programs.start(
                *("train.py", f"--config={programs.CONFIG}", f"--workdir={folder}", coordinator),
                *("--num-processes=2", f"--process-id={i}", *given),
                devices=2,
            )
            for i, given in enumerate((flags, others or flags))
        ]

    def wait(self, timeout=120):
        """Returns exit statuses, and of each the own lines of standard output and error."""
        try:
            found = [process.communicate(timeout=timeout) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
        outs, said = [[own_lines(text) for text in texts] for texts in zip(*found, strict=True)]
        return [process.returncode for process in self.processes], outs, said


def own_lines(text):
    """Returns the lines that are not JAX's own."""
    noise = re.compile(r"\[Gloo\]|[WEI]\d{4} |INFO: |$")
    return [line for line in text.splitlines() if not noise.match(line)]


def parameters(folder):
    return [np.asarray(x) for x in jax.tree.leaves(workdir.load(folder).state.params)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, mnist_dir):
    """A run of one process and eight devices."""
    folder = tmp_path_factory.mktemp("alone")
    flags = measured(mnist_dir)
    assert loop.train(config_lib.load(programs.CONFIG, flags), folder) == 0
    return folder


def measured(mnist_dir):
    """Returns the flags of a short run on real digits with an evaluation."""
    return programs.small(
        "",
        **{
            "dataset.data_dir": mnist_dir,
            "dataset.split": "test[:400]",
            "evaluate_every": 3,
            "evaluation.metrics": "frechet",
            "evaluation.num": 600,
            "evaluation.test_split": "test[400:800]",
        },
    )


def test_two_processes_train_and_measure_as_one_and_one_reads_their_checkpoint(
    alone, mnist_dir, tmp_path
):
    flags = measured(mnist_dir)
    statuses, outs, said = Pair(tmp_path, flags).wait()
    assert statuses == [0, 0], said
    assert "6 steps done" in str(outs[0]) and outs[1] == said[1] == []
    for a, b in zip(parameters(alone), parameters(tmp_path), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)
    first, second = workdir.read_best(alone), workdir.read_best(tmp_path)
    np.testing.assert_allclose(second["last"]["value"], first["last"]["value"], rtol=1e-3)
    steps = re.findall(r'"step": (\d)', (tmp_path / "metrics.jsonl").read_text())
    assert steps.count("6") == 2  # losses and an evaluation, by one process alone


def test_two_processes_with_a_program_for_each_device_are_the_same_run(digits_file, tmp_path):
    flags = programs.small(digits_file, **{"gan.penalty_share": 1.0})
    assert loop.train(config_lib.load(programs.CONFIG, flags), tmp_path / "alone") == 0
    pair = Pair(tmp_path / "pair", [*flags, "--config.parallel.mode=pmap"])
    statuses, _, said = pair.wait()
    assert statuses == [0, 0], said
    folders = tmp_path / "alone", tmp_path / "pair"
    for a, b in zip(*map(parameters, folders), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)


def test_a_killed_process_ends_the_other_and_both_resume(digits_file, tmp_path):
    flags = programs.small(
        digits_file,
        steps=10**6,
        checkpoint_every=10,
        sample_every=10**6,
        log_every=2,
        steps_per_call=2,
    )
    flags += ["--config.parallel.shard_state=true"]

    def newest():
        names = [path.name for path in (tmp_path / "checkpoints").glob("*")]
        return max([int(name) for name in names if name.isdigit()], default=0)

    def train_past(step):
        pair, end = Pair(tmp_path, flags), time.monotonic() + 120
        while newest() <= step:
            assert time.monotonic() < end and all(p.poll() is None for p in pair.processes)
            time.sleep(0.1)
        return pair

    pair = train_past(0)
    pair.processes[1].kill()
    statuses, _, said = pair.wait(60)
    assert statuses[0] not in (0, None) and statuses[1] == -signal.SIGKILL
    lines = " ".join(said[0])
    assert "another process of this run is gone" in lines or "another task died" in lines
    before = newest()
    pair = train_past(before)
    pair.processes[1].send_signal(signal.SIGTERM)  # a notice of preemption, to one of them
    statuses, outs, said = pair.wait(60)
    assert statuses == [128 + signal.SIGTERM] * 2, said
    assert f"from step {before}" in outs[0][0] and "stopped by SIGTERM at step" in outs[0][-1]
    assert str(newest()) in outs[0][-1]


@pytest.mark.parametrize(
    ("flags", "other", "message"),
    [
        ([], ["--config.seed=3"], "--config.seed: 0 in process 0 and 3 in process 1"),
        ([], ["--config.stepz=3"], "--config.stepz: unknown key"),
        ([], ["--config.dataset.path=/none.npz"], "--config.dataset.path"),
        (["--config.batch_size=6"], None, "batch_size: 6 is not divisible by the 4 devices"),
        ([], ["--steps=3"], "--steps=3: unknown argument"),
        (["--config.parallel.devices=8"], None, "devices: 8 does not match the 4 devices"),
    ],
)
def test_a_mistake_is_one_line_of_every_process(digits_file, tmp_path, flags, other, message):
    small = programs.small(digits_file)
    pair = Pair(tmp_path / "run", [*small, *flags], [*small, *(flags if other is None else other)])
    statuses, _, said = pair.wait(60)
    assert statuses == [2, 2]
    for lines in said:
        assert len(lines) == 1 and lines[0].startswith("error: ") and message in lines[0]
