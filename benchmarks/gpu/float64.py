"""Evaluates a float32 computation in float64 on the CPU: the reference for what a device computes.

The computation is traced as it runs on the device, and its operations are then evaluated one by
one with float64 operands. Random bits and everything else that is not floating-point stays the
same, so noise and dropout masks agree.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

INLINED = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat2")


def in_float64(function: Callable[..., Any], *args: Any) -> Any:
    """Returns `function(*args)`, computed in float64 on the CPU.

    Args:
      function: a function of arrays that JAX can trace, without loops.
      *args: pytrees of arrays.

    Returns:
      What the function returns, with NumPy arrays as leaves.

    Raises:
      NotImplementedError: the function contains a loop, a branch or another nested program.
    """
    traced, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    leaves = jax.tree.leaves(args)
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        leaves = [_wide(x) for x in jax.device_put(leaves, jax.devices("cpu")[0])]
        run = jax.jit(lambda *values: _evaluate(traced.jaxpr, traced.consts, values))
        found = jax.device_get(run(*leaves))
    return jax.tree.unflatten(jax.tree.structure(shape), found)


def _wide(x: Any) -> Any:
    """Returns float64 for float32 and bfloat16, and anything else unchanged."""
    if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return x
    return jnp.asarray(x, jnp.float64) if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x


def _evaluate(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any]) -> list[Any]:
    values = dict(zip(jaxpr.constvars, map(_wide, jax.device_get(consts)), strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))
    for equation in jaxpr.eqns:
        operands = [
            values[x] if not hasattr(x, "val") else _wide(np.asarray(x.val, x.aval.dtype))
            for x in equation.invars
        ]
        for variable, value in zip(equation.outvars, _apply(equation, operands), strict=True):
            values[variable] = value
    return [values[x] if not hasattr(x, "val") else _wide(x.val) for x in jaxpr.outvars]


def _apply(equation: Any, operands: list[Any]) -> list[Any]:
    """Returns the outputs of one operation, in float64 where they are floating-point."""
    name, params = equation.primitive.name, dict(equation.params)
    if name in INLINED:
        inner = params.get("jaxpr") or params["call_jaxpr"]
        if hasattr(inner, "consts"):
            return _evaluate(inner.jaxpr, inner.consts, operands)
        return _evaluate(inner, (), operands)
    if any("jaxpr" in key or key == "branches" for key in params):
        raise NotImplementedError(f"{name} is not evaluated in float64")
    if name == "convert_element_type" and jnp.issubdtype(params["new_dtype"], jnp.floating):
        return [operands[0].astype(jnp.float64)]
    for key in ("preferred_element_type", "accuracy"):
        if params.get(key) is not None:
            params[key] = None
    if name == "reduce_precision":
        return [operands[0]]
    if name in ("random_bits", "bitcast_convert_type"):  # bits of float32, to float32
        operands = [x.astype(v.aval.dtype) if _floating(x) else x
                    for x, v in zip(operands, equation.invars, strict=True)]  # fmt: skip
    outputs = equation.primitive.bind(*operands, **params)
    outputs = outputs if equation.primitive.multiple_results else [outputs]
    return [_wide(x) for x in outputs]


def _floating(x: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(x), jnp.floating)
