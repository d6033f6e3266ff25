"""Long short-term hybrid memory: LSTMs of several modalities that all read what was fused a step before.

    gates_m = x_m W_m + h_m U_m + z V_m + b_m        (i, f, g, o as in an LSTM)        z' = fuse [h'_1; h'_2; ...]

MARN (Zadeh et al. 2018c) and RMFN (Liang et al. 2018) differ in `fuse`. What enters the gates from the inputs is formed
for all steps at once; a scan holds the rest.
Letters in names of arrays are axes: B batch, T steps, H units, G = 4H gates, Z fused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.products import multiply_rows
from affect_jax.layers.rounds import scan
from affect_jax.layers.step_products import make_notes, multiply
from affect_jax.layers.wide import wide_type


class Gates(NamedTuple):
    """A modality's share of its gates, and the matrices of what comes from the step before.

    Attributes:
      inputs_BxTxG: x W + b.
      weight_hh: U [H, 4H].
      weight_zh: V [Z, 4H].
    """

    inputs_BxTxG: jax.Array
    weight_hh: jax.Array
    weight_zh: jax.Array


class HybridGates(nn.Module):
    """x [B, T, D] -> `Gates`. Parameters: `weight_ih`, `weight_hh`, `weight_zh` and `bias`, U(+-1/sqrt(H)).

    Attributes:
      units: H.
      fused: Z.
    """

    units: int
    fused: int

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> Gates:
        init, gates = uniform(self.units**-0.5), 4 * self.units
        weight_ih = self.param("weight_ih", init, (x_BxTxD.shape[-1], gates))
        bias = self.param("bias", init, (gates,))
        weight_hh = self.param("weight_hh", init, (self.units, gates))
        weight_zh = self.param("weight_zh", init, (self.fused, gates))
        return Gates(multiply_rows(x_BxTxD, weight_ih) + bias[None, None, :], weight_hh, weight_zh)


class HybridState(NamedTuple):
    """What is carried from step to step: h and c of each modality [B, H_m], and z [B, Z]."""

    h: dict[str, jax.Array]
    c: dict[str, jax.Array]
    z: jax.Array


def run_hybrid(
    gates: Mapping[str, Gates], mask_BxT: jax.Array, fuse: Callable[[Sequence[jax.Array], Any], jax.Array], notes: Any
) -> HybridState:
    """The state behind the last valid step, 0 at the start. Steps that are not valid change nothing.

    Args:
      gates: modality -> its `Gates`.
      mask_BxT: True where any modality has the step.
      fuse: the states h of all modalities [B, H_m] and a step's notes -> z [B, Z]; it makes no parameters.
      notes: of the products in `fuse`, with the steps T in front (layers/step_products.py).
    """
    own = {m: [make_notes(w, x.swapaxes(0, 1)) for w in weights] for m, (x, *weights) in gates.items()}

    def step(state: HybridState, at: Any) -> tuple[HybridState, None]:
        inputs, valid, of_gates, of_fusion = at
        h, c = {}, {}
        for m, (_, weight_hh, weight_zh) in gates.items():
            by_state, by_fused = of_gates[m]
            summed = inputs[m] + multiply(state.h[m], weight_hh, by_state) + multiply(state.z, weight_zh, by_fused)
            i, f, g, o = jnp.split(summed, 4, axis=-1)
            c[m] = nn.sigmoid(f) * state.c[m] + nn.sigmoid(i) * jnp.tanh(g)
            h[m] = nn.sigmoid(o) * jnp.tanh(c[m])
        new = HybridState(h, c, fuse(list(h.values()), of_fusion))
        return jax.tree.map(lambda now, before: jnp.where(valid[:, None], now, before), new, state), None

    zeros = {m: jnp.zeros_like(x[:, 0, : w.shape[0]], wide_type(x.dtype)) for m, (x, w, _) in gates.items()}
    first, *_ = gates.values()
    # All of one batch size, which may be symbolic, from an array that has it.
    z = jnp.zeros_like(first.inputs_BxTxG[:, 0, :1], wide_type(first.inputs_BxTxG.dtype))
    z = jnp.broadcast_to(z, (z.shape[0], first.weight_zh.shape[0]))
    steps = {m: x.swapaxes(0, 1) for m, (x, _, _) in gates.items()}, mask_BxT.T, own, notes
    return scan(step, HybridState(zeros, dict(zeros), z), steps)[0]
