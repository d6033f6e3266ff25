"""The gated memory of MFN and Graph-MFN (Zadeh et al. 2018), and the LSTM whose cells it reads.

    k_t = s(net_keep [x_t; m_{t-1}])        w_t = s(net_write [x_t; m_{t-1}])        m_t = k_t m_{t-1} + w_t p_t

x_t is what was attended to, p_t what is proposed; neither depends on the memory, so both are formed for all steps at
once, as is the share of x_t in the nets' first layers. The scan holds what is left.
Letters in names of arrays are axes: B batch, T steps, D features, H units, G = 4H gates, M memory.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.lstm import lstm_scan_cells
from affect_jax.layers.products import multiply_rows
from affect_jax.layers.rounds import scan
from affect_jax.layers.step_products import make_notes, multiply
from affect_jax.layers.two_layers import Weights
from affect_jax.layers.wide import wide_type


class CellLSTM(nn.Module):
    """[B, T, D] -> states and cells, [B, T, H] each, from the state 0. Parameters as in `MaskedLSTM`, forward only.

    Padding is at the end and finite; what it holds comes out there alone.
    """

    features: int

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> tuple[jax.Array, jax.Array]:
        units, init = self.features, uniform(self.features**-0.5)
        weight_ih = self.param("weight_ih", init, (x_BxTxD.shape[-1], 4 * units))
        weight_hh = self.param("weight_hh", init, (units, 4 * units))
        bias = self.param("bias_ih", init, (4 * units,)) + self.param("bias_hh", init, (4 * units,))
        gates_TxBxG = multiply_rows(x_BxTxD.swapaxes(0, 1), weight_ih) + bias[None, None, :]
        h_TxBxH, c_TxBxH = lstm_scan_cells(gates_TxBxG, weight_hh, "sigmoid")
        return h_TxBxH.swapaxes(0, 1), c_TxBxH.swapaxes(0, 1)


class Memory(nn.Module):
    """Returns the memory [B, M] behind the last valid step, 0 at the start.

    Submodules: `keep_0`, `keep_1`, `write_0`, `write_1`, the two layers of each gate, with ReLU and dropout between.

    Attributes:
      gates: hidden widths of the nets that keep and that write.
    """

    gates: Sequence[int]

    @nn.compact
    def __call__(
        self,
        x_BxTxD: jax.Array,
        proposal_BxTxM: jax.Array,
        mask_BxT: jax.Array,
        *,
        train: bool = False,
        dropouts: Sequence[float | jax.Array] = (0.0, 0.0),
    ) -> jax.Array:
        inputs, size = x_BxTxD.shape[-1], proposal_BxTxM.shape[-1]
        first, second = [], []
        for gate, hidden in zip(("keep", "write"), self.gates, strict=True):
            first.append(Weights(inputs + size, hidden, name=f"{gate}_0")())
            second.append(Weights(hidden, size, name=f"{gate}_1")())
        kernel, bias = (jnp.concatenate(parts, axis=-1) for parts in zip(*first, strict=True))
        hidden_BxTxK = multiply_rows(x_BxTxD, kernel[:inputs]) + bias[None, None, :]
        factors = None  # of dropout, drawn for all steps before the scan
        if train:
            ones = jnp.split(jnp.ones_like(hidden_BxTxK), [self.gates[0]], axis=-1)
            pairs = zip(("drop_keep", "drop_write"), ones, dropouts, strict=True)
            dropped = [Dropout(name=name)(one, rate, train=True) for name, one, rate in pairs]
            factors = jnp.concatenate(dropped, axis=-1).swapaxes(0, 1)
        recurrent = kernel[inputs:]
        notes = [make_notes(weight, hidden_BxTxK.swapaxes(0, 1)) for weight in (recurrent, *(w for w, _ in second))]

        def step(memory_BxM: jax.Array, at: Any) -> tuple[jax.Array, None]:
            (hidden, proposal, valid, factor), (note, *gate_notes) = at
            hidden = nn.relu(hidden + multiply(memory_BxM, recurrent, note))
            parts = jnp.split(hidden if factor is None else hidden * factor, [self.gates[0]], axis=-1)
            keep, write = (
                nn.sigmoid(multiply(part, weight, note) + offset[None, :])
                for part, (weight, offset), note in zip(parts, second, gate_notes, strict=True)
            )
            return jnp.where(valid[:, None], keep * memory_BxM + write * proposal, memory_BxM), None

        zeros_BxM = jnp.zeros_like(proposal_BxTxM[:, 0], wide_type(proposal_BxTxM.dtype))
        steps = hidden_BxTxK.swapaxes(0, 1), proposal_BxTxM.swapaxes(0, 1), mask_BxT.T, factors
        return scan(step, zeros_BxM, (steps, notes))[0].astype(proposal_BxTxM.dtype)


def shift_steps(x_BxTxD: jax.Array) -> jax.Array:
    """What was there a step before; 0 at the first step."""
    return jnp.concatenate([jnp.zeros_like(x_BxTxD[:, :1]), x_BxTxD[:, :-1]], axis=1)
