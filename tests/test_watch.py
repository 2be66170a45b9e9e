import numpy as np
import pytest

from jaxgan.watch import Watch

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (100, 4, 4, 1)).astype(np.uint8)
HEALTHY = {"disc_loss": 1.2, "gen_loss": 0.8, "D(x)": 0.6, "D(G(z))": 0.4}
SURE = {"disc_loss": 0.01, "gen_loss": 7.0, "D(x)": 0.995, "D(G(z))": 0.001}


def watch(rows, names=("",)):
    """Returns what is told about metrics at every 50 steps."""
    told = []
    watch = Watch(told.append, REAL, names)
    for i, row in enumerate(rows):
        watch.metrics(50 * (i + 1), row)
    return told


def moving(row):
    """Rows whose losses change by .1 %."""
    return [{**row, "gen_loss": row["gen_loss"] * (1 + 0.001 * (i % 2))} for i in range(40)]


def test_healthy_runs_and_critics_are_not_told():
    assert not watch(moving(HEALTHY))
    assert not watch(moving({**SURE, "disc_loss": -30.0}))  # Wasserstein's
    assert not watch(moving({"disc_loss": 0.01, "gen_loss": 7.0}))
    half = moving(SURE)[:10]  # from step 50 to 500
    assert not watch([*half, HEALTHY, *half])


@pytest.mark.parametrize(
    ("rows", "sign", "since"),
    [
        ([HEALTHY] * 40, "the losses do not move", 100),
        ([HEALTHY, *moving(SURE)], "the discriminator is never in doubt", 100),
    ],
)
def test_signs_are_told_once(rows, sign, since):
    (line,) = watch(rows)
    assert line.startswith(f"warning: {sign} since step {since};") and "--config.seed" in line


def test_members_are_named():
    rows = [
        {name: np.array([HEALTHY[name], x, x, np.nan]) for name, x in row.items()}
        for row in moving(SURE)
    ]
    for row, healthy in zip(rows, moving(HEALTHY), strict=True):
        row["gen_loss"][0] = healthy["gen_loss"]
    (line,) = watch(rows, ["member_000", "member_001", "member_002", "member_003"])
    assert line.startswith("warning: member_001, member_002: the discriminator is never")


def test_samples_that_are_alike():
    told = []
    watch = Watch(told.append, REAL)
    label = np.arange(20) // 10
    of_class = np.where(label[:, None], 200, 30) + RNG.normal(0, 2, (20, 16))
    varied = of_class + RNG.normal(0, 20, (20, 16))
    for step, fake in ((0, of_class), (500, of_class), (700, varied), (1000, of_class)):
        watch.samples(step, fake, label)
    assert not told
    for step in (1500, 2000):
        watch.samples(step, of_class, label)
    assert len(told) == 1 and told[0].startswith("warning: all samples are alike since step 1000;")
