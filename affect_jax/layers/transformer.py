"""Transformer encoder layers (Vaswani et al. 2017) with the semantics of PyTorch's `nn.TransformerEncoderLayer`.

Post-norm: x = norm1(x + attention(x)), x = norm2(x + feed_forward(x)), ReLU inside, epsilon 1e-5. Dropout of one rate
acts on the attention weights, on both residual branches and after the first dense layer. Submodules carry torch's
names (`self_attn/in_proj`, `self_attn/out_proj`, `linear1`, `linear2`, `norm1`, `norm2`) and its initialisation.
Letters in names of arrays are axes: B batch, T queries, S keys, H heads, C features of a head.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.wide import to_wide

# Finite, so that a row without a single valid key gives a finite softmax with finite gradients; exp() of it is 0.
_MASKED = -1e30


def sinusoidal_positions(length: int, features: int) -> jax.Array:
    """Positions [length, features]: sin in even columns, cos in odd ones, wavelengths from 2 pi to 10,000 * 2 pi."""
    pairs = jnp.arange(0, features, 2, dtype=jnp.float32)
    angle = jnp.arange(length, dtype=jnp.float32)[:, None] * jnp.exp(pairs * (-jnp.log(10_000.0) / features))[None, :]
    table = jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1).reshape(length, 2 * pairs.shape[0])
    return table[:, :features]


def positions_within(segments: jax.Array) -> jax.Array:
    """int32 [B, T]: each step's number within its own sequence, where lines hold several."""
    at = jnp.arange(segments.shape[1])[None, :]
    starts = jnp.concatenate([jnp.ones_like(segments[:, :1], bool), segments[:, 1:] != segments[:, :-1]], axis=1)
    return at - jax.lax.cummax(jnp.where(starts, at, 0), axis=1)


class SelfAttention(nn.Module):
    """Multi-head self-attention: x [B, T, D], mask [B, T] (True at valid keys) -> [B, T, D]. `heads` divides D.

    With `segments` [B, T], steps attend to steps of their own number only. A sequence without a valid key attends
    evenly to its padding: finite, and of no meaning.
    """

    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        *,
        segments: jax.Array | None = None,
        train: bool = False,
        dropout: float | jax.Array = 0.0,
    ) -> jax.Array:
        features = x.shape[-1]
        if features % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {features} features; the number of heads must divide it")
        # torch draws the three projections as one [3D, D] matrix, which makes its xavier bound smaller than one's own.
        zeros = nn.initializers.zeros_init()
        in_proj = Dense(3 * features, nn.initializers.xavier_uniform(), zeros, name="in_proj")
        # Split, not sliced: the gradient of slices is a sum of padded arrays.
        qkv = jnp.split(in_proj(x), 3, axis=-1)
        heads = (*x.shape[:2], self.heads, features // self.heads)
        q_BxTxHxC, k_BxSxHxC, v_BxSxHxC = (part.reshape(heads) for part in qkv)
        logits = jnp.einsum("bthc,bshc->bhts", q_BxTxHxC * (features // self.heads) ** -0.5, k_BxSxHxC)
        seen_Bx1xTxS = mask[:, None, None, :]
        if segments is not None:
            seen_Bx1xTxS = seen_Bx1xTxS & (segments[:, None, :, None] == segments[:, None, None, :])
        logits = to_wide(logits)
        logits = jnp.where(seen_Bx1xTxS, logits, jnp.asarray(_MASKED, logits.dtype))
        att_BxHxTxS = jax.nn.softmax(logits, axis=-1).astype(v_BxSxHxC.dtype)
        att_BxHxTxS = Dropout(name="dropout")(att_BxHxTxS, dropout, train=train)
        mixed = jnp.einsum("bhts,bshc->bthc", att_BxHxTxS, v_BxSxHxC).reshape(x.shape)
        return Dense(features, bias_init=zeros, name="out_proj")(mixed)


class TransformerEncoderLayer(nn.Module):
    """One encoder layer: x [B, T, D], mask and segments [B, T] -> [B, T, D]. Valid outputs ignore padded inputs.

    Padded inputs must be finite: their outputs are computed, and ignored by every layer that follows.
    """

    heads: int
    feed_forward: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        *,
        segments: jax.Array | None = None,
        train: bool = False,
        dropout: float | jax.Array = 0.0,
    ) -> jax.Array:
        def drop(name: str, x: jax.Array) -> jax.Array:
            return Dropout(name=name)(x, dropout, train=train)

        attended = SelfAttention(self.heads, name="self_attn")(x, mask, segments=segments, train=train, dropout=dropout)
        x = _norm("norm1", x + drop("dropout1", attended))
        hidden = drop("dropout", nn.relu(Dense(self.feed_forward, name="linear1")(x)))
        return _norm("norm2", x + drop("dropout2", Dense(x.shape[-1], name="linear2")(hidden)))


def _norm(name: str, x: jax.Array) -> jax.Array:
    # flax takes the moments of bfloat16 in float32, and its scale and bias here are float32 too.
    return nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name=name)(x).astype(x.dtype)
