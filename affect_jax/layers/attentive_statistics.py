"""Attentive statistics pooling: the weighted mean and deviation of a sequence, with learned weights of its steps.

Okabe, Koshinaka & Shinoda, "Attentive Statistics Pooling for Deep Speaker Embedding" (Interspeech 2018), eqs. 3 to 6.
Letters in names of arrays are axes: B batch, T steps, D features.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.wide import to_wide


class AttentiveStatistics(nn.Module):
    """x [B, T, D] and its mask [B, T] -> [B, 2 D]: mean and deviation under softmax weights of the valid steps.

    The weight of a step is v . tanh(W x + b), a softmax over the valid ones. Without a valid step both are 0; where a
    sequence does not vary its deviation and the gradient of that are 0.

    Attributes:
      units: rows of W.
    """

    units: int = 64

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        x_BxTxD = zero_padding(x, mask)
        hidden = nn.tanh(Dense(self.units, name="hidden")(x_BxTxD))
        # Without a bias: it would be added to every score, which a softmax does not see.
        vector = self.param("vector", nn.initializers.normal(self.units**-0.5), (self.units,))
        score_BxT = jnp.where(mask, to_wide(hidden @ vector.astype(hidden.dtype)), -jnp.inf)
        top = jnp.maximum(score_BxT.max(axis=1, keepdims=True), -1e30)  # finite without a valid step
        power_BxT = jnp.exp(score_BxT - jax.lax.stop_gradient(top))
        weight_BxT = power_BxT / jnp.maximum(power_BxT.sum(axis=1, keepdims=True), 1e-30)
        wide = to_wide(x_BxTxD)
        mean_BxD = jnp.einsum("bt,btd->bd", weight_BxT, wide)
        variance_BxD = jnp.einsum("bt,btd->bd", weight_BxT, jnp.square(wide - mean_BxD[:, None]))
        varies = variance_BxD > 0  # where it does not, the gradient of a root would be infinite
        deviation_BxD = jnp.where(varies, jnp.sqrt(jnp.where(varies, variance_BxD, 1.0)), 0.0)
        return jnp.concatenate([mean_BxD, deviation_BxD], axis=-1).astype(x.dtype)
