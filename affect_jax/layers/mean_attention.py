"""Multi-head attention of which only the mean over the queries is used.

With weights A [T, S] of T queries over S keys, the mean over t of (A V) is (the mean over t of A) V exactly, also with
dropout on A. So the second large product of attention and the projection of the values shrink to one vector an example,
and of A only its mean is needed. It is formed one example at a time (on an accelerator, a few at a time) and again in
the backward pass, which is written by hand, instead of being kept (as in FlashAttention, Dao et al. 2022). Nothing of
size [B, H, T, S] ever exists. With a the softmax of the scores of query t, s_t what the query counts and d the gradient
of the mean, the gradient of the scores is s_t a (d - sum of a d): one pass over A, once it is formed again.
`form_plain_mean_weights` is the same in plain operations. Measured on two CPU cores (gradients, 32 examples of 500
queries and keys, 6 heads, dropout): 295 ms and 19 MB of temporaries, the plain form 1,740 ms and 393 MB.
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
    """The mean over the queries x of their attention over y: x [B, T, D], y [B, S, D] -> [B, D]. `heads` divides D.

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
        kernel, bias = Projection(name="in_proj")(features)
        weights, biases = jnp.split(kernel, 3, axis=1), jnp.split(bias, 3)
        size = features // self.heads

        def project(z: jax.Array, part: int) -> jax.Array:
            products = z @ weights[part]
            projected = (products + biases[part][None, None, :]).astype(products.dtype)
            return projected.reshape(*z.shape[:2], self.heads, size)

        wide = wide_type(x.dtype)
        # What each query counts: a mean over the valid ones.
        share_BxT = x_mask / jnp.maximum(x_mask.sum(axis=1, keepdims=True), 1).astype(wide)
        keys = _make_keys(self.make_rng("dropout"), x.shape[0]) if train else None
        rate = jnp.asarray(dropout, wide)
        mean_BxHxS = mean_weights(project(x, 0) * size**-0.5, project(y, 1), share_BxT, y_mask, keys, rate)
        # (mean A) (y W + b) = ((mean A) y) W + (sum of mean A) b, a product over S with D columns fewer.
        seen_BxHxD = jnp.einsum("bhs,bsd->bhd", mean_BxHxS, y)
        value_DxHxC = weights[2].reshape(features, self.heads, size)
        value_bias = mean_BxHxS.sum(axis=-1)[..., None] * biases[2].reshape(1, self.heads, size)
        mixed = (jnp.einsum("bhd,dhc->bhc", seen_BxHxD, value_DxHxC) + value_bias).astype(x.dtype)
        out_proj = Dense(features, bias_init=nn.initializers.zeros_init(), name="out_proj")
        return out_proj(mixed.reshape(x.shape[0], features))


class Projection(nn.Module):
    """Kernel [D, 3D] and bias [3D] as torch draws them."""

    @nn.compact
    def __call__(self, features: int) -> tuple[jax.Array, jax.Array]:
        kernel = self.param("kernel", nn.initializers.xavier_uniform(), (features, 3 * features))
        return kernel, self.param("bias", nn.initializers.zeros_init(), (3 * features,))


def _make_keys(key: jax.Array, count: int) -> jax.Array:
    """Returns raw keys [count, K], one for each example."""
    return jax.vmap(lambda number: jax.random.key_data(jax.random.fold_in(key, number)))(jnp.arange(count))


def mean_weights(
    q_BxTxHxC: jax.Array,
    k_BxSxHxC: jax.Array,
    share_BxT: jax.Array,
    mask_BxS: jax.Array,
    keys_BxK: jax.Array | None,
    rate: jax.Array,
) -> jax.Array:
    """Returns the sum over t of share_t * dropout(softmax over s of q_t . k_s), [B, H, S].

    Differentiable in q and k, in reverse mode.

    Args:
      q_BxTxHxC: queries, already scaled.
      k_BxSxHxC: keys.
      share_BxT: what each query counts.
      mask_BxS: True at keys that may be attended to.
      keys_BxK: raw random keys for dropout, one for each example; None for no dropout.
      rate: of dropout, scalar.
    """
    run = map_over_devices(_mean_weights, (0, 0, 0, 0, 0, None))
    return run(q_BxTxHxC, k_BxSxHxC, share_BxT, mask_BxS, keys_BxK, rate)


def form_plain_mean_weights(
    q_BxTxHxC: jax.Array,
    k_BxSxHxC: jax.Array,
    share_BxT: jax.Array,
    mask_BxS: jax.Array,
    keys_BxK: jax.Array | None,
    rate: jax.Array,
) -> jax.Array:
    """Returns what `mean_weights` does where each example has a valid key, in plain form: the reference for tests."""
    scores_BxHxTxS = jnp.einsum("bthc,bshc->bhts", q_BxTxHxC, k_BxSxHxC)
    weights_BxHxTxS = jax.nn.softmax(jnp.where(mask_BxS[:, None, None, :], scores_BxHxTxS, -jnp.inf), axis=-1)
    if keys_BxK is not None:
        mask_BxHxTxS = jax.vmap(lambda key: keep_mask(key, weights_BxHxTxS.shape[1:], rate))(keys_BxK)
        weights_BxHxTxS = jnp.where(mask_BxHxTxS, weights_BxHxTxS * keep_scale(rate), 0)
    return jnp.einsum("bt,bhts->bhs", share_BxT, weights_BxHxTxS)


@jax.custom_vjp
def _mean_weights(
    q_BxTxHxC: jax.Array,
    k_BxSxHxC: jax.Array,
    share_BxT: jax.Array,
    mask_BxS: jax.Array,
    keys_BxK: jax.Array | None,
    rate: jax.Array,
) -> jax.Array:
    return _forward(q_BxTxHxC, k_BxSxHxC, share_BxT, mask_BxS, keys_BxK, rate)[0]


_GROUP = 2**24
"""Attention weights that an accelerator forms at a time, for each trial."""


def _map_examples(run_example: Callable[..., Any], *arrays: Any) -> Any:
    """Runs a function on every example.

    On a CPU, whose caches hold the weights of one example, it runs on one after another. Elsewhere it runs on groups,
    which are so large that there is room for their weights.

    Args:
      run_example: takes the arrays of one example.
      *arrays: with an axis B in front; queries [B, T, H, C] and keys [B, S, H, C] come first. None stays None.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda example: run_example(*example), arrays)
    (batch, queries, heads, _), keys = arrays[0].shape, arrays[1].shape[1]
    groups = _count_groups(batch, heads * queries * keys)
    if groups == 1:
        return jax.vmap(run_example)(*arrays)
    # Every `groups`-th example belongs to one group, so a batch that lies over devices does so in each group.
    grouped = jax.tree.map(lambda x: x.reshape(batch // groups, groups, *x.shape[1:]).swapaxes(0, 1), arrays)
    results = jax.lax.map(lambda group: jax.vmap(run_example)(*group), grouped)
    return jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(batch, *x.shape[2:]), results)


def _count_groups(batch: int, weights: int) -> int:
    """Returns the least number of equal groups that have at most `_GROUP` weights each.

    Args:
      batch: number of examples, which is also the largest number of groups.
      weights: of one example.
    """
    return next(n for n in range(1, batch + 1) if batch % n == 0 and (n == batch or batch // n * weights <= _GROUP))


def _score(q_TxHxC: jax.Array, k_SxHxC: jax.Array, mask_S: jax.Array) -> jax.Array:
    """Returns the scores [H, T, S] of one example, -inf at keys that may not be attended to."""
    return jnp.where(mask_S[None, None, :], wide_product(q_TxHxC, k_SxHxC, "thc,shc->hts"), -jnp.inf)


def _drop(key_K: jax.Array | None, values_HxTxS: jax.Array, rate: jax.Array) -> jax.Array:
    """Returns the values with zeros where dropout strikes; the others are not scaled yet."""
    return values_HxTxS if key_K is None else jnp.where(keep_mask(key_K, values_HxTxS.shape, rate), values_HxTxS, 0.0)


def _compute_scale(keys: jax.Array | None, rate: jax.Array) -> jax.Array:
    """Returns the factor, a scalar, that values get which dropout has left."""
    return jnp.ones_like(rate) if keys is None else keep_scale(rate).astype(rate.dtype)


def _forward(
    q_BxTxHxC: jax.Array,
    k_BxSxHxC: jax.Array,
    share_BxT: jax.Array,
    mask_BxS: jax.Array,
    keys_BxK: jax.Array | None,
    rate: jax.Array,
) -> tuple[jax.Array, Any]:
    def run_example(q_TxHxC, k_SxHxC, share_T, mask_S, key_K):
        scores = _score(q_TxHxC, k_SxHxC, mask_S)
        top = jnp.maximum(scores.max(axis=-1, keepdims=True), -1e30)  # finite without a single valid key
        weights = jnp.exp(scores - top)
        total_HxT = weights.sum(axis=-1)
        share_HxT = share_T[None, :] / jnp.maximum(total_HxT, 1e-30)
        mean_HxS = wide_product(share_HxT, _drop(key_K, weights, rate).astype(k_SxHxC.dtype), "ht,hts->hs")
        return mean_HxS, top[..., 0] + jnp.log(jnp.maximum(total_HxT, 1e-30))

    arrays = q_BxTxHxC, k_BxSxHxC, share_BxT, mask_BxS, keys_BxK
    mean_BxHxS, log_total_BxHxT = _map_examples(run_example, *arrays)
    mean_BxHxS = (mean_BxHxS * _compute_scale(keys_BxK, rate)).astype(k_BxSxHxC.dtype)
    return mean_BxHxS, (arrays, rate, log_total_BxHxT)


def _backward(residuals: Any, d_mean_BxHxS: jax.Array) -> tuple[jax.Array | None, ...]:
    arrays, rate, log_total_BxHxT = residuals
    _, _, share_BxT, _, keys_BxK = arrays

    def run_example(q_TxHxC, k_SxHxC, share_T, mask_S, key_K, log_total_HxT, d_mean_HxS):
        scores = _score(q_TxHxC, k_SxHxC, mask_S)
        weights = jnp.exp(scores - log_total_HxT[..., None])
        d_weights = _drop(key_K, jnp.broadcast_to(d_mean_HxS[:, None, :], weights.shape), rate)
        product = weights * d_weights
        d_scores = (product - weights * product.sum(axis=-1, keepdims=True)) * share_T[None, :, None]
        d_q, d_k = wide_product(d_scores, k_SxHxC, "hts,shc->thc"), wide_product(d_scores, q_TxHxC, "hts,thc->shc")
        return d_q.astype(q_TxHxC.dtype), d_k.astype(k_SxHxC.dtype)

    d_mean_BxHxS = d_mean_BxHxS * _compute_scale(keys_BxK, rate)
    d_q, d_k = _map_examples(run_example, *arrays, log_total_BxHxT, d_mean_BxHxS)
    return d_q, d_k, jnp.zeros_like(share_BxT), None, None, jnp.zeros_like(rate)


_mean_weights.defvjp(_forward, _backward)
