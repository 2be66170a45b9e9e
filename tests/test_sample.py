import argparse
import json

import chex
import jax
import jax.numpy as jnp
import numpy as np
import programs
import pytest
from PIL import Image

from jaxgan import config as config_lib
from jaxgan import latent, loop, sample, workdir
from jaxgan.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits_file):
    folder = tmp_path_factory.mktemp("runs") / "run"
    loop.train(
        config_lib.load(programs.CONFIG, programs.small(digits_file, steps=2, checkpoint_every=1)),
        folder,
    )
    return folder


def read(path):
    with np.load(path) as file:
        return file["image"], file["label"]


def test_arrays_in_equal_shares(folder, tmp_path, capsys):
    out = tmp_path / "samples.npz"
    sample.main([f"--workdir={folder}", "--num=30", f"--out={out}"])
    image, label = read(out)
    assert image.shape == (30, 28, 28, 1) and image.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(label), np.full(10, 3))
    assert f"wrote {out}: 30 samples" in capsys.readouterr().out


def test_one_label_and_seeds(folder, tmp_path):
    images = []
    for i, seed in enumerate((0, 0, 1)):
        out = tmp_path / f"{i}.npz"
        sample.main(
            [f"--workdir={folder}", "--num=5", "--label=3", f"--seed={seed}", f"--out={out}"]
        )
        image, label = read(out)
        assert label.tolist() == [3] * 5
        images.append(image)
    np.testing.assert_array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


def test_picture(folder, tmp_path):
    out = tmp_path / "new" / "grid.png"
    sample.main([f"--workdir={folder}", "--num=20", f"--out={out}"])
    with Image.open(out) as image:
        assert image.size == (2 * 30 + 2, 10 * 30 + 2)


def test_mean_of_checkpoints(folder):
    first, last, mean = (workdir.load(folder, choice).state for choice in ("1", "2", "mean:1"))
    expected = jax.tree.map(lambda a, b: (a + b) / 2, first.params.gen, last.params.gen)
    chex.assert_trees_all_close(mean.sampler, expected, rtol=1e-6)
    assert mean.step == 2
    for choice in ("mean:2", "mean:", "mean:x"):
        with pytest.raises(UserError, match=f"--checkpoint: '{choice}' is no mean .* are 1, 2; gi"):
            workdir.load(folder, choice)


def test_devices_draw_what_one_draws(folder):
    """Up to a level: each device draws whole chunks, from the keys that one would use."""
    trained = workdir.load(folder)
    arguments = {"labels": workdir.equal_shares(70, range(10)), "seed": 3, "chunk": 10}
    one = workdir.draw(trained.sample, **arguments)
    many = workdir.draw(trained.sample, **arguments, devices=jax.device_count())
    assert one.shape == many.shape and np.abs(one.astype(int) - many).max() <= 1
    keys = jax.random.split(jax.random.key(0), 8)
    images = trained.sample(keys, np.zeros((8, 2), np.int32))
    assert images.shape == (8, 2, 28, 28, 1)
    assert {x.data.shape[0] for x in images.addressable_shards} == {1}


def test_a_run_of_eight_devices_is_read_on_one(folder, tmp_path):
    here = tmp_path / "eight.npz"
    sample.main([f"--workdir={folder}", "--num=4", f"--out={here}"])
    there = tmp_path / "one.npz"
    status, _, err = programs.run(
        "-m", "jaxgan.sample", f"--workdir={folder}", "--num=4", f"--out={there}", devices=1
    )
    assert status == 0, err
    np.testing.assert_allclose(read(there)[0], read(here)[0], atol=1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--label=10"], "--label: 10 is not a class of the model; give 0 to 9"),
        (["--label=-1"], "--label: -1"),
        (["--num=0"], "--num: 0"),
        (
            ["--num=2000000000"],
            r"--num: 2000000000 images take 1,568\.0 GB of memory",
        ),
        (["--seed=-1"], "--seed: -1"),
        (["--out=grid.bmp2"], "--out: 'grid.bmp2'"),
        (["--checkpoint=77"], "--checkpoint: no '77' in .*; known: last, 1, 2"),
        (["--workdir=/none"], "--workdir: /none does not exist"),
    ],
)
def test_mistakes(folder, flags, message):
    with pytest.raises(UserError, match=message):
        sample.main([f"--workdir={folder}", *flags])


def test_folders_that_are_no_run(tmp_path, folder):
    with pytest.raises(UserError, match="contains no trained run; give the folder of a run"):
        sample.main([f"--workdir={tmp_path}"])
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match=r"has checkpoints but no config\.json; restore that file"):
        sample.main([f"--workdir={tmp_path}"])
    with pytest.raises(UserError, match=r"run/config\.json is a file; give .* such as .*run$"):
        sample.main([f"--workdir={folder / 'config.json'}"])


def test_shares():
    assert workdir.shares(10, [9, 0, 1]).tolist() == [0] * 9 + [2]
    assert workdir.shares(5, [60, 20, 20]).tolist() == [0, 0, 0, 1, 2]
    assert workdir.shares(3, []).tolist() == [0, 0, 0]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # MNIST's
    found = np.bincount(workdir.shares(10_000, counts))
    assert np.abs(found - np.array(counts) / 6).max() < 1


def normalised(key, label):
    """As a model with batch statistics: each sample minus the mean over its chunk."""
    x = jax.random.normal(key, (len(label), 1)) + label[:, None]
    return x - jnp.mean(x, 0, keepdims=True)


def test_a_sample_of_a_mixed_chunk_does_not_depend_on_how_many_are_drawn():
    classes = np.array([1, 4, 5], np.int32)
    many = workdir.draw(normalised, workdir.equal_shares(60, classes), 0, mixed=classes, chunk=15)
    few = workdir.draw(normalised, workdir.equal_shares(6, classes), 0, mixed=classes, chunk=15)
    np.testing.assert_array_equal(few, many.reshape(3, 20, 1)[:, :2].reshape(6, 1))
    for turn, label in enumerate(classes):
        labels = np.full(20, label)
        own = workdir.draw(normalised, labels, 0, mixed=classes, chunk=15)
        np.testing.assert_array_equal(own, many[20 * turn : 20 * turn + 20])
    uneven = workdir.draw(normalised, np.array([5, 1, 5, 5]), 0, mixed=classes, chunk=15)
    np.testing.assert_array_equal(uneven, many[[40, 0, 41, 42]])
    # Rows 0, 3, ... of the first chunk are of class 1.
    x = jax.random.normal(jax.random.fold_in(jax.random.key(0), 0), (15, 1))
    mean = np.mean(x) + np.mean([1, 4, 5])
    np.testing.assert_allclose(many[:5], x[::3] + 1 - mean, rtol=1e-4, atol=1e-5)


def test_equal_shares():
    assert workdir.equal_shares(7, range(3)).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert workdir.equal_shares(4, []).tolist() == [0, 0, 0, 0]
    assert workdir.equal_shares(2, [1, 3, 4]).tolist() == [1, 3]


def test_few_samples_are_of_the_first_classes_and_say_so(folder, tmp_path, capsys):
    out = tmp_path / "few.npz"
    sample.main([f"--workdir={folder}", "--num=7", f"--out={out}"])
    np.testing.assert_array_equal(read(out)[1], np.arange(7))
    told = "7 samples, one each of class 0, 1, 2, 3, 4, 5, 6; the model has 10 classes"
    assert told in capsys.readouterr().out


def test_one_sample_is_its_image(folder, tmp_path):
    """Exactly its pixels, without the border that grids have."""
    flags = [f"--workdir={folder}", "--num=1", "--label=3"]
    for suffix in ("png", "npz"):
        sample.main([*flags, f"--out={tmp_path / f'one.{suffix}'}"])
    with Image.open(tmp_path / "one.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), read(tmp_path / "one.npz")[0][0, ..., 0])


def test_pictures_with_transparency_are_not_written_as_jpeg(folder, monkeypatch):
    trained = workdir.load(folder)._replace(image_shape=(28, 28, 4))
    monkeypatch.setattr(workdir, "load", lambda *args: trained)
    with pytest.raises(UserError, match=r"--out: 'x\.jpg': a JPEG has no .* end it in \.png"):
        sample.main([f"--workdir={folder}", "--out=x.jpg"])


def test_only_classes_with_examples_are_drawn(tmp_path, caplog):
    """Labels 1 to 3, where class 0 never occurs; and an older folder without the counts."""
    rng = np.random.default_rng(0)
    label = np.repeat([1, 2, 3], [4, 8, 12])
    np.savez(tmp_path / "data.npz", image=rng.integers(0, 256, (24, 8, 8), np.uint8), label=label)
    flags = programs.small(tmp_path / "data.npz", **{"gan.network": "mlp", "gan.width": 64})
    folder = programs.untrained(programs.CONFIG, flags, tmp_path / "run")
    file = folder / "dataset.json"
    about = json.loads(file.read_text())
    assert about["class_counts"] == [0, 4, 8, 12]
    assert workdir.load(folder).model.class_counts == (0, 4, 8, 12)

    def labels(*flags):
        out = [f"--out={tmp_path / 'x.npz'}", "--overwrite"]
        sample.main([f"--workdir={folder}", "--num=12", *out, *flags])
        return np.bincount(read(tmp_path / "x.npz")[1]).tolist()

    assert labels() == [0, 4, 4, 4]
    with pytest.raises(UserError, match="--label: class 0 had no training example; give one of 1"):
        labels("--label=0")
    space = latent.Space(argparse.Namespace(workdir=folder, checkpoint="last", seed=0))
    assert space.labels(range(4)).tolist() == [1, 2, 3, 1]
    loop.warn_of_untrained(space.trained.model)
    assert "no training example has label 0; neither" in caplog.text
    settings = config_lib.load(programs.CONFIG, flags)
    workdir.claim(folder, settings, about)
    del about["class_counts"]
    file.write_text(json.dumps(about))
    assert labels("--seed=1") == [3, 3, 3, 3]
    dataset = loop.load_dataset(settings)
    workdir.claim(folder, settings, loop.describe(settings, dataset))  # the older one is completed
    assert json.loads(file.read_text())["class_counts"] == [0, 4, 8, 12]
