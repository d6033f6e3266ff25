"""A modality as one code an item, or one a step: a bi-LSTM, attention over its steps, a dense layer."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.wide import to_wide


class AttentiveCode(nn.Module):
    """x [B, T, D] and its mask [B, T] -> [B, units], or of `per_step` [B, T, units]; zeros where there is no step.

    Attributes:
      units: of the LSTM a direction, of the attention and of the code.
      per_step: a code for each step, without attention.
    """

    units: int
    per_step: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        states = MaskedLSTM(self.units, bidirectional=True, name="lstm")(x, mask)
        if not self.per_step:
            hidden = jnp.tanh(Dense(self.units, name="attention")(states))
            scores = to_wide(Dense(1, name="score")(hidden))[..., 0]
            weights = jnp.where(mask, nn.softmax(jnp.where(mask, scores, -1e30)), 0).astype(states.dtype)
            states, mask = jnp.einsum("bt,btd->bd", weights, states), mask.any(axis=1)
        return zero_padding(jnp.tanh(Dense(self.units, name="code")(states)), mask)
