import contextlib
import importlib
import json
import pathlib
import time
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import correctness, digits, machine, mesh, report, rings, speed, task, training
from benchmarks.gpu.float64 import in_float64
from benchmarks.models import MODELS
from jaxgan import config, loop
from jaxgan.errors import RunError, UserError


def told(tmp_path, kind):
    return task.Task(True, time.time() + 60, tmp_path, tmp_path, tmp_path, pathlib.Path(kind))


@pytest.mark.parametrize(
    ("kind", "rows", "status", "error"),
    [
        ("ends", 2, "finished", ""),
        ("raises", 1, "failed", "ValueError: no such thing"),
        ("dies", 1, "failed", "the process ended with status 3"),
        ("hangs", 1, "stopped at its time limit", ""),
    ],
)
def test_a_part_leaves_its_rows_however_it_ends(tmp_path, monkeypatch, kind, rows, status, error):
    found = []
    if kind == "hangs":  # its time is over once it has a row
        monkeypatch.setattr(task.Task, "remaining", lambda self: 60 if not found else 0.5)
    outcome = task.run("gpu_parts", told(tmp_path, kind), found.append)
    assert outcome[:2] == (status, error)
    assert [row["value"] for row in found] == [1.0, 2.0][:rows]
    log = (tmp_path / "log.txt").read_text()
    assert ("said" in log, "Traceback" in log) == (kind == "ends", kind == "raises")
    stat = pathlib.Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")
    deadline = time.time() + 10
    while stat.exists() and stat.read_text().split()[2] != "Z":
        assert time.time() < deadline
        time.sleep(0.01)


def test_time_that_a_part_leaves_goes_to_later_ones():
    names = list(gpu.PARTS)
    total = sum(part.seconds for part in gpu.PARTS.values())
    assert total == 480
    assert gpu.time_limit(names[0], names, 480) == gpu.PARTS[names[0]].seconds
    assert gpu.time_limit(names[-1], names[-1:], 300) == 300


def test_a_job_that_fails_leaves_the_rows_of_all():
    def fails():
        yield {"value": 1}
        raise OSError("no such thing\nand more")

    rows = list(task.at_once({"one": fails(), "two": iter([{"value": 2}, {"value": 3}])}))
    failed = {"failed": "one", "error": "OSError: no such thing", "ok": False}
    assert sorted(map(str, rows)) == sorted(map(str, [*({"value": i} for i in (1, 2, 3)), failed]))


def test_a_model_that_fails_beside_torch_is_timed_alone(tmp_path, monkeypatch):
    def beside(settings, target, modes, small):
        if modes:
            raise RunError("torch ended")
        yield {"model": settings.model}

    monkeypatch.setattr(speed, "_beside_torch", lambda *args: beside(*args))
    monkeypatch.setattr(speed, "MODELS_IN_ORDER", (("dcgan_28", None, "float32", 0.8),) * 2)
    monkeypatch.setattr(speed, "PER_CALL", ("cgan_mlp", ()))
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: True)
    rows = list(speed.measure(told(tmp_path, "x")._replace(small=False)))
    failed = {"failed": "dcgan_28", "error": "RunError: torch ended", "ok": False}
    assert rows == [failed, {"model": "dcgan_28"}] * 2


def test_nan_is_an_error_wherever_it_is():
    assert np.isnan(correctness._error([1.0, np.nan], [1.0, 1.0]))


def test_training_that_is_stopped_before_its_first_step_is_a_row(tmp_path, monkeypatch):
    ended = types.SimpleNamespace(poll=lambda: -15, wait=lambda: -15)
    monkeypatch.setattr(training, "start_program", lambda argv, log: ended)
    (row,) = training.measure(told(tmp_path, "x"))
    assert (row["steps"], row["images/s"], row["grid"]) == (0, None, None)


def test_report_has_a_table_for_each_kind_of_row():
    part = {"title": "Rates", "status": "failed", "error": "OSError: x", "seconds": 2.6}
    part["rows"] = [{"a|b": 0.123456, "ok": True}, {"c": "d|e"}, {"a|b": 12345.6, "ok": False}]
    text = report.markdown({"date": "today", "command": "run", "parts": {"rates": part}})
    assert text.splitlines() == [
        "# GPU report",
        "",
        "today: `run`",
        "",
        "## Rates",
        "",
        "failed: OSError: x, 3 s",
        "",
        "| a/b | ok |",
        "| --- | --- |",
        "| 0.1235 | yes |",
        "| 12,346 | NO |",
        "",
        "| c |",
        "| --- |",
        "| d/e |",
    ]


def test_float64_has_the_same_noise_and_no_rounding_of_float32():
    def noisy(x, key):
        kept = jax.random.bernoulli(key, 0.5, x.shape)
        noise = jax.random.normal(key, x.shape)
        return jax.nn.softplus(x) * kept + 1e-8 * noise, jax.random.uniform(key, (3,))

    x = jnp.linspace(-3, 3, 50)
    (value, uniform), grad = in_float64(
        lambda x, key: (noisy(x, key), jax.grad(lambda x: noisy(x, key)[0].sum())(x)),
        x,
        jax.random.key(0),
    )
    exact = np.asarray(x, np.float64)
    kept = np.asarray(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape))
    noise = np.asarray(jax.random.normal(jax.random.key(0), x.shape), np.float64)
    assert value.dtype == grad.dtype == uniform.dtype == np.float64
    np.testing.assert_allclose(value - 1e-8 * noise, np.log1p(np.exp(exact)) * kept, atol=1e-13)
    np.testing.assert_allclose(grad, kept / (1 + np.exp(-exact)), atol=1e-14)
    np.testing.assert_array_equal(uniform, jax.random.uniform(jax.random.key(0), (3,)))


def test_float64_refuses_loops():
    with pytest.raises(NotImplementedError, match="scan is not evaluated in float64"):
        in_float64(lambda x: jax.lax.scan(lambda c, _: (c * x, None), x, None, 3)[0], 2.0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--parts=speed,sped"], "--parts: unknown 'sped'; known: correctness, speed"),
        (["--minutes=0"], "--minutes: 0 is too small"),
        (["--images=none.npz"], "--images: 'none.npz' is not a file"),
        (["--data-dir=none"], "--data-dir: 'none' is not a folder"),
        (["--out=/dev/null/x"], "--out: /dev/null/x/report.json cannot be written"),
        (["--device=gpu", "--parts=mesh"], "--device: no gpu .*; give --device=cpu --small to try"),
    ],
)
def test_mistakes_are_one_line(tmp_path, flags, message):
    with pytest.raises(UserError, match=message):
        gpu.main([f"--out={tmp_path}", *flags])


def test_wrong_values_and_failed_parts_are_told(tmp_path, monkeypatch):
    parts = {
        "speed": {"status": "failed", "rows": []},
        "mesh": {"status": "finished", "rows": [{"ok": True}, {"ok": False}]},
        "rings": {"status": "finished", "rows": [{"ok": True}, {"at most 2.0": False}]},
        "digits": {"status": "stopped at its time limit", "rows": []},
    }
    benchmark = gpu.Benchmark(gpu.argparse.Namespace(out=tmp_path, device="cpu"), "", tmp_path)
    benchmark.parts.update(parts)
    with pytest.raises(RunError, match=r"failed: speed; with wrong values: mesh; .*: digits; see"):
        benchmark.check_results()


def test_the_command_writes_its_report(tmp_path, capsys):
    flags = ["--device=cpu", "--small", "--minutes=60", f"--out={tmp_path}"]
    gpu.main([*flags, "--parts=convolutions"])
    parts = json.loads((tmp_path / "report.json").read_text())["parts"]
    assert list(parts) == ["machine", "convolutions"]
    assert {part["status"] for part in parts.values()} == {"finished"}
    assert len(parts["convolutions"]["rows"]) == 12
    assert "## Formulations of convolutions" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--out: .*report\.json exists for other argum"):
        gpu.main([*flags, "--parts=mesh"])
    before = (tmp_path / "report.json").read_bytes()
    with pytest.raises(UserError, match="--device: no gpu"):
        gpu.main(["--device=gpu", "--overwrite", "--parts=mesh", f"--out={tmp_path}"])
    assert (tmp_path / "report.json").read_bytes() == before


@pytest.fixture
def in_process(monkeypatch):
    """Runs what parts start as programs in this process, whose JAX is there already."""

    def start_program(argv, log, **options):
        (path, folder), flags = (x.partition("=")[2] for x in argv[1:3]), argv[3:]
        status = loop.train(config.load(path, flags), folder)
        ended = types.SimpleNamespace(returncode=status, kill=lambda: None)
        ended.wait = ended.poll = lambda: status
        return ended

    class Worker(contextlib.nullcontext):
        def __init__(self, framework, settings):
            self._side = importlib.import_module(f"benchmarks.{framework}_side").Side(settings)
            self.facts = self.call("describe")
            super().__init__(self)

        def call(self, method, *args):
            return getattr(self._side, method)(*args)

    for module in (correctness, digits, training):
        monkeypatch.setattr(module, "start_program", start_program)
    monkeypatch.setattr(speed, "Worker", Worker)
    monkeypatch.setitem(MODELS, "cgan_mlp", MODELS["cgan_mlp"]._replace(image_shape=(4, 4, 1)))
    cache = jax.config.jax_compilation_cache_dir
    yield
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)


def test_every_part_runs_in_miniature(tmp_path, digits_file, mnist_dir, in_process):
    told = task.Task(True, time.time() + 600, tmp_path, tmp_path, mnist_dir, digits_file)
    assert all(row["ok"] for row in correctness._layers(small=True))
    checks = list(correctness._variant("cgan_mnist_paper"))
    assert len(checks) == 3 and all(row["ok"] for row in checks)
    (resumed,) = correctness._resume(told)
    assert resumed["equal bit for bit"] and not resumed["was killed"]
    for part in (mesh, rings):
        (row,) = part.measure(told)
        assert row["ratio" if part is mesh else "times as long as one"] > 0
    facts = {row["fact"]: row["value"] for row in machine.measure(told)}
    assert facts["platform"] == "cpu" and "TFLOP/s" in facts["matrix product, 256 rows, float32"]
    beside, *per_call = speed.measure(told)
    assert beside["jaxgan, ms"] > 0 and [row["steps in a call"] for row in per_call] == [1, 10]
    (row,) = digits.measure(told)
    assert row["steps"] == 20 and row["finished"]
    (row,) = training.measure(told)
    assert row["steps"] == 4
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.size[0] > 100
