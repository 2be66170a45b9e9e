"""Mixed precision: the dtype of the computation, by name.

Parameters, statistics, optimizer states and losses stay in float32 whatever it is.
"""

import jax.numpy as jnp

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def compute_dtype(name: str) -> jnp.dtype:
    """Returns the dtype of a variant's option `dtype`; raises `ValueError` for an unknown name."""
    if name not in DTYPES:
        raise ValueError(f"dtype: unknown {name!r}; known: {', '.join(sorted(DTYPES))}")
    return DTYPES[name]
