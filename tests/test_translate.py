import html.parser
import shutil
import urllib.parse

import chex
import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import loop, translate, workdir
from jaxgan.errors import UserError

import programs  # isort: skip


def read(file):
    with Image.open(file) as image:
        return np.array(image)


class Page(html.parser.HTMLParser):
    """Collects links and text."""

    def __init__(self, file):
        super().__init__()
        self.images, self.links, self.text = [], [], ""
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data):
        self.text += data


def test_run_shows_rows_and_resumes_bit_for_bit(translator_run, scenes, tmp_path):
    """Jitter included: a checkpoint in the middle goes on to the same parameters."""
    grids = sorted(path.name for path in (translator_run / "samples").iterdir())
    assert grids == ["step_0000000.png", "step_0000003.png", "step_0000004.png"]
    # Rows of input | output | target, 3 in all, side by side as they are small; 8 times as large.
    assert read(translator_run / "samples" / grids[-1]).shape == (8 * 12, 8 * 3 * (32 + 6), 3)
    shutil.copytree(translator_run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "4")
    config = config_lib.load("configs/pix2pix_facades.py", programs.small_pairs(scenes))
    assert loop.train(config, tmp_path / "run") == 0
    states = [workdir.load(folder).state for folder in (translator_run, tmp_path / "run")]
    chex.assert_trees_all_equal(
        *(jax.tree.map(np.asarray, s.replace(key=jax.random.key_data(s.key))) for s in states)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate_every": 2}, "--config.evaluate_every: 2 is for models of noise"),
        (
            {"evaluation.test_split": "none"},
            "--config.evaluation.test_split='none': Unknown",
        ),
        (
            {"dataset.pairs": ""},
            "--config.dataset.direction: 'BtoA' has no effect on single images",
        ),
        ({"dataset.direction": "AB"}, "--config.dataset.direction='AB' is unknown"),
    ],
)
def test_mistakes_of_training(scenes, tmp_path, changes, message):
    flags = programs.small_pairs(scenes, **changes)
    with pytest.raises(UserError, match=f"^{message}"):
        loop.train(config_lib.load("configs/pix2pix_facades.py", flags), tmp_path / "run")


def test_a_folder_of_images(translator_run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    names = ["a<b>.png", "grey & wide.jpg", "ü#.png"]
    for name, size in zip(names, [(8, 8), (30, 20), (9, 12)], strict=True):
        Image.new("L", size, 70).save(folder / name)
    (folder / "readme.txt").write_text("no image")
    out = tmp_path / "out"
    translate.main([f"--workdir={translator_run}", f"--input={folder}", f"--out={out}"])
    page = Page(out / "index.html")
    files = [urllib.parse.unquote(link) for link in page.images]
    assert len(files) == 6 and all(not link.startswith("/") for link in files)
    for file in files:
        assert read(out / file).shape == (8, 8, 3)
    assert all(name in page.text for name in names) and "target" not in page.text
    assert sorted(p.name for p in (out / "output").iterdir()) == [
        "a<b>.png", "grey & wide.png", "ü#.png",
    ]  # fmt: skip


def test_own_sizes_and_targets(translator_run, tmp_path):
    for kind, size in (("in", (21, 13)), ("targets", (40, 40))):
        (tmp_path / kind).mkdir()
        Image.new("RGB", size, (1, 2, 3)).save(tmp_path / kind / "x.png")
    out = tmp_path / "out"
    translate.main(
        [f"--workdir={translator_run}", f"--input={tmp_path / 'in' / 'x.png'}", f"--out={out}",
         f"--target={tmp_path / 'targets'}", "--size=own"]
    )  # fmt: skip
    for title in ("input", "output", "target"):
        assert read(out / title / "x.png").shape == (13, 21, 3)
    assert len(Page(out / "index.html").links) == 3


def test_derived_from_pictures_side_by_side(translator_run, scenes, tmp_path):
    out = tmp_path / "out"
    translate.main(
        [f"--workdir={translator_run}", f"--input={scenes / 'test'}", f"--out={out}", "--derive",
         "--size=own"]
    )  # fmt: skip
    whole = read(scenes / "test" / "0.png")  # facades: from B, at the right, to A
    np.testing.assert_array_equal(read(out / "input" / "0.png"), whole[:, 12:])
    np.testing.assert_array_equal(read(out / "target" / "0.png"), whole[:, :12])


def fake(pairs, image_channels, input_channels, sample, direction="AtoB"):
    config = config_lib.load(
        "configs/pix2pix_edges_mnist.py",
        [f"--config.dataset.pairs={pairs}", f"--config.dataset.direction={direction}"],
    )
    return workdir.Trained(
        config, None, (8, 8, image_channels), None, sample, (8, 8, input_channels)
    )


def test_derived_edges_and_colours(tmp_path):
    file = tmp_path / "photo.png"
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, 8:] = (200, 40, 40)
    Image.fromarray(picture).save(file)

    edges = translate.Translator(fake("edges", 3, 1, None), derive=True, own_size=True)
    source, target = edges.example(file)
    assert source.shape == (16, 16, 1) and (source[:, 7] == 0).all()
    np.testing.assert_array_equal(target, picture)
    photo, drawn = translate.Translator(
        fake("edges", 1, 3, None, "BtoA"), derive=True, own_size=True
    ).example(file)
    np.testing.assert_array_equal(drawn, source)
    np.testing.assert_array_equal(photo, picture)

    for derive in (True, False):
        colours = translate.Translator(fake("colour", 2, 1, None), derive=derive, own_size=False)
        source, target = colours.example(file)
        assert source.shape == (8, 8, 1) and (target is not None) == derive
    target = colours.target(file, source)
    assert target.shape == (8, 8, 2)
    shown, whole = colours.pictures(source, target)
    assert whole.shape == (8, 8, 3) and abs(int(whole[0, -1, 0]) - 200) < 6
    assert np.ptp(shown[0, -1].astype(int)) < 5


def test_unreadable_files(translator_run, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad.png").write_bytes(b"no picture")
    Image.new("RGB", (8, 8)).save(folder / "good.png")
    flags = [f"--workdir={translator_run}", f"--input={folder}", f"--out={tmp_path / 'out'}"]
    with pytest.raises(UserError, match=r"--input: .*bad.png cannot be read .*unreadable=skip"):
        translate.main(flags)
    translate.main([*flags, "--unreadable=skip"])
    out = capsys.readouterr().out
    assert "bad.png" in out and "1 images in" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--input=/none"], "--input: /none does not exist"),
        (["--input=."], r"--input: \. has no images"),
        (["--target=/none"], "--target: /none has no images"),
        (["--batch=-1"], "--batch: -1 is too small; give 1"),
        (["--size=large"], "--size: invalid choice"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
    ],
)
def test_mistakes(translator_run, tmp_path, monkeypatch, flags, message):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "x.jpg")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError, match=message):
        translate.main(
            [f"--workdir={translator_run}", f"--input={tmp_path / 'x.jpg'}", "--out=out", *flags]
        )


def test_pictures_of_both_sides_are_not_cropped_through_the_middle(translator_run, tmp_path):
    Image.new("RGB", (24, 12)).save(tmp_path / "both.png")
    Image.new("RGB", (12, 12)).save(tmp_path / "one.png")
    flags = [f"--workdir={translator_run}", f"--out={tmp_path / 'out'}"]
    with pytest.raises(UserError, match=r"both.png has 24x12 pixels, twice the .* give --derive"):
        translate.main([*flags, f"--input={tmp_path / 'both.png'}"])
    message = r"one.png cannot be read as a pair \(12x12 pixels are not two images of one size"
    with pytest.raises(UserError, match=message):
        translate.main([*flags, f"--input={tmp_path / 'one.png'}", "--derive"])


def test_transparency_and_strange_names(translator_run, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGBA", (8, 8)).save(folder / "clear.png")
    (folder / "no\x1b[31m\n.png").write_bytes(b"no picture")
    (folder / "dangling.gif").symlink_to("none")
    out = tmp_path / "out"
    translate.main(
        [f"--workdir={translator_run}", f"--input={folder}", f"--out={out}", "--unreadable=skip"]
    )
    assert (read(out / "input" / "clear.png") == 255).all()
    said = capsys.readouterr().out
    assert r"no\x1b[31m\n.png" in said and "dangling.gif" in said and "\x1b" not in said


def test_inputs_that_no_image_file_has(tmp_path):
    with pytest.raises(UserError, match="--workdir: its inputs have 5 channels"):
        translate.Translator(fake("file", 3, 5, None), derive=False, own_size=False)
    with pytest.raises(UserError, match="--derive: has no effect on a run with pairs of a file"):
        translate.Translator(fake("file", 3, 3, None), derive=True, own_size=False)


def test_pairs_are_for_translators_alone(digits_file, tmp_path):
    flags = programs.small(digits_file, **{"dataset.pairs": "edges"})
    with pytest.raises(UserError, match=r"--config\.dataset\.pairs: 'edges' has no effect on cgan"):
        loop.train(config_lib.load(programs.CONFIG, flags), tmp_path / "run")
