"""Float32 at least: what layers form softmaxes, norms, carried states and sums over steps in where they get bfloat16.

Of float32 and float64 nothing changes.
"""

import jax
import jax.numpy as jnp


def wide_type(dtype: jnp.dtype) -> jnp.dtype:
    """bfloat16 -> float32; float32 and float64 stay."""
    return jnp.promote_types(dtype, jnp.float32)


def wide(x: jax.Array) -> jax.Array:
    """x in float32 at least.

    What a model's last layer reads is wide too: a loss may depend on differences of predictions alone (a correlation),
    and those of numbers near 2 that have 8 bits are multiples of 1/64.
    """
    return x.astype(wide_type(x.dtype))
