"""Data folders that the tests of `jaxgan.data` share."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that prepares a small TFDS dataset and returns its data folder."""
    tfds = pytest.importorskip("tensorflow_datasets")
    image_module = pytest.importorskip("PIL.Image")

    def make(
        name: str,
        images: list[np.ndarray],
        labels: list[int] | None = None,
        features: dict | None = None,
    ) -> Path:
        def png(image: np.ndarray) -> io.BytesIO:
            file = io.BytesIO()
            image_module.fromarray(image.squeeze()).save(file, "png")
            file.seek(0)
            return file

        def generate(self):
            for index, image in enumerate(images):
                example = {"image": png(image)} if features is None else {"number": index}
                if labels is not None:
                    example["label"] = labels[index]
                yield index, example

        def info(self):
            chosen = features or {"image": tfds.features.Image(shape=(None, None, 3))}
            if labels is not None:
                chosen["label"] = tfds.features.ClassLabel(num_classes=7)
            return tfds.core.DatasetInfo(
                builder=self, description=name, features=tfds.features.FeaturesDict(chosen)
            )

        builder = type(
            "Small",
            (tfds.core.GeneratorBasedBuilder,),
            {
                "name": name,
                "VERSION": tfds.core.Version("1.2.0"),
                "_info": info,
                "_split_generators": lambda self, _: {"train": generate(self)},
                "_generate_examples": generate,
            },
            skip_registration=True,
        )
        builder(data_dir=tmp_path, file_format="array_record").download_and_prepare()
        return tmp_path

    return make
