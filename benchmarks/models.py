"""The models that are timed, and what both frameworks need to know of them."""

from typing import Any, NamedTuple

import numpy as np


class Model(NamedTuple):
    """A model and its data; `benchmarks.torch_models` has the same networks by the same name.

    Attributes:
      batch_size: images per update.
      image_shape: (height, width, channels).
      gan: options of `jaxgan.gans.make`.
      learning_rate: of Adam, for both players.
      num_classes: of the labels; 0 where there are none.
      paired: whether an image has an input image.
    """

    batch_size: int
    image_shape: tuple[int, int, int]
    gan: dict[str, Any]
    learning_rate: float = 2e-4
    num_classes: int = 0
    paired: bool = False


_DCGAN = {"name": "dcgan", "kernel": 4, "width": 64, "latent": "normal"}

MODELS = {
    "cgan_mlp": Model(
        100, (28, 28, 1), {"name": "cgan", "network": "mlp", "dropout": 0.5}, num_classes=10
    ),
    "dcgan_28": Model(64, (28, 28, 1), _DCGAN),
    "dcgan_64": Model(64, (64, 64, 3), _DCGAN),
    "pix2pix": Model(1, (256, 256, 3), {"name": "pix2pix"}, paired=True),
    "ebgan_mnist": Model(100, (28, 28, 1), {"name": "ebgan"}, learning_rate=1e-3),
}


class Settings(NamedTuple):
    """What a worker is told.

    Attributes:
      model: a name of `MODELS`.
      batch_size: in place of the model's; None keeps that.
      dtype: `float32` or `bfloat16`; None: bfloat16 on a GPU.
      torch: `eager`, where the generator's update computes gradients of the discriminator's
        parameters too, as PyTorch does unless told otherwise; `frozen`, without them; `compile`,
        the same and compiled; None: eager on CPU and compile on a GPU.
      same_allocator: whether PyTorch too keeps the memory it frees.
      cache: folder of jaxgan's compiled programs.
      steps_per_call: steps that jaxgan takes as one program.
    """

    model: str
    batch_size: int | None
    dtype: str | None
    torch: str | None
    same_allocator: bool
    cache: str
    steps_per_call: int = 1


def make_batch(settings: Settings) -> dict[str, np.ndarray]:
    """Returns random data: `image` float32 [batch, ...], and `label` [batch] or `input` likewise.

    Args:
      settings: of the worker.
    """
    model = MODELS[settings.model]
    size = settings.batch_size or model.batch_size
    rng = np.random.default_rng(0)

    def images() -> np.ndarray:
        return rng.uniform(-1, 1, (size, *model.image_shape)).astype(np.float32)

    batch = {"image": images()}
    if model.num_classes:
        batch["label"] = rng.integers(0, model.num_classes, size).astype(np.int32)
    if model.paired:
        batch["input"] = images()
    return batch
