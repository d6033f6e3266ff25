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
from affect_jax.layers.products import multiply_rows

# An input gate that is shut: the sigmoid of it is 0, and so is its slope.
_SHUT = -1e4

Affine = tuple[jax.Array, jax.Array]
"""Kernel and bias of a dense layer."""


class MaskedLSTM(nn.Module):
    """[B, T, D] -> states [B, T, H], or [B, T, 2H] of both directions, from the state 0; 0 at padded steps.

    Parameters: `weight_ih` [D, 4H], `weight_hh` [H, 4H], `bias_ih`, `bias_hh` [4H], and the same with `_reverse`, all
    U(+-1/sqrt(H)) at the start, as in PyTorch. `mask` [B, T] is True at valid steps, padding behind them. The backward
    direction starts at the last valid step: before it the input gate is shut, so the state stays exactly 0.

    `before`, kernel [D, C] and bias [C], is a dense layer in front: its product with `weight_ih`, now [C, 4H], is taken
    instead of applying it to every step, which saves most of the products where D is small.
    """

    features: int
    bidirectional: bool = False

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array, mask_BxT: jax.Array, before: Affine | None = None) -> jax.Array:
        x_BxTxD = zero_padding(x_BxTxD, mask_BxT)
        suffixes = ("", "_reverse")[: 1 + self.bidirectional]
        directions = [self._run(x_BxTxD, mask_BxT, before, suffix) for suffix in suffixes]
        return zero_padding(jnp.concatenate(directions, axis=-1), mask_BxT)

    def _run(self, x_BxTxD: jax.Array, mask_BxT: jax.Array, before: Affine | None, suffix: str) -> jax.Array:
        units, init = self.features, uniform(self.features**-0.5)
        inputs = x_BxTxD.shape[-1] if before is None else before[1].shape[0]
        weight_ih = self.param(f"weight_ih{suffix}", init, (inputs, 4 * units))
        weight_hh = self.param(f"weight_hh{suffix}", init, (units, 4 * units))
        bias = self.param(f"bias_ih{suffix}", init, (4 * units,)) + self.param(f"bias_hh{suffix}", init, (4 * units,))
        if before is not None:
            kernel, offset = before
            bias, weight_ih = bias + offset @ weight_ih, kernel @ weight_ih
        # Inputs are turned and not their products, which are most often larger.
        flip = -1 if suffix else 1
        product = multiply_rows(x_BxTxD.swapaxes(0, 1)[::flip], weight_ih)
        shut_G = jnp.where(jnp.arange(4 * units) < units, _SHUT, 0).astype(product.dtype)
        padded_TxBx1 = ~mask_BxT.T[::flip, :, None]
        # Added, not selected: where the gate is shut its gradient is 0 by itself, and needs no pass of its own.
        gates_TxBxG = (product + bias[None, None, :] + padded_TxBx1 * shut_G[None, None, :]).astype(product.dtype)
        return lstm_scan(gates_TxBxG, weight_hh, "sigmoid")[::flip].swapaxes(0, 1)
