"""Multi-head attention whose result is only wanted as its mean over the queries.

With weights A [T, S] of T queries over S keys, mean over t of (A V) is (mean over t of A) V exactly, also with dropout
on A. So the second large product of attention, and the projection of the values, shrink to one vector an example, and
of A only its mean is needed: it is formed an example at a time, and again in the hand-written backward pass instead of
being kept (as in FlashAttention, Dao et al. 2022); on an accelerator a few examples at a time. Nothing of size
[B, H, T, S] ever exists.
Of bfloat16 inputs the products are in bfloat16; the softmax, its sums and everything that is added up are float32.
Letters in names of arrays are axes: B batch, T queries, S keys, H heads, C features of a head, D = H C.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import keep_mask, keep_scale
from affect_jax.layers.spread import map_over_devices
from affect_jax.layers.wide import wide_product, wide_type


class MeanAttention(nn.Module):
    """Mean over the queries x of their attention over y: x [B, T, D], y [B, S, D] -> [B, D]. `heads` divides D.

    Parameters as torch's `nn.MultiheadAttention`: `in_proj` (kernel [D, 3D], bias: query, key, value) and `out_proj`.
    Masks are True at valid steps. Without a valid query or key the result is the bias of `out_proj`.
    """

    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        y: jax.Array,
        x_mask: jax.Array,
        y_mask: jax.Array,
        *,
        train: bool = False,
        dropout: float | jax.Array = 0.0,
    ) -> jax.Array:
        features = x.shape[-1]
        if features % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {features} features; the number of heads must divide it")
        kernel, bias = _Projection(name="in_proj")(features)
        weights, biases = jnp.split(kernel, 3, axis=1), jnp.split(bias, 3)
        size = features // self.heads

        def project(z: jax.Array, part: int) -> jax.Array:
            products = z @ weights[part]
            projected = (products + biases[part][None, None, :]).astype(products.dtype)
            return projected.reshape(*z.shape[:2], self.heads, size)

        wide = wide_type(x.dtype)
        share_BxT = x_mask / jnp.maximum(x_mask.sum(axis=1, keepdims=True), 1).astype(wide)
        keys = _keys(self.make_rng("dropout"), x.shape[0]) if train else None
        rate = jnp.asarray(dropout, wide)
        mean_BxHxS = mean_weights(project(x, 0) * size**-0.5, project(y, 1), share_BxT, y_mask, keys, rate)
        # (mean A) (y W + b) = ((mean A) y) W + (sum of mean A) b, a product over S with D columns fewer.
        seen_BxHxD = jnp.einsum("bhs,bsd->bhd", mean_BxHxS, y)
        value_DxHxC = weights[2].reshape(features, self.heads, size)
        value_bias = mean_BxHxS.sum(axis=-1)[..., None] * biases[2].reshape(1, self.heads, size)
        mixed = (jnp.einsum("bhd,dhc->bhc", seen_BxHxD, value_DxHxC) + value_bias).astype(x.dtype)
        out_proj = Dense(features, bias_init=nn.initializers.zeros_init(), name="out_proj")
        return out_proj(mixed.reshape(x.shape[0], features))


class _Projection(nn.Module):
    """Kernel [D, 3D] and bias [3D] as torch draws them."""

    @nn.compact
    def __call__(self, features: int) -> tuple[jax.Array, jax.Array]:
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), (features, 3 * features))
        return kernel, self.param("bias", nn.initializers.zeros_init(), (3 * features,))


def _keys(key: jax.Array, count: int) -> jax.Array:
    """Raw keys [count, K], one an example."""
    return jax.vmap(lambda number: jax.random.key_data(jax.random.fold_in(key, number)))(jnp.arange(count))


def mean_weights(
    q_BxTxHxC: jax.Array,
    k_BxSxHxC: jax.Array,
    share_BxT: jax.Array,
    mask_BxS: jax.Array,
    keys_BxK: jax.Array | None,
    rate: jax.Array,
) -> jax.Array:
    """[B, H, S]: sum over t of share_t * dropout(softmax over s of q_t . k_s). Differentiable in q and k.

    Args:
      q_BxTxHxC: queries, already scaled.
      k_BxSxHxC: keys.
      share_BxT: what a query counts.
      mask_BxS: True at keys that may be attended to.
      keys_BxK: raw random keys for dropout, one an example; None for none.
      rate: of dropout, scalar.
    """
    of_examples = map_over_devices(_mean_weights, (0, 0, 0, 0, 0, None))
    return of_examples(q_BxTxHxC, k_BxSxHxC, share_BxT, mask_BxS, keys_BxK, rate)


@jax.custom_vjp
def _mean_weights(q, k, share, mask, keys, rate):
    return _forward(q, k, share, mask, keys, rate)[0]


_GROUP = 2**24
"""Weights that an accelerator forms at a time, of each row."""


def _each(one: Callable[..., Any], *arrays: Any) -> Any:
    """`one` of every example, whose queries and keys come first: in turn on a CPU, whose caches hold one example's
    weights; in groups elsewhere, so that all weights together need no room."""
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda of_one: one(*of_one), arrays)
    (batch, queries, heads, _), keys = arrays[0].shape, arrays[1].shape[1]
    groups = _groups(batch, heads * queries * keys)
    if groups == 1:
        return jax.vmap(one)(*arrays)
    # Every `groups`-th example is of one group: a batch that is spread over devices stays so in each of them.
    apart = jax.tree.map(lambda x: x.reshape(batch // groups, groups, *x.shape[1:]).swapaxes(0, 1), arrays)
    found = jax.lax.map(lambda of_group: jax.vmap(one)(*of_group), apart)
    return jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(batch, *x.shape[2:]), found)


def _groups(batch: int, weights: int) -> int:
    """The least number of equal groups of which none has more than `_GROUP` weights; one an example has so many."""
    return next(n for n in range(1, batch + 1) if batch % n == 0 and (n == batch or batch // n * weights <= _GROUP))


def _scores(q_TxHxC: jax.Array, k_SxHxC: jax.Array) -> jax.Array:
    return wide_product(q_TxHxC, k_SxHxC, "thc,shc->hts")


def _kept(key_K: jax.Array | None, values_HxTxS: jax.Array, rate: jax.Array) -> jax.Array:
    """Zeros where dropout strikes; the others are not scaled yet."""
    return values_HxTxS if key_K is None else jnp.where(keep_mask(key_K, values_HxTxS.shape, rate), values_HxTxS, 0.0)


def _scale(keys: jax.Array | None, rate: jax.Array) -> jax.Array:
    return jnp.ones_like(rate) if keys is None else keep_scale(rate).astype(rate.dtype)


def _forward(q, k, share, mask, keys, rate):
    def one(q_TxHxC, k_SxHxC, share_T, mask_S, key_K):
        scores = jnp.where(mask_S[None, None, :], _scores(q_TxHxC, k_SxHxC), -jnp.inf)
        top = jnp.maximum(scores.max(axis=-1, keepdims=True), -1e30)  # finite without a single valid key
        weights = jnp.exp(scores - top)
        total_HxT = weights.sum(axis=-1)
        share_HxT = share_T[None, :] / jnp.maximum(total_HxT, 1e-30)
        mean_HxS = wide_product(share_HxT, _kept(key_K, weights, rate).astype(k_SxHxC.dtype), "ht,hts->hs")
        return mean_HxS, top[..., 0] + jnp.log(jnp.maximum(total_HxT, 1e-30))

    mean_BxHxS, log_total_BxHxT = _each(one, q, k, share, mask, keys)
    return (mean_BxHxS * _scale(keys, rate)).astype(k.dtype), (q, k, share, mask, keys, rate, log_total_BxHxT)


def _backward(residuals, d_mean_BxHxS):
    q, k, share, mask, keys, rate, log_total = residuals

    def one(q_TxHxC, k_SxHxC, share_T, mask_S, key_K, log_total_HxT, d_mean_HxS):
        scores = jnp.where(mask_S[None, None, :], _scores(q_TxHxC, k_SxHxC), -jnp.inf)
        weights = jnp.exp(scores - log_total_HxT[..., None])
        d_weights = _kept(key_K, jnp.broadcast_to(d_mean_HxS[:, None, :], weights.shape), rate)
        part = weights * d_weights
        d_scores = (part - weights * part.sum(axis=-1, keepdims=True)) * share_T[None, :, None]
        d_q, d_k = wide_product(d_scores, k_SxHxC, "hts,shc->thc"), wide_product(d_scores, q_TxHxC, "hts,thc->shc")
        return d_q.astype(q_TxHxC.dtype), d_k.astype(k_SxHxC.dtype)

    d_q, d_k = _each(one, q, k, share, mask, keys, log_total, d_mean_BxHxS * _scale(keys, rate))
    return d_q, d_k, jnp.zeros_like(share), None, None, jnp.zeros_like(rate)


_mean_weights.defvjp(_forward, _backward)
