"""An LSTM for each modality, attention over changes of their cells, and a gated memory: the body of MFN, which MFM has
as its encoder too (Zadeh et al. 2018a).

    c*_t = [cells of all at t - 1; at t]        x_t = softmax(attention c*_t) c*_t        p_t = tanh(propose x_t)

The softmax runs over all entries of c*.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.memory import CellLSTM, Memory, shift_steps
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.two_layers import TwoLayers

RATES = 4
"""Dropouts that it takes: of attention, proposal, keeping and writing."""


class LastStep(NamedTuple):
    """What is left behind the last valid step.

    Attributes:
      states: modality -> [B, H_m].
      cells: the same.
      memory: [B, M].
    """

    states: dict[str, jax.Array]
    cells: dict[str, jax.Array]
    memory: jax.Array

    def join(self) -> jax.Array:
        """States and memory as one vector an example."""
        return jnp.concatenate([*self.states.values(), self.memory], axis=-1)


class MemoryFusion(nn.Module):
    """Modality -> x [B, T, D], and their mask [B, T] -> `LastStep`.

    Attributes:
      units: of each modality's LSTM.
      memory: width of the memory.
      attention: hidden width of the attention.
      proposal: hidden width of the net that proposes.
      gates: hidden widths of the gates that keep and write.
    """

    units: Sequence[int]
    memory: int
    attention: int
    proposal: int
    gates: Sequence[int]

    @nn.compact
    def __call__(
        self,
        x: Mapping[str, jax.Array],
        mask_BxT: jax.Array,
        *,
        train: bool,
        dropouts: Sequence[float | jax.Array],
    ) -> LastStep:
        pairs = {m: CellLSTM(units, name=f"{m}_lstm")(x[m]) for m, units in zip(x, self.units, strict=True)}
        cells = jnp.concatenate([c for _, c in pairs.values()], axis=-1)
        star = jnp.concatenate([shift_steps(cells), cells], axis=-1)
        scores = TwoLayers(self.attention, star.shape[-1], name="attention")(star, train=train, dropout=dropouts[0])
        attended = nn.softmax(scores, axis=-1) * star
        propose = TwoLayers(self.proposal, self.memory, name="propose")
        proposal = jnp.tanh(propose(attended, train=train, dropout=dropouts[1]))
        memory = Memory(tuple(self.gates), name="memory")(
            attended, proposal, mask_BxT, train=train, dropouts=dropouts[2:]
        )
        states = {m: select_last_state(h, mask_BxT) for m, (h, _) in pairs.items()}
        return LastStep(states, {m: select_last_state(c, mask_BxT) for m, (_, c) in pairs.items()}, memory)


def assign_each(model: str, field: str, sizes: int | Sequence[int], modalities: Sequence[str]) -> tuple[int, ...]:
    """One size for each modality, from one for all or one each.

    Raises:
      UserError: there is another number of them.
    """
    each = (sizes,) * len(modalities) if isinstance(sizes, int) else tuple(sizes)
    if len(each) != len(modalities):
        raise UserError(
            f"model {model!r} has {len(each)} numbers `{field}` for {len(modalities)} modalities "
            f"{join_words(modalities)}; give one for all, or one each"
        )
    return each


def check_gates(model: str, gates: Sequence[int]) -> None:
    """Checks the widths of the memory's gates.

    Raises:
      UserError: there are not two.
    """
    if len(gates) != 2:
        raise UserError(
            f"model {model!r} has gates {join_words(gates)}; give two widths: of what keeps, and of what writes"
        )
