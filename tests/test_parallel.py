import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as config_lib
from jaxgan import loop, parallel, workdir
from jaxgan.errors import RunError, UserError
from jaxgan.step import make_train_step

SHAPE, BATCH = (28, 28, 1), 64


def compiled(file, flags, devices):
    """Returns the training step of a configuration, compiled for some devices."""
    config = config_lib.load(file, flags)
    model = workdir.make_model(config, SHAPE, 10)
    mesh = parallel.make_mesh(devices)
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
    with pytest.raises(UserError, match=r"batch_size: 10 is not divisible by the 8 devices; try 8"):
        parallel.check_batch_size(10, parallel.make_mesh())
    with pytest.raises(UserError, match=r"40 is not divisible by the 8 devices in 2 parts; try 32"):
        parallel.check_batch_size(40, parallel.make_mesh(), 2)


def test_a_mesh_that_does_not_match_the_devices():
    assert parallel.make_mesh(3).size == 3 and parallel.make_mesh().size == 8
    with pytest.raises(UserError, match=r"devices: 16 does not match the 8 devices of 1 process"):
        parallel.make_mesh(16)


def test_devices_of_pmap_are_in_the_order_of_their_processes():
    chips = jax.devices()[:4]
    mesh = parallel.make_mesh(devices=chips[::-1], mode="pmap")
    assert list(mesh.devices) == chips


def test_large_arrays_are_divided_along_their_longest_axis():
    shapes = {"kernel": (16, 512), "bias": (512,), "odd": (71, 73), "step": ()}
    state = {name: jax.ShapeDtypeStruct(shape, np.float32) for name, shape in shapes.items()}
    mesh = parallel.make_mesh()
    found = parallel.state_shardings(mesh, state, divide=True)
    assert found["kernel"].spec == jax.P(None, "data")
    for name in ("bias", "odd", "step"):  # too small, or not divisible
        assert found[name].is_fully_replicated
    whole = parallel.state_shardings(mesh, state, divide=False)
    assert all(sharding.is_fully_replicated for sharding in whole.values())


def test_unknown_mode():
    with pytest.raises(UserError, match=r"parallel.mode: unknown 'xmap'; known: jit, pmap"):
        parallel.compile_step(None, parallel.make_mesh(), mode="xmap")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("10.0.0.1:1", 2, None), "--process-id: missing"),
        ((None, 2, 0), "--coordinator: missing"),
        (("10.0.0.1", 2, 0), "--coordinator: '10.0.0.1' is not HOST:PORT"),
        (("10.0.0.1:1", 0, 0), "--num-processes: 0 is below 1"),
        (("10.0.0.1:1", 2, 2), "--process-id: 2 is not one of 0 to 1"),
    ],
)
def test_mistakes_of_starting_several_processes(arguments, message):
    with pytest.raises(UserError, match=message):
        parallel.start(*arguments)


def test_a_plain_machine_starts_nothing(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")  # as any pod has it
    seen = {}

    def initialize(*arguments, **options):
        seen.update(options)
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    parallel.start()
    assert seen["cluster_detection_method"] == "deactivate"
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "0")  # a job, which must be found out
    with pytest.raises(UserError, match=r"--coordinator: this Kubernetes job .*jax\[k8s\]"):
        parallel.start()
    assert seen["cluster_detection_method"] is None


def test_alone_there_is_no_one_to_agree_with():
    with parallel.agreed({"--workdir": "here"}):
        pass
    with pytest.raises(UserError, match="mine"), parallel.agreed():
        raise UserError("mine")


def test_vmapped_matrix_product_and_reduction_as_published():
    """The case of github.com/jax-ml/jax/issues/39103, wrong in its last row by jaxlib 0.10.2."""
    i = jnp.arange(32_769, dtype=jnp.float32)
    x = jnp.stack((i, jnp.zeros_like(i), jnp.zeros_like(i)), axis=1)
    found = jax.jit(jax.vmap(lambda row: jnp.sum((jnp.eye(3) @ row) ** 2)))(x)
    np.testing.assert_allclose(found, np.asarray(i) ** 2)


def test_backend_that_computes_a_known_case_wrong_is_refused(monkeypatch):
    check = parallel.check_backend.__wrapped__
    check()
    row_norms = parallel._row_norms
    monkeypatch.setattr(parallel, "_row_norms", lambda x: row_norms(x).at[-1].multiply(0.992))
    with pytest.raises(RunError, match=r"^jaxlib .* computes wrong values .* 'jax!=0.10.2'$"):
        check()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    check()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AssertionError(), "no such device"),  # what JAX says of CUDA
        (
            RuntimeError(
                "Unable to initialize backend 'foo': Backend 'foo' is not known. "
                "(set JAX_PLATFORMS='' to choose)"
            ),
            "Backend 'foo' is not known",
        ),
    ],
)
def test_a_platform_that_is_not_there_is_one_line(monkeypatch, error, reason):
    def fail():
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    message = rf"^JAX_PLATFORMS: 'cpu' cannot be used \({reason}\); set it to cpu, or not at all$"
    with pytest.raises(UserError, match=message):
        parallel.check_platforms()
