"""Gradient reversal: what comes before learns to fail where what comes behind learns (Ganin & Lempitsky 2015)."""

import functools

import jax


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def reverse_gradient(x: jax.Array, factor: float) -> jax.Array:
    """x; its gradient is multiplied by -`factor`."""
    del factor
    return x


def _forward(x: jax.Array, factor: float) -> tuple[jax.Array, None]:
    del factor
    return x, None


def _backward(factor: float, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    return (-factor * gradient,)


reverse_gradient.defvjp(_forward, _backward)
