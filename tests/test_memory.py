import math

import jax
import pytest

from jaxgan import config as config_lib
from jaxgan import memory, parallel, workdir
from jaxgan.errors import UserError

DIGITS = {"image_shape": [28, 28, 1], "num_classes": 0}


def check(monkeypatch, gigabytes, *overrides, file="configs/gan_mnist.py", about=DIGITS, **options):
    monkeypatch.setattr(memory, "host_bytes", lambda: gigabytes * 1e9)
    config = config_lib.load(file, [f"--config.{override}" for override in overrides])
    model = workdir.make_model(config, **about)
    memory.check_step(config, model.abstract_state, about, parallel.make_mesh(1), **options)


def test_host_memory_is_known_here():
    assert 1e8 < memory.host_bytes() < 1e14


def test_limit_of_a_control_group(monkeypatch, tmp_path):
    for name, text in (("max", "max\n"), ("limit", "123456\n")):
        (tmp_path / name).write_text(text)
    none = str(tmp_path / "none")
    monkeypatch.setattr(memory, "CGROUPS", (str(tmp_path / "max"), none))
    assert memory.host_bytes() > 1e8
    monkeypatch.setattr(memory, "CGROUPS", (str(tmp_path / "limit"), none))
    assert memory.host_bytes() == 123456


def test_devices_of_the_cpu_share_the_hosts_memory(monkeypatch):
    monkeypatch.setattr(memory, "host_bytes", lambda: 16e9)
    assert memory.device_bytes(parallel.make_mesh()) == 16e9 / jax.device_count()


@pytest.mark.parametrize(
    ("gigabytes", "override", "message"),
    [
        (
            25,
            "gan.gen_width=100000",
            r"^--config\.gan: 10(,\d+){3} parameters take \d{3}\.\d GB",
        ),
        (25, "gan.gen_width=10000000", r"which has 25\.0 GB, .*; give smaller widths"),
        (25, "batch_size=2000000000", r"^--config\.batch_size: batches of 2000000000 for 1 upd"),
        (25, "steps_per_call=14000", r"for 14000 updates \(disc_steps, steps_per_call\) take"),
    ],
)
def test_what_cannot_fit_is_refused(monkeypatch, gigabytes, override, message):
    overrides = [override, "steps=14000", "evaluate_every=0", "batch_size=10000"]
    overrides += [f"{name}_every=14000" for name in ("log", "sample", "checkpoint")]
    with pytest.raises(UserError, match=message):
        check(monkeypatch, gigabytes, *reversed(overrides))


def test_what_fits_is_not(monkeypatch):
    """The estimate, in hand-worked numbers: a generator 1-2-1-1 and its like, on points."""
    points = {"image_shape": [1, 1, 2], "num_classes": 0}
    config = config_lib.load("configs/gan_ring.py", ["--config.batch_size=10"])
    state = workdir.make_model(config, **points).abstract_state
    model = sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(state))
    player = max(sum(4 * math.prod(x.shape) for x in jax.tree.leaves(p)) for p in state.params)
    batch = 2 * (10 * config.disc_steps * config.steps_per_call + 8 * 10)
    needed = (model + player + batch) / 1e9
    options = {"file": "configs/gan_ring.py", "about": points}
    check(monkeypatch, needed * 1.000001, "batch_size=10", **options)
    with pytest.raises(UserError, match="parameters take"):
        check(monkeypatch, needed * 0.999999, "batch_size=10", **options)
    check(monkeypatch, 3 * needed * 1.000001, "batch_size=10", members=3, **options)
    with pytest.raises(UserError, match="parameters take"):
        check(monkeypatch, 3 * needed * 0.999999, "batch_size=10", members=3, **options)
