import importlib.util

import jax
import numpy as np
import pytest

from jaxgan import config as config_lib
from jaxgan import pod_check
from jaxgan.errors import UserError

HLO = """
  %all-reduce.1 = (f32[4,4]{1,0:T(8,128)}, bf16[10]{0}, f32[]{:T(128)}) all-reduce(%a, %b, %c)
  ROOT %all-gather = u8[2,3]{1,0} all-gather(%d), dimensions={0}
  %x = f32[8]{0} all-reduce-start(%e)
  %y = f32[8]{0} add(%all-reduce.1, %z)
"""


def test_collectives_by_hand():
    assert pod_check.collectives(HLO) == [
        ("all-reduce", 64 + 20 + 4),
        ("all-gather", 6),
        ("all-reduce", 32),
    ]


def test_predicted_seconds_by_hand():
    chip = pod_check.Chip(flops=100.0, bandwidth=10.0, memory=1.0, links=5.0)
    report = pod_check.Report(4, 200.0, 50.0, 0, [("all-reduce", 10)], 0.0)
    assert pod_check.seconds(report, chip) == (5.0, pytest.approx(2 * 3 / 4 * 10 / 5))
    assert pod_check.seconds(report._replace(devices=1, flops=900.0), chip) == (9.0, 0.0)


def test_the_step_is_compiled_for_the_devices_given():
    config = config_lib.load("configs/cgan_mnist.py", ["--config.gan.width=4"])
    one, two = (
        pod_check.compile_for(config, (28, 28, 1), 10, np.array(jax.devices()[:n])) for n in (1, 2)
    )
    assert one.collectives == [] and {kind for kind, _ in two.collectives} == {"all-reduce"}
    assert two.flops == pytest.approx(one.flops, rel=0.01)  # the same batch on each
    assert one.memory > 0 and one.bytes > 0


def test_prints_a_table(capsys):
    one = pod_check.Report(1, 1e9, 1e6, 10**6, [], 2e-3)
    many = pod_check.Report(16, 1e9, 1e6, 10**6, [("all-reduce", 2 * 10**6)] * 2, -1.0)
    pod_check.table("configs/a.py", 32, pod_check.CHIPS["v5e"], [one, many])
    out = capsys.readouterr().out
    assert "| GFLOP | 1.00 | 1.00 |" in out and "| none | 2 all-reduce, 4.0 MB |" in out
    assert "has 1.000 times the operations" in out


def test_form_of_the_data():
    load = config_lib.load
    mnist = load("configs/cgan_mnist.py")
    assert pod_check.form(mnist, None, 0) == ((28, 28, 1), 10)
    assert pod_check.form(mnist, "8,8,3", 2) == ((8, 8, 3), 2)
    lsun = load("configs/dcgan_lsun.py")
    assert pod_check.form(lsun, None, 0) == ((64, 64, 3), 0)
    with pytest.raises(UserError, match=r"--image-shape: '8x8' is not height,width,channels"):
        pod_check.form(mnist, "8x8", 0)
    with pytest.raises(UserError, match="--image-shape: missing for svhn"):
        pod_check.form(load("configs/cgan_mnist.py", ["--config.dataset.name=svhn"]), None, 0)


@pytest.mark.parametrize("topology", ["v9:4x4", "v5e", "v5e:4x", "v5e:axb"])
def test_topologies_that_are_none(topology):
    with pytest.raises(UserError, match=rf"--topology: '{topology}' is not chip:shape; chips: v4"):
        pod_check.main(["--config=configs/cgan_mnist.py", f"--topology={topology}"])


def test_without_the_compiler(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="libtpu is missing; pip install"):
        pod_check.main(["--config=configs/cgan_mnist.py"])
