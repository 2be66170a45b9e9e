import html.parser
import json

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import data, evaluate, loop, sample, tag
from jaxgan.errors import UserError
from jaxgan.tagging import dataset
from jaxgan.tagging import evaluate as tag_evaluate
from jaxgan.tagging import words as word_vectors

CONFIG = "configs/cgan_tags_mnist.py"


def flags(mnist_dir, **changes):
    values = {
        "dataset.data_dir": mnist_dir,
        "dataset.split": "test[:200]",
        "dataset.tags.size": 8,
        "dataset.tags.min_count": 1,
        "batch_size": 8,
        "steps": 2,
        "log_every": 1,
        "gan.gen_units": "(8,8)",
        "gan.disc_units": "(8,8)",
        "gan.maxout": "(8,2)",
        "gan.penalty_weight": 0.0,
        **changes,
    }
    if "dataset.tags.vectors" in values:  # which have a size
        del values["dataset.tags.size"]
    return [f"--config.{key}={value}" for key, value in values.items()]


@pytest.fixture(scope="module")
def run(tmp_path_factory, mnist_dir):
    """The work folder of a run on tagged digits."""
    pytest.importorskip("gensim")
    folder = tmp_path_factory.mktemp("runs") / "tags"
    assert loop.train(config_lib.load(CONFIG, flags(mnist_dir)), folder) == 0
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    pixels = np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8)
    for name, image in zip(("a", "b <&>", "c"), pixels, strict=True):
        Image.fromarray(image).save(folder / f"{name}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_batches_pair_words_with_the_features_of_their_images(mnist_dir):
    options = config_lib.load(CONFIG, flags(mnist_dir)).dataset
    corpus = dataset.corpus(options, options.split)
    known = word_vectors.frequent(corpus.tags, 1)
    vectors = np.random.default_rng(0).normal(size=(len(known), 8))
    words = word_vectors.scaled(known, vectors)
    found = dataset.load(options, words)
    assert found.num_examples == sum(map(len, corpus.tags)) and found.image_shape == (1, 1, 8)
    batch = next(data.batches(found, seed=0, batch_size=8, disc_steps=2))
    assert batch["image"].shape == (2, 8, 1, 1, 8) and batch["feature"].shape == (2, 8, 128)
    assert set(batch) == {"image", "feature"}
    batch = jax.tree.map(np.asarray, batch)
    for image, feature in zip(batch["image"][0], batch["feature"][0], strict=True):
        (word,) = np.flatnonzero((words.vectors == np.ravel(image)).all(1))
        owners = np.flatnonzero((found.features == feature).all(1))
        assert any(words.words[word] in corpus.tags[i] for i in owners)
    example = found.read(5)
    np.testing.assert_array_equal(example["feature"], found.features[found.feature_index[5]])


def test_a_run_resumes_with_its_own_words_and_without_gensim(run, mnist_dir, monkeypatch):
    monkeypatch.setattr(
        word_vectors, "train", lambda *args, **options: pytest.fail("trained again")
    )
    assert loop.train(config_lib.load(CONFIG, flags(mnist_dir)), run) == 0


def test_a_run_on_mirflickr_with_features_and_vectors_from_files(tmp_path, capsys):
    pytest.importorskip("gensim")
    root = tmp_path / "flickr"
    for folder in ("meta/tags", "annotations"):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1, 7):
        size = (20 + number, 30)
        Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(root / f"im{number}.jpg")
        (root / f"meta/tags/tags{number}.txt").write_text("sea\nsky\n" if number % 2 else "cat\n")
    (root / "annotations/animals.txt").write_text("2\n4\n6\n")
    names = np.array([f"im{number}" for number in range(1, 7)])
    np.savez(tmp_path / "f.npz", feature=rng.normal(size=(6, 4)), name=names)
    (tmp_path / "v.vec").write_text("4 2\nsea 1 0\nsky 1 1\ncat -1 0\nanimals -1 1\n")
    changes = {
        "dataset.path": root,
        "dataset.split": "train",
        "dataset.tags.features": tmp_path / "f.npz",
        "dataset.tags.vectors": tmp_path / "v.vec",
    }
    options = [flag for flag in flags(tmp_path, **changes) if "joint" not in flag]
    config = config_lib.load("configs/cgan_tags_mirflickr.py", options)
    folder = tmp_path / "run"
    rare = config_lib.load(
        "configs/cgan_tags_mirflickr.py", [*options, "--config.dataset.tags.min_count=7"]
    )
    with pytest.raises(UserError, match=r"min_count=7: no word is a tag of so many images"):
        loop.train(rare, folder)
    assert loop.train(config, folder) == 0
    assert (
        f"Tags: python -m jaxgan.tag --input=FOLDER --workdir={folder}" in capsys.readouterr().out
    )
    assert set(word_vectors.load(folder / "words.npz").words) == {"sea", "sky", "cat", "animals"}
    arguments = [f"--workdir={folder}", f"--input={root}", f"--out={tmp_path / 'tags.json'}"]
    arguments += ["--nearest=2", "--common=2"]
    with pytest.raises(UserError, match=r"--features: the run was trained on features from"):
        tag.main(arguments)
    tag.main([*arguments, f"--features={tmp_path / 'f.npz'}"])
    assert len(json.loads((tmp_path / "tags.json").read_text())["images"]) == 6


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.text = [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.sources += [attributes[key] for key in ("src", "href") if key in attributes]

    def handle_data(self, data):
        self.text.append(data)


def test_page_and_json(run, images, tmp_path, capsys):
    arguments = [f"--workdir={run}", f"--input={images}", "--samples=5", "--common=4"]
    tag.main([*arguments, f"--out={tmp_path / 'new/tags.html'}"])
    assert "3 images" in capsys.readouterr().out
    table = json.loads((tmp_path / "new/tags.json").read_text())
    rows = table["images"]
    assert [row["image"] for row in rows] == [
        str(images / name) for name in ("a.png", "b <&>.png", "c.png")
    ]
    known = word_vectors.load(run / "words.npz").words
    assert all(len(set(row["tags"])) == 4 and set(row["tags"]) <= set(known) for row in rows)
    assert table["step"] == 2 and table["samples"] == 5
    page = Page()
    page.feed((tmp_path / "new/tags.html").read_text())
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "b <&>.png" in page.text and set(rows[0]["tags"]) <= set(page.text)
    tag.main(
        [
            *arguments[:1],
            f"--input={images / 'a.png'}",
            *arguments[2:],
            "--out",
            *[str(tmp_path / "one.json")],
        ]
    )
    assert len(json.loads((tmp_path / "one.json").read_text())["images"]) == 1


def test_measures_beside_baselines(run, capsys):
    options = [f"--workdir={run}", "--test-split=test[200:300]", "--samples=5"]
    tag_evaluate.main(options)
    result = json.loads((run / "tagging.json").read_text())
    assert result["protocol"]["images"] == 100 and result["protocol"]["step"] == 2
    rows = result["true words"]
    for name in ("GAN", "most frequent tags", "1 nearest training image"):
        assert 0 <= rows[name]["recall"] <= rows["greatest recall"] <= 1
    assert rows["100 nearest training images"]["precision"] > rows["GAN"]["precision"]
    assert 1 <= result["diversity"]["GAN"]["words"] <= 5
    assert len(result["diversity"]) == 2
    assert "precision@10" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out=tags.txt"], "--out: 'tags.txt' is of an unknown kind; end it in .html or .json"),
        (["--input=none"], "--input: none does not exist; give an image or a folder"),
        (["--input=docs/../tests/nn"], "has no images; give a folder with files of"),
        (["--seed=-1"], "--seed: -1 is too small"),
        (["--features=f.npz"], "--features: has no effect on a run with features of classifier"),
        (["--nearest=0"], "--nearest: 0 is too small"),
    ],
)
def test_refusals(run, images, arguments, message):
    with pytest.raises(UserError, match=message):
        tag.main([f"--workdir={run}", f"--input={images}", *arguments])


def test_other_programs_refuse_a_run_on_tags(run, tmp_path):
    message = "is a run on tags; use python -m jaxgan.tag"
    with pytest.raises(UserError, match=message):
        sample.main([f"--workdir={run}", f"--out={tmp_path / 'x.png'}"])
    with pytest.raises(UserError, match=message):
        evaluate.main([f"--workdir={run}", "--overwrite"])
    with pytest.raises(UserError, match=r"--test-split: 50 images of 'test.150:250.' are of 'test"):
        tag_evaluate.main([f"--workdir={run}", "--test-split=test[150:250]", "--overwrite"])


def test_refusals_of_configurations(mnist_dir, tmp_path):
    def train(config=CONFIG, **changes):
        loop.train(config_lib.load(config, flags(mnist_dir, **changes)), tmp_path / "run")

    flickr = "configs/cgan_tags_mirflickr.py"
    with pytest.raises(UserError, match=r"--config.dataset.path='': give the folder of MIR Flick"):
        train(flickr)
    with pytest.raises(UserError, match="features='classifier' is of digits"):
        train(flickr, **{"dataset.path": tmp_path, "dataset.tags.features": "classifier"})
    with pytest.raises(UserError, match=r"--config.dataset.tags.features='vgg' is unknown"):
        train(**{"dataset.tags.features": "vgg"})
    with pytest.raises(UserError, match=r"--config.dataset.name='mnist' has no tags; known: mir"):
        train(**{"dataset.name": "mnist"})
    with pytest.raises(UserError, match=r"--config.dataset.image_size: 32 has no effect"):
        train(**{"dataset.image_size": 32})
    pytest.importorskip("gensim")
    with pytest.raises(UserError, match=r"--config.evaluate_every: 2 is for images; give 0 and"):
        train(evaluate_every=2)
