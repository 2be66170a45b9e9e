import numpy as np
import pytest
from PIL import Image

from jaxgan.errors import UserError
from jaxgan.metrics import inception
from jaxgan.tagging import features

FEATURE = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_a_file_by_the_names_of_images(tmp_path):
    file = str(tmp_path / "f.npz")
    np.savez(file, feature=FEATURE, name=np.array(["im1.jpg", "im2", "a/im10.jpg"]))
    found = features.of_names(file, ["im10", "im1"], "dataset.tags.features")
    np.testing.assert_array_equal(found, FEATURE[[2, 0]])
    with pytest.raises(UserError, match=r"^here has no features of 1 of the 2 images, 'im3' for"):
        features.of_names(file, ["im3", "im1"], "here")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": FEATURE}, "has no array `feature` .it has: image.; give"),
        ({"feature": FEATURE[0]}, r"has `feature` float32 of shape \(2,\)"),
        ({"feature": FEATURE.astype(int)}, "has `feature` int64 of shape"),
        ({"feature": FEATURE * np.nan}, "has features that are not finite"),
        ({"feature": FEATURE, "name": np.array(["a"])}, "for 3 features; give a string for each"),
        ({"feature": FEATURE}, "has no `name`; add the names of the images"),
    ],
)
def test_files_that_are_none(tmp_path, arrays, message):
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(UserError, match=f"^here .*{message}"):
        features.of_names(str(tmp_path / "f.npz"), ["a"], "here")
    with pytest.raises(UserError, match=r"^here cannot be read"):
        features.of_names(str(tmp_path / "none.npz"), ["a"], "here")


def test_image_files_give_the_features_of_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 28, 28), np.uint8)
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file, image in zip(files, pixels, strict=True):
        Image.fromarray(image).convert("RGB").save(file)
    found = features.of_images("classifier", files, "--input")
    expected = features.of_images("classifier", pixels[..., None], "--input")
    assert found.shape == (2, 128)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    files[0].write_text("no image")
    with pytest.raises(UserError, match=r"^--input: .*a.png cannot be read as an .*; take it out"):
        features.of_images("classifier", files, "--input")


def test_unknown_names_and_missing_weights(monkeypatch):
    with pytest.raises(UserError, match=r"^here is unknown; give one of classifier, inception"):
        features.check("alexnet", "here")
    monkeypatch.delenv(inception.VARIABLE, raising=False)
    with pytest.raises(UserError, match=r"^here: no Inception weights .* inception.npz as \$JAX"):
        features.of_images("inception", [], "here")
