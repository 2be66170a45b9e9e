"""Guided back-propagation: Springenberg et al. 2014 (arXiv 1412.6806), section 3.4."""

import contextlib
import functools
from collections.abc import Iterator

import flax.linen as nn
import jax
import jax.numpy as jnp


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def guided_leaky_relu(x: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    """Leaky rectifier that passes only positive gradients back: guided back-propagation.

    Springenberg et al. 2014 (arXiv 1412.6806), section 3.4: besides what the rectifier's input
    sets to 0, as in back-propagation, negative gradients are set to 0, as by a "deconvnet". With a
    slope of 0 it is the paper's rectifier; with another, inputs below 0 scale the gradient by it.

    Args:
      x: float [...].
      negative_slope: of values below 0.
    """
    return jnp.where(x > 0, x, negative_slope * x)


guided_leaky_relu.defvjp(
    lambda x, slope: (guided_leaky_relu(x, slope), x),
    lambda slope, x, grad: (jnp.maximum(grad, 0) * jnp.where(x > 0, 1, slope).astype(x.dtype),),
)


@contextlib.contextmanager
def guided() -> Iterator[None]:
    """Within it, `flax.linen.relu` and `leaky_relu` pass back as in guided back-propagation.

    The modules call these functions by that name, so what is traced within is guided; what was
    compiled before is not, hence the functions to differentiate have to be new ones. The names are
    those of the whole process: no other thread may trace a network meanwhile.
    """
    saved = nn.relu, nn.leaky_relu
    nn.relu, nn.leaky_relu = lambda x: guided_leaky_relu(x, 0.0), guided_leaky_relu
    try:
        yield
    finally:
        nn.relu, nn.leaky_relu = saved
