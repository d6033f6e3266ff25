"""Attention of several heads whose weights drop, with a gradient by hand.

    e = exp(q k^T - greatest)        n = 1 / sum of e over keys        d = e dropped and scaled        o = n d v

With d_o = dLoss/do, the gradient of the logits is n (d (d_o v^T) - e r), where r = sum over keys of n d (d_o v^T) =
d_o o, a sum over a head's features instead of its keys. So nothing but e and d is kept of the size of the weights, they
are never divided, and every product reads its factors as they lie; autodiff's keeps more and turns the weights around,
in passes that take longer than the products where heads are small.
Letters in names of arrays are axes: B batch, H heads, T queries, S keys, C features of a head.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dropout import keep_mask, keep_scale
from affect_jax.layers.wide import to_wide

# Finite: a row without a single valid key is even, and has no gradient.
_MASKED = -1e30


class DroppedAttention(nn.Module):
    """q [B, T, H, C], k and v [B, S, H, C], `seen` [B or 1, 1, T, S] or None for all -> [B, T, H, C].

    q is scaled already. Dropout needs the rng stream 'dropout'; `rate` may be traced.
    """

    @nn.compact
    def __call__(
        self,
        q: jax.Array,
        k: jax.Array,
        v: jax.Array,
        seen: jax.Array | None,
        rate: float | jax.Array,
        *,
        train: bool,
    ) -> jax.Array:
        q, k, v = (x.swapaxes(1, 2) for x in (q, k, v))
        keep, scale = None, jnp.ones(())
        if train:
            keep, scale = keep_mask(self.make_rng("dropout"), (*q.shape[:3], k.shape[2]), rate), keep_scale(rate)
        return attend(q, k, v, seen, keep, scale).swapaxes(1, 2)


def attend_heads(query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """`attend` without dropout, as `attention_fn` of flax's attention: [B, T or S, H, C], mask [B or 1, 1, T, S]."""
    q, k, v = (x.swapaxes(1, 2) for x in (query * query.shape[-1] ** -0.5, key, value))
    return attend(q, k, v, mask, None, jnp.ones(())).swapaxes(1, 2)


@jax.custom_vjp
def attend(
    q_BxHxTxC: jax.Array,
    k_BxHxSxC: jax.Array,
    v_BxHxSxC: jax.Array,
    seen: jax.Array | None,
    keep_BxHxTxS: jax.Array | None,
    scale: jax.Array,
) -> jax.Array:
    """o [B, H, T, C]. `keep` says which weights stay, times `scale`; None for all. No gradient goes to these two."""
    return _attend_forward(q_BxHxTxC, k_BxHxSxC, v_BxHxSxC, seen, keep_BxHxTxS, scale)[0]


def _attend_forward(q: jax.Array, k: jax.Array, v: jax.Array, seen: Any, keep: Any, scale: jax.Array) -> Any:
    logits = to_wide(q @ k.swapaxes(2, 3))
    if seen is not None:
        logits = jnp.where(seen, logits, _MASKED)
    weights = jnp.exp(logits - logits.max(axis=-1, keepdims=True))
    norm = 1 / weights.sum(axis=-1, keepdims=True)
    dropped = weights if keep is None else jnp.where(keep, weights * scale.astype(weights.dtype), 0)
    mixed = (to_wide(dropped.astype(v.dtype) @ v) * norm).astype(v.dtype)
    return mixed, (q, k, v, seen, weights, dropped, norm, mixed)


def _attend_backward(kept: Any, d_mixed: jax.Array) -> tuple[Any, ...]:
    q, k, v, seen, weights, dropped, norm, mixed = kept
    along = jnp.sum(to_wide(d_mixed) * to_wide(mixed), axis=-1, keepdims=True) * norm
    d_mixed = (to_wide(d_mixed) * norm).astype(v.dtype)
    d_logits = dropped * to_wide(d_mixed @ v.swapaxes(2, 3)) - weights * along
    if seen is not None:
        d_logits = jnp.where(seen, d_logits, 0)
    d_logits = d_logits.astype(q.dtype)
    # The small factors and results are turned around, where XLA would turn the weights.
    d_v = (d_mixed.swapaxes(2, 3) @ dropped.astype(v.dtype)).swapaxes(2, 3)
    d_k = (q.swapaxes(2, 3) @ d_logits).swapaxes(2, 3)
    return d_logits @ k, d_k, d_v, None, None, None


attend.defvjp(_attend_forward, _attend_backward)
