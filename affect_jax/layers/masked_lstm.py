"""LSTM over padded sequences with PyTorch's parameters: two biases, either or both directions.

The equations and the recurrence are those of `lstm.py`, whose gates stand in PyTorch's order i, f, g, o.
Letters in names of arrays are axes: B batch, T steps, D features, H units, G = 4H gates.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.lstm import lstm_scan
from affect_jax.layers.masking import zero_padding

# An input gate that is shut: the sigmoid of it is 0, and so is its slope.
_SHUT = -1e4


class MaskedLSTM(nn.Module):
    """[B, T, D] -> states [B, T, H], or [B, T, 2H] of both directions, from the state 0; 0 at padded steps.

    Parameters: `weight_ih` [D, 4H], `weight_hh` [H, 4H], `bias_ih`, `bias_hh` [4H], and the same with `_reverse`, all
    U(+-1/sqrt(H)) at the start, as in PyTorch. `mask` [B, T] is True at valid steps, padding behind them. The backward
    direction starts at the last valid step: before it the input gate is shut, so the state stays exactly 0.
    """

    features: int
    bidirectional: bool = False

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array, mask_BxT: jax.Array) -> jax.Array:
        x_BxTxD = zero_padding(x_BxTxD, mask_BxT)
        directions = [self._run(x_BxTxD, mask_BxT, suffix) for suffix in ("", "_reverse")[: 1 + self.bidirectional]]
        return zero_padding(jnp.concatenate(directions, axis=-1), mask_BxT)

    def _run(self, x_BxTxD: jax.Array, mask_BxT: jax.Array, suffix: str) -> jax.Array:
        units, init = self.features, uniform(self.features**-0.5)
        weight_ih = self.param(f"weight_ih{suffix}", init, (x_BxTxD.shape[-1], 4 * units))
        weight_hh = self.param(f"weight_hh{suffix}", init, (units, 4 * units))
        bias = self.param(f"bias_ih{suffix}", init, (4 * units,)) + self.param(f"bias_hh{suffix}", init, (4 * units,))
        # Inputs are turned and not their products, which are most often larger.
        flip = -1 if suffix else 1
        product = x_BxTxD.swapaxes(0, 1)[::flip] @ weight_ih
        gates_TxBxG = (product + bias[None, None, :]).astype(product.dtype)
        shut = jnp.arange(4 * units) < units
        padded_TxB = ~mask_BxT.T[::flip]
        gates_TxBxG = jnp.where(
            shut[None, None, :] & padded_TxB[..., None], jnp.asarray(_SHUT, gates_TxBxG.dtype), gates_TxBxG
        )
        return lstm_scan(gates_TxBxG, weight_hh, "sigmoid")[::flip].swapaxes(0, 1)
