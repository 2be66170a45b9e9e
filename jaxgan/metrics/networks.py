"""Feature networks: what they are called, what they take, and their outputs for many images."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxgan import parallel
from jaxgan.errors import UserError
from jaxgan.metrics import classifier, inception
from jaxgan.metrics.arguments import Array, check_images

NAMES = ("classifier", "inception")


class Network(NamedTuple):
    """A trained network whose features and logits judge images.

    Attributes:
      name: one of `NAMES`.
      prefix: of the names of its distances; only Inception's are called FID and KID.
      channels: that its images may have.
      size: (height, width) that they must have; None for any.
      dim: of its features.
      num_classes: of its logits.
      checksum: of its weights.
      resize: how images are brought to its size.
      batch: images per call.
      apply: uint8 [batch, height, width, channels] to features float32 [batch, dim] and logits
        float32 [batch, num_classes], compiled.
    """

    name: str
    prefix: str
    channels: tuple[int, ...]
    size: tuple[int, int] | None
    dim: int
    num_classes: int
    checksum: str
    resize: str
    batch: int
    apply: Callable[[Any], tuple[jax.Array, jax.Array]]


class Outputs(NamedTuple):
    """What a network makes of n images.

    Attributes:
      features: float32 [n, dim].
      logits: float32 [n, num_classes].
    """

    features: np.ndarray
    logits: np.ndarray


def load(name: str, inception_weights: str | None = None) -> Network:
    """Returns a feature network.

    Args:
      name: `classifier`, of MNIST digits, in the package; or `inception`, of the FID.
      inception_weights: path of the converted weights; None for `$JAXGAN_INCEPTION`.

    Raises:
      UserError: the name is unknown, or the weights are missing or damaged.
    """
    if name == "classifier":
        variables, checksum = classifier.load()
        model = classifier.Classifier()
        return Network(
            name=name,
            prefix="classifier-",
            channels=(1,),
            size=(28, 28),
            dim=128,
            num_classes=10,
            checksum=checksum,
            resize="none",
            batch=500,
            apply=_compiled(variables, lambda v, x: model.apply(v, x.astype(jnp.float32) / 255)),
        )
    if name == "inception":
        variables, checksum = inception.load(inception_weights)
        model = inception.Inception()
        return Network(
            name=name,
            prefix="",
            channels=(1, 3),
            size=None,
            dim=2048,
            num_classes=1008,
            checksum=checksum,
            resize="bilinear to 299x299 as in TensorFlow 1 (no half pixels, no antialiasing)",
            batch=50,
            apply=_compiled(variables, lambda v, x: model.apply(v, inception.preprocess(x))),
        )
    raise UserError(f"--features: unknown {name!r}; known: {', '.join(NAMES)}")


def _compiled(variables: Any, apply: Callable[..., Any]) -> Callable[[Any], Any]:
    """Returns the compiled function of images, in full float32 on every device."""

    @jax.jit
    def call(variables: Any, images: jax.Array) -> Any:
        with jax.default_matmul_precision("highest"):
            return apply(variables, images)

    return functools.partial(call, variables)


def check_shape(network: Network, image_shape: tuple[int, int, int], where: str) -> None:
    """Raises `UserError`, which begins with `where`, if the network does not take such images."""
    *size, channels = image_shape
    if channels not in network.channels or network.size not in (None, tuple(size)):
        wanted = "28x28x1" if network.size else "1 or 3 channels"
        raise UserError(
            f"{where} has images of shape {tuple(image_shape)}, but the {network.name} takes "
            f"{wanted}; choose other features or measures without, such as parzen"
        )


def outputs(
    network: Network,
    images: Array,
    tick: Callable[[int], Any] = lambda count: None,
    *,
    together: bool = False,
) -> Outputs:
    """Returns features and logits, computed batch by batch over all devices of this process.

    Args:
      network: from `load`.
      images: uint8 [n, height, width, channels].
      tick: called with the number of images of each batch, when it is done.
      together: share the work among all processes, each of which calls with the same images. Not
        for what is cached, which one of them may have already.

    Raises:
      ValueError: the shape or type of the images is another.
    """
    size = network.size or images.shape[1:3]
    channels = images.shape[-1] if images.shape[-1] in network.channels else network.channels[-1]
    check_images("images", images, (*size, channels))
    mesh = parallel.make_mesh(devices=jax.devices() if together else jax.local_devices())
    batch = -(-network.batch // mesh.size) * mesh.size
    sharding = parallel.row_sharding(mesh)
    parts = []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.pad(part, ((0, batch - len(part)), *((0, 0),) * 3))
        spread = jax.make_array_from_callback(padded.shape, sharding, padded.__getitem__)
        result = network.apply(spread)
        if together:
            result = multihost_utils.process_allgather(result, tiled=True)
        parts.append([np.asarray(x)[: len(part)] for x in result])
        tick(len(part))
    if not parts:
        raise ValueError("images: there are none; give at least one")
    return Outputs(*(np.concatenate(x) for x in zip(*parts, strict=True)))
