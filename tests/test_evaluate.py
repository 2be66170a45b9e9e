import json

import numpy as np
import programs
import pytest

from jaxgan import config as config_lib
from jaxgan import data, evaluate, loop
from jaxgan.errors import UserError

SAMPLES = 2000


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


@pytest.fixture(scope="module")
def mnist(data_dir):
    return [data.load("mnist", split=split, data_dir=data_dir) for split in ("train", "test")]


def by_digit(dataset, count):
    """Returns `count` images of each digit, from the end of the dataset, and their labels."""
    chosen = np.concatenate([np.flatnonzero(dataset.labels == d)[-count:] for d in range(10)])
    return dataset.images[chosen], dataset.labels[chosen]


def test_real_images_are_as_good_as_real(mnist):
    result = evaluate.evaluate_digits(*by_digit(mnist[0], SAMPLES // 10), *mnist)
    assert result["agreement"] > 0.99
    assert result["precision"] > 0.75 and result["recall"] > 0.6
    assert result["frechet"] < 1
    assert [row["label"] for row in result["by_class"]] == list(range(10))
    text = evaluate.table(result)
    assert len(text.splitlines()) == 13 and "agreement" in text


def test_collapse_cannot_be_overlooked(mnist):
    images, label = by_digit(mnist[0], 1)
    collapsed = images.repeat(SAMPLES // 10, 0), label.repeat(SAMPLES // 10)
    result = evaluate.evaluate_digits(*collapsed, *mnist)
    assert result["agreement"] > 0.9
    assert result["recall"] < 0.05
    assert result["frechet_ratio"] > 20
    assert max(row["recall"] for row in result["by_class"]) < 0.2


def test_wrong_labels_show_in_the_agreement_by_class(mnist):
    images, label = by_digit(mnist[0], SAMPLES // 10)
    quarter = np.arange(SAMPLES) % 4 == 0
    swapped = np.where((label == 3) & quarter, 5, label)  # a fifth of the fives are threes
    result = evaluate.evaluate_digits(images, swapped, *mnist)
    rows = result["by_class"]
    assert 0.75 < rows[5]["agreement"] < 0.85 < 0.98 < rows[4]["agreement"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits_file, data_dir):
    folder = tmp_path_factory.mktemp("runs") / "mnist"
    flags = {"dataset.path": "", "dataset.data_dir": data_dir, "steps": 1}
    loop.train(config_lib.load(programs.CONFIG, programs.small(digits_file, **flags)), folder)
    return folder


def test_program_writes_what_it_prints(folder, mnist, capsys):
    evaluate.main([f"--workdir={folder}", "--num=2000", "--seed=3"])
    result = json.loads((folder / "evaluation.json").read_text())
    assert result["protocol"]["samples"] == 2000 and result["protocol"]["seed"] == 3
    assert result["protocol"]["weights"] == "moving average"
    assert f"{result['frechet']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num=10"], "--num: 10 is too few"),
        (["--seed=-1"], "--seed: -1"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
    ],
)
def test_mistakes(folder, flags, message):
    with pytest.raises(UserError, match=message):
        evaluate.main([f"--workdir={folder}", *flags])


def test_other_data_is_refused(tmp_path, digits_file):
    loop.train(config_lib.load(programs.CONFIG, programs.small(digits_file, steps=1)), tmp_path)
    with pytest.raises(UserError, match=r"was trained on .*digits\.npz"):
        evaluate.main([f"--workdir={tmp_path}"])
