"""What the transformers of several families share. Arrays in their files keep their names (`published`).

Letters in names of arrays are axes: B batch, T queries, S keys, H heads, C features of a head.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.encoders.settings import ConfigFile
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.wide import to_wide

# Finite, so that a row without a single valid key gives a finite softmax with finite gradients; exp() of it is 0.
_MASKED = -1e30

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": functools.partial(nn.gelu, approximate=False),
    "gelu_new": nn.gelu,
    "gelu_pytorch_tanh": nn.gelu,
    "quick_gelu": lambda x: x * nn.sigmoid(1.702 * x),
    "relu": nn.relu,
    "silu": nn.silu,
    "swish": nn.silu,
    "tanh": jnp.tanh,
}
"""By the names that config.json gives them."""


def read_activation(config: ConfigFile, key: str) -> str:
    """The name of an activation of a config.json, 'gelu' where it has none.

    Raises:
      UserError: there is no such activation.
    """
    return config.choose(key, "gelu", tuple(ACTIVATIONS))


class Norm(nn.Module):
    """Layer norm of the last axis, with moments in float32 at least: x [..., D] -> [..., D]."""

    epsilon: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        lead = (1,) * (x.ndim - 1) + (-1,)
        wide = to_wide(x)
        centred = wide - wide.mean(axis=-1, keepdims=True)
        variance = jnp.square(centred).mean(axis=-1, keepdims=True)
        y = centred * jax.lax.rsqrt(variance + self.epsilon) * scale.reshape(lead) + bias.reshape(lead)
        return y.astype(x.dtype)


class Attention(nn.Module):
    """Multi-head self-attention: x [B, T, D] -> [B, T, D].

    Attributes:
      heads: how many; divides D.
      projections: names of query, key, value and output.
      dropout: rate on the weights, in training.
    """

    heads: int
    projections: tuple[str, str, str, str] = ("q_proj", "k_proj", "v_proj", "out_proj")
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x: jax.Array, mask: jax.Array, *, bias: jax.Array | None = None, causal: bool = False, train: bool = False
    ) -> jax.Array:
        """Applies it.

        Args:
          x: [B, T, D], finite.
          mask: bool [B, T], True at steps that may be attended to.
          bias: [B, H, T, T], added to the scores.
          causal: no step sees a later one.
          train: whether weights are dropped.
        """
        query, key, value, out = self.projections
        q, k, v = (Dense(x.shape[-1], name=name)(x) for name in (query, key, value))
        drop = functools.partial(Dropout(name="dropout"), rate=self.dropout, train=train)
        mixed = attend(q, k, v, mask, heads=self.heads, bias=bias, causal=causal, drop=drop)
        return Dense(x.shape[-1], name=out)(mixed) if out else mixed


def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    mask: jax.Array,
    *,
    heads: int,
    bias: jax.Array | None = None,
    causal: bool = False,
    drop: Callable[[jax.Array], jax.Array] = lambda weights: weights,
) -> jax.Array:
    """Scaled dot-product attention of q, k and v [B, T, D], see `Attention`; [B, T, D]."""
    shape = (*q.shape[:2], heads, q.shape[-1] // heads)
    q_BxTxHxC, k_BxSxHxC, v_BxSxHxC = (part.reshape(shape) for part in (q, k, v))
    scores_BxHxTxS = to_wide(jnp.einsum("bthc,bshc->bhts", q_BxTxHxC * shape[-1] ** -0.5, k_BxSxHxC))
    if bias is not None:
        scores_BxHxTxS = scores_BxHxTxS + bias
    seen = mask[:, None, None, :]
    if causal:
        seen = seen & jnp.tril(jnp.ones((1, 1, shape[1], shape[1]), bool))
    weights = jax.nn.softmax(jnp.where(seen, scores_BxHxTxS, _MASKED), axis=-1).astype(v.dtype)
    return jnp.einsum("bhts,bshc->bthc", drop(weights), v_BxSxHxC).reshape(q.shape)
