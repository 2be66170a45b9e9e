"""The bounds of dependencies and the lock file agree, on the Python that runs the tests."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, SETUPTOOLS = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]


def requirements(lines):
    """Returns {name: requirement} of lines, of those that hold here."""
    found = [Requirement(line) for line in lines]
    here = [r for r in found if not r.marker or r.marker.evaluate()]
    return {r.name.lower().replace("_", "-"): r for r in here}


def locked():
    """Returns {name: (version, hashes)} of constraints.txt."""
    text = (ROOT / "constraints.txt").read_text().replace("\\\n", "")
    lines = [line.split("--hash=sha256:") for line in text.splitlines() if "==" in line]
    hashes = {str(Requirement(pin)): [x.strip() for x in found] for pin, *found in lines}
    pins = requirements(hashes)
    return {name: (str(pin.specifier)[2:], hashes[str(pin)]) for name, pin in pins.items()}


def test_every_dependency_is_locked_within_its_bounds():
    extras = PROJECT["optional-dependencies"]
    wanted = requirements(PROJECT["dependencies"] + extras["test"] + extras["svm"] + extras["tags"])
    pins = locked()
    for name, requirement in wanted.items():
        version, hashes = pins[name]
        assert requirement.specifier.contains(version), (name, version)
        assert hashes and all(len(x) == 64 for x in hashes), name
    assert "torch" not in pins  # whose file depends on the machine


def test_requirements_have_the_bounds_of_the_package():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    by_hand = requirements(line for line in lines if not line.startswith("#"))
    of_package = requirements(PROJECT["dependencies"])
    assert {n: r.specifier for n, r in by_hand.items()} == {
        n: r.specifier for n, r in of_package.items()
    }
    assert not of_package["jax"].specifier.contains("0.10.2")


def test_the_package_has_its_licences_and_type_marker():
    assert PROJECT["license"] == "Apache-2.0"
    titles = {name: (ROOT / name).read_text() for name in PROJECT["license-files"]}
    assert "Apache License" in titles["LICENSE"]
    assert "Share Alike 3.0" in titles["jaxgan/data/mnist/LICENSE.txt"]
    assert (ROOT / "jaxgan/py.typed").exists() and "py.typed" in SETUPTOOLS["package-data"]["*"]
