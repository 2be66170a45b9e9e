import io

import numpy as np
from PIL import Image

from jaxgan.data import images


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
    np.testing.assert_array_equal(pair, np.concatenate([upright, upright], -1))


def test_images_of_16_bits_keep_their_levels():
    levels = np.array([[0, 255, 256], [4660, 40000, 65535]], np.uint16)
    for kind in (np.uint16, np.int32):
        image = images.convert(Image.fromarray(levels.astype(kind)), 3)
        np.testing.assert_array_equal(np.array(image)[..., 1], levels >> 8)
