import json

import jax
import numpy as np
import programs
import pytest
from PIL import Image

from benchmarks import ebgan_grid, modes, pix2pix_ablations, population
from benchmarks.__main__ import table
from benchmarks.models import MODELS, Settings, make_batch
from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.population import members


def test_unknown_model_is_one_line_with_the_known_ones():
    status, _, err = programs.run("-m", "benchmarks", "--models=dcgan_29")
    assert status == 2
    assert err.startswith("error: --models: unknown 'dcgan_29'; known: cgan_mlp, dcgan_28")
    assert len(err.splitlines()) == 1


def test_batches_have_what_the_models_take():
    for name, model in MODELS.items():
        batch = make_batch(Settings(name, 3, None, None, False, ""))
        assert batch["image"].shape == (3, *model.image_shape)
        assert ("label" in batch, "input" in batch) == (model.num_classes > 0, model.paired)


def test_table_has_a_row_per_model():
    facts = {
        "version": "jax 1, torch 2 (eager)",
        "dtype": "float32",
        "platform": "cpu",
        "device": "cpu",
        "processor": "x86_64, 2 cores",
        "rounds": 4,
        "same_allocator": False,
    }
    result = {
        "batch_size": 64,
        "parameters": [1000, 20],
        "seconds": {"jaxgan": 0.010, "torch": 0.020},
        "ratio": {"median": 0.5, "10 %": 0.4, "90 %": 0.6},
        "images_per_second": 6400.0,
        "compile_seconds": {"cold": 3.0, "cached": 0.5},
        "peak_bytes": {"jaxgan": 2e8, "torch": 3e8},
        "flops": 1e9,
        "share_of_product_rate": 0.25,
    }
    *_, row = table(facts, {"dcgan_28": result}).splitlines()
    assert row == (
        "| dcgan_28 (64) | 1,000 + 20 | 10.0 ms | 20.0 ms | 0.500 (0.400 to 0.600) | 6,400.0 "
        "| 3.0 s, 0.5 s | 200 MB, 300 MB | 1.0 | 25.0% |"
    )


def test_methods_of_the_grid_differ_in_the_objective_alone():
    """The same generator, noise and optimizer; energies and logits by networks of one size."""
    choice = {"gen_layers": 3, "gen_width": 20, "disc_layers": 4, "disc_width": 8, "dropout": 0.5}
    key, made = jax.random.key(0), []
    batch = {"image": jax.random.uniform(key, (4, 6, 6, 1)) * 2 - 1}
    for program, methods in ebgan_grid.PROGRAMS.items():
        options = ebgan_grid.settings(program, choice, 100)
        configs = members(options)
        assert len(configs) == len(methods)
        assert [c.gan.get("pulling_away_weight") for c in configs] in ([None], [0.0, 0.1])
        gan = gans.make(dict(options.gan), image_shape=(6, 6, 1), num_classes=0)
        params, variables = jax.jit(gan.init)(key, batch)
        z = gan.latent(key, 3)
        made.append((gan.decode(params.gen, variables, z, None), len(params.disc), options))
        assert gan.value_range == (-1, 1)
    (image, layers, options), *others = made
    assert layers == 4
    for another in others:
        np.testing.assert_allclose(another[0], image, atol=1e-6)
        assert another[1] == layers and another[2].optimizer == options.optimizer


@pytest.mark.parametrize(
    ("program", "flags", "message"),
    [
        (modes, ["--config=configs/cgan_mnist.py"], "--config: .* is of mnist; give one of Gauss"),
        (modes, ["--seeds=1"], "--seeds: 1 is too small; give 2"),
        (ebgan_grid, ["--count=0"], "--count: 0 is too small; give 1"),
        (pix2pix_ablations, ["--num=-1"], "--num: -1 is too small"),
        (pix2pix_ablations, ["--step=3"], "--step=3: unknown argument"),
        (pix2pix_ablations, ["--config=configs/gan_mnist.py"], "--config: .* is of gan; give a"),
    ],
)
def test_mistakes_of_the_tables(program, flags, message):
    with pytest.raises(UserError, match=message):
        program.main(flags)


def test_modes_of_several_seeds(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(modes, "OBJECTIVES", {"GAN": {}})
    sizes = ["--config.steps=50", "--config.gan.gen_width=8", "--config.gan.disc_width=8"]
    modes.main([f"--out={tmp_path}", "--seeds=2", *sizes])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| GAN |")]
    assert row.count("+-") == 3
    found = json.loads((tmp_path / "modes_gan_grid.json").read_text())["GAN"]
    assert len(found) == 2 and found[0] != found[1]


def test_population_takes_steps_of_all_members():
    run, size = population.jaxgan_side(2, 4, ["--config.steps_per_call=2"])
    run()
    assert size > 10_000
    with pytest.raises(UserError, match="--members: 1 is too small"):
        population.main(["--members=1"])
    with pytest.raises(UserError, match="--width: 0 is too small"):
        population.main(["--width=0"])
    with pytest.raises(UserError, match="--steps: 15 is no multiple of 10"):
        population.main(["--steps=15"])


def test_variants_of_each_ablation():
    weights = [(x.get("gan.l1_weight"), x.get("gan.gan_weight")) for x in
               pix2pix_ablations.variants("loss", 8).values()]  # fmt: skip
    assert weights == [(None, 0), (0, None), (None, None)]
    skips = [x.get("gan.skips", True) for x in pix2pix_ablations.variants("skips", 8).values()]
    assert skips == [False, False, True, True]
    patches = pix2pix_ablations.variants("patch", 28)
    assert patches == {f"{n}x{n}": {"gan.disc_layers": i} for i, n in enumerate((1, 16, 34))}
    assert list(pix2pix_ablations.variants("patch", 256))[-1] == "286x286"


def test_ablations_of_pix2pix_are_measured_and_drawn(scenes, tmp_path, capsys, monkeypatch):
    some = {"L1, decoder": {"gan.gan_weight": 0.0, "gan.skips": False}}
    monkeypatch.setitem(pix2pix_ablations.ABLATIONS, "skips", some)
    flags = ["--of=skips", f"--out={tmp_path}", "--config=configs/pix2pix_facades.py", "--num=2"]
    pix2pix_ablations.main([*flags, *programs.small_pairs(scenes, steps=1, sample_every=1)])
    assert "| L1, decoder |" in capsys.readouterr().out
    gan = json.loads((tmp_path / "L1, decoder" / "config.json").read_text())["gan"]
    assert (gan["gan_weight"], gan["skips"]) == (0, False)
    assert json.loads((tmp_path / "results.json").read_text())["L1, decoder"]["L1"] > 0
    with Image.open(tmp_path / "outputs.png") as picture:
        assert picture.size == (450, 460)  # three columns of the three held-out pairs
