import pytest
from PIL import Image

from examples import gan_1d
from jaxgan.errors import UserError


def test_gan_1d_draws_its_panels(tmp_path):
    out = tmp_path / "gan_1d.png"
    gan_1d.main([f"--out={out}", "--steps=20", "--disc-steps=1"])
    with Image.open(out) as picture:
        assert picture.width > 2 * picture.height and len(picture.getcolors(10**6)) > 10


def test_gan_1d_refuses_less_than_its_panels(tmp_path):
    with pytest.raises(UserError, match="--steps"):
        gan_1d.main([f"--out={tmp_path / 'a.png'}", "--steps=3"])
