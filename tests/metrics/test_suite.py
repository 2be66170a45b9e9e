import numpy as np
import pytest

from jaxgan import data, evaluate
from jaxgan.errors import UserError
from jaxgan.metrics import networks, suite

NUM = 1500


@pytest.fixture(scope="module")
def network():
    return networks.load("classifier")


@pytest.fixture(scope="module")
def options(mnist_dir):
    keys = {"name": "mnist", "path": None, "split": "train[:6000]", "image_size": None}
    return keys | {"data_dir": mnist_dir}


def real_data(options, network, test="test[:3000]", valid="", shape=(28, 28, 1), names=("parzen",)):
    splits = {"test": test, "valid": valid}
    return suite.real_data(options, splits, shape, names, network, flags=evaluate.FLAGS)


@pytest.fixture(scope="module")
def reference(network, options):
    return real_data(options, network)


@pytest.fixture(scope="module")
def held_out(options):
    """Real images that are neither in the training nor in the test images of the reference."""
    return data.load("mnist", split="test[5000:6500]", data_dir=options["data_dir"])


ALL = ("frechet", "kernel", "inception_score", "modified_score", "manifold", "memorisation")


def test_new_real_images_are_as_good_as_the_floor(network, reference, held_out):
    candidate = suite.make_candidate(held_out.images, held_out.labels, network)
    names = (*ALL, "modes", "agreement")
    mine, real = suite.measure(candidate, reference, names), suite.floors(reference, names, NUM)
    assert mine.keys() == real.keys() == suite.values_of(names, "classifier-").keys()
    assert mine["classifier-FID"] < 2 * real["classifier-FID"]
    assert abs(mine["classifier-KID"]) < 3e-4 < mine["classifier-KID_std"]
    for name in ("precision", "recall", "coverage", "density", "agreement", "memorisation"):
        assert abs(mine[name] - real[name]) < 0.06, name
    assert real["memorisation"] == pytest.approx(0.5, abs=0.02)
    assert mine["agreement"] > 0.99 and mine["modes"] == 10
    assert 7 < mine["classifier-IS"] < 10


def test_collapse_and_copies_show(network, reference):
    first = [int(np.flatnonzero(reference.train.label == d)[0]) for d in range(10)]
    images = reference.train.images[first].repeat(NUM // 10, 0)
    label = np.arange(10).repeat(NUM // 10)
    names = ("frechet", "manifold", "memorisation", "agreement")
    found = suite.measure(suite.make_candidate(images, label, network), reference, names)
    assert found["agreement"] > 0.95
    assert found["recall"] < 0.05 and found["coverage"] < 0.05
    assert found["memorisation"] == 1
    floor = suite.floors(reference, ("frechet",), NUM)["classifier-FID"]
    assert found["classifier-FID"] > 20 * floor


def test_one_class_only(network, reference, held_out):
    chosen = held_out.labels == 3
    candidate = suite.make_candidate(held_out.images[chosen], None, network)
    found = suite.measure(candidate, reference, ("modes", "inception_score"))
    assert found["modes_reverse_kl"] > 1.8 and found["classifier-IS"] < 2
    assert suite.measure(candidate, reference, ("modified_score",))["classifier-modified_IS"] < 1


def test_wrong_labels_show_by_class(network, reference, held_out):
    quarter = np.arange(NUM) % 4 == 0
    label = np.where((held_out.labels == 3) & quarter, 5, held_out.labels)
    candidate = suite.make_candidate(held_out.images, label, network)
    rows = suite.by_class(candidate, reference)
    assert [row["label"] for row in rows] == list(range(10))
    assert 0.65 < rows[5]["agreement"] < 0.9 < 0.98 < rows[4]["agreement"]
    enough = np.bincount(label) > 128  # the dimensions
    assert 0 < enough.sum() < 10 and ["recall" in row for row in rows] == enough.tolist()
    parts = [
        part._replace(outputs=part.outputs._replace(features=part.outputs.features[:, :8]))
        for part in (candidate, reference.train, reference.test)
    ]
    small = suite.Reference(network._replace(dim=8), *parts[1:])
    rows = suite.by_class(parts[0], small)
    assert rows[5]["precision"] < rows[4]["precision"]
    assert rows[4]["recall"] == pytest.approx(rows[4]["recall_real"], abs=0.15)


def test_parzen_of_training_images_is_that_of_the_floor(reference):
    candidate = suite.Candidate(reference.train.images[:NUM], None, None)
    found = suite.measure(candidate, reference, ("parzen",))
    assert found == suite.floors(reference, ("parzen",), NUM)
    assert 0.1 < found["parzen_sigma"] < 0.5 and found["parzen_standard_error"] < 5


def test_stacked_digits(held_out):
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, NUM, (2000, 3))
    images = np.moveaxis(held_out.images[chosen, :, :, 0], 1, -1)
    found = suite.measure(suite.Candidate(images, None, None), None, ("stacked_modes",))
    combinations = np.unique(held_out.labels[chosen] @ [100, 10, 1]).size
    assert abs(found["stacked_modes"] - combinations) < 15
    assert found["stacked_reverse_kl"] < 0.5
    one = suite.Candidate(images[:1].repeat(50, 0), None, None)
    found = suite.measure(one, None, ("stacked_modes",))
    assert found["stacked_modes"] == 1
    assert found["stacked_reverse_kl"] == pytest.approx(np.log(1000))


def test_the_window_is_chosen_on_images_that_are_not_measured(reference, options):
    candidate = suite.Candidate(reference.train.images[:NUM], None, None)
    test = reference.test.images
    apart = suite.Reference(
        None, reference.train, reference.test.take(slice(1000, None)), test[:1000]
    )
    names = ("parzen",)
    assert suite.measure(candidate, reference, names) == suite.measure(candidate, apart, names)
    given = real_data(options, None, valid="train[50000:50400]")
    assert len(given.valid) == 400
    with pytest.raises(UserError, match="--valid-split: 100 % of its images are among the train"):
        real_data(options, None, valid="train[:100]")


def test_features_are_kept(reference, options, network, monkeypatch):
    def fail(*args):
        raise AssertionError("computed again")

    monkeypatch.setattr(networks, "outputs", fail)
    again = real_data(options, network)
    np.testing.assert_array_equal(again.train.outputs.features, reference.train.outputs.features)
    np.testing.assert_array_equal(again.test.outputs.logits, reference.test.outputs.logits)
    with pytest.raises(AssertionError, match="computed again"):
        real_data(options, network._replace(checksum="other"))


def test_the_classifier_judges_digits_alone(reference):
    wrong = reference.train._replace(label=(reference.train.label + 1) % 10)
    for names in (("frechet", "agreement"), ("modes",)):
        suite.check_digits(reference.train, names, "--dataset")
        with pytest.raises(UserError, match=r"^--dataset: the classifier of MNIST digits sees"):
            suite.check_digits(wrong, names, "--dataset")
    suite.check_digits(wrong, ("frechet", "manifold"), "--dataset")


def test_choice_of_measures():
    labelled = {"image_shape": (28, 28, 1), "labelled": True, "where": "--metrics"}
    labelled["judge"] = "classifier"
    assert "parzen" in suite.choose("all", **labelled)
    assert "parzen" not in suite.choose("default", **labelled)
    assert suite.choose("parzen, frechet,parzen", **labelled) == ["parzen", "frechet"]
    colour = {**labelled, "image_shape": (32, 32, 3)}
    assert not {"agreement", "modes", "classification_accuracy"} & set(
        suite.choose("all", **colour)
    )
    assert "agreement" not in suite.choose("default", **labelled | {"labelled": False})
    assert suite.choose("agreement", **labelled) == ["agreement", "manifold"]
    with pytest.raises(UserError, match="modes needs the digits' classifier as the judge"):
        suite.choose("modes", **labelled | {"judge": "inception"})
    points = suite.choose("default", **labelled | {"image_shape": (1, 1, 2), "labelled": False})
    assert points == ["mixture"]
    with pytest.raises(UserError, match="--metrics: agreement needs class labels"):
        suite.choose("agreement", **labelled | {"labelled": False})
    with pytest.raises(UserError, match=r"--metrics: modes needs images of digits"):
        suite.choose("modes", **colour)
    with pytest.raises(UserError, match="--metrics: unknown 'fid'; known: default, all, frechet"):
        suite.choose("fid", **labelled)


def test_mistakes(network, reference, options):
    with pytest.raises(UserError, match="--num: 100 is too few for frechet; give 129"):
        suite.check_count(["manifold", "frechet"], 100, network, "--num")
    with pytest.raises(ValueError, match="images: shape"):
        suite.make_candidate(np.zeros((5, 32, 32, 1), np.uint8), None, network)
    with pytest.raises(ValueError, match="images: float32 from 0 to 0 is not uint8"):
        suite.make_candidate(np.zeros((5, 28, 28, 1), np.float32), None, network)
    unknown = suite.make_candidate(reference.test.images[:9], np.full(9, 12), network)
    with pytest.raises(ValueError, match="label: 12 to 12 are not classes of the 10"):
        suite.measure(unknown, reference, ("agreement",))
    broken = unknown._replace(outputs=unknown.outputs._replace(features=np.full((9, 128), np.nan)))
    with pytest.raises(ValueError, match="fake: not all values are finite"):
        suite.measure(broken, reference, ("manifold",))
    with pytest.raises(UserError, match=r"--dataset: its images have shape \(28, 28, 1\)"):
        real_data(options, None, shape=(32, 32, 3))
    file = {**options, "path": "some.npz", "split": "train[:9]"}
    with pytest.raises(UserError, match=r"^--dataset='.*some\.npz' cannot be read"):
        real_data(file, None, test="test")
    with pytest.raises(UserError, match="--test-split: test images: 9 is too few for frechet"):
        real_data(options, network, test="test[:9]", names=("frechet",))
    few = {**options, "split": "train[:100]"}
    with pytest.raises(UserError, match="--dataset: training images: 100 is too few for frechet"):
        real_data(few, network, names=("frechet",))
    with pytest.raises(UserError, match="--test-split: 100 % of its images are among the train"):
        real_data(options, None, test="train[:50]", names=())
    points = {**options, "name": "gaussian_ring", "split": "train"}
    with pytest.raises(UserError, match="--dataset: gaussian_ring has no labels, which agreement"):
        real_data(points, None, test="test", shape=(1, 1, 2), names=("agreement",))
    with pytest.raises(UserError, match="--features: unknown 'resnet'"):
        networks.load("resnet")
