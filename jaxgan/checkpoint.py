"""Checkpoints: Orbax, asynchronous, with a way back from a damaged one."""

import contextlib
import errno
import logging
import math
import os
import pathlib
import re
import resource
import shutil
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from jaxgan import parallel
from jaxgan.errors import UserError

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _as_os_error(what: str) -> Iterator[None]:
    """Turns the many kinds of error that Orbax and TensorStore raise into a one-line OSError."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        reason = reason.split(". See full TensorStore")[0][:200]
        found = re.search(r"os_error_code='(\d+)'", str(error))  # as TensorStore puts it
        number = int(found[1]) if found else getattr(error, "errno", None)
        if number:
            raise OSError(number, f"checkpoint {what}: {os.strerror(number)}") from error
        raise OSError(f"checkpoint {what}: {reason}") from error


class Checkpoints:
    """The checkpoints of one work folder.

    A save runs in the background; a write that failed is reported by the next `save` or by
    `wait`, as `OSError`, and leaves the earlier checkpoints as they were.
    """

    def __init__(
        self, folder: str | pathlib.Path, *, keep: int = 2, read_only: bool = False
    ) -> None:
        """Opens a folder.

        Args:
          folder: created where it is missing, unless `read_only`.
          keep: how many checkpoints, the newest, are kept.
          read_only: leave the folder as it is, whatever is found there.
        """
        self._folder = pathlib.Path(folder).absolute()
        self._read_only = read_only
        self._manager = ocp.CheckpointManager(
            self._folder,
            options=ocp.CheckpointManagerOptions(
                preservation_policy=preservation_policy.LatestN(keep),
                read_only=read_only,
            ),
        )

    def steps(self) -> list[int]:
        """Returns the steps that have a checkpoint, in order."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, state: Any) -> None:
        """Starts saving a copy of a pytree of arrays as `step`.

        Raises:
          OSError: the disk is full, or an earlier save failed.
        """
        state = jax.tree.map(jnp.copy, state)  # the next step consumes the caller's arrays
        tree = {"state": state, "digest": digest(state)}
        args = ocp.args.Composite(state=ocp.args.StandardSave(tree))
        # Asked beforehand, for TensorStore prints a traceback for each array it cannot write.
        for number, room in ((errno.ENOSPC, self._free()), (errno.EFBIG, _largest_file())):
            if not parallel.everywhere(room >= _size_on_disk(state)):
                raise OSError(number, os.strerror(number))
        with _as_os_error("cannot be written"):
            if not self._manager.save(step, args=args):
                raise OSError(f"step {step} is not later than {self.steps()[-1]}")

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free

    def delete_after(self, step: int) -> None:
        """Deletes the checkpoints of later steps."""
        for later in self.steps():
            if later > step:
                self._manager.delete(later)

    def restore(self, step: int, like: Any) -> Any:
        """Returns the checkpoint of `step`.

        Args:
          step: one of `steps()`.
          like: a pytree of `jax.ShapeDtypeStruct` with shardings, of the structure saved.

        Raises:
          OSError: it cannot be read, or is not what was saved.
          UserError: it is of another model than `like`.
        """
        try:
            return self._restore(step, like)
        except OSError:
            self._check_model(step, like)
            raise

    def _restore(self, step: int, like: Any) -> Any:
        expected = abstract(jax.eval_shape(digest, like), jax.tree.leaves(like)[0].sharding)
        args = ocp.args.Composite(
            state=ocp.args.StandardRestore({"state": like, "digest": expected})
        )
        with _as_os_error(f"{step} cannot be read"):
            for path in (self._folder / str(step)).rglob("*"):
                if not path.is_dir() and not path.is_file():  # Orbax would wait for a pipe
                    raise OSError(f"{path.name} is not a regular file")
            tree = self._manager.restore(step, args=args)["state"]
            if not np.array_equal(tree["digest"], digest(tree["state"])):
                raise OSError("its bytes are not those that were saved")
        return tree["state"]

    def _check_model(self, step: int, like: Any) -> None:
        """Raises `UserError` where a checkpoint has other arrays than `like`."""
        folder = self._folder / str(step)
        try:
            with ocp.StandardCheckpointer() as reader:
                saved = _shapes(reader.metadata(folder / "state").item_metadata)
        except Exception:  # of Orbax, for whatever is wrong with the files
            return
        wanted = _shapes({"state": like})
        for name in sorted(wanted | saved) if saved else ():
            if name != "digest" and wanted.get(name) != saved.get(name):
                shapes = (str(x.get(name, "absent")) for x in (saved, wanted))
                raise UserError(
                    f"--workdir: {folder} is of another model than the configuration "
                    f"({name.removeprefix('state.')}: {' -> '.join(shapes)}); give its own config, "
                    "or another folder"
                )

    def restore_newest(self, like: Any) -> tuple[int, Any] | None:
        """Returns (step, state) of the newest sound checkpoint, None where there is none at all.

        Damaged ones are reported in one line and, where an earlier one is sound, set aside as
        `damaged-STEP`.

        Raises:
          OSError: there are checkpoints and none can be read.
          UserError: they are of another model than `like`.
        """
        damaged, steps = [], self.steps()
        for step in reversed(steps):
            try:
                state, error = self._restore(step, like), None
            except OSError as found:
                state, error = None, found
            if not parallel.everywhere(error is None):
                error = error or OSError(f"checkpoint {step} cannot be read by another process")
                damaged.append((step, error))
                continue
            if damaged:
                others = "".join(f", nor can {other}" for other, _ in damaged[1:])
                _log.warning("%s%s; checkpoint %d is used", damaged[0][1], others, step)
            if damaged and not self._read_only:
                for other, _ in damaged if jax.process_index() == 0 else ():
                    aside = self._folder / f"damaged-{other}"
                    shutil.rmtree(aside, ignore_errors=True)  # of an earlier time
                    (self._folder / str(other)).rename(aside)
                parallel.barrier("damaged checkpoints are set aside")
                self._manager.reload()
            return step, state
        if damaged and self._read_only:
            self._manager.reload()
            if self.steps() != steps:  # a run has saved others and deleted these meanwhile
                return self.restore_newest(like)
        if damaged:
            self._check_model(damaged[0][0], like)
            raise OSError(f"no checkpoint can be read, the newest: {damaged[0][1]}")
        return None

    def wait(self) -> None:
        """Returns when all saves have ended."""
        with _as_os_error("cannot be written"):
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits for the saves and lets go of the folder."""
        with _as_os_error("cannot be written"):
            self._manager.close()


def _size_on_disk(state: Any) -> int:
    """Returns the bytes that a checkpoint takes at most, with its files' headers and metadata."""
    leaves = jax.tree.leaves(state)
    return sum(x.nbytes for x in leaves) + 2048 * len(leaves) + 2**17


def _largest_file() -> float:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return math.inf if limit == resource.RLIM_INFINITY else limit


@jax.jit
def digest(tree: Any) -> jax.Array:
    """Returns a checksum of each leaf, which any one changed byte changes; uint32 [leaves].

    Orbax does not notice a changed byte in the data. The checksum is computed on the devices, in
    integers, so it is the same on any number of them.
    """

    def checksum(x: jax.Array) -> jax.Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x = jax.random.key_data(x)
        bits = jax.lax.bitcast_convert_type(x.ravel(), f"uint{8 * x.dtype.itemsize}")
        odd = 2 * jax.lax.iota(jnp.uint32, bits.size) + 1
        return jnp.sum(bits.astype(jnp.uint32) * odd, dtype=jnp.uint32)

    return jnp.stack([checksum(x) for x in jax.tree.leaves(tree)])


def abstract(tree: Any, shardings: Any) -> Any:
    """Returns the shapes and dtypes of a pytree with shardings, a pytree of them or one for all."""
    if isinstance(shardings, jax.sharding.Sharding):
        shardings = jax.tree.map(lambda x: shardings, tree)
    return jax.tree.map(
        lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding),
        tree,
        shardings,
    )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a pytree's arrays by names such as `params.gen.params.0.kernel`."""

    def name(key: Any) -> str:
        return str(next(getattr(key, x) for x in ("key", "name", "idx") if hasattr(key, x)))

    def shape(leaf: Any) -> tuple[int, ...]:
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return tuple(jax.eval_shape(jax.random.key_data, leaf).shape if is_key else leaf.shape)

    leaves = jax.tree_util.tree_leaves_with_path(getattr(tree, "tree", tree))
    return {".".join(map(name, path)): shape(leaf) for path, leaf in leaves}
