"""Losses for classes, from logits."""

import jax
import jax.numpy as jnp


def binary_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """-(y log p + (1 - y) log(1 - p)) with p = sigmoid(logits), elementwise (eq. 5.12 with its minus sign).

    target: in [0, 1], any real type. Written with softplus, so that it is exact for logits of any size.
    Raises ValueError where the shapes differ.
    """
    if logits.shape != target.shape:
        raise ValueError(f"logits {logits.shape} and target {target.shape} must have one shape")
    target = target.astype(logits.dtype)
    return target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits)


def cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """-log softmax(logits)[target] per step (eq. 2.9 for one-hot truth): logits [..., C], target [...] -> [...].

    target: whole numbers 0..C-1 of any type. Anything else gives NaN there, so that a wrong label is seen at once.
    Raises ValueError where the shapes do not fit.
    """
    if logits.shape[:-1] != target.shape:
        raise ValueError(f"logits {logits.shape} must be the target's shape {target.shape} and a class axis")
    classes = jnp.arange(logits.shape[-1]).reshape((1,) * target.ndim + (-1,))
    chosen = classes == target[..., None]
    value = jax.nn.logsumexp(logits, axis=-1) - jnp.sum(jnp.where(chosen, logits, 0), axis=-1)
    return jnp.where(jnp.any(chosen, axis=-1), value, jnp.nan)
