import numpy as np
import pytest

from jaxgan import data
from jaxgan.metrics import classifier


@pytest.fixture(scope="module")
def mnist_test(mnist_dir):
    return data.load("mnist", split="test", data_dir=mnist_dir)


def test_shipped_weights_reach_the_stated_accuracy(mnist_test):
    variables, checksum = classifier.load()
    assert len(checksum) == 64
    assert classifier.accuracy(variables, mnist_test.images, mnist_test.labels) >= 0.994


def test_training_program_learns(mnist_test):
    images, labels = mnist_test.images[:2000], mnist_test.labels[:2000]
    variables = classifier.train(images, labels, epochs=6, batch=25)
    assert classifier.accuracy(variables, mnist_test.images[8000:], mnist_test.labels[8000:]) > 0.9


def test_accuracy_score_tells_right_labels_from_wrong_ones(mnist_test):
    images, labels = mnist_test.images[:1000], mnist_test.labels[:1000]
    held_out = mnist_test.images[9000:], mnist_test.labels[9000:]
    score = classifier.classification_accuracy_score(images, labels, *held_out)
    wrong = classifier.classification_accuracy_score(images, (labels + 1) % 10, *held_out)
    assert score > 0.8 and wrong < 0.1


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((200, 28, 28, 3), np.uint8), np.zeros(200, int), r"^images: shape"),
        (np.zeros((200, 28, 28, 1)), np.zeros(200, int), "images: float64 from 0 to 0 is not"),
        (np.zeros((200, 28, 28, 1), np.uint8), np.full(200, 10), "labels: 10 to 10"),
        (np.zeros((20, 28, 28, 1), np.uint8), np.zeros(20, int), "images: 20 are too few"),
    ],
)
def test_mistakes(images, labels, message):
    with pytest.raises(ValueError, match=message):
        classifier.classification_accuracy_score(images, labels, images, labels)
