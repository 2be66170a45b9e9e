import re

import jax
import numpy as np
import pytest

from jaxgan import config as config_lib
from jaxgan import loop, parallel, workdir
from jaxgan.errors import UserError
from jaxgan.step import make_train_step

SHAPE, BATCH = (28, 28, 1), 64


def compiled(file, flags, devices):
    """Returns the training step of a configuration, compiled for some devices."""
    config = config_lib.load(file, flags)
    model = workdir.make_model(config, SHAPE, 10)
    mesh = jax.make_mesh(
        (devices,),
        ("data",),
        axis_types=(jax.sharding.AxisType.Auto,),
        devices=jax.devices()[:devices],
    )
    train = make_train_step(model.gan, model.optimizers)
    step = parallel.compile_step(
        lambda state, batch: train(state, loop.floats(batch, model.gan.value_range)), mesh
    )
    image = jax.ShapeDtypeStruct((1, BATCH, *SHAPE), np.uint8)
    label = jax.ShapeDtypeStruct((1, BATCH), np.int32)
    return step.lower(model.abstract_state, {"image": image, "label": label}).compile()


@pytest.mark.parametrize(
    ("file", "flags", "reductions"),
    [
        ("configs/cgan_mnist.py", ["--config.gan.width=4"], 2),
        ("configs/gan_mnist.py", ["--config.gan.gen_width=64", "--config.gan.disc_width=16"], 2),
        # Statistics of batch normalisation are of the global batch, and so reduced as well.
        ("configs/dcgan_mnist.py", ["--config.gan.width=4", "--config.gan.units=32"], None),
    ],
)
def test_devices_share_the_work(file, flags, reductions):
    """A quarter of the operations each; gradients are reduced once per update, nothing else moves.

    Optimizers run whole on every device, which is what is above a quarter.
    """
    one, four = (compiled(file, flags, devices) for devices in (1, 4))
    share = four.cost_analysis()["flops"] / one.cost_analysis()["flops"]
    assert 0.25 <= share < 0.28
    moves = re.findall(
        r" (all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)\(", four.as_text()
    )
    assert set(moves) == {"all-reduce"}
    if reductions:
        assert len(moves) == reductions


def test_batches_that_devices_cannot_share():
    with pytest.raises(UserError, match=r"batch_size: 10 is not divisible by the 4 devices; try 8"):
        parallel.check_batch_size(10, parallel.make_mesh())
