import json
from types import SimpleNamespace

import numpy as np
import programs
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import data, evaluate, loop, sample
from jaxgan.base import Players
from jaxgan.errors import UserError

FAST = "--metrics=frechet,manifold,memorisation,agreement"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits_file, mnist_dir):
    folder = tmp_path_factory.mktemp("runs") / "mnist"
    flags = {"dataset.path": "", "dataset.data_dir": mnist_dir, "steps": 2, "checkpoint_every": 1}
    flags |= {"evaluate_every": 1, "evaluation.num": 200, "evaluation.best": "recall"}
    flags["dataset.split"] = "train[:3000]"
    loop.train(config_lib.load(programs.CONFIG, programs.small(digits_file, **flags)), folder)
    return folder


def run(*flags):
    evaluate.main([*flags, "--test-split=test[:2000]", "--overwrite"])


def test_values_spread_floors_and_protocol(folder, capsys):
    run(f"--workdir={folder}", "--num=300", "--seeds=2", "--seed=3", FAST)
    result = json.loads((folder / "evaluation.json").read_text())
    distance, about = result["classifier-FID"], result["protocol"]
    assert len(distance["values"]) == 2
    assert distance["mean"] == pytest.approx(np.mean(distance["values"]))
    assert distance["std"] == pytest.approx(np.std(distance["values"], ddof=1))
    assert distance["real"] < 2 < 10 < distance["mean"] and distance["better"] == "lower"
    assert about["samples"] == about["real_images_as_samples"]["frechet"] == 300
    assert about["seeds"] == [3, 4] and about["step"] == 2 and about["checkpoint"] == "last"
    assert about["weights"] == "moving average" and about["batch_norm"] == "none"
    assert about["features"] == "classifier" and len(about["features_sha256"]) == 64
    assert about["train_images"] == 3000 and about["test_split"] == "test[:2000]"
    assert result["during_training"]["last"]["step"] == 2
    counts = json.loads((folder / "dataset.json").read_text())["class_counts"]
    assert about["class_shares"] == "training" and sum(counts) == 3000
    np.testing.assert_allclose(about["samples_by_class"], np.array(counts) / 10, atol=1)
    out = capsys.readouterr().out
    assert f"{distance['mean']:.4g}" in out and "recall during training: best" in out
    assert "WARNING: collapse: the recall of samples is 0.000" in out
    assert "FID" in out and " FID" not in out  # never without the classifier's name
    assert len(result["by_class"]) == 10 and "recall" not in result["by_class"][0]
    with Image.open(folder / "evaluation_nearest.png") as picture:
        assert picture.size == (10 * 58 + 2, 4 * 58 + 2)


def test_the_same_seed_gives_the_same_values(folder, tmp_path):
    files = [tmp_path / name for name in ("a.json", "b.json")]
    for file in files:
        run(f"--workdir={folder}", "--num=200", "--seeds=1", FAST, f"--out={file}")
    assert files[0].read_text() == files[1].read_text()


def test_checkpoints_last_best_and_step(folder, tmp_path):
    steps = {}
    for name in ("last", "best", "1"):
        flags = ("--num=200", "--seeds=1", "--metrics=manifold", f"--checkpoint={name}")
        run(f"--workdir={folder}", *flags, f"--out={tmp_path / name}.json")
        steps[name] = json.loads((tmp_path / f"{name}.json").read_text())["protocol"]["step"]
    best = json.loads((folder / "best.json").read_text())["best"]["step"]
    assert steps == {"last": 2, "best": best, "1": 1}


def test_samples_of_a_file(folder, mnist_dir, tmp_path, capsys):
    file = tmp_path / "samples.npz"
    sample.main([f"--workdir={folder}", "--num=200", f"--out={file}"])
    run(f"--samples={file}", f"--data-dir={mnist_dir}", "--train-split=train[:3000]", FAST)
    from_file = json.loads((tmp_path / "evaluation.json").read_text())
    run(f"--workdir={folder}", "--num=200", "--seeds=1", FAST, "--class-shares=equal")
    from_run = json.loads((folder / "evaluation.json").read_text())
    assert from_file["classifier-FID"]["values"] == from_run["classifier-FID"]["values"]
    assert from_file["classifier-FID"]["std"] is None
    assert from_run["protocol"]["class_shares"] == "equal"
    assert from_run["protocol"]["samples_by_class"] == [20] * 10


def test_every_class_where_there_are_enough_samples(mnist_dir, tmp_path):
    real = data.load("mnist", split="train[3000:6000]", data_dir=mnist_dir)
    taken = (real.labels != 3) & ((real.labels != 5) | (np.arange(3000) < 1000))
    np.savez(tmp_path / "real.npz", image=real.images[taken], label=real.labels[taken])
    flags = (f"--data-dir={mnist_dir}", "--train-split=train[:3000]")
    run(f"--samples={tmp_path / 'real.npz'}", *flags, "--metrics=agreement,frechet,manifold")
    result = json.loads((tmp_path / "evaluation.json").read_text())
    rows = result["by_class"]
    assert [row["label"] for row in rows] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert all(row["agreement"] > 0.97 for row in rows)
    assert all(("recall" not in row) == (row["label"] == 5) for row in rows)
    assert min(row["recall"] for row in rows if row["label"] != 5) > 0.5
    lines = evaluate.table(result).splitlines()
    assert f"{100 * rows[8]['agreement']:.2f} %" in lines[-1] and "nan" not in "".join(lines)
    assert lines[-5].startswith("5") and lines[-5].split()[-1] == "-"
    warnings = evaluate.warnings(result)
    assert any(line.startswith("no samples of class 3, which the training") for line in warnings)
    assert any(line.startswith("class 5 has too few samples or real images") for line in warnings)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num=1"], "--num: 1 is too small"),
        (
            ["--num=5"],
            "--num: 5 is too few for frechet; give 129 or more, or measure only kernel, "
            "modified_score, memorisation, modes$",
        ),
        (["--num=10", "--metrics=frechet"], "--num: 10 is too few for frechet; give 129 or more$"),
        (["--dataset=mnst"], "--dataset='mnst' is no TFDS dataset .nearest: mnist"),
        (["--train-split=trian"], "--train-split='trian': Unknown split"),
        (["--num=60", "--metrics=classification_accuracy"], "--num: 60 is too few for class"),
        (["--seeds=0"], "--seeds: 0 is too small"),
        (["--seed=-1"], "--seed: -1"),
        (["--seed=9223372036854775807", "--seeds=2"], "--seed: 92.* is too large for 2"),
        (["--out=."], r"--out: '\.' is of an unknown kind"),
        (["--metrics=fid"], "--metrics: unknown 'fid'"),
        (["--checkpoint=7"], "--checkpoint: no '7' in .*; known: last, best, 1, 2"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
        (["--features=inception"], r"--features: no Inception weights .*download https"),
        (["--features=inception", "--inception=/none"], "--inception: /none cannot be read"),
        (
            ["--features=classifier", "--dataset=/none.npz"],
            "--dataset='/none.npz' cannot be read",
        ),
    ],
)
def test_mistakes(folder, flags, message, monkeypatch):
    monkeypatch.delenv("JAXGAN_INCEPTION", raising=False)
    with pytest.raises(UserError, match=message):
        run(f"--workdir={folder}", *flags)


@pytest.mark.parametrize(
    ("image", "label", "message"),
    [
        (np.zeros((200, 28, 28, 3), np.uint8), None, r"--samples has images of shape"),
        (np.zeros((200, 28), np.uint8), None, r"has shapes \(200, 28\)"),
        (np.zeros((200, 28, 28, 1), np.float32), None, "image: float32 from 0 to 0 is not uint8"),
        (
            np.zeros((200, 28, 28, 1), np.uint8),
            np.full(200, 12),
            "--samples: label: 12 to 12 are not classes of the 10 that the .* knows; give 0 to 9",
        ),
        (
            np.zeros((200, 28, 28, 1), np.uint8),
            np.full(200, 2.0),
            r"--samples: label: float64 of shape \(200,\) is not .* give integers from 0 to 9",
        ),
        (np.zeros((9, 28, 28, 1), np.uint8), None, "--samples: 9 is too few for frechet"),
    ],
)
def test_bad_samples(mnist_dir, tmp_path, image, label, message):
    file = tmp_path / "bad.npz"
    np.savez(file, image=image, **({} if label is None else {"label": label}))
    with pytest.raises(UserError, match=message):
        run(f"--samples={file}", f"--data-dir={mnist_dir}", "--train-split=train[:3000]")


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(UserError, match=r"text.npz is damaged or not a .npz file"):
        run(f"--samples={tmp_path / 'text.npz'}")
    for flag in ("--seeds=2", "--class-shares=equal"):
        with pytest.raises(UserError, match=f"{flag.split('=')[0]}: has no effect with --samples"):
            run(f"--samples={tmp_path / 'text.npz'}", flag)


def test_data_without_a_test_split_of_their_own(tmp_path, digits_file):
    flags = programs.small(digits_file, steps=1, **{"dataset.split": "train[:50%]"})
    loop.train(config_lib.load(programs.CONFIG, flags), tmp_path)
    flags = (f"--workdir={tmp_path}", "--num=200", "--features=classifier", "--metrics=manifold")
    with pytest.raises(UserError, match=r"--test-split: .*digits\.npz has no split 'test'"):
        evaluate.main([*flags])
    with pytest.raises(UserError, match="--test-split: 50 % of its images are among the training"):
        evaluate.main([*flags, "--test-split=train"])
    evaluate.main([*flags, "--test-split=train[50%:]", "--seeds=1"])


def test_collapse_of_single_classes_is_told():
    single = {"mean": 0.7, "real": 0.8, "std": None}
    protocol = {"samples": 500, "real_images_as_samples": {"manifold": 500}}
    rows = [{"label": i, "recall": 0.7 * (i != 3), "recall_real": 0.8} for i in range(5)]
    result = {"recall": single, "by_class": rows, "protocol": protocol}
    (warning,) = evaluate.warnings(result)
    assert warning.startswith("collapse of class 3: the recall of samples is 0.000, that of real")
    result = {"modes_reverse_kl": {"mean": 0.1, "real": 0.001}, "protocol": protocol}
    assert "classes of samples are uneven" in evaluate.warnings(result)[0]
    result = {"memorisation": {"mean": 0.9, "real": 0.5}, "protocol": protocol}
    assert evaluate.warnings(result)[0].startswith("copies: in 90 % of pairs")
    fewer = {"samples": 900, "real_images_as_samples": {"manifold": 500}}
    assert "compare at --num=500" in evaluate.warnings({"protocol": fewer})[0]
    assert evaluate.warnings({"recall": single, "protocol": protocol}) == []


def test_unconditional_models_are_not_asked_for_classes(tmp_path, mnist_dir):
    values = {"dataset.data_dir": mnist_dir, "dataset.split": "train[:2000]", "batch_size": 8}
    values |= {"steps": 1, "gan.gen_width": 8, "gan.disc_width": 8, "evaluate_every": 0}
    flags = [f"--config.{key}={value}" for key, value in values.items()]
    loop.train(config_lib.load("configs/gan_mnist.py", flags), tmp_path)
    run(f"--workdir={tmp_path}", "--num=200", "--seeds=1", "--metrics=default")
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert "modes" in result and "agreement" not in result and "by_class" not in result
    with pytest.raises(UserError, match="--class-shares: has no effect: the model has no classes"):
        run(f"--workdir={tmp_path}", "--num=200", "--class-shares=equal")
    with pytest.raises(UserError, match="--metrics: agreement needs class labels"):
        run(f"--workdir={tmp_path}", "--num=200", "--metrics=agreement")


def test_points(tmp_path):
    values = {"steps": 2, "gan.gen_width": 8, "evaluate_every": 2, "evaluation.num": 100}
    flags = [f"--config.{key}={value}" for key, value in values.items()]
    loop.train(config_lib.load("configs/gan_ring.py", flags), tmp_path)
    assert len(list((tmp_path / "samples").glob("*.png"))) == 2
    evaluate.main([f"--workdir={tmp_path}", "--num=100", "--seeds=1"])
    result = json.loads((tmp_path / "evaluation.json").read_text())
    assert result["mixture_modes"]["real"] == 8 and result["mixture_modes"]["mean"] < 8
    sample.main([f"--workdir={tmp_path}", "--num=100", f"--out={tmp_path / 'points.npz'}"])
    assert np.load(tmp_path / "points.npz")["image"].shape == (100, 1, 1, 2)


@pytest.mark.parametrize(
    ("gen", "options", "ema", "wanted"),
    [
        ({}, {}, 1, "none"),
        ({"batch_stats": 0}, {"sample_statistics": "batch"}, 1, "batch"),
        ({"batch_stats": 0}, {"sample_statistics": "running"}, None, "running"),
        ({"batch_stats": 0}, {}, 1, "standing"),
    ],
)
def test_protocol_tells_whose_statistics_normalise(gen, options, ema, wanted):
    state = SimpleNamespace(variables=Players(gen, {}), ema=ema)
    trained = SimpleNamespace(state=state, config=SimpleNamespace(gan=options))
    assert evaluate._batch_norm(trained) == wanted
