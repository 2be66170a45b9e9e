"""MNIST as a TFDS dataset, prepared from the files that come with this package.

The result is what TFDS's own `mnist:3.0.1` prepares, but needs neither
TensorFlow nor the network.
"""

import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.download import checksums

from jaxgan.errors import UserError

FILES = Path(__file__).parent / "mnist"


def read_checked(path: Path) -> bytes:
    """Reads one gzipped MNIST file that must be the one that TFDS registers.

    Args:
        path: the file.

    Returns:
        The unpacked content.

    Raises:
        UserError: if its size or SHA-256 is not the registered one.
    """
    registry = checksums.load_url_infos(tfds.core.tfds_path("url_checksums/mnist.txt"))
    expected = next(info for url, info in registry.items() if url.endswith("/" + path.name))
    data = path.read_bytes() if path.is_file() else b""
    if (len(data), hashlib.sha256(data).hexdigest()) != (expected.size, expected.checksum):
        raise UserError(
            f"dataset.name='mnist': {path} is missing or damaged (TFDS registers {expected.size} "
            f"bytes, SHA-256 {expected.checksum}); install jaxgan again"
        )
    return gzip.decompress(data)


class Mnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The MNIST database of handwritten digits: 60,000 for training, 10,000 for testing."""

    VERSION = tfds.core.Version("3.0.1")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="The MNIST database of handwritten digits.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="http://yann.lecun.com/exdb/mnist/",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager  # Nothing is downloaded.
        return {
            "train": self._generate_examples("train"),
            "test": self._generate_examples("t10k"),
        }

    def _generate_examples(self, prefix: str) -> Iterator[tuple[int, dict]]:
        images = read_checked(FILES / f"{prefix}-images-idx3-ubyte.gz")
        labels = read_checked(FILES / f"{prefix}-labels-idx1-ubyte.gz")
        images = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.frombuffer(labels, np.uint8, offset=8)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            png = io.BytesIO()
            Image.fromarray(image).save(png, "png")
            png.seek(0)
            yield index, {"image": png, "label": int(label)}
