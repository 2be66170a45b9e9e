"""Runs of two real processes on one machine, started as a user starts them."""

import re
import signal
import socket
import time

import jax
import numpy as np
import programs
import pytest

from jaxgan import workdir


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
        """Returns exit statuses, standard outputs, and what each says that JAX does not."""
        try:
            found = [process.communicate(timeout=timeout) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
        noise = re.compile(r"\[Gloo\]|[WEI]\d{4} |INFO: decoding|$")
        said = [[line for line in err.splitlines() if not noise.match(line)] for _, err in found]
        return [process.returncode for process in self.processes], [out for out, _ in found], said


def parameters(folder):
    return [np.asarray(x) for x in jax.tree.leaves(workdir.load(folder).state.params)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, digits_file):
    """A run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    flags = programs.small(digits_file, evaluate_every=3, **MEASURED)
    status, _, err = programs.run(
        "train.py", f"--config={programs.CONFIG}", f"--workdir={folder}", *flags
    )
    assert status == 0, err
    return folder


MEASURED = {"evaluation.metrics": "frechet", "evaluation.num": 2000}


def test_two_processes_train_and_measure_as_one_and_one_reads_their_checkpoint(
    alone, digits_file, tmp_path
):
    flags = programs.small(digits_file, evaluate_every=3, **MEASURED)
    statuses, outs, said = Pair(tmp_path, flags).wait()
    assert statuses == [0, 0], said
    assert "6 steps done" in outs[0] and outs[1] == "" and said[1] == []
    for a, b in zip(parameters(alone), parameters(tmp_path), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-5)
    first, second = workdir.read_best(alone), workdir.read_best(tmp_path)
    np.testing.assert_allclose(second["last"]["value"], first["last"]["value"], rtol=1e-3)
    steps = re.findall(r'"step": (\d)', (tmp_path / "metrics.jsonl").read_text())
    assert steps.count("6") == 2  # losses and an evaluation, by one process alone


def test_a_killed_process_ends_the_other_and_both_resume(alone, digits_file, tmp_path):
    long = programs.small(digits_file, steps=10**6, checkpoint_every=1, sample_every=10**6)
    pair = Pair(tmp_path, long)
    kept = tmp_path / "checkpoints"
    wait_for(lambda: kept.is_dir() and any(p.name.isdigit() for p in kept.iterdir()), pair)
    pair.processes[1].kill()
    statuses, _, said = pair.wait(timeout=60)
    assert statuses[0] not in (0, None) and statuses[1] == -signal.SIGKILL
    assert "another process of this run is gone" in said[0][-1] or "another task died" in str(said)
    pair = Pair(tmp_path, long)
    resumed = pair.processes[0].stderr.readline
    lines = iter(resumed, "")
    assert any("resuming" in line for line in lines)
    next(line for line in lines if line.startswith("step "))
    pair.processes[1].send_signal(signal.SIGTERM)  # a notice of preemption, to one of them
    statuses, _, said = pair.wait()
    assert statuses == [128 + signal.SIGTERM] * 2, said
    assert "stopped by SIGTERM at step" in str(said[0])


def wait_for(condition, pair, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end and all(p.poll() is None for p in pair.processes)
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("flags", "other", "message"),
    [
        ([], ["--config.seed=3"], "--config.seed: 0 in process 0 and 3 in process 1"),
        ([], ["--config.stepz=3"], "--config.stepz: unknown key"),
        ([], ["--config.dataset.path=/none.npz"], "--config.dataset.path"),
        (["--config.batch_size=6"], None, "batch_size: 6 is not divisible by the 4 devices"),
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
