"""Multiplicative combination of classifiers: one that is unsure has little weight (Liu et al., 2018, eqs. 3 to 7)."""

import jax
import jax.numpy as jnp

_LEAST = 1e-30  # of 1 - p, so that its logarithm is finite


def weigh(logits: jax.Array, *, beta: float = 1.0, alpha: float = 0.0) -> jax.Array:
    """Weights [..., M, C] of M candidates' logits of that shape, per class, without gradient.

    w_j = (product over i != j of (1 - p_i))^(beta / (M - 1)) (1 - p_j)^alpha: a candidate counts where the others are
    unsure.
    """
    log_rest = jnp.log(jnp.maximum(-jnp.expm1(jax.nn.log_softmax(logits)), _LEAST))
    others = (log_rest.sum(axis=-2, keepdims=True) - log_rest) / max(logits.shape[-2] - 1, 1)
    return jax.lax.stop_gradient(jnp.exp(beta * others + alpha * log_rest))


def combine(logits: jax.Array, *, beta: float = 1.0, alpha: float = 0.0) -> jax.Array:
    """Scores [..., C] of M candidates' logits [..., M, C]: sum over j of w_j log p_j. The greatest wins."""
    return (weigh(logits, beta=beta, alpha=alpha) * jax.nn.log_softmax(logits)).sum(axis=-2)


def multiplicative(
    logits: jax.Array, target: jax.Array, *, beta: float = 1.0, alpha: float = 0.0, margin: float | None = None
) -> jax.Array:
    """-(the true class's score) [...] of M candidates' logits [..., M, C] and target [...], whole numbers.

    With a `margin` (boosted training), an example counts 0 where its true class wins by at least so much.
    Raises ValueError where the shapes do not fit.
    """
    if target.shape != logits.shape[:-2]:
        raise ValueError(f"logits {logits.shape} of candidates and classes do not fit target {target.shape}")
    scores = combine(logits, beta=beta, alpha=alpha)
    is_true = jax.nn.one_hot(target.astype(jnp.int32), logits.shape[-1], dtype=bool)
    true = jnp.where(is_true, scores, 0).sum(axis=-1)
    if margin is None:
        return -true
    wins = true - jnp.where(is_true, -jnp.inf, scores).max(axis=-1) >= margin
    return jnp.where(jax.lax.stop_gradient(wins), 0, -true)
