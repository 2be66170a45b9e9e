import numpy as np
import pytest

from jaxgan import data
from jaxgan.tagging import digits


def drawing(*boxes):
    image = np.zeros((28, 28, 1), np.uint8)
    for top, left, bottom, right, level in boxes:
        image[top:bottom, left:right] = level
    return image


RING = drawing((4, 8, 24, 20, 255), (8, 11, 20, 17, 0))
EIGHT = drawing((4, 8, 24, 20, 255), (7, 11, 12, 17, 0), (15, 11, 21, 17, 0))
BAR = drawing((4, 13, 24, 15, 255))
FLAT = drawing((4, 4, 12, 26, 255), (12, 4, 24, 5, 255))
IMAGES = np.stack([RING, EIGHT, BAR, FLAT])
LABELS = np.array([0, 8, 1, 7])


def words_of(row):
    return {word for word, true in zip(digits.VOCABULARY, row, strict=True) if true}


def test_the_vocabulary_is_large_and_without_repetition():
    assert len(digits.VOCABULARY) == len(set(digits.VOCABULARY)) == 150
    assert not any(" " in word for word in digits.VOCABULARY)


def test_loops_are_counted():
    np.testing.assert_array_equal(digits.loops(IMAGES), [1, 2, 0, 0])


def test_words_by_label():
    found = [words_of(row) for row in digits.holds(IMAGES, LABELS)]
    zero, eight, one, seven = found
    assert {"zero", "null", "0", "even", "square", "cube", "small", "beside-one"} <= zero
    assert not {"prime", "composite", "odd", "beside-zero", "large"} & zero
    assert {"eight", "ocho", "eighth", "composite", "beside-seven", "beside-nine"} <= eight
    assert {"one", "egy", "odd", "triangular", "beside-zero", "beside-two"} <= one
    assert "prime" not in one and {"prime", "large", "odd"} <= seven


def test_words_by_pixels():
    zero, eight, one, seven = (words_of(row) for row in digits.holds(IMAGES, LABELS))
    assert {"loop", "hole", "upright"} <= zero and not {"double-loop", "open"} & zero
    assert {"loop", "double-loop", "thick", "bold"} <= eight
    assert {"open", "loopless", "thin", "narrow", "upright", "balanced"} <= one
    assert {"wide", "top-heavy"} <= seven and not {"narrow", "bottom-heavy"} & seven
    leaning = np.zeros((1, 28, 28, 1), np.uint8)
    for y in range(4, 24):
        leaning[0, y, 20 - y // 2 : 23 - y // 2] = 255
    (row,) = digits.holds(leaning, np.array([1]))
    assert {"slanted", "italic"} <= words_of(row)
    assert not {"upright", "backhand"} & words_of(row)
    assert not set(digits.UNRELATED) & (zero | eight | one | seven)


def test_user_tags_are_few_mostly_true_and_repeatable():
    holding = np.tile(digits.holds(IMAGES, LABELS), (250, 1))
    tags = digits.user_tags(holding, np.random.default_rng(0))
    assert tags == digits.user_tags(holding, np.random.default_rng(0))
    assert all(1 <= len(row) <= 12 and len(set(row)) == len(row) for row in tags)
    truth = [words_of(row) for row in holding]
    true = np.mean([word in known for row, known in zip(tags, truth, strict=True) for word in row])
    assert 0.88 < true < 0.96  # a tenth is replaced, some of it by true words
    clean = digits.user_tags(holding, np.random.default_rng(0), noise=0.0)
    assert all(set(row) <= known for row, known in zip(clean, truth, strict=True))


def test_images_without_ink_do_no_harm():
    with np.errstate(all="raise"):
        (row,) = digits.holds(np.zeros((1, 28, 28, 1), np.uint8), np.array([3]))
    assert {"three", "thin", "open"} <= words_of(row)


def test_a_split_of_mnist(mnist_dir):
    found = digits.read("test[:50]", mnist_dir)
    labels = data.load("mnist", split="test[:50]", data_dir=mnist_dir).labels
    assert found.images.shape == (50, 28, 28, 1) and found.names[3] == "test[:50] 3"
    assert len(found.tags) == len(found.truth) == 50
    assert all(str(label) in row for label, row in zip(labels, found.truth, strict=True))
    assert found.tags == digits.read("test[:50]", mnist_dir).tags
    assert found.tags != digits.read("test[:50]", mnist_dir, seed=1).tags


@pytest.mark.parametrize("kind", [digits.BY_PIXELS, tuple(digits.BY_LABEL)])
def test_many_words_of_both_kinds(kind):
    assert len(set(kind)) >= 50
