import io
import os
import struct

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import images
from jaxgan.errors import UserError


def turned(array):
    """Returns a PNG whose EXIF says that it is to be turned by 90 degrees, clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def test_images_are_upright_by_their_exif():
    array = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    upright = np.rot90(array, -1)
    np.testing.assert_array_equal(images.decode(turned(array), 3, None), upright)
    pair = images.decode_pair([turned(array), turned(array)], None)
    np.testing.assert_array_equal(pair, [upright, upright])


def encoded(image, form="PNG", **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        buffer, form, **options
    )
    return buffer.getvalue()


def tiff(array, bits, sample_format=1, greatest=0):
    """Returns an uncompressed grey TIFF of 4x3 pixels, whose tags say what is asked for."""
    data = array if isinstance(array, bytes) else array.tobytes()
    tags = {256: 4, 257: 3, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: 3, 279: len(data)}
    tags |= {339: sample_format} | ({281: greatest} if greatest else {})
    tags[273] = 14 + 12 * len(tags)
    rows = b"".join(
        struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in sorted(tags.items())
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + rows + bytes(4) + data


RAMP = np.linspace(0, 1, 12).reshape(3, 4)


def test_images_of_more_than_8_bits_keep_their_upper_levels():
    levels = (RAMP * 65535).astype(np.uint16)
    packed = int("".join(f"{level >> 4:012b}" for level in levels.ravel()), 2).to_bytes(18, "big")
    pgm = b"P5 4 3 4095\n" + (levels >> 4).astype(">u2").tobytes()
    for data in (
        encoded(levels), encoded(levels, "TIFF"), tiff(packed, 12),
        tiff((levels >> 4).astype("<u2"), 16, greatest=4095), pgm,
    ):  # fmt: skip
        np.testing.assert_allclose(images.decode(data, 3, None)[..., 1], levels >> 8, atol=1)
    assert not images.decode(encoded(0 * levels), 3, None).any()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (encoded(RAMP.astype(np.float32), "TIFF"), "its levels are floating-point"),
        (encoded((RAMP * 65535).astype(np.int32), "TIFF"), "its levels are signed"),
        (tiff((RAMP * 127).astype(np.int8), 8, 2), "its levels are signed"),
        (tiff((RAMP * 4e9).astype("<u4"), 32), "beyond 16 bits"),
        (encoded((RAMP * 4095).astype(np.uint16)), "its levels of 16 bits end at 4095"),
        (encoded((RAMP * 4095).astype(np.uint16), "TIFF"), "its levels of 16 bits end at 4095"),
        (
            encoded(Image.new("L", (4, 3)), "TIFF", save_all=True,
                    append_images=[Image.new("L", (4, 3), 9)]),
            "it has 2 pages or frames",
        ),
    ],
)  # fmt: skip
def test_levels_without_a_place_are_refused(data, problem):
    with pytest.raises(ValueError, match=problem):
        images.decode(data, 3, None)


def test_too_many_pixels(monkeypatch):
    data = encoded(Image.new("1", (12_000, 9_000)))
    with pytest.raises(ValueError, match="12000x9000 pixels are more than the 100,000,000 allow"):
        images.decode(data, 1, 8)
    monkeypatch.setenv("JAXGAN_MAX_PIXELS", "11")
    with pytest.raises(ValueError, match="set JAXGAN_MAX_PIXELS=12"):
        images.decode(encoded(RAMP > 0.5), 1, None)
    monkeypatch.setenv("JAXGAN_MAX_PIXELS", "many")
    with pytest.raises(UserError, match="JAXGAN_MAX_PIXELS='many': give an integer"):
        images.decode(encoded(RAMP > 0.5), 1, None)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "gif"])
def test_transparency_shows_white(mode):
    """A black drawing on a transparent ground."""
    drawing = Image.new("RGBA", (4, 3), (0, 0, 0, 0))
    drawing.putpixel((0, 0), (0, 0, 0, 255))
    if mode == "gif":
        data = encoded(drawing, "GIF")
    elif mode == "P":
        data = encoded(drawing.convert("P"), transparency=0)
    else:
        data = encoded(drawing.convert(mode))
    wanted = np.full((3, 4), 255)
    wanted[0, 0] = 0
    for channels in (1, 3):
        for channel in np.moveaxis(images.decode(data, channels, None), -1, 0):
            np.testing.assert_array_equal(channel, wanted)
    assert images.decode(data, 4, None)[1, 1, 3] == 0


def test_files_of_a_folder_are_those_of_pillow(tmp_path, caplog):
    for name in ("a.gif", "b.JFIF", "c.ppm", "d.txt", "e.txt", "f", ".hidden", "g.webp"):
        (tmp_path / name).touch()
    (tmp_path / "dangling.png").symlink_to("none")
    (tmp_path / "folder.png").mkdir()
    for _ in range(2):
        names = [file.name for file in images.files_in(tmp_path)]
        assert names == ["a.gif", "b.JFIF", "c.ppm", "dangling.png", "g.webp"]
    (record,) = caplog.records
    assert record.getMessage().endswith("not images: 1 without an ending, 2 .txt")


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("fifo", "zero"):
        with pytest.raises(OSError, match="it is not a regular file"):
            images.read(tmp_path / f"{name}.png")
        with pytest.raises(UserError, match=r"--input: .* is not a regular file"):
            images.files_of(tmp_path / f"{name}.png", "--input")
