"""Float32 at least: the precision of softmaxes, norms, carried states and sums over steps in layers that get bfloat16.

Float32 and float64 stay as they are.
"""

import jax
import jax.numpy as jnp


def wide_type(dtype: jnp.dtype) -> jnp.dtype:
    """bfloat16 -> float32; float32 and float64 stay."""
    return jnp.promote_types(dtype, jnp.float32)


def to_wide(x: jax.Array) -> jax.Array:
    """Returns x in float32 at least.

    The input of a model's last layer is wide too: a loss may depend on differences of predictions alone (a correlation
    does), and differences of numbers near 2 with 8 bits are multiples of 1/64.
    """
    return x.astype(wide_type(x.dtype))


def wide_product(a: jax.Array, b: jax.Array, subscripts: str = "") -> jax.Array:
    """Returns the matrix product (or einsum) of a, in b's precision, and b; sums and result are float32 at least.

    XLA's CPU runtime has no product of bfloat16 with a result in float32. There the rounded factors are widened: the
    product of two such numbers is exact in float32, so the same terms are summed.
    """
    dtype = wide_type(b.dtype)
    a = a.astype(b.dtype)
    if b.dtype != dtype and _is_emulated():
        a, b = to_wide(a), to_wide(b)
    if subscripts:
        return jnp.einsum(subscripts, a, b, preferred_element_type=dtype)
    return jnp.matmul(a, b, preferred_element_type=dtype)


def _is_emulated() -> bool:
    return jax.default_backend() == "cpu"
