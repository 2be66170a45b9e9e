"""The Inception network of the FID, and the converter of its weights.

`python -m jaxgan.metrics.inception --convert=FILE.pth --out=inception.npz` needs PyTorch once; to
use the weights nothing but the `.npz` is needed.
"""

import functools
import hashlib
import os
import pathlib
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import cli, results
from jaxgan.errors import UserError
from jaxgan.metrics import weights

VARIABLE = "JAXGAN_INCEPTION"  # of the environment: the path of the converted weights
SOURCE = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"  # of that file
SIZE = 299


class ConvUnit(nn.Module):
    """Convolution without bias, batch normalisation with stored statistics, ReLU.

    Attributes:
      features: output channels.
      kernel_size: (height, width).
      strides: of both axes.
      padding: pixels on each side, by axis.
    """

    features: int
    kernel_size: tuple[int, int] = (1, 1)
    strides: int = 1
    padding: tuple[int, int] = (0, 0)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps float32 [batch, height, width, channels] to [batch, height', width', features]."""
        x = nn.Conv(
            self.features,
            self.kernel_size,
            self.strides,
            [(p, p) for p in self.padding],
            use_bias=False,
            name="conv",
        )(x)
        return nn.relu(nn.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")(x))


def _average_pool(x: jax.Array) -> jax.Array:
    """Averages 3x3 windows of stride 1; a window at the edge averages what lies inside."""
    return nn.avg_pool(x, (3, 3), padding=((1, 1), (1, 1)), count_include_pad=False)


def _max_pool(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (3, 3), (2, 2))


class BlockA(nn.Module):
    """Branches 1x1, 5x5, two 3x3, and pooled, at 35x35.

    Attributes:
      pool_features: channels of the pooled branch.
    """

    pool_features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, h, w, c] to [batch, h, w, 224 + pool_features]."""
        one = ConvUnit(64, name="branch1x1")(x)
        five = ConvUnit(48, name="branch5x5_1")(x)
        five = ConvUnit(64, (5, 5), padding=(2, 2), name="branch5x5_2")(five)
        three = ConvUnit(64, name="branch3x3dbl_1")(x)
        three = ConvUnit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(three)
        three = ConvUnit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_3")(three)
        pool = ConvUnit(self.pool_features, name="branch_pool")(_average_pool(x))
        return jnp.concatenate([one, five, three, pool], -1)


class BlockB(nn.Module):
    """Halves the resolution from 35x35 to 17x17."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, h, w, c] to [batch, (h - 1) / 2, (w - 1) / 2, 480 + c]."""
        three = ConvUnit(384, (3, 3), 2, name="branch3x3")(x)
        double = ConvUnit(64, name="branch3x3dbl_1")(x)
        double = ConvUnit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(double)
        double = ConvUnit(96, (3, 3), 2, name="branch3x3dbl_3")(double)
        return jnp.concatenate([three, double, _max_pool(x)], -1)


class BlockC(nn.Module):
    """Branches 1x1, factorised 7x7, twice factorised 7x7, and pooled, at 17x17.

    Attributes:
      width: channels inside the factorised branches.
    """

    width: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, h, w, c] to [batch, h, w, 768]."""
        row = functools.partial(ConvUnit, kernel_size=(1, 7), padding=(0, 3))
        column = functools.partial(ConvUnit, kernel_size=(7, 1), padding=(3, 0))
        one = ConvUnit(192, name="branch1x1")(x)
        seven = ConvUnit(self.width, name="branch7x7_1")(x)
        seven = row(self.width, name="branch7x7_2")(seven)
        seven = column(192, name="branch7x7_3")(seven)
        double = ConvUnit(self.width, name="branch7x7dbl_1")(x)
        double = column(self.width, name="branch7x7dbl_2")(double)
        double = row(self.width, name="branch7x7dbl_3")(double)
        double = column(self.width, name="branch7x7dbl_4")(double)
        double = row(192, name="branch7x7dbl_5")(double)
        pool = ConvUnit(192, name="branch_pool")(_average_pool(x))
        return jnp.concatenate([one, seven, double, pool], -1)


class BlockD(nn.Module):
    """Halves the resolution from 17x17 to 8x8."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, h, w, c] to [batch, (h - 1) / 2, (w - 1) / 2, 512 + c]."""
        three = ConvUnit(192, name="branch3x3_1")(x)
        three = ConvUnit(320, (3, 3), 2, name="branch3x3_2")(three)
        seven = ConvUnit(192, name="branch7x7x3_1")(x)
        seven = ConvUnit(192, (1, 7), padding=(0, 3), name="branch7x7x3_2")(seven)
        seven = ConvUnit(192, (7, 1), padding=(3, 0), name="branch7x7x3_3")(seven)
        seven = ConvUnit(192, (3, 3), 2, name="branch7x7x3_4")(seven)
        return jnp.concatenate([three, seven, _max_pool(x)], -1)


class BlockE(nn.Module):
    """Branches whose ends fork into 1x3 and 3x1, at 8x8.

    Attributes:
      pool: `average` or `max`; the graph of 2015 has one block of each kind.
    """

    pool: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps [batch, h, w, c] to [batch, h, w, 2048]."""
        row = functools.partial(ConvUnit, 384, (1, 3), padding=(0, 1))
        column = functools.partial(ConvUnit, 384, (3, 1), padding=(1, 0))
        one = ConvUnit(320, name="branch1x1")(x)
        three = ConvUnit(384, name="branch3x3_1")(x)
        double = ConvUnit(448, name="branch3x3dbl_1")(x)
        double = ConvUnit(384, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(double)
        if self.pool == "average":
            pooled = _average_pool(x)
        else:
            pooled = nn.max_pool(x, (3, 3), padding=((1, 1), (1, 1)))
        parts = [
            one,
            row(name="branch3x3_2a")(three),
            column(name="branch3x3_2b")(three),
            row(name="branch3x3dbl_3a")(double),
            column(name="branch3x3dbl_3b")(double),
            ConvUnit(192, name="branch_pool")(pooled),
        ]
        return jnp.concatenate(parts, -1)


class Inception(nn.Module):
    """Inception-v3 as in TensorFlow's `inception-2015-12-05`, by which the FID is defined.

    Szegedy et al. 2015 (arXiv 1512.00567); Heusel et al. 2017 (arXiv 1706.08500). It differs from
    later versions in its average pooling, which leaves padding out, and in the last block's
    maximum pooling.
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps images in [-1, 1], float32 [batch, 299, 299, 3], to features and logits.

        Returns:
          Features float32 [batch, 2048], and logits float32 [batch, 1008] without their bias, as
          the inception score of Salimans et al. 2016 has them.
        """
        x = ConvUnit(32, (3, 3), 2, name="Conv2d_1a_3x3")(x)
        x = ConvUnit(32, (3, 3), name="Conv2d_2a_3x3")(x)
        x = _max_pool(ConvUnit(64, (3, 3), padding=(1, 1), name="Conv2d_2b_3x3")(x))
        x = ConvUnit(80, name="Conv2d_3b_1x1")(x)
        x = _max_pool(ConvUnit(192, (3, 3), name="Conv2d_4a_3x3")(x))
        for letter, pool_features in zip("bcd", (32, 64, 64), strict=True):
            x = BlockA(pool_features, name=f"Mixed_5{letter}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for letter, width in zip("bcde", (128, 160, 160, 192), strict=True):
            x = BlockC(width, name=f"Mixed_6{letter}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE("average", name="Mixed_7b")(x)
        x = BlockE("max", name="Mixed_7c")(x)
        features = jnp.mean(x, (1, 2))
        return features, nn.Dense(1008, use_bias=False, name="fc")(features)


def resize_matrix(size: int, out: int = SIZE) -> np.ndarray:
    """Returns TensorFlow 1's bilinear interpolation of one axis, float32 [out, size].

    Output i reads position `i size / out`, without half pixels and without antialiasing.
    """
    position = np.arange(out, dtype=np.float32) * np.float32(size / out)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, size - 1)
    share = position - low
    matrix = np.zeros((out, size), np.float32)
    np.add.at(matrix, (np.arange(out), low), 1 - share)
    np.add.at(matrix, (np.arange(out), high), share)
    return matrix


def preprocess(images: jax.Array) -> jax.Array:
    """Resizes and scales images as the FID's code does.

    Args:
      images: uint8 [batch, height, width, 1 or 3]; one channel is repeated.

    Returns:
      float32 [batch, 299, 299, 3], from -1 to 127/128.
    """
    _, height, width, channels = images.shape
    x = images.astype(jnp.float32)
    exact = {"precision": jax.lax.Precision.HIGHEST}
    x = jnp.einsum("yh,bhwc->bywc", resize_matrix(height), x, **exact)
    x = jnp.einsum("xw,bywc->byxc", resize_matrix(width), x, **exact)
    return (jnp.tile(x, 3 // channels) - 128) / 128


def load(path: str | None = None) -> tuple[dict[str, Any], str]:
    """Returns the converted weights and their checksum.

    Args:
      path: of the `.npz`; None for `$JAXGAN_INCEPTION`.

    Raises:
      UserError: there is no path, or no sound file of these weights.
    """
    where, path = ("--inception", path) if path else (VARIABLE, os.environ.get(VARIABLE))
    if not path:
        raise UserError(
            f"--features: no Inception weights for the FID; download {SOURCE}, run python -m "
            "jaxgan.metrics.inception --convert=pt_inception-2015-12-05-6726825d.pth "
            f"--out=inception.npz, and give inception.npz as --inception or ${VARIABLE}"
        )
    variables, checksum = weights.load(path, where)
    check(variables, f"{where}: {path}")
    return variables, checksum


def check(variables: dict[str, Any], where: str) -> None:
    """Raises `UserError` where variables do not have the network's names and shapes."""
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), jnp.float32)
    wanted = jax.eval_shape(Inception().init, jax.random.key(0), image)
    shapes = [
        {jax.tree_util.keystr(key): leaf.shape for key, leaf in _leaves(tree)}
        for tree in (wanted, variables)
    ]
    for name in shapes[0] | shapes[1]:
        if shapes[0].get(name) != shapes[1].get(name):
            raise UserError(
                f"{where} has {name} of shape {shapes[1].get(name)}, not {shapes[0].get(name)}; "
                "it holds other weights than Inception's"
            )


def _leaves(tree: Any) -> list[tuple[Any, Any]]:
    return jax.tree_util.tree_leaves_with_path(tree)


def convert(state: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns Flax variables from a PyTorch state dict of the FID's Inception.

    Args:
      state: arrays by name, such as `Mixed_5b.branch1x1.conv.weight`.
    """
    variables: dict[str, Any] = {"params": {}, "batch_stats": {}}
    leaves = {
        "bn.weight": ("params", "scale"),
        "bn.bias": ("params", "bias"),
        "bn.running_mean": ("batch_stats", "mean"),
        "bn.running_var": ("batch_stats", "var"),
        "conv.weight": ("params", "kernel"),
        "fc.weight": ("params", "kernel"),
    }
    for name, value in state.items():
        *modules, kind, leaf = name.split(".")
        if f"{kind}.{leaf}" not in leaves:
            continue  # the counters of batch normalisation, the bias of the logits
        collection, leaf = leaves[f"{kind}.{leaf}"]
        node = variables[collection]
        for module in (*modules, kind):
            node = node.setdefault(module, {})
        axes = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[value.ndim]
        node[leaf] = np.ascontiguousarray(value.transpose(axes), np.float32)
    return variables


def main(argv: list[str]) -> None:
    """Converts PyTorch's weight file to a checksummed `.npz`."""
    parser = cli.Parser("python -m jaxgan.metrics.inception", "Convert the FID's weights.")
    parser.add_argument("--convert", required=True, metavar="FILE", help=f"from {SOURCE}")
    results.add_arguments(parser, "the .npz to write", required=True, metavar="FILE")
    args = parser.parse_args(argv)
    path, out = pathlib.Path(args.convert), pathlib.Path(args.out)
    results.check(args, [out], [path])
    if not path.is_file():
        raise UserError(f"--convert: no file {path}; download {SOURCE}")
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != SHA256:
        raise UserError(
            f"--convert: {path} has the SHA-256 {sha256}, the FID's weights have {SHA256}; "
            f"download {SOURCE}"
        )
    try:
        import torch
    except ImportError as error:
        raise UserError(
            "--convert: reading the file needs PyTorch, once; run pip install torch"
        ) from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        variables = convert({name: value.detach().numpy() for name, value in state.items()})
    except Exception as error:
        raise UserError(f"--convert: {path} is no file of weights; download {SOURCE}") from error
    check(variables, f"--convert: {path}")
    with results.writing(out):
        checksum = weights.save(out, variables)
    print(f"wrote {args.out} (checksum {checksum})")


if __name__ == "__main__":
    cli.run(main)
