import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import programs
import pytest
from PIL import Image

from jaxgan import gans, latent, sample, workdir
from jaxgan.errors import UserError

SHAPE = (28, 28, 1)
NARROW = {"gan.gen_width": 8, "gan.disc_width": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits_file):
    """A run of a conditional model with convolutions."""
    folder = tmp_path_factory.mktemp("runs") / "cgan"
    return programs.untrained(programs.CONFIG, programs.small(digits_file), folder)


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory, digits_file):
    """A run of a model without labels."""
    folder = tmp_path_factory.mktemp("runs") / "gan"
    flags = programs.small(digits_file, **{"dataset.split": "train", **NARROW})
    flags = [flag for flag in flags if "gan.width" not in flag]
    return programs.untrained("configs/gan_mnist.py", flags, folder)


@pytest.fixture
def run(tmp_path):
    """Runs a subcommand; returns its arrays and the size of its picture."""

    def call(command, folder, *flags):
        out = tmp_path / "new" / f"{command}.png"
        latent.main([command, f"--workdir={folder}", f"--out={out}", "--overwrite", *flags])
        with np.load(out.with_suffix(".npz")) as file, Image.open(out) as picture:
            return dict(file), picture.size

    return call


def test_lerp():
    points = latent.lerp(np.array([0.0, 4.0]), np.array([2.0, 0.0]), np.array([0, 0.25, 1]))
    np.testing.assert_allclose(points, [[0, 4], [0.5, 3], [2, 0]])


def test_slerp_turns_by_equal_angles_and_keeps_the_length():
    points = latent.slerp(np.array([2.0, 0]), np.array([0, 2.0]), np.array([0, 1 / 3, 0.5, 1]))
    expected = [[2, 0], [3**0.5, 1], [2**0.5, 2**0.5], [0, 2]]
    np.testing.assert_allclose(points, expected, atol=1e-12)


@pytest.mark.parametrize("end", [[1.0, 2.0], [3.0, 6.0], [-1.0, -2.0], [0.0, 0.0]])
def test_slerp_of_parallel_opposite_and_zero_vectors_is_linear(end):
    start, at = np.array([1.0, 2.0]), np.linspace(0, 1, 5)
    points = latent.slerp(start, np.array(end), at)
    np.testing.assert_allclose(points, latent.lerp(start, np.array(end), at))


def test_along_stops_goes_through_all_of_them():
    stops = np.array([[0.0, 4.0], [2.0, 0.0], [6.0, 6.0]])
    points = latent.along_stops(stops, np.array([0, 0.25, 1, 1.5, 2]))
    np.testing.assert_allclose(points, [[0, 4], [0.5, 3], [2, 0], [4, 3], [6, 6]])


def test_arithmetic_and_direction_of_means():
    a, b = np.array([[1.0, 0], [3, 0]]), np.array([[1.0, 1], [1, 1], [1, 4]])
    c = np.array([[0.0, 5]])
    np.testing.assert_allclose(latent.arithmetic(a, b, c), [1, 3])
    np.testing.assert_allclose(latent.direction(a, b), [-1, 2])


def test_extremes_within_each_class():
    value = np.array([5.0, 1, 4, 2, 30, 10, 40, 20])
    low, high = latent.extremes(value, np.array([0, 0, 0, 0, 1, 1, 1, 1]), 0.25)
    assert low.tolist() == [1, 5] and high.tolist() == [0, 6]


def test_the_sequence_is_that_of_the_program_sample(unlabelled, run, tmp_path):
    out = tmp_path / "samples.npz"
    sample.main([f"--workdir={unlabelled}", "--num=503", "--seed=3", f"--out={out}"])
    with np.load(out) as file:
        images = file["image"]
    groups = ("--a=index:0,1,501", "--b=index:7,502,9,8", "--c=seed:3,4,5")
    arrays, _ = run("arithmetic", unlabelled, "--seed=3", *groups)
    np.testing.assert_allclose(arrays["a_image"], images[[0, 1, 501]], atol=1)
    np.testing.assert_allclose(arrays["b_image"], images[[7, 502, 9, 8]], atol=1)
    np.testing.assert_allclose(arrays["c_image"][0], images[0], atol=1)


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolate(folder, run, path):
    arrays, size = run("interpolate", folder, f"--path={path}", "--points=3", "--rows=2")
    z = arrays["latent"]
    assert arrays["image"].shape == (2, 3, *SHAPE) and arrays["image"].dtype == np.uint8
    assert arrays["label"].tolist() == [[0] * 3, [1] * 3]
    assert size == (2 * (3 * 30 + 2), 2 * (2 * 30 + 2))
    if path == "linear":
        np.testing.assert_allclose(z[:, 1], (z[:, 0] + z[:, 2]) / 2, rtol=1e-5, atol=1e-6)
    else:
        lengths = np.linalg.norm(z[:, [0, 2]], axis=-1)
        assert np.linalg.norm(z[:, 1], axis=-1).min() > 0.9 * lengths.min()


def test_interpolate_through_many(folder, run):
    flags = ("--through=4", "--points=7", "--rows=2", "--label=3")
    arrays, _ = run("interpolate", folder, *flags)
    gan = workdir.load(folder).model.gan
    stops = latent.latents(gan, 0, range(8)).reshape(2, 4, -1)
    np.testing.assert_allclose(arrays["latent"][:, ::2], stops, rtol=1e-6)
    assert (arrays["label"] == 3).all()


def test_arithmetic_of_classes(folder, run):
    arrays, _ = run("arithmetic", folder, "--a=label:7", "--b=label:1x4", "--c=label:7")
    a, b, c = (arrays[f"{name}_latent"] for name in "abc")
    assert not np.array_equal(a, c)
    assert arrays["a_label"].tolist() == [7] * 3 and arrays["b_label"].tolist() == [1] * 4
    assert arrays["label"].tolist() == [7] * 9
    moves = arrays["latent"] - latent.arithmetic(a, b, c)
    np.testing.assert_allclose(moves[4], 0, atol=1e-6)
    assert 0.2 < np.abs(moves).max() <= 0.25 + 1e-6
    pixels = [arrays[f"{name}_image"].astype(float).mean(0) for name in "abc"]
    expected = np.clip(pixels[0] - pixels[1] + pixels[2], 0, 255)
    np.testing.assert_allclose(arrays["pixel_baseline"], expected, atol=0.51)


def test_the_class_survives_arithmetic(folder, monkeypatch, capsys):
    """Of a model that draws what it is asked for, but for ten of the results."""
    monkeypatch.setattr(latent, "MEASURED", 50)
    monkeypatch.setattr(latent.classifier, "predict", lambda _, images: images)
    args = latent.parse(["interpolate", f"--workdir={folder}", "--out=none.png"])
    space = latent.Space(args)
    noise = []

    def decode(z, label):
        noise.append(z)
        return label + (len(noise) == 2) * (np.arange(50) < 10)

    monkeypatch.setattr(space, "decode", decode)
    assert latent.class_survival(space)["survival"].tolist() == [1.0, 0.8]
    assert "100.0 % (+- 0.0) of 50 new samples and in 80.0 % (+- 5.7) of" in capsys.readouterr().out
    z = latent.latents(space.gan, 0, range(latent.SEARCHED, latent.SEARCHED + 500))
    np.testing.assert_array_equal(noise[0], z[:50])
    expected = z[50:53].mean(0) - z[200:203].mean(0) + z[350:353].mean(0)
    np.testing.assert_allclose(noise[1][0], expected, rtol=1e-5, atol=1e-6)


def test_classes_that_the_classifier_sees(unlabelled, run, monkeypatch):
    monkeypatch.setattr(latent, "SEARCHED", 100)
    monkeypatch.setattr(latent.suite, "default_judge", lambda options: "classifier")
    monkeypatch.setattr(latent.classifier, "predict", lambda _, images: np.arange(100) % 10)
    arrays, _ = run("turn", unlabelled, "--from=label:1", "--to=label:2", "--rows=2", "--points=3")
    gan = workdir.load(unlabelled).model.gan
    start, end = (latent.latents(gan, 0, [i, i + 10, i + 20]) for i in (1, 2))
    np.testing.assert_allclose(arrays["direction"], latent.direction(start, end), rtol=1e-5)
    np.testing.assert_array_equal(arrays["latent"], latent.latents(gan, 0, [0, 3]))  # not taken
    monkeypatch.setattr(latent.classifier, "predict", lambda _, images: np.zeros(100))
    with pytest.raises(UserError, match="--to: 'label:3' is seen in too few of 100 samples"):
        run("turn", unlabelled, "--from=label:0", "--to=label:3")


def test_turn(folder, run):
    flags = ("--from=index:0,1,2", "--to=seed:5,6,7", "--strength=-2", "--points=3", "--rows=2")
    arrays, size = run("turn", folder, "--label=4", *flags)
    assert arrays["strength"].tolist() == [0, -1, -2]
    assert arrays["label"].tolist() == [[4] * 3] * 2
    assert arrays["image"].shape == (2, 3, *SHAPE) and size == (2 * 92, 2 * 62)
    gan = workdir.load(folder).model.gan
    end = np.concatenate([latent.latents(gan, seed, [0]) for seed in (5, 6, 7)])
    step = latent.direction(latent.latents(gan, 0, [0, 1, 2]), end)
    np.testing.assert_allclose(arrays["direction"], step, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(arrays["image"][:, 0], arrays["image"][:, 2])


def test_direction(folder, run, monkeypatch, capsys):
    monkeypatch.setattr(latent, "SEARCHED", 200)
    monkeypatch.setattr(latent, "MEASURED", 50)
    monkeypatch.setattr(latent.suite, "default_judge", lambda options: "classifier")
    arrays, size = run("direction", folder, "--property=weight", "--points=3", "--rows=2")
    assert arrays["value"].shape == (50, 3) and arrays["image"].shape == (2, 3, *SHAPE)
    assert arrays["mean"][0] < arrays["mean"][1] < arrays["mean"][2]
    np.testing.assert_allclose(
        arrays["standard_error"], arrays["value"].std(0, ddof=1) / 50**0.5, rtol=1e-6
    )
    assert arrays["agreement"].shape == (3,) and size == (2 * 92, 2 * 62)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["strength", "weight", "+-", "label", "seen", "+-"]
    assert len(lines) == 5


def test_direction_without_labels(unlabelled, run, monkeypatch):
    monkeypatch.setattr(latent, "SEARCHED", 100)
    monkeypatch.setattr(latent, "MEASURED", 20)
    arrays, _ = run("direction", unlabelled, "--property=slant", "--points=2", "--rows=1")
    assert "agreement" not in arrays and np.isfinite(arrays["mean"]).all()


def test_neighbours(folder, run, digits_file):
    arrays, _ = run("neighbours", folder, "--num=12")
    with np.load(digits_file) as file:
        train = file["image"]
    np.testing.assert_array_equal(arrays["neighbour"], train[arrays["index"]])
    difference = arrays["image"][:, None].astype(float) - train[None]
    distance = np.sqrt((difference**2).sum((2, 3, 4))) / 255
    np.testing.assert_allclose(arrays["distance"], distance.min(1), rtol=1e-5)


def test_guided_gradients_of_a_network():
    """`w2 relu(w1 x)` for two features of three hidden units."""
    hidden = jnp.array([[1.0, -1, 2], [0, 1, 1]])  # [inputs, units]
    out = jnp.array([[1.0, -1], [5, 1], [-1, 2]])  # [units, features]

    def critic(image, label):
        x = nn.relu(image.reshape(len(image), -1) @ hidden)
        return x[:, 0], {"dense1": x, "dense2": x @ out}

    image = jnp.array([[1.0, 0], [1, 2]]).reshape(2, 1, 2, 1)  # units (1, -1, 2) and (1, 1, 4)
    grads = latent.guided_gradients(critic, "dense2", image, jnp.zeros(2), np.array([0, 1]))
    # Feature 0 of the first: unit 0 by 1, unit 1 is off, unit 2 by -1 is stopped.
    # Feature 1 of the second: unit 0 by -1 is stopped, units 1 and 2 by 1 and 2.
    np.testing.assert_allclose(grads.reshape(2, 2), [[1, 0], [3, 3]])


@pytest.mark.parametrize(
    ("name", "options", "shape", "layers"),
    [
        ("gan", {}, SHAPE, ["maxout1", "maxout2"]),
        ("gan", {"network": "mlp"}, SHAPE, ["dense1", "dense2"]),
        (
            "gan",
            {"network": "cifar_conv", "gen_width": 100, "disc_width": 8},
            (32, 32, 3),
            ["conv1", "conv2", "conv3", "maxout1"],
        ),
        ("cgan", {}, SHAPE, ["maxout1", "maxout2"]),
        ("cgan", {"network": "conv", "width": 4}, SHAPE, ["conv1", "conv2", "dense1"]),
        ("dcgan", {"width": 4}, SHAPE, ["conv1", "conv2"]),
        ("dcgan", {"width": 4, "disc_norm": "spectral"}, SHAPE, ["conv1", "conv2"]),
        ("cdcgan", {"width": 4}, SHAPE, ["conv1", "conv2", "dense1"]),
        ("ebgan", {"disc_layers": 4}, SHAPE, ["dense1", "dense2", "dense3"]),
        (
            "ebgan",
            {"network": "conv", "gen_width": 4, "disc_width": 4},
            (32, 32, 3),
            ["conv1", "conv2", "conv3", "decoder1", "decoder2"],
        ),
    ],
)
def test_critics(name, options, shape, layers):
    gan = gans.make({"name": name, **options}, image_shape=shape, num_classes=10)
    image = jax.ShapeDtypeStruct((4, *shape), jnp.float32)
    label = jax.ShapeDtypeStruct((4,), jnp.int32)
    batch = {"image": image, "label": label}
    params, variables = jax.eval_shape(gan.init, jax.random.key(0), batch)
    logits, features = jax.eval_shape(gan.critic, params.disc, variables, image, label)
    assert logits.shape == (4,) and sorted(features) == layers
    for layer, x in features.items():
        assert x.shape[0] == 4 and x.ndim == (4 if layer.startswith(("conv", "decoder")) else 2)


def test_features(folder, run):
    arrays, _ = run("features", folder, "--filters=2")
    assert str(arrays["layer"]) == "conv2"
    for prefix in ("", "random_"):
        image, grads = arrays[f"{prefix}image"], arrays[f"{prefix}gradient"]
        assert image.shape == grads.shape == (2, 8, *SHAPE) and grads.any()
        assert (np.diff(arrays[f"{prefix}activation"]) <= 0).all()
    assert not np.array_equal(arrays["gradient"], arrays["random_gradient"])


def test_features_that_respond_to_nothing_are_left_out(folder, run, monkeypatch):
    monkeypatch.setattr(latent, "strongest", lambda x: x * (jnp.arange(x.shape[1]) > 2)[None])
    arrays, _ = run("features", folder, "--filters=1", "--layer=dense1")
    assert arrays["filter"] == arrays["random_filter"] == [3]
    assert arrays["gradient"].any((0, 2, 3, 4)).all()
    monkeypatch.setattr(latent, "strongest", lambda x: 0 * x)
    with pytest.raises(UserError, match="--layer: nothing in dense1 responds to the images"):
        run("features", folder, "--layer=dense1")


TURN = ("turn", "--to=label:1")


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [
        ("interpolate", ["--points=1"], "--points: 1 is too small; give 2 to 1000"),
        ("interpolate", ["--rows=0"], "--rows: 0"),
        ("interpolate", ["--seed=-1"], "--seed: -1"),
        ("interpolate", ["--label=10"], "--label: 10 is not a class of the model; give 0 to 9"),
        ("interpolate", ["--out=a.jpg"], "--out: 'a.jpg' .* end it in .png"),
        ("interpolate", ["--checkpoint=77"], "--checkpoint: no '77'"),
        ("interpolate", ["--workdir=/none"], "--workdir: /none does not exist"),
        ("interpolate", ["--path=round"], "--path: invalid choice"),
        (*TURN[:1], [*TURN[1:], "--from=8"], "--from: '8' is no group; give seed:1,2,3"),
        (*TURN[:1], [*TURN[1:], "--from=seed:1,2"], "--from: 'seed:1,2' has 2 samples"),
        (*TURN[:1], [*TURN[1:], "--from=label:1x2"], "--from: 'label:1x2' has 2 samples"),
        (*TURN[:1], [*TURN[1:], "--from=index:1,2,3"], "--to: 'label:1' has no direction"),
        ("turn", ["--from=label:1", "--to=label:2", "--strength=nan"], "--strength: 'nan'"),
        (
            "turn",
            ["--from=seed:1,2,3", "--to=seed:3,1,2"],
            "--to: it has the same samples as --from",
        ),
        (
            "arithmetic",
            ["--a=index:1,2,3", "--b=seed:5,6,7", "--c=seed:5,6,7"],
            "--c: it has the same samples as --b",
        ),
        ("turn", ["--from=seed:1,2,3", "--to=seed:4,5,6", "--strength=1e39"], "1e39 is too large"),
        ("interpolate", ["--through=1"], "--through: 1 is too small; give 2 to 1000"),
        (
            "arithmetic",
            ["--a=label:10", "--b=label:1", "--c=label:1"],
            "--a: .* give label:0 to label:9",
        ),
        ("arithmetic", ["--a=label:1", "--b=label:1"], "arguments are required: --c"),
        ("direction", ["--property=age"], "--property: invalid choice"),
        ("direction", ["--property=slant", "--rows=1001"], "--rows: 1001 is too large"),
        ("neighbours", ["--num=0"], "--num: 0 is too small"),
        ("features", ["--layer=conv9"], "--layer: unknown 'conv9'; known: conv1, conv2, dense1"),
        ("features", ["--filters=5"], "--filters: 5 is more than conv2 has; give 4 or less"),
    ],
)
def test_mistakes(folder, command, flags, message):
    with pytest.raises(UserError, match=message):
        latent.main([command, f"--workdir={folder}", "--out=none.png", *flags])


def test_no_subcommand():
    with pytest.raises(UserError, match="SUBCOMMAND"):
        latent.main([])


@pytest.mark.parametrize(
    ("changes", "command", "message"),
    [
        ({"latent": None, "decode": None}, "interpolate", "which has no latent vector; give"),
        ({"value_range": None}, "interpolate", "has points, of which there is no picture"),
        ({"value_range": None}, "features", "has points, of which there is no picture"),
        ({"critic": None}, "features", "shows no features; give"),
    ],
)
def test_models_that_do_not_fit(folder, monkeypatch, changes, command, message):
    trained = workdir.load(folder)
    gan = trained.model.gan._replace(**changes)
    trained = trained._replace(model=trained.model._replace(gan=gan))
    monkeypatch.setattr(workdir, "load", lambda *_: trained)
    with pytest.raises(UserError, match=message):
        latent.main([command, f"--workdir={folder}", "--out=none.png"])


def test_labels_of_a_model_without(unlabelled):
    with pytest.raises(UserError, match="--label: 1 is not a class of the model; leave it out"):
        latent.main(["interpolate", f"--workdir={unlabelled}", "--label=1", "--out=none.png"])
