import json

import pytest

from jaxgan import config as config_lib
from jaxgan import data
from jaxgan.errors import UserError
from jaxgan.tagging import mirflickr, words

FILE = "configs/cgan_mnist.py"


def test_overrides_take_the_type_of_the_default():
    config = config_lib.load(
        FILE,
        [
            "--config.steps=7",
            "--config.optimizer.gen.learning_rate=1",
            "--config.dataset.name=fashion_mnist",
        ],
    )
    assert config.steps == 7
    assert config.optimizer.gen.learning_rate == 1.0
    assert config.dataset.name == "fashion_mnist"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--config.stepz=3", r"--config\.stepz: unknown key; did you mean 'steps'\?"),
        ("--config.gan.learning_rate=1", r"did you mean 'optimizer\.\w+\.learning_rate'"),
        ("--config.steps=abc", r"--config\.steps: 'abc' is not an integer"),
        ("--config.steps=1.5", r"--config\.steps: '1\.5' is not an integer"),
        ("--config.steps", r"--config\.steps: no value"),
        ("--config.steps=0", r"--config\.steps: 0 is too small"),
        ("--config.steps_per_call=0", r"--config\.steps_per_call: 0 is too small"),
        (
            "--config.steps_per_call=3",
            r"--config\.steps_per_call: 3 does not divide steps=14000; give a common divisor",
        ),
        ("--config.disc_steps=0", r"--config\.disc_steps: 0 is too small"),
        ("--config.batch_size=-4", r"--config\.batch_size: -4 is too small"),
        ("--config.dataset.image_size=100000", r"100000 is too large; give 16384 or less"),
        ("--config.seed=-1", r"--config\.seed: -1 is too small"),
        (f"--config.seed={2**63}", r"--config\.seed: \d+ is too large"),
        ("--config.log_every=0", r"--config\.log_every: 0 is too small"),
        ("--config.ema_decay=1.0", r"--config\.ema_decay: 1\.0 is not in \[0, 1\)"),
        ("--config.optimizer.gen.learning_rate=-1", r"learning_rate: -1\.0 is too small"),
        ("--config.optimizer.gen.learning_rate=1e999", r"learning_rate: inf is not finite"),
    ],
)
def test_wrong_overrides(override, message):
    with pytest.raises(UserError, match=message) as error:
        config_lib.load(FILE, [override])
    assert "\n" not in str(error.value)


def test_another_name_brings_its_own_options():
    config = config_lib.load(
        FILE,
        [
            "--config.optimizer.gen.name=sgd",
            "--config.optimizer.gen.learning_rate=0.1",
            "--config.optimizer.gen.nesterov=true",
        ],
    )
    assert config.optimizer.gen.nesterov is True and "b1" not in config.optimizer.gen
    assert config.optimizer.disc.b1 == 0.0


def test_options_that_the_file_does_not_name_can_be_set():
    config = config_lib.load("configs/cgan_mnist_paper.py", ["--config.gan.latent_size=8"])
    assert config.gan.latent_size == 8 and config.optimizer.gen.decay_from == 1.0


def write(file, *lines):
    start = ["from jaxgan import config", "def get_config():", "    c = config.base()"]
    body = ["    c.gan = dict(name='cgan')", *(f"    {line}" for line in lines), "    return c"]
    file.write_text("\n".join([*start, *body]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.stepz = 3", ", line 5: unknown key 'stepz'; did you mean 'steps'?"),
        ("c.dataset['nme'] = 'x'", ", line 5: unknown key 'nme'; did you mean 'dataset.name'?"),
        ("c.steps = 'big'", ", line 5: steps cannot be big; see jaxgan.config.base()"),
        ("c.gan.width = 'big'", " sets gan.width = 'big', which is not an integer"),
        ("c.optimizer.gen = dict(name='sgd', learning_rate='x')", "= 'x', which is not a number"),
        ("c.gan = dict(width=3)", " lacks the key 'gan.name'; start from jaxgan.config.base()"),
        ("import sys; sys.exit(3)", " calls sys.exit(3); remove that"),
        ("raise SystemExit('no')", " calls sys.exit(no); remove that"),
        ("1 / 0", ", line 5: ZeroDivisionError: division by zero; mend the file"),
        ("raise ValueError('a\\nb' * 999)", ", line 5: ValueError: a ba b"),
        ("return 3", " must define get_config() -> ConfigDict"),
        ("c.steps = 2**40", "--config.steps: 1099511627776 is too large; give 2147483647 or less"),
    ],
)
def test_a_wrong_file_is_one_short_line(tmp_path, line, message):
    file = tmp_path / "config.py"
    write(file, line)
    with pytest.raises(UserError) as error:
        config_lib.load(file)
    text = str(error.value)
    where = f"--config: {str(file)!r}"
    assert text.startswith("--config") and message in text
    assert len(text.removeprefix(where)) < 260 and "\n" not in text


@pytest.mark.parametrize("text", ["def get_config(:", "import nothing_of_this_name", "x = 1"])
def test_broken_file(tmp_path, text):
    file = tmp_path / "config.py"
    file.write_text(text)
    with pytest.raises(UserError, match="--config: "):
        config_lib.load(file)


def test_integers_stand_for_numbers_in_a_file(tmp_path):
    file = tmp_path / "config.py"
    write(file, "c.optimizer.gen = dict(name='sgd', learning_rate=1)")
    rate = config_lib.load(file).optimizer.gen.learning_rate
    assert rate == 1.0 and isinstance(rate, float)


def test_a_bare_name_is_of_the_folder_of_configurations(tmp_path, monkeypatch):
    known = config_lib.load(FILE)
    assert config_lib.load("cgan_mnist") == config_lib.load("cgan_mnist.py") == known
    monkeypatch.chdir(tmp_path)
    assert config_lib.load("cgan_mnist") == known
    for wrong in ("configs/cgan_mnist.py", "cgan_minst", "configs/cgan_mnist"):
        with pytest.raises(
            UserError, match=r"no file .* did you mean '/.*/configs/cgan_mnist\.py'"
        ):
            config_lib.load(wrong)
    with pytest.raises(UserError, match="no file 'zzz'; known: cdcgan_mnist, cgan_mnist, "):
        config_lib.load("zzz")


def test_missing_file_names_the_nearest():
    with pytest.raises(UserError, match=r"did you mean 'configs/cgan_mnist\.py'"):
        config_lib.load("configs/cgan_minst.py")


def test_differences_name_each_key():
    old = json.loads(config_lib.to_json(config_lib.load(FILE)))
    new = config_lib.load(FILE, ["--config.seed=3", "--config.gan.width=32"])
    assert config_lib.differences(old, config_lib.load(FILE)) == []
    assert config_lib.differences(old, new) == ["gan.width: 64 -> 32", "seed: 0 -> 3"]


def test_keys_that_an_old_configuration_did_not_know_have_their_defaults():
    old = json.loads(config_lib.to_json(config_lib.load(FILE)))
    del old["dataset"]["pairs"], old["dataset"]["flip"], old["gan"]["dtype"]
    assert config_lib.differences(old, config_lib.load(FILE)) == []
    new = config_lib.load(FILE, ["--config.dataset.flip=True"])
    assert config_lib.differences(old, new) == ["dataset.flip: False -> True"]


def test_crops_are_smaller_than_what_they_are_cropped_from():
    flags = ["--config.dataset.jitter_size=30", "--config.dataset.image_size=32"]
    for given in (flags, flags[:1]):
        with pytest.raises(
            UserError, match=r"--config.dataset.jitter_size: 30 is the size to crop"
        ):
            config_lib.load(FILE, given)


def test_both_players_have_the_optimizer_of_a_pair():
    pair = config_lib.optimizer_pair("adam", learning_rate=1e-3, disc_learning_rate=3e-4, b1=0.5)
    assert pair.gen.to_dict() == {"name": "adam", "learning_rate": 1e-3, "b1": 0.5}
    assert pair.disc.to_dict() == {"name": "adam", "learning_rate": 3e-4, "b1": 0.5}
    assert config_lib.optimizer_pair("sgd", learning_rate=1e-3).disc.learning_rate == 1e-3


@pytest.mark.parametrize(
    "call",
    [
        lambda name: config_lib.load(name),
        lambda name: data.load("x", path=name, pairs="side_by_side"),
        lambda name: data.load("mnist", data_dir=name),
        lambda name: mirflickr.tags_of_images(name),
        lambda name: words.read(name, ["a"]),
    ],
    ids=["config", "pairs", "data_dir", "mirflickr", "words"],
)
def test_names_too_long_for_a_file_are_told(call):
    with pytest.raises(UserError, match="x" * 300):
        call("x" * 300)
