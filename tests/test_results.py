import argparse
import importlib
import json
import os
import pathlib

import jax
import pytest

from jaxgan import results
from jaxgan.errors import RunError, UserError


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def check(*names, inputs=(), **changes):
        args = argparse.Namespace(**{"overwrite": False, "num": 9, "out": names[0], **changes})
        results.check(args, [tmp_path / name for name in names], inputs)
        return args

    return check


def everything(folder):
    return {p: p.is_file() and p.read_bytes() for p in folder.rglob("*")}


def make_run(folder):
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("config.json", "dataset.json", "metrics.jsonl"):
        (folder / name).write_text("{}")


def test_a_file_that_exists_is_replaced_only_with_overwrite(check, tmp_path):
    (tmp_path / "x.npz").write_text("theirs")
    (tmp_path / "link.png").symlink_to("nowhere")
    check("x.png")
    for names in (["x.npz"], ["x.png", "x.npz"], ["link.png"]):
        with pytest.raises(UserError, match=r"^--out: .* exists; give another, or --overwrite"):
            check(*names)
        check(*names, overwrite=True)


def test_a_result_is_replaced_by_that_of_the_same_arguments(check, tmp_path):
    args = check("x.json", "x.png", workdir=str(tmp_path))
    results.write_json(args, tmp_path / "x.json", {"value": 1})
    (tmp_path / "x.png").write_text("beside it")
    check("x.json", "x.png", workdir=f"{tmp_path}/../{tmp_path.name}")
    with pytest.raises(UserError, match=r"x.json exists for other arguments \(num: 9 -> 5\); give"):
        check("x.json", "x.png", workdir=str(tmp_path), num=5)
    for other in ("{", "[]", '{"arguments": 3}', "{}"):
        (tmp_path / "x.json").write_text(other)
        with pytest.raises(UserError, match=r"x.json exists; give"):
            check("x.json")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_read_is_never_replaced(check, tmp_path, overwrite):
    (tmp_path / "in").mkdir()
    for name in ("in/x.png", "other.npz"):
        (tmp_path / name).write_text("read")
    os.link(tmp_path / "other.npz", tmp_path / "same.npz")
    (tmp_path / "link.npz").symlink_to("other.npz")
    inputs = [None, "", tmp_path / "in", "other.npz"]
    for name in ("in/x.png", "in/../in/x.png", "other.npz", "same.npz", "link.npz"):
        with pytest.raises(UserError, match=r"^--out: .* is read by this program; give another"):
            check(name, inputs=inputs, overwrite=overwrite)
    check("in/y.png", inputs=inputs, overwrite=overwrite)
    make_run(tmp_path / "run")
    data = {"dataset": {"path": str(tmp_path / "other.npz")}}
    (tmp_path / "run" / "config.json").write_text(json.dumps(data))
    with pytest.raises(UserError, match="is read by this program"):
        check("other.npz", workdir=str(tmp_path / "run"), overwrite=overwrite)


def test_files_of_a_run_are_never_replaced(check, tmp_path, monkeypatch):
    make_run(tmp_path / "run")
    make_run(tmp_path / "run" / "member_000")
    (tmp_path / "alias").symlink_to("run")
    for name in ("config.json", "dataset.json", "best.json", "samples.gif", "samples/step_1.png",
                 "checkpoints/1/x.json", "member_000/metrics.jsonl"):  # fmt: skip
        for folder in ("run", "alias"):
            with pytest.raises(UserError, match=r"^--out: .* is a file of the run in .*run"):
                check(f"{folder}/{name}", overwrite=True)
    monkeypatch.chdir(tmp_path / "run")
    with pytest.raises(UserError, match=r"^--out: \. is not a regular file"):
        results.check(argparse.Namespace(overwrite=True), [pathlib.Path(".")])
    check("run/evaluation.json")
    check("run/member_000/grid.png")
    check("samples/x.png")


def test_what_cannot_be_written_is_found_first(check, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    before = everything(tmp_path)
    for name, message in {
        "file/x.png": "Not a directory",
        "new/" + 300 * "x" + ".png": "File name too long",
        300 * "x" + "/y.png": "File name too long",
        "folder.png": "is not a regular file",
        "pipe.png": "is not a regular file",
        "/proc/x.png": "cannot be written",
    }.items():
        with pytest.raises(UserError, match=f"^--out: .*{message}"):
            check(name, overwrite=True)
    check("new/folder/x.png", "y" * 251 + ".png")
    assert everything(tmp_path) == before


def test_what_fails_all_the_same_is_one_line(tmp_path):
    with (
        pytest.raises(RunError, match=r"^--out: .*x cannot be written \(No space left"),
        results.writing(tmp_path / "new" / "x"),
    ):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "new").is_dir()


PROGRAMS = {  # with `--out`, and what each needs besides
    "jaxgan.sample": ("x.png", []),
    "jaxgan.latent": ("x.png", ["neighbours"]),
    "jaxgan.evaluate": ("x.json", []),
    "jaxgan.evaluate_pairs": ("x.json", []),
    "jaxgan.disc_features": ("x.json", []),
    "jaxgan.tag": ("x.html", ["--input=in"]),
    "jaxgan.tagging.evaluate": ("x.json", []),
    "jaxgan.translate": (".", ["--input=in"]),
    "jaxgan.pod_check": ("x.json", [f"--config={os.path.abspath('configs/gan_mnist.py')}"]),
    "jaxgan.metrics.classifier": ("x.npz", []),
    "jaxgan.metrics.inception": ("x.npz", ["--convert=in/x.png"]),
    "examples.gan_1d": ("x.png", []),
    "benchmarks.modes": (".", [f"--config={os.path.abspath('configs/gan_grid.py')}"]),
    "benchmarks.population": (".", []),
    "benchmarks.__main__": (".", []),
    "benchmarks.pix2pix_ablations": (
        ".",
        [f"--config={os.path.abspath('configs/pix2pix_edges_mnist.py')}"],
    ),
}
FILES = {  # in a folder that is given
    "jaxgan.translate": "index.html",
    "benchmarks.modes": "modes_gan_grid.json",
    "benchmarks.population": "population.json",
    "benchmarks.__main__": "results.json",
    "benchmarks.pix2pix_ablations": "results.json",
}
WITHOUT_WORKDIR = ("jaxgan.pod_check", "jaxgan.metrics", "examples", "benchmarks")
BESIDE = {
    "jaxgan.latent": "x.npz",
    "jaxgan.evaluate": "x_nearest.png",
    "jaxgan.tag": "x.json",
    "jaxgan.translate": "output/x.png",
    "benchmarks.__main__": "results.md",
    "benchmarks.pix2pix_ablations": "outputs.png",
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("beside", [False, True])
def test_every_program_asks_before_any_work(name, beside, tmp_path, monkeypatch):
    """The work folder is empty: the program would fail by it, had it begun."""
    out, flags = PROGRAMS[name]
    if beside and name not in BESIDE:
        pytest.skip("writes one file")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jax, "devices", lambda *a: pytest.fail("JAX was started"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").write_text("an input")
    existing = tmp_path / (BESIDE[name] if beside else FILES.get(name, out))
    existing.parent.mkdir(exist_ok=True)
    existing.write_text("theirs")
    if not name.startswith(WITHOUT_WORKDIR):
        flags = [*flags, "--workdir=."]
    program = importlib.import_module(name)
    with pytest.raises(UserError, match=r"^--out: .* exists; give another, or --overwrite"):
        program.main([*flags, f"--out={out}"])
    assert existing.read_text() == "theirs"


def test_translate_does_not_write_over_its_inputs(tmp_path):
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_text("an original")
    for given in ("input", "output"):
        flags = [f"--workdir={tmp_path}", f"--input={tmp_path / given}", f"--out={tmp_path}"]
        with pytest.raises(UserError, match=f"^--out: .*{given}/x.png is read by this program"):
            importlib.import_module("jaxgan.translate").main([*flags, "--overwrite"])
