"""Additive self-attention over time (thesis eq. 3.2; Zheng et al. 2018, as the package keras-self-attention has it).

    g(t, t') = tanh(x_t Wt + x_t' Wx + bh)        e(t, t') = tanh(g(t, t') Wa + ba)
    a(t) = softmax of e(t, t') over t'            out_t = sum over t' of a(t, t') x_t'

Older versions of that package add 1e-7 to the softmax's sum, newer ones do not. Scores lie in [-1, 1] here, so the sum
is at least 1 and the two agree to 1e-7; this is the newer form.
Letters in names of arrays are axes: B batch, T steps, U units, R a few steps t, N groups of them, D features.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.wide import to_wide

# Steps t that are scored at once: [B, ROWS, T, U] is all that is ever held of g, in the backward pass too.
ROWS = 16


class AdditiveSelfAttention(nn.Module):
    """Every step becomes a weighted mean of all steps: [B, T, D] -> [B, T, D].

    Parameters: `Wt`, `Wx` [D, units], `bh` [units], `Wa` [units, 1], `ba` [1]; weights Glorot normal, biases 0.
    """

    units: int = 32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        weights, zeros = nn.initializers.glorot_normal(), nn.initializers.zeros
        to_t = self.param("Wt", weights, (x.shape[-1], self.units))
        to_other = self.param("Wx", weights, (x.shape[-1], self.units))
        hidden_bias = self.param("bh", zeros, (self.units,))
        score = self.param("Wa", weights, (self.units, 1))
        score_bias = self.param("ba", zeros, (1,))
        return attend(x, x @ to_t + hidden_bias[None, None, :], x @ to_other, score[:, 0], score_bias)


def attend(x_BxTxD: jax.Array, of_t: jax.Array, of_other: jax.Array, score_U: jax.Array, bias: jax.Array) -> jax.Array:
    """The weighted means [B, T, D], a few steps t at a time.

    The groups of steps are the loop, not the examples, so a batch may be sharded. `checkpoint` forms g again for the
    backward pass instead of keeping it. Scores, softmax and the gradients that the groups add up are float32 at least;
    of bfloat16 steps, the product of weights and steps is in bfloat16.

    Args:
      x_BxTxD: what is averaged.
      of_t: x_t Wt + bh, [B, T, U].
      of_other: x_t' Wx, [B, T, U].
      score_U: Wa.
      bias: ba, [1].
    """

    dtype = x_BxTxD.dtype
    x_BxTxD, of_t, of_other, score_U, bias = (to_wide(a) for a in (x_BxTxD, of_t, of_other, score_U, bias))

    @jax.checkpoint
    def group(of_t_BxRxU: jax.Array) -> jax.Array:
        g = jnp.tanh(of_t_BxRxU[:, :, None, :] + of_other[:, None, :, :])
        e_BxRxT = jnp.tanh((g * score_U[None, None, None, :]).sum(axis=-1) + bias[None, None, :])
        return jax.nn.softmax(e_BxRxT, axis=-1).astype(dtype) @ x_BxTxD.astype(dtype)

    batch, steps, units = of_t.shape
    groups = (steps + ROWS - 1) // ROWS
    padded = jnp.pad(of_t, ((0, 0), (0, groups * ROWS - steps), (0, 0)))
    groups_NxBxRxU = padded.reshape(batch, groups, ROWS, units).swapaxes(0, 1)
    out_NxBxRxD = jax.lax.map(group, groups_NxBxRxU)
    return out_NxBxRxD.swapaxes(0, 1).reshape(batch, groups * ROWS, x_BxTxD.shape[-1])[:, :steps]
