import programs

from benchmarks.__main__ import table
from benchmarks.models import MODELS, Settings, make_batch


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
