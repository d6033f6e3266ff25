"""A modality as one vector an example, for methods that fuse vectors and say nothing of how sequences become them."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.attentive_statistics import AttentiveStatistics
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps
from affect_jax.layers.recurrent import GRU
from affect_jax.layers.recurrent_fusion import select_last_state

SUMMARIES = ("mean", "statistics", "attentive", "gru")
TRAINED = ("attentive", "gru")
"""Those that have parameters."""


class Summary(nn.Module):
    """x [B, T, D] and its mask [B, T] -> [B, F]; a missing modality gives zeros.

    Attributes:
      kind: 'mean' over the valid steps; 'statistics', the mean and the standard deviation, which of a single step is 0;
        'attentive', both with learned weights of the steps; or 'gru', the last state.
      units: of the GRU, or of the weights' hidden layer.
    """

    kind: str
    units: int = 64

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        if self.kind not in SUMMARIES:
            raise UserError(
                f"config.model.summary is {self.kind!r}{suggest_nearest(self.kind, SUMMARIES)}; choose one of "
                f"{join_words(SUMMARIES)}"
            )
        x = zero_padding(x, mask)
        if self.kind == "gru":
            return select_last_state(GRU(self.units, name="gru")(x, mask), mask)
        if self.kind == "attentive":
            return AttentiveStatistics(self.units, name="pool")(x, mask)
        mean = average_steps(x, mask)
        if self.kind == "mean":
            return mean
        variance = average_steps(jnp.square(x - mean[:, None]), mask)
        varies = variance > 0  # where it does not, the gradient of a root would be infinite
        return jnp.concatenate([mean, jnp.where(varies, jnp.sqrt(jnp.where(varies, variance, 1.0)), 0.0)], axis=-1)
