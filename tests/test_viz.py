import json
import os

import numpy as np
from PIL import Image

from jaxgan import viz


def test_grid_places_images_row_by_row():
    images = np.stack([np.full((2, 3, 1), v, np.uint8) for v in (10, 20, 30)])
    grid = viz.grid(images, columns=2, gap=1)
    assert grid.shape == (2 * 3 + 1, 2 * 4 + 1, 1)
    expected = np.full((7, 9), 255)
    expected[1:3, 1:4], expected[1:3, 5:8], expected[4:6, 1:4] = 10, 20, 30
    np.testing.assert_array_equal(grid[..., 0], expected)


def test_saved_image_reads_back(tmp_path):
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    viz.save_image(image, tmp_path / "image.png", scale=2)
    with Image.open(tmp_path / "image.png") as file:
        np.testing.assert_array_equal(np.asarray(file)[::2, ::2], image)


def test_animation_has_all_frames(tmp_path):
    frames = []
    for level in (0, 100, 200):
        frames.append(tmp_path / f"{level}.png")
        viz.save_image(np.full((4, 4, 1), level, np.uint8), frames[-1])
    viz.save_animation(frames, tmp_path / "all.gif")
    with Image.open(tmp_path / "all.gif") as file:
        assert file.n_frames == 3


def test_curves(tmp_path):
    rows = [{"step": s, "disc_loss": 1 / s, "gen_loss": s, "penalty": 0.1} for s in (1, 2, 3)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    viz.save_curves(tmp_path / "metrics.jsonl", tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as file:
        assert file.width > file.height > 100


def test_pictures_beside_and_below_one_another():
    small, large = np.zeros((2, 2, 1), np.uint8), np.full((4, 4, 1), 9, np.uint8)
    beside = viz.beside([small, large], gap=2)[..., 0]
    expected = np.full((4, 10), 255)
    expected[1:3, 1:3], expected[:, 5:9] = 0, 9
    np.testing.assert_array_equal(beside, expected)
    below = viz.below([small, large], gap=2)[..., 0]
    np.testing.assert_array_equal(below, np.rot90(beside, -1)[:, ::-1])
    assert (viz.below([small, large], gap=2, centre=False)[1:3, :2, 0] == 0).all()


def test_signs():
    minus, plus, equal = (viz.sign(kind, 1)[..., 0] == 0 for kind in "-+=")
    assert minus.sum() == 7 and minus[4, 1:8].all()
    assert plus.sum() == 13 and (plus == plus.T).all() and (plus & minus).sum() == 7
    assert equal.sum() == 14 and (equal == equal[::-1]).all() and not equal[4].any()


def test_points_in_many_dimensions_are_drawn_by_principal_components(tmp_path):
    real = np.random.default_rng(0).normal(size=(20, 5))
    viz.save_points(real + 0.1, real, tmp_path / "points.png")
    with Image.open(tmp_path / "points.png") as image:
        assert image.size == (320, 320)


def test_curves_of_damaged_and_of_no_rows(tmp_path):
    file, picture = tmp_path / "metrics.jsonl", tmp_path / "curves.png"
    file.write_text('{"step": 1}\nno row\n')
    for draw in (viz.save_curves, viz.save_bands):
        draw(file, picture)
        assert not picture.exists()
    bands = {f"loss.{q}": None for q in ("q0", "q25", "q50", "q75", "q100")}
    for row in ({"step": 2, "loss": 1.0}, {"step": 3, "loss": None, **bands}):
        with file.open("a") as opened:
            opened.write(json.dumps(row) + "\n")
    for draw in (viz.save_curves, viz.save_bands):
        draw(file, picture)
        picture.unlink()


def test_an_animation_leaves_damaged_frames_out(tmp_path, caplog):
    frames = [tmp_path / f"{i}.png" for i in range(3)]
    for level, frame in zip((0, 120, 255), frames, strict=True):
        viz.save_image(np.full((4, 4, 1), level, np.uint8), frame)
    frames[1].write_bytes(frames[1].read_bytes()[:40])
    frames.insert(1, tmp_path / "pipe.png")
    os.mkfifo(frames[1])  # whose reading would not end
    viz.save_animation(frames, tmp_path / "all.gif")
    with Image.open(tmp_path / "all.gif") as animation:
        assert animation.n_frames == 2
    assert "all.gif is made without damaged files: pipe.png, 1.png" in caplog.text
    frames[0].write_text("")
    viz.save_animation(frames[:2], tmp_path / "none.gif")
    assert not (tmp_path / "none.gif").exists()
