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
