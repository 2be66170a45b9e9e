import numpy as np
import pytest

from jaxgan import data
from jaxgan.metrics import classifier


@pytest.fixture(scope="module")
def mnist_test(tmp_path_factory):
    return data.load("mnist", split="test", data_dir=tmp_path_factory.mktemp("tfds"))


def test_shipped_weights_reach_the_stated_accuracy(mnist_test):
    variables, checksum = classifier.load()
    assert len(checksum) == 64
    features, probabilities = classifier.predict(variables, mnist_test.images)
    assert features.shape == (10_000, 128) and probabilities.shape == (10_000, 10)
    assert np.mean(probabilities.argmax(1) == mnist_test.labels) >= 0.993


def test_padding_of_the_last_batch_does_not_count(mnist_test):
    variables, _ = classifier.load()
    features, _ = classifier.predict(variables, mnist_test.images[:7], batch=5)
    whole, _ = classifier.predict(variables, mnist_test.images[:7], batch=7)
    np.testing.assert_allclose(features, whole, atol=1e-5)


def test_training_program_learns_and_its_file_reads_back(mnist_test, tmp_path):
    images, labels = mnist_test.images[:2000], mnist_test.labels[:2000]
    variables = classifier.train(images, labels, epochs=6, batch=25)
    classifier.save(variables, tmp_path / "weights.npz")
    loaded, _ = classifier.load(tmp_path / "weights.npz")
    _, probabilities = classifier.predict(loaded, mnist_test.images[8000:])
    assert np.mean(probabilities.argmax(1) == mnist_test.labels[8000:]) > 0.9
