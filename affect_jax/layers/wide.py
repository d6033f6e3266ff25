"""Float32 at least: what layers form softmaxes, norms, carried states and sums over steps in where they get bfloat16.

Of float32 and float64 nothing changes.
"""

import jax
import jax.numpy as jnp


def wide_type(dtype: jnp.dtype) -> jnp.dtype:
    """bfloat16 -> float32; float32 and float64 stay."""
    return jnp.promote_types(dtype, jnp.float32)


def to_wide(x: jax.Array) -> jax.Array:
    """x in float32 at least.

    What a model's last layer reads is wide too: a loss may depend on differences of predictions alone (a correlation),
    and those of numbers near 2 that have 8 bits are multiples of 1/64.
    """
    return x.astype(wide_type(x.dtype))


def wide_product(a: jax.Array, b: jax.Array, subscripts: str = "") -> jax.Array:
    """The matrix product (or einsum) of b and of a in b's precision, its sums and the result in float32 at least.

    XLA's CPU runtime has no product of bfloat16 with a result in float32. There the factors, rounded, are widened: the
    products of two such numbers are exact in float32, so the sums are of the same terms.
    """
    dtype = wide_type(b.dtype)
    a = a.astype(b.dtype)
    if b.dtype != dtype and _emulated():
        a, b = to_wide(a), to_wide(b)
    if subscripts:
        return jnp.einsum(subscripts, a, b, preferred_element_type=dtype)
    return jnp.matmul(a, b, preferred_element_type=dtype)


def _emulated() -> bool:
    return jax.default_backend() == "cpu"
