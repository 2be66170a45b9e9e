"""Weights of feature networks as `.npz` files that carry their own checksum."""

import hashlib
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import storage
from jaxgan.data.files import read_arrays
from jaxgan.errors import UserError

_CHECKSUM = "sha256"


def save(path: str | pathlib.Path, variables: Any) -> str:
    """Writes a nested dict of arrays and returns its checksum.

    Args:
      path: the `.npz` to write.
      variables: a nested dict with string keys, of arrays.

    Returns:
      The SHA-256 of all names, types, shapes and values, which the file holds too.
    """
    flat = {
        "/".join(key.key for key in keys): np.asarray(leaf)
        for keys, leaf in jax.tree_util.tree_leaves_with_path(variables)
    }
    checksum = _sha256(flat)
    with storage.replacing(path) as file:
        np.savez_compressed(file, **flat, **{_CHECKSUM: np.array(checksum)})
    return checksum


def load(path: str | pathlib.Path, where: str = "path") -> tuple[dict[str, Any], str]:
    """Reads what `save` wrote.

    Args:
      path: the `.npz`.
      where: what an error calls the path.

    Returns:
      The nested dict, in float32, and the checksum.

    Raises:
      UserError: the file cannot be read, or its content is not what its checksum says.
    """

    def fail(problem: str) -> UserError:
        return UserError(f"{where}: {path} {problem}; give a .npz of weights")

    flat = read_arrays(pathlib.Path(path), None, fail)
    stated = str(flat.pop(_CHECKSUM, "none"))
    found = _sha256(flat)
    if stated != found:
        raise UserError(
            f"{where}: {path} has the checksum {found[:16]}..., not {stated[:16]} as it says; "
            "convert or copy it again"
        )
    variables: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, leaf = name.split("/")
        node = variables
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = jnp.asarray(value, jnp.float32)
    return variables, found


def _sha256(flat: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(flat):
        array = np.ascontiguousarray(flat[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
