import importlib

import pytest
from PIL import Image

from examples import disc_steps, gan_1d, mode_coverage
from jaxgan.errors import UserError

EXAMPLES = {
    "dirac_gan": ["--steps=3"],
    "disc_steps": ["--steps=3", "--seeds=2"],
    "gan_1d": ["--steps=20", "--disc-steps=1"],
    "mode_coverage": ["--steps=2", "--seeds=2"],
    "proposition_2": ["--steps=5"],
    "saturation": ["--steps=3"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_draws_its_figure(name, tmp_path, monkeypatch):
    monkeypatch.setattr(disc_steps, "STEPS", (2,))
    monkeypatch.setattr(mode_coverage, "OBJECTIVES", {"hinge": {"loss": "hinge"}})
    out = tmp_path / "figure.png"
    importlib.import_module(f"examples.{name}").main([f"--out={out}", *EXAMPLES[name]])
    with Image.open(out) as picture:
        assert picture.width > picture.height and len(picture.getcolors(10**6)) > 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_mistakes(name, tmp_path):
    main = importlib.import_module(f"examples.{name}").main
    with pytest.raises(
        UserError, match=r"--out: .*a.bmp' is of an unknown kind; end it in .png, .p"
    ):
        main([f"--out={tmp_path / 'a.bmp'}"])
    with pytest.raises(UserError, match="--steps: 0 is too small; give"):
        main([f"--out={tmp_path / 'a.png'}", "--steps=0"])


def test_gan_1d_refuses_less_than_its_panels(tmp_path):
    with pytest.raises(UserError, match="--steps"):
        gan_1d.main([f"--out={tmp_path / 'a.png'}", "--steps=3"])
