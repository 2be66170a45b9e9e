import pytest

from jaxgan.errors import UserError
from jaxgan.tagging import mirflickr


@pytest.fixture
def tree(tmp_path):
    """Four images; the third has neither tags nor annotations."""
    (tmp_path / "meta/tags").mkdir(parents=True)
    (tmp_path / "annotations").mkdir()
    for number in (1, 2, 3, 10):
        (tmp_path / f"im{number}.jpg").write_bytes(b"")
    (tmp_path / "impression.jpg").write_bytes(b"")
    (tmp_path / "meta/tags/tags1.txt").write_text("Sea\r\nsky\r\n\r\n")
    (tmp_path / "meta/tags/tags3.txt").write_text("\n")
    (tmp_path / "meta/tags/tags10.txt").write_text("été\nsea\n", "utf-8")
    (tmp_path / "annotations/sky.txt").write_text("1\n2\n")
    (tmp_path / "annotations/plant_life.txt").write_text("2\n10\n")
    (tmp_path / "annotations/plant_life_r1.txt").write_text("10\n")
    (tmp_path / "annotations/README.txt").write_text("Annotations of ...")
    return tmp_path


def tags(path):
    return {file.name: row for file, row in mirflickr.tags_of_images(path).items()}


EXPECTED = {
    "im1.jpg": ("sea", "sky"),
    "im2.jpg": ("plantlife", "sky"),
    "im10.jpg": ("été", "sea", "plantlife"),
}


def test_tags_and_annotations_by_number_of_image(tree):
    assert list(tags(tree).items()) == list(EXPECTED.items())


def test_the_other_layout(tree):
    (tree / "meta/tags").rename(tree / "tags")
    (tree / "annotations").rename(tree / "mirflickr25k_annotations_v080")
    assert tags(tree) == EXPECTED
    inner = tree / "mirflickr"
    inner.mkdir()
    for file in [*tree.glob("im*.jpg"), tree / "tags"]:
        file.rename(inner / file.name)
    assert tags(tree) == EXPECTED


def test_the_first_examples_train_and_images_without_any_of_them_test(tree):
    train = mirflickr.read(tree, "train", train_examples=3)
    assert train.names == ["im1", "im2"] and train.images[0] == tree / "im1.jpg"
    assert train.tags == [("sea", "sky"), ("plantlife",)]
    test = mirflickr.read(tree, "test", train_examples=3)
    assert (test.names, test.tags) == (["im10"], [EXPECTED["im10.jpg"]])
    assert test.truth == test.tags
    assert mirflickr.read(tree, "train").names == ["im1", "im2", "im10"]


def test_refusals(tree, tmp_path_factory):
    with pytest.raises(UserError, match="is empty: its 7 examples are all among the first 150000"):
        mirflickr.read(tree, "test")
    with pytest.raises(UserError, match=r"dataset.split='all': mirflickr_tags has train and test"):
        mirflickr.read(tree, "all")
    with pytest.raises(UserError, match=r"dataset.path='.*none' is no folder"):
        mirflickr.read(tree / "none")
    with pytest.raises(UserError, match=r"has no im1.jpg, .*unpack mirflickr25k.zip"):
        mirflickr.read(tmp_path_factory.mktemp("empty"))
    bad = tree / "annotations/sea.txt"
    bad.write_text("12\nbaby\n")
    with pytest.raises(UserError, match=r"sea.txt has the line 'baby', which is no number"):
        mirflickr.read(tree)
    bad.unlink()
    (tree / "annotations").rename(tree / "elsewhere")
    with pytest.raises(UserError, match="has no annotations; unpack mirflickr25k_annotations_v080"):
        mirflickr.read(tree)
    (tree / "meta/tags").rename(tree / "old")
    with pytest.raises(UserError, match="has neither meta/tags nor tags"):
        mirflickr.read(tree)
