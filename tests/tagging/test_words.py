import gzip
import importlib.util
import io
import struct

import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.tagging import words

TAGS = [("sea", "sky", "sea"), ("sky", "blue"), ("blue", "sky", "rare"), ("sea", "sky")]
TEXT = "3 2\nsea 3 4\nsky 0 2\nrock -1 0\n"


def test_vectors_have_the_length_of_the_root_of_their_dimensions():
    found = words.scaled(["a", "none", "b"], np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -7.0]]))
    assert found.words == ("a", "b")
    np.testing.assert_allclose(found.vectors, np.sqrt(2) * np.array([[0.6, 0.8], [0, -1]]), 1e-6)
    with pytest.raises(ValueError, match="vectors: not all values are finite"):
        words.scaled(["a"], np.array([[np.nan, 1.0]]))


def test_frequency_counts_images_and_not_repetitions():
    assert words.frequent(TAGS, 2) == ["sky", "blue", "sea"]  # 4, then 2 and 2 by name
    assert words.frequent(TAGS, 1) == ["sky", "blue", "sea", "rare"]
    assert words.frequent(TAGS, 9) == []


def test_round_trip_through_a_file(tmp_path):
    found = words.scaled(["été", "b"], np.eye(2))
    words.save(found, tmp_path / "words.npz")
    again = words.load(tmp_path / "words.npz")
    assert again.words == found.words
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert [file.name for file in tmp_path.iterdir()] == ["words.npz"]
    with pytest.raises(UserError, match=r"--workdir: .*none.npz cannot be read"):
        words.load(tmp_path / "none.npz")
    (tmp_path / "bad.npz").write_text("no")
    with pytest.raises(UserError, match=r"bad.npz is damaged or not a .npz file; train in an"):
        words.load(tmp_path / "bad.npz")


def test_text_files_of_word2vec_and_fasttext(tmp_path):
    pytest.importorskip("gensim")
    (tmp_path / "v.vec").write_text(TEXT)
    with gzip.open(tmp_path / "v.txt.gz", "wt") as file:
        file.write(TEXT)
    for name in ("v.vec", "v.txt.gz"):
        found = words.read(tmp_path / name, ["sky", "tree", "sea"])
        assert found.words == ("sky", "sea")
        np.testing.assert_allclose(found.vectors, 2**0.5 * np.array([[0, 1], [0.6, 0.8]]), 1e-6)


def test_binary_files_of_word2vec(tmp_path):
    pytest.importorskip("gensim")
    rows = {b"sea": [3, 4], b"sky": [0, 2]}
    content = b"2 2\n" + b"".join(
        word + b" " + np.array(row, np.float32).tobytes() + b"\n" for word, row in rows.items()
    )
    (tmp_path / "v.bin").write_bytes(content)
    found = words.read(tmp_path / "v.bin", ["sea"])
    np.testing.assert_allclose(found.vectors, 2**0.5 * np.array([[0.6, 0.8]]), 1e-6)
    (tmp_path / "short.bin").write_bytes(content[:-7])
    with pytest.raises(UserError, match=r"short.bin' is damaged or not of word2vec's binary"):
        words.read(tmp_path / "short.bin", ["sea"])


def test_refusals_of_files(tmp_path):
    pytest.importorskip("gensim")
    with pytest.raises(UserError, match=r"dataset.tags.vectors='.*none.vec' is no file"):
        words.read(tmp_path / "none.vec", ["sea"])
    (tmp_path / "v.vec").write_text(TEXT)
    with pytest.raises(UserError, match="has none of the 1 tags of the data among its 3 words"):
        words.read(tmp_path / "v.vec", ["tree"])
    for text in ("", "hello\n", "2 2\nsea 1\n"):
        (tmp_path / "bad.vec").write_text(text)
        with pytest.raises(UserError, match=r"bad.vec' is damaged or not of word2vec's text"):
            words.read(tmp_path / "bad.vec", ["sea"])


def test_words_that_occur_together_are_near_and_training_is_repeatable():
    pytest.importorskip("gensim")
    rng = np.random.default_rng(0)
    groups = [["a", "b", "c", "d"], ["w", "x", "y", "z"]]
    tags = [tuple(rng.choice(groups[i % 2], 3, replace=False)) for i in range(2000)]
    found = words.train(tags, size=8, min_count=5)
    assert sorted(found.words) == sorted([*groups[0], *groups[1]])
    cosine = found.vectors @ found.vectors.T / 8
    for i, word in enumerate(found.words):
        near = {found.words[j] for j in np.argsort(-cosine[i])[:4]}
        assert near == set(groups[word in groups[1]])
    again = words.train(tags, size=8, min_count=5)
    np.testing.assert_array_equal(again.vectors, found.vectors)


def test_refusals_of_training(monkeypatch):
    with pytest.raises(UserError, match=r"dataset.tags.size=0: give 1 dimension or more"):
        words.train(TAGS, size=0, min_count=1)
    with pytest.raises(UserError, match=r"dataset.tags.min_count=9: no image has two tags"):
        words.train(TAGS, size=2, min_count=9)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^dataset.tags.vectors='' needs gensim; pip install gen"):
        words.train(TAGS, size=2, min_count=1)


def test_binary_files_of_fasttext(tmp_path):
    fasttext = pytest.importorskip("gensim.models.fasttext")
    sentences = [["sea", "sand"], ["sea", "sky"], ["sky", "sand"]] * 5
    model = fasttext.FastText(sentences, vector_size=4, min_count=1, epochs=1, seed=0, workers=1)
    fasttext.save_facebook_model(model, str(tmp_path / "v.bin"))
    found = words.read(tmp_path / "v.bin", ["sky", "sea", "tree"])
    assert found.words == ("sky", "sea")
    expected = np.stack([model.wv["sky"], model.wv["sea"]])
    expected *= 2 / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, expected, rtol=1e-3)


@pytest.mark.parametrize(("value", "message"), [("nan", "not finite"), ("0", "nothing but zeros")])
def test_vectors_of_no_use(tmp_path, value, message):
    pytest.importorskip("gensim")
    (tmp_path / "v.txt").write_text(f"1 2\nsea {value} {value}\n")
    with pytest.raises(UserError, match=rf"dataset\.tags\.vectors=.* {message}"):
        words.read(tmp_path / "v.txt", ["sea"])


@pytest.fixture(scope="module")
def sound_files():
    """Files of every format, by the ending of their names."""
    fasttext = pytest.importorskip("gensim.models.fasttext")
    rng = np.random.default_rng(0)
    names = [f"w{i}" for i in range(20)]
    rows = rng.normal(size=(20, 4)).astype(np.float32)
    lines = [" ".join([name, *map(str, row)]) for name, row in zip(names, rows, strict=True)]
    text = ("20 4\n" + "\n".join(lines) + "\n").encode()
    pairs = zip(names, rows, strict=True)
    binary = b"20 4\n" + b"".join(n.encode() + b" " + row.tobytes() + b"\n" for n, row in pairs)
    model = fasttext.FastText(
        [names] * 5, vector_size=4, min_count=1, epochs=1, bucket=50, workers=1
    )
    packed = io.BytesIO()
    fasttext.save_facebook_model(model, packed)
    return {
        "a.vec": text,
        "a.bin": binary,
        "b.bin": packed.getvalue(),
        "a.txt.gz": gzip.compress(text),
        "a.bin.gz": gzip.compress(binary),
    }


@pytest.mark.filterwarnings("ignore")  # of gensim and NumPy, on what damaged files hold
def test_damaged_files_are_one_line(sound_files, tmp_path):
    rng, refused = np.random.default_rng(1), 0
    for name, content in sound_files.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert len(words.read(path, ["w3", "w4"]).words) == 2
        for _ in range(60):
            damaged = bytearray(content)
            start, stop = sorted(rng.integers(0, min(len(content), 1000), 2).tolist())
            kind = rng.integers(4)
            if kind == 0:
                damaged = damaged[:start]
            elif kind == 1:
                del damaged[start:stop]
            elif kind == 2:
                damaged[start] = rng.integers(256)
            else:
                damaged[start : start + 4] = rng.integers(0, 256, 4, np.uint8).tobytes()
            path.write_bytes(damaged)
            try:
                words.read(path, ["w3", "w4"])
            except UserError as error:
                refused += 1
                assert str(error).isprintable() and "dataset.tags.vectors=" in str(error)
    assert refused > 100


def test_words_without_an_end(tmp_path):
    long = b"x" * 5_000_000
    fields = struct.pack("<2i12id3i2q", 793712314, 12, *range(1, 13), 0.1, 2, 2, 0, 9, -1)
    for name, content in {
        "a.vec": b"2 2\n" + long,
        "a.bin": b"2 2\n" + long,
        "b.bin": fields + long,
        "c.bin": fields + b"sea",
        "d.vec": b"99999999 9999999\nsea 1 2\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=rf"{name}' is damaged or not of word2vec's"):
            words.read(tmp_path / name, ["sea"])
