"""Gated recurrent units whose reset gate acts before the product, as in Keras (`reset_after=False`) and TensorFlow 1.

    z = s(x K_z + h R_z + b_z)      r = s(x K_r + h R_r + b_r)
    n = tanh(x K_h + (r * h) R_h + b_h)      h' = z * h + (1 - z) * n

s is the sigmoid, or the hard sigmoid clip(.2 x + .5, 0, 1), the default before Keras 2.3. PyTorch's units, whose reset
gate acts behind the product, are in `recurrent.py`.
Letters in names of arrays are axes: B batch, T steps, K directions, D inputs, H units, G = 3H gates in the order
z, r, n.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.products import multiply_rows
from affect_jax.layers.rounds import scan
from affect_jax.layers.step_products import make_notes, multiply
from affect_jax.layers.wide import wide_type


class Gates(NamedTuple):
    """Weights of K directions, the second of which reads the steps backward.

    Attributes:
      kernel_KxDxG: of the inputs.
      recurrent_KxHxG: of the state.
      bias_KxG: of both.
    """

    kernel_KxDxG: jax.Array
    recurrent_KxHxG: jax.Array
    bias_KxG: jax.Array


def run_reset_gru(
    x_BxTxD: jax.Array,
    mask_BxT: jax.Array,
    gates: Gates,
    activation: str = "sigmoid",
    keep_KxBxH: jax.Array | None = None,
) -> jax.Array:
    """Runs the recurrence from the state 0, all directions in one scan.

    Args:
      x_BxTxD: inputs; what padded steps hold has no effect.
      mask_BxT: True at valid steps, padding behind them.
      gates: weights.
      activation: of the gates z and r, 'sigmoid' or 'hard_sigmoid'.
      keep_KxBxH: what the state is multiplied by in front of its products (recurrent dropout); None for 1.

    Returns:
      States [B, T, K * H]. A padded step holds the state, so forward it repeats the last one, and backward it is 0.
    """
    squash = jax.nn.sigmoid if activation == "sigmoid" else lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)
    directions, units, _ = gates.recurrent_KxHxG.shape
    x_TxBxD = zero_padding(x_BxTxD, mask_BxT).swapaxes(0, 1)
    flips, weights, steps = (1, -1)[:directions], [], []
    for flip, kernel_DxG, recurrent_HxG, bias_G in zip(flips, *gates, strict=True):
        products_TxBxG = multiply_rows(x_TxBxD[::flip], kernel_DxG) + bias_G[None, None, :]
        pair = recurrent_HxG[:, : 2 * units], recurrent_HxG[:, 2 * units :]
        weights.append(pair)
        steps.append((products_TxBxG, mask_BxT.T[::flip], [make_notes(weight, products_TxBxG) for weight in pair]))

    def body(states, step):
        new = []
        for k, (h, (product, valid, (state_note, new_note))) in enumerate(zip(states, step, strict=True)):
            of_state, of_new = weights[k]
            state = h if keep_KxBxH is None else h * keep_KxBxH[k]
            z, r = jnp.split(squash(product[:, : 2 * units] + multiply(state, of_state, state_note)), 2, axis=-1)
            proposed = jnp.tanh(product[:, 2 * units :] + multiply(r * state, of_new, new_note))
            new.append(jnp.where(valid[:, None], z * h + (1 - z) * proposed, h))
        return new, new

    first_BxH = jnp.zeros_like(steps[0][0][0, :, :units], wide_type(x_BxTxD.dtype))
    states = scan(body, [first_BxH] * directions, steps)[1]
    joined = jnp.concatenate([h_TxBxH[::flip] for h_TxBxH, flip in zip(states, flips, strict=True)], axis=-1)
    return joined.swapaxes(0, 1).astype(x_BxTxD.dtype)


class ResetBiGRU(nn.Module):
    """Keras' units in both directions: [B, T, D] -> [B, T, 2 * features], as `run_reset_gru` has them.

    Parameters by Keras' names: `kernel` [D, 3H], `recurrent_kernel` [H, 3H], `bias` [3H], and the same with `_reverse`;
    Glorot uniform, orthogonal and 0 at the start. The two rates of dropout are of the inputs and of the state; as in
    Keras a sequence has one mask for all its steps. All gates share it, where Keras draws one for each.
    """

    features: int
    activation: str = "sigmoid"

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        *,
        train: bool = False,
        dropouts: tuple[float | jax.Array, float | jax.Array] = (0.0, 0.0),
    ) -> jax.Array:
        size = 3 * self.features
        weights = [
            (
                self.param(f"kernel{way}", nn.initializers.glorot_uniform(), (x.shape[-1], size)),
                self.param(f"recurrent_kernel{way}", nn.initializers.orthogonal(), (self.features, size)),
                self.param(f"bias{way}", nn.initializers.zeros, (size,)),
            )
            for way in ("", "_reverse")
        ]
        keep = None
        if train:
            x = x * Dropout(name="drop_inputs")(jnp.ones_like(x[:, :1]), dropouts[0], train=True)
            ones = jnp.ones((2, x.shape[0], self.features), x.dtype)
            keep = Dropout(name="drop_state")(ones, dropouts[1], train=True)
        gates = Gates(*(jnp.stack(arrays) for arrays in zip(*weights, strict=True)))
        return run_reset_gru(x, mask, gates, self.activation, keep)
