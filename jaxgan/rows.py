"""Which rows of the global batch are at hand: all, a device's share, a part of an accumulated step.

A step runs over a whole batch, over the share of one device in a program of its own (`pmap`), or
over parts of it one after another. What is drawn for an example depends on none of these: noise is
drawn for the global batch and the rows at hand are cut out of it (`draw`), and what is of the whole
batch, such as statistics, goes through `mean` and `gather`. Outside of `at_hand` all of them do
nothing.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import jax


class Rows(NamedTuple):
    """Rows of the global batch: device by device, in each device's part by part.

    Attributes:
      shares: devices that share the batch.
      sharding: of arrays [batch, ...], where one program has the rows of all devices.
      axis: the axis of `pmap`, where each program has the rows of one.
      parts: in which a batch is taken.
      part: the one at hand, an integer that may be traced.
    """

    shares: int = 1
    sharding: jax.sharding.Sharding | None = None
    axis: str | None = None
    parts: int = 1
    part: Any = 0


_at_hand: ContextVar[Rows] = ContextVar("rows", default=Rows())  # noqa: B039, it is immutable


@contextlib.contextmanager
def at_hand(**changes: Any) -> Iterator[None]:
    """What is traced in this context has other rows at hand: attributes of `Rows`."""
    token = _at_hand.set(_at_hand.get()._replace(**changes))
    try:
        yield
    finally:
        _at_hand.reset(token)


def axis() -> str | None:
    """Returns the name of the axis over which statistics of the batch are taken, if any."""
    return _at_hand.get().axis


def whole(count: int) -> tuple[int, int]:
    """Returns the size of the global batch of which `count` rows are at hand, and its pieces.

    Pieces are those of a device in a part; one where all rows are at hand.
    """
    rows = _at_hand.get()
    if rows.axis:
        return count * rows.shares * rows.parts, rows.shares * rows.parts
    return count * rows.parts, rows.shares * rows.parts if rows.parts > 1 else 1


def mean(tree: Any) -> Any:
    """Returns the mean over devices that each have a program; elsewhere what is given."""
    return tree if axis() is None else jax.lax.pmean(tree, axis())


def gather(x: jax.Array) -> jax.Array:
    """Returns [batch, ...], the rows of all devices; elsewhere what is given."""
    return x if axis() is None else jax.lax.all_gather(x, axis(), tiled=True)


def draw(rule: Callable[[jax.Array, int], jax.Array], key: jax.Array, count: int) -> jax.Array:
    """Returns noise [count, ...] for the examples at hand, on the devices that have them.

    The compiler does not spread what is drawn inside a program by itself: every device would draw
    and generate the whole batch.

    Args:
      rule: `(key, count) -> noise` [count, ...].
      key: a PRNG key.
      count: rows at hand, or twice as many where real and generated examples take turns.
    """
    rows = _at_hand.get()
    own = count if rows.axis else count // rows.shares
    if not rows.axis and own * rows.shares != count:  # no equal shares
        if rows.parts > 1:
            raise ValueError(f"count: {count} rows are not divisible by {rows.shares} devices")
        return rule(key, count)
    noise = _spread(rule(key, own * rows.shares * rows.parts))
    if rows.axis is None:
        return _part(noise)
    noise = noise.reshape(rows.shares, rows.parts, own, *noise.shape[1:])
    return noise[jax.lax.axis_index(rows.axis), rows.part]


def part(batch: Any, index: Any, parts: int) -> Any:
    """Returns one of equal parts of a batch, a pytree of [batch, ...], some of each device's."""
    with at_hand(part=index, parts=parts):
        return jax.tree.map(_part, batch)


def _part(x: jax.Array) -> jax.Array:
    rows = _at_hand.get()
    if rows.parts == 1:
        return x
    shares = 1 if rows.axis else rows.shares
    x = x.reshape(shares, rows.parts, -1, *x.shape[1:])[:, rows.part]
    return _spread(x.reshape(-1, *x.shape[2:]))


def _spread(x: jax.Array) -> jax.Array:
    sharding = _at_hand.get().sharding
    return x if sharding is None else jax.lax.with_sharding_constraint(x, sharding)
