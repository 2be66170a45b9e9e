import contextlib
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import programs
import pytest
from jax.flatten_util import ravel_pytree
from ml_collections import ConfigDict, FrozenConfigDict
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import loop, population, workdir
from jaxgan.errors import RunError, UserError

SHAPE = (1, 1, 2)
SMALL = ["--config.gan.gen_width=8", "--config.gan.disc_width=8", "--config.evaluate_every=0"]
# Adam makes a step of rounding errors where a gradient is 0, as of a bias before normalisation.
SGD = [f"--config.optimizer.{name}.name=sgd" for name in ("gen", "disc")]


def ring(*flags, steps=3):
    flags = [*SMALL, f"--config.steps={steps}", "--config.batch_size=8", *flags]
    return config_lib.load("configs/gan_ring.py", flags)


def grid(text):
    return f"--config.population.grid={text}"


def test_members_are_seeds_of_every_combination():
    config = ring(
        "--config.seed=5",
        "--config.population.seeds=2",
        grid("gan.penalty_weight=0.1,1; optimizer.gen.learning_rate=1e-3,2e-3,3e-3"),
    )
    members = population.members(config)
    found = [(m.seed, m.gan.penalty_weight, m.optimizer.gen.learning_rate) for m in members]
    assert len(found) == len(set(found)) == 12
    assert found[:3] == [(5, 0.1, 1e-3), (6, 0.1, 1e-3), (5, 0.1, 2e-3)]
    assert not population.is_population(members[0]) and population.is_population(config)
    assert all(m.optimizer.disc.learning_rate == 1e-3 for m in members)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (grid("gan.disc_width=8,16"), "grid: 'gan.disc_width' cannot differ .*gan.penalty_weight"),
        (grid("gan.margin=1,2"), "grid: 'gan.margin' cannot differ"),
        (grid("gan.penalty_weight=1,b"), "grid: 'gan.penalty_weight=1,b' is not KEY=NUMBER"),
        (grid("gan.penalty_weight"), "is not KEY=NUMBER"),
        (grid("optimizer.gen.learning_rate=-1"), "learning_rate: -1.0 is too small"),
        (grid(f"gan.penalty_weight=1,1{400 * '0'}"), "0' is not KEY=NUMBER,NUMBER"),
        (grid("gan.penalty_weight=1; gan.penalty_weight=2"), "'gan.penalty_weight' is given twice"),
        (grid("gan.penalty_weight=0.1,1,1e-1"), "has a value twice, whose members would be the s"),
        (grid(" ; "), "grid: ' ; ' has no KEY=NUMBER,NUMBER; give one, or ''"),
        ("--config.population.seeds=2000000000", "2000000000 GANs; give 10000 in all or less"),
        ("--config.population.seeds=0", "population.seeds: 0 is below 1"),
    ],
)
def test_mistakes_in_the_population(flag, message):
    with pytest.raises(UserError, match=message):
        population.members(ring(flag))


def test_a_members_value_out_of_range_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gan\.penalty_weight: -1\.0 is below 0"):
        population.train(ring(grid("gan.penalty_weight=1,-1")), tmp_path / "run")
    with pytest.raises(UserError, match="evaluate_every: 1 is for single runs"):
        population.train(ring("--config.evaluate_every=1"), tmp_path / "run")


def test_members_of_one_program_have_one_form():
    configs = [ring(), ring("--config.gan.latent_size=3")]
    with pytest.raises(UserError, match=r"configs: gan\.latent_size differs"):
        population.Population(configs, SHAPE, 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Six members over two devices, in blocks of two and one, two steps a call."""
    folder = tmp_path_factory.mktemp("runs") / "many"
    config = ring(
        "--config.population.seeds=2",
        grid("gan.penalty_weight=0.1,2,0.5"),
        "--config.steps_per_call=2",
        "--config.log_every=2",
        "--config.sample_every=4",
        "--config.checkpoint_every=2",
        "--config.disc_steps=2",
        "--config.ema_decay=0.9",
        *SGD,
        *(f"--config.optimizer.{name}.learning_rate=0.1" for name in ("gen", "disc")),
        *(f"--config.optimizer.{name}.decay_from=1.0" for name in ("gen", "disc")),
        steps=4,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(population, "BLOCK", 2)
        assert population.train(config, folder) == 0
    return config, folder


def test_a_member_equals_the_run_by_itself(trained, tmp_path):
    config, folder = trained
    alone = population.members(config)[3]
    assert alone.seed == 1 and alone.gan.penalty_weight == 2
    loop.train(alone, tmp_path / "alone")
    mine, theirs = workdir.load(folder / "member_003"), workdir.load(tmp_path / "alone")
    assert mine.config.to_dict() == theirs.config.to_dict()
    key, label = jax.random.key(0), jnp.zeros(10, jnp.int32)
    for a, b in zip(jax.tree.leaves(mine.state), jax.tree.leaves(theirs.state), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(mine.sample(key, label), theirs.sample(key, label), atol=1e-3)


def test_members_are_told_apart(trained):
    _, folder = trained
    states = [workdir.load(folder / f"member_{i:03d}").state for i in range(6)]
    kernels = [ravel_pytree(state.params.disc)[0] for state in states]
    for i in range(6):
        for j in range(i):
            assert np.abs(kernels[i] - kernels[j]).max() > 1e-3


def test_leaves_a_table_and_bands(trained, capsys):
    _, folder = trained
    rows = json.loads((folder / "population.json").read_text())
    assert [row["seed"] for row in rows] == [0, 1, 0, 1, 0, 1]
    assert [row["gan.penalty_weight"] for row in rows] == [0.1, 0.1, 2, 2, 0.5, 0.5]
    assert all(0 <= row["high_quality"] <= 1 and row["modes"] <= 8 for row in rows)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert lines[0]["disc_loss.q0"] < lines[0]["disc_loss.mean"] < lines[0]["disc_loss.q100"]
    with Image.open(folder / "curves.png") as picture:
        assert picture.width > 400


def test_a_stopped_population_resumes(trained, tmp_path, monkeypatch):
    config, folder = trained
    monkeypatch.setattr(population, "BLOCK", 2)

    @contextlib.contextmanager
    def at_once():
        yield [15]

    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_signals", at_once)
        assert population.train(config, tmp_path / "run") == 143
    assert not (tmp_path / "run" / "population.json").exists()
    assert population.train(config, tmp_path / "run") == 0
    one, other = (workdir.load(f / "member_002").state for f in (folder, tmp_path / "run"))
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)
    further = ConfigDict(population.members(config)[2].to_dict())
    further.steps = 6
    loop.train(FrozenConfigDict(further), tmp_path / "run" / "member_002")
    assert population.train(config, tmp_path / "run") == 0  # and leaves that member alone
    assert workdir.load(tmp_path / "run" / "member_002").state.step == 6
    assert workdir.load(tmp_path / "run" / "member_001").state.step == 4
    events = sorted((folder / "tensorboard").iterdir())
    assert population.train(config, folder) == 0  # done already: nothing to do
    with (tmp_path / "run" / "member_000" / "dataset.json").open("a") as file:
        file.write("{")
    with pytest.raises(UserError, match=r"member_000.dataset\.json is damaged"):
        population.train(config, tmp_path / "run")
    assert sorted((folder / "tensorboard").iterdir()) == events


@pytest.mark.parametrize(
    ("file", "flags", "text", "compared"),
    [
        (
            "configs/dcgan_mnist.py",
            ["--config.gan.units=8", "--config.gan.width=4"],
            "optimizer.disc.learning_rate=0.1,1",
            (1,),
        ),
        (
            "configs/ebgan_mnist.py",
            ["--config.gan.gen_width=8", "--config.gan.disc_width=8"],
            "gan.margin=0.5,20; gan.pulling_away_weight=0.1,0",
            (0, 3),
        ),
    ],
)
def test_images_and_other_variants(file, flags, text, compared, digits_file, tmp_path):
    common = [f for f in programs.small(digits_file, steps=1) if "gan.width" not in f]
    config = config_lib.load(file, [*common, *SGD, *flags, grid(text)])
    population.train(config, tmp_path / "many")
    for i, member in enumerate(population.members(config)):
        mine = workdir.load(tmp_path / "many" / f"member_{i:03d}").state
        if i in compared:
            loop.train(member, tmp_path / f"alone{i}")
            theirs = workdir.load(tmp_path / f"alone{i}").state
            for a, b in zip(
                jax.tree.leaves(mine.params), jax.tree.leaves(theirs.params), strict=True
            ):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_arguments_of_other_shapes():
    many = population.Population(population.members(ring("--config.population.seeds=2")), SHAPE, 0)
    with pytest.raises(ValueError, match=r"indices: shape \(2, 8\) is not \(2, 1, 8\)"):
        many.steps(None, np.zeros((2, 8), np.int32), {})
    with pytest.raises(ValueError, match=r"label: shape \(2, 3\) is not \[n\]"):
        many.sample(None, jax.random.key(0), jnp.zeros((2, 3), jnp.int32))
    with pytest.raises(ValueError, match="count: 0 is below 1"):
        population.mixtures(many, None, jax.random.key(0), 0)
    stacked = SimpleNamespace(step=np.zeros(2))
    for index in (-1, 2):
        with pytest.raises(ValueError, match=f"index: {index} is not in 0 to 1, the members"):
            population.member(stacked, index)
    for values in (np.zeros(0), np.zeros((2, 2))):
        with pytest.raises(ValueError, match=r"values: shape \(.*\) is not \[members\]"):
            population.summary(values)


def test_summary_by_hand():
    found = population.summary(np.array([1.0, 2, 3, 4, 10]))
    assert found == {
        "mean": 4,
        "std": pytest.approx(10**0.5),
        "q0": 1,
        "q25": 2,
        "q50": 3,
        "q75": 4,
        "q100": 10,
    }


def test_members_that_diverge_cost_the_others_nothing(tmp_path, capsys):
    config = ring(
        grid("optimizer.gen.learning_rate=1e-3,1e30"), "--config.log_every=2", *SGD, steps=4
    )
    assert population.train(config, tmp_path / "run") == 0
    out = capsys.readouterr().out
    assert "warning: member_001: not finite at step 2, lost" in out
    assert "neither saved nor counted: member_001" in out
    assert workdir.load(tmp_path / "run" / "member_000").state.step == 4
    assert not (tmp_path / "run" / "member_001").exists()
    found = json.loads((tmp_path / "run" / "population.json").read_text())
    assert found[1]["lost"] and found[1]["reverse_kl"] is None and "lost" not in found[0]
    text = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert "null" not in text and "NaN" not in text
    assert population.train(config, tmp_path / "run") == 0  # done already
    config = ring(grid("optimizer.gen.learning_rate=1e29,1e30"), *SGD, steps=9)
    with pytest.raises(RunError, match=r"all 2 members are lost, .* lower learning rates"):
        population.train(config, tmp_path / "other")
