"""Products by a matrix over several axes, and of vectors of several modalities."""

import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from affect_jax.layers.spread import is_left_to_xla


def multiply_rows(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """x [..., D] @ kernel [D, F].

    The kernel's gradient is a product over all axes in front. Over several of them XLA turns one factor around first,
    on a CPU a pass across memory as long as the product itself where the kernel is small; so there they are one axis.
    """
    if x.ndim <= 2 or jax.default_backend() != "cpu" or is_left_to_xla():
        return x @ kernel
    return (x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def contract_last(x: jax.Array, kernel: jax.Array, dimension_numbers: Any, precision: Any = None) -> jax.Array:
    """`multiply_rows` as `dot_general` of flax's layers, which contract the last axes of x with the first of a kernel.

    Raises:
      ValueError: other axes are contracted, or a precision is asked for.
    """
    (of_x, of_kernel), _ = dimension_numbers
    count = len(of_x)
    if tuple(of_x) != tuple(range(x.ndim - count, x.ndim)) or tuple(of_kernel) != tuple(range(count)) or precision:
        raise ValueError(f"contract_last contracts the last axes with the first ones, but got {dimension_numbers}")
    rows = x.reshape(*x.shape[: x.ndim - count], math.prod(x.shape[x.ndim - count :]))
    product = multiply_rows(rows, kernel.reshape(rows.shape[-1], math.prod(kernel.shape[count:])))
    return product.reshape(*rows.shape[:-1], *kernel.shape[count:])


def multiply_outer(vectors: Iterable[jax.Array]) -> jax.Array:
    """The outer product of [1; v] of all vectors [B, V_m]: [B, (V_1 + 1) (V_2 + 1) ...], the last one's index fastest.

    It holds every product of entries of some of the vectors, each once (Zadeh et al. 2017, eq. 3).
    """
    product = None
    for vector in vectors:
        vector = jnp.concatenate([jnp.ones_like(vector[:, :1]), vector], axis=-1)
        if product is None:
            product = vector
        else:
            pairs = product[:, :, None] * vector[:, None, :]
            product = pairs.reshape(pairs.shape[0], pairs.shape[1] * pairs.shape[2])
    return product
