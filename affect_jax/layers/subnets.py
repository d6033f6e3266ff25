"""The two unimodal networks of TFN (Zadeh et al. 2017, 3.2) and LMF (Liu et al. 2018): of a mean, and of a sequence."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.modalities import average_steps
from affect_jax.layers.recurrent_fusion import select_last_state


class MeanSubnet(nn.Module):
    """The mean over time, batch norm, dropout, three dense layers with ReLU: [B, T, D] -> [B, width]."""

    width: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool, dropout: float | jax.Array) -> jax.Array:
        x = BatchNorm(name="norm")(average_steps(x, mask), mask.any(axis=1), train=train)
        x = Dropout(name="drop")(x, dropout, train=train)
        for layer in range(3):
            x = nn.relu(Dense(self.width, name=f"dense_{layer}")(x))
        return x


class SequenceSubnet(nn.Module):
    """The last state of an LSTM, dropout, a dense layer: [B, T, D] -> [B, code]."""

    units: int
    code: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, *, train: bool, dropout: float | jax.Array) -> jax.Array:
        state = select_last_state(MaskedLSTM(self.units, name="lstm")(x, mask), mask)
        return Dense(self.code, name="dense")(Dropout(name="drop")(state, dropout, train=train))


def make_subnets(
    model: str, modalities: Sequence[str], sequences: Sequence[str], hidden: int | Sequence[int], code: int
) -> dict[str, nn.Module]:
    """Modality -> its subnet, by the fields of TFN and LMF.

    Raises:
      UserError: a sequence is none of the modalities, or there is not one width for each.
    """
    unknown = [m for m in sequences if m not in modalities]
    if unknown:
        raise UserError(
            f"model {model!r} has sequences {join_words(sequences)}, but its modalities are {join_words(modalities)}; "
            f"leave {unknown[0]!r} out"
        )
    widths = (hidden,) * len(modalities) if isinstance(hidden, int) else tuple(hidden)
    if len(widths) != len(modalities):
        raise UserError(
            f"model {model!r} has {len(widths)} widths `hidden` for {len(modalities)} modalities "
            f"{join_words(modalities)}; give one number for all, or one each"
        )
    return {
        m: SequenceSubnet(width, code) if m in sequences else MeanSubnet(width)
        for m, width in zip(modalities, widths, strict=True)
    }


def choose_fields(lengths: Mapping[str, int]) -> dict[str, Any]:
    """The fields that follow from the modalities of one's own corpus (name -> steps of its longest sequence)."""
    return dict(modalities=tuple(lengths), sequences=tuple(m for m, longest in lengths.items() if longest > 1))
