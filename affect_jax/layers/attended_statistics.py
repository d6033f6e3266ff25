"""Multi-head attention whose queries are pooled by attentive statistics instead of by their mean.

Each query's answer is formed here, [B, T, D], and with it weights [B, H, T, S], which `mean_attention` never holds.
Letters in names of arrays are axes: B batch, T queries, S keys, H heads, C features of a head, D = H C.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.attentive_statistics import AttentiveStatistics
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.mean_attention import Projection
from affect_jax.layers.wide import to_wide


class AttendedStatistics(nn.Module):
    """Attentive mean and deviation over the queries x of their attention over y: [B, T, D], [B, S, D] -> [B, 2 D].

    Parameters `in_proj` and `out_proj` as of `MeanAttention`, and `pool` of `AttentiveStatistics`. `heads` divides D.
    Masks are True at valid steps. Without a valid key a query's answer is the bias of `out_proj`.

    Attributes:
      heads: of attention.
      units: of the hidden layer that weighs the queries.
    """

    heads: int
    units: int = 64

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
            return (z @ weights[part] + biases[part][None, None, :]).reshape(*z.shape[:2], self.heads, size)

        scores_BxHxTxS = to_wide(jnp.einsum("bthc,bshc->bhts", project(x, 0) * size**-0.5, project(y, 1)))
        seen = y_mask[:, None, None, :]
        # Finite without a valid key, where all weights are then set to 0.
        weight_BxHxTxS = jnp.where(seen, jax.nn.softmax(jnp.where(seen, scores_BxHxTxS, -1e30), axis=-1), 0.0)
        weight_BxHxTxS = Dropout(name="drop")(weight_BxHxTxS, dropout, train=train).astype(x.dtype)
        mixed = jnp.einsum("bhts,bshc->bthc", weight_BxHxTxS, project(y, 2)).reshape(*x.shape[:2], features)
        out_proj = Dense(features, bias_init=nn.initializers.zeros_init(), name="out_proj")
        return AttentiveStatistics(self.units, name="pool")(out_proj(mixed), x_mask)
