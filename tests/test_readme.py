import ast
import importlib
import pathlib
import re
import shlex
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from jaxgan import cli, config
from jaxgan.base import Players
from jaxgan.state import init_state
from jaxgan.step import make_train_step

PAGES = [
    *map(pathlib.Path, ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted(pathlib.Path("docs").rglob("*.md")),
]
BLOCKS = [
    text
    for page in PAGES
    for text in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
]
COMMANDS = [
    re.sub(r"[][]|\|\S+| &$", "", line.partition(" #")[0].strip())  # [optional], one|another
    for page in PAGES
    for text in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL)
    for line in text.replace("\\\n", " ").splitlines()
    if line.startswith("python ") and not line.startswith("python -m pytest")
]


def block(word):
    (found,) = (text for text in BLOCKS if word in text)
    return found


VALUE = re.compile(r"^(\w+\.\S+\(.*\))  # (\[.*?\]|-?[\d.]+)", re.MULTILINE)
SHORTER = {  # a block that trains is given fewer steps
    '"--config.population.seeds=4"': '"--config.population.seeds=4", "--config.steps=1"',
}


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.strip().splitlines()[-1][:40])
def test_blocks_run_as_printed(text, tmp_path, monkeypatch):
    """Values in comments, `[1, 2]` or `1`, are the values of their lines."""
    if "FOLDER" in text:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "FOLDER").mkdir()
        Image.new("L", (40, 50)).save(tmp_path / "FOLDER" / "1.jpg")
    for word, replacement in SHORTER.items():
        text = text.replace(word, replacement)
    names = {}
    exec(text, names)
    for line, values in VALUE.findall(text):
        np.testing.assert_allclose(eval(line, names), ast.literal_eval(values), atol=1e-3)
    if "make_train_step" in text:
        assert int(names["state"].step) == 1 and jnp.isfinite(names["metrics"]["disc_loss"])
    if "mine.npz" in text:
        assert np.load("mine.npz")["image"].shape == (1, 32, 32, 3)


def test_values_in_comments_are_found():
    assert sum(bool(VALUE.search(text)) for text in BLOCKS) == 2


def test_a_gan_of_ones_own_learns():
    """Under twenty lines; its samples come to where the points are."""
    text = block("hinge_disc")
    assert len([line for line in text.splitlines()[4:] if line.strip()]) < 20
    names = {}
    exec(text, names)
    gan, adam = names["gan"], optax.adam(2e-3, b1=0.5)
    step = make_train_step(gan, Players(adam, adam))
    batch = {"image": 3 + 0.1 * jax.random.normal(jax.random.key(1), (1, 64, 2))}
    first = {"image": batch["image"][0]}
    state = init_state(gan, Players(adam, adam), jax.random.key(0), first)
    label = jnp.zeros(100, jnp.int32)

    def far():
        fakes = gan.sample(state.params.gen, state.variables, jax.random.key(2), label)
        return float(jnp.abs(jnp.mean(fakes, 0) - 3).max())

    assert far() > 1.5
    run = jax.jit(lambda state: jax.lax.fori_loop(0, 300, lambda _, s: step(s, batch)[0], state))
    state = run(state)
    assert far() == pytest.approx(0, abs=0.5)


class Parsed(Exception):
    pass


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_commands_of_the_documentation_are_understood(command, monkeypatch):
    """Up to the files and folders that they name."""
    parse = cli.Parser.parse_known_args

    def parse_alone(self, args=None, namespace=None):
        args, rest = parse(self, args, namespace)
        if self.prog == program:
            if self.check_overrides(rest):
                config.load(args.config, rest)
            raise Parsed
        return args, rest

    words = shlex.split(command)
    name = words[2] if words[1] == "-m" else words[1].removesuffix(".py")
    program = " ".join(words[1:2] if words[1] == "train.py" else words[:3])
    module = importlib.import_module(f"{name}.__main__" if name == "benchmarks" else name)
    monkeypatch.setattr(cli.Parser, "parse_known_args", parse_alone)
    with pytest.raises(Parsed):
        module.main(words[words.index(name if words[1] == "-m" else words[1]) + 1 :])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert "://" in link or (page.parent / link).exists(), link


def test_readme_is_short():
    assert len(pathlib.Path("README.md").read_text().splitlines()) <= 120


def test_there_are_commands():
    assert len(COMMANDS) > 30


def test_make_tells_how_to_enter_the_environment_that_has_pip():
    command = ["make", "--no-print-directory", "-n", "-B", "train"]  # also when make runs the tests
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = out.stdout.splitlines()
    assert "source .venv/bin/activate" in lines[-1]
    assert any("pip --python .venv/bin/python" in x and " constraints.txt" in x for x in lines)
    assert "\npip==" in pathlib.Path("constraints.txt").read_text()
    assert "\nsource .venv/bin/activate " in pathlib.Path("README.md").read_text()
