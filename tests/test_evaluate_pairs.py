import json
from types import SimpleNamespace

import numpy as np
import programs
import pytest

from jaxgan import config as config_lib
from jaxgan import data, evaluate_pairs, sample, workdir
from jaxgan.errors import UserError


def fake(split_dir, translate, **flags):
    """A run whose translations are those of a function."""
    values = {"dataset.data_dir": split_dir, **flags}
    config = config_lib.load(
        "configs/pix2pix_edges_mnist.py", [f"--config.{k}={v}" for k, v in values.items()]
    )
    state = SimpleNamespace(step=7)
    return workdir.Trained(
        config, None, (28, 28, 1), state, lambda key, input: translate(input), (28, 28, 1)
    )


def test_label_agreement_of_digits(mnist_dir):
    """The edges themselves, inverted, are digits too, though not all are recognised."""
    trained = fake(mnist_dir, lambda input: 255 - input)
    result = evaluate_pairs.measure(trained, "test", num=300)
    assert result["agreement_targets"] > 0.98
    assert 0.3 < result["agreement"] < 0.98
    assert 0 < result["L1"] < 0.5 and 0 < result["SSIM"] < 1
    assert result["protocol"]["batch"] == 32 and result["protocol"]["pairs"] == 300
    share, error = result["agreement"], result["standard_error"]["agreement"]
    assert error == pytest.approx((share * (1 - share) / 299) ** 0.5)
    text = evaluate_pairs.table(result)
    assert f"{100 * share:.2f} +- {100 * error:.2f} %" in text and text.count("+-") == 5
    assert "agreement_targets" in text and " dB" in text and "protocol" not in text


def test_perfect_translations(mnist_dir):
    truth = data.load("mnist", split="test", data_dir=mnist_dir, pairs="edges")
    known = {x.tobytes(): y for x, y in zip(truth.inputs, truth.images, strict=True)}
    trained = fake(mnist_dir, lambda input: np.stack([known[x.tobytes()] for x in input]))
    result = evaluate_pairs.measure(trained, "test", num=45)
    assert (result["L1"], result["SSIM"]) == (0, pytest.approx(1))
    assert result["standard_error"]["L1"] == 0
    assert result["agreement"] == result["agreement_targets"]


def test_program(translator_run, capsys):
    evaluate_pairs.main([f"--workdir={translator_run}", "--batch=2"])
    found = json.loads((translator_run / "pairs.json").read_text())
    assert {"L1", "PSNR", "intersection_L", "intersection_a", "intersection_b"} <= set(found)
    assert "agreement" not in found and "SSIM" not in found  # no digits, and of 8x8 pixels
    assert found["protocol"] | {"step": 4, "pairs": 3, "batch": 2} == found["protocol"]
    assert "PSNR" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num=-1"], "--num: -1 is too small"),
        (
            ["--split=train[4:]"],
            "--split: 2 pairs of 'train.4:.' are of 'train', which was trained",
        ),
        (["--split=train+none"], "--split='train.none': Unknown split"),
        (["--split=valid"], "--split='valid': Unknown split"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
        (["--checkpoint=9"], "--checkpoint: no '9'"),
    ],
)
def test_mistakes(translator_run, flags, message):
    with pytest.raises(UserError, match=message):
        evaluate_pairs.main([f"--workdir={translator_run}", "--overwrite", *flags])


def test_programs_for_models_of_noise_say_so(translator_run):
    with pytest.raises(UserError, match=r"--workdir: .* use python -m jaxgan.translate"):
        sample.main([f"--workdir={translator_run}"])


def test_runs_of_other_models_are_named(tmp_path, monkeypatch):
    other = SimpleNamespace(model=SimpleNamespace(gan=SimpleNamespace(translator=False)))
    monkeypatch.setattr(workdir, "load", lambda *_: other)
    with pytest.raises(UserError, match="is no translator of images; give a run of pix2pix"):
        evaluate_pairs.open_run("folder", "last")


def test_mistake_is_one_line():
    status, _, err = programs.run("-m", "jaxgan.evaluate_pairs", "--workdir=/none")
    assert status == 2 and err.count("\n") == 1
