"""Losses for classes, from logits."""

from collections.abc import Sequence

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


def cross_entropy(
    logits: jax.Array, target: jax.Array, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()
) -> jax.Array:
    """-log softmax(logits)[target] per step (eq. 2.9 for one-hot truth): logits [..., C], target [...] -> [...].

    target: whole numbers 0..C-1 of any type. Anything else gives NaN there, so that a wrong label is seen at once.
    smoothing: share of the truth that is spread evenly over all classes (Szegedy et al. 2016, section 7).
    class_weights: factor of the loss where each class is the true one; () for 1 each.
    Raises ValueError where the shapes do not fit.
    """
    chosen = _choose_classes(logits, target)
    score = jnp.sum(jnp.where(chosen, logits, 0), axis=-1)
    if smoothing:
        score = (1 - smoothing) * score + smoothing * jnp.mean(logits, axis=-1)
    value = jax.nn.logsumexp(logits, axis=-1) - score
    return jnp.where(jnp.any(chosen, axis=-1), value * _weigh_classes(chosen, class_weights), jnp.nan)


def focal(
    logits: jax.Array, target: jax.Array, *, gamma: float = 2.0, class_weights: Sequence[float] = ()
) -> jax.Array:
    """-(1 - p)^gamma log p of the true class's p per step (Lin et al. 2017, eq. 5): steps that are right count less.

    Arguments and errors as of `cross_entropy`, which it is where gamma is 0.
    """
    chosen = _choose_classes(logits, target)
    log_p = jnp.sum(jnp.where(chosen, jax.nn.log_softmax(logits, axis=-1), 0), axis=-1)
    # 1 - p of at least 1e-12: a power below 1 has no finite slope at 0.
    doubt = jnp.maximum(-jnp.expm1(log_p), 1e-12) ** gamma
    return jnp.where(jnp.any(chosen, axis=-1), -doubt * log_p * _weigh_classes(chosen, class_weights), jnp.nan)


def ordinal(logits: jax.Array, target: jax.Array) -> jax.Array:
    """The ranked probability score of classes in order, per step: sum over k of (P(class <= k) - [target <= k])^2.

    Epstein (1969); the squared earth mover's distance of Hou, Yu & Samaras (2016). A class further from the truth costs
    more. logits [..., C], target [...]: whole numbers 0..C-1; anything else gives NaN. Errors as of `cross_entropy`.
    """
    chosen = _choose_classes(logits, target)
    difference = jnp.cumsum(jax.nn.softmax(logits, axis=-1) - chosen, axis=-1)
    return jnp.where(jnp.any(chosen, axis=-1), jnp.sum(jnp.square(difference), axis=-1), jnp.nan)


def _choose_classes(logits: jax.Array, target: jax.Array) -> jax.Array:
    """bool [..., C], True at the true class."""
    if logits.shape[:-1] != target.shape:
        raise ValueError(f"logits {logits.shape} must be the target's shape {target.shape} and a class axis")
    return jnp.arange(logits.shape[-1]).reshape((1,) * target.ndim + (-1,)) == target[..., None]


def _weigh_classes(chosen: jax.Array, class_weights: Sequence[float]) -> jax.Array | float:
    """The weight of each step's class [...]; chosen [..., C]."""
    if not class_weights:
        return 1.0
    if len(class_weights) != chosen.shape[-1]:
        raise ValueError(f"there are {len(class_weights)} class_weights for {chosen.shape[-1]} classes; give one each")
    return chosen.astype(jnp.float32) @ jnp.array(class_weights, jnp.float32)
