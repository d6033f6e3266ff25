"""Multi-attention recurrent network: what several attentions see in all states at once is a memory that the LSTMs
share (Zadeh et al. 2018c).

    a_k = softmax over the entries of [h_1; h_2; ...], k = 1 .. K         z = code [reduce_m of m's parts of all a_k h]
    y = head [last states of all; z]

    submodule                     what it is
    <m>_lstm                      gates that read z too (layers/hybrid.py)
    attend_0, attend_1            two layers on the states, which give the scores of all K attentions
    <m>_reduce                    a dense layer with ReLU
    code_0, code_1                two layers
    head                          two layers

After the paper, whose widths and number of attentions are not known to us: defaults are ours. Modalities share steps.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.hybrid import HybridGates, run_hybrid
from affect_jax.layers.memory_fusion import assign_each
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.step_products import make_notes
from affect_jax.layers.two_layers import TwoLayers, Weights, apply_weights
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MARN of two or more modalities of the same steps.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      hidden: units of the LSTMs; one number for all, or one each.
      attentions: their number K.
      attention: hidden width of what scores.
      reduced: width that a modality's attended states are reduced to.
      code: width of z, and inside the two layers that make it.
      head: hidden width of the last net.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    hidden: int | Sequence[int] = 64
    attentions: int = 4
    attention: int = 64
    reduced: int = 32
    code: int = 64
    head: int = 64

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        each = (f"{m}_{part}" for m in self.modalities for part in ("lstm", "reduce"))
        return (*each, "attend_0", "attend_1", "code_0", "code_1", "head")

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D] of the same T, or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts on inputs and in the head; needs the rng stream 'dropout'.
          dropout: its rate; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`, the
          LSTMs' last states; `code`, the last z; `fused`, which the head reads.

        Raises:
          UserError: fields do not fit, or modalities differ in steps.
        """
        check_modalities("marn", self.modalities)
        check_classes("marn", self.classes)
        units = assign_each("marn", "hidden", self.hidden, self.modalities)
        x, mask = read_aligned("marn", inputs, masks, self.modalities)
        gates = {}
        for m, size in zip(self.modalities, units, strict=True):
            dropped = Dropout(name=f"{m}_drop")(x[m], dropout, train=train and f"{m}_lstm" not in frozen)
            gates[m] = HybridGates(size, self.code, name=f"{m}_lstm")(dropped)
        state = run_hybrid(gates, mask, *self._make_fusion(units, jnp.swapaxes(mask[..., None], 0, 1)))
        fused = jnp.concatenate([*state.h.values(), state.z], axis=-1)
        head = TwoLayers(self.head, self.classes or 1, name="head")
        y = head(to_wide(fused), train=train and "head" not in frozen, dropout=dropout)
        return {
            **{f"latent/{m}": h for m, h in state.h.items()},
            **dict(code=state.z, fused=fused),
            **name_outputs(y, self.classes),
        }

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]

    def _make_fusion(
        self, units: Sequence[int], steps_TxBx1: jax.Array
    ) -> tuple[Callable[[Sequence[jax.Array], Any], jax.Array], Any]:
        """What makes z of the states, which has the parameters and makes none, and the notes of its products."""
        total = sum(units)
        first = Weights(total, self.attention, name="attend_0")()
        second = Weights(self.attention, self.attentions * total, name="attend_1")()
        sizes = zip(self.modalities, units, strict=True)
        reduce = [Weights(self.attentions * size, self.reduced, name=f"{m}_reduce")() for m, size in sizes]
        inside = Weights(self.reduced * len(units), self.code, name="code_0")()
        outside = Weights(self.code, self.code, name="code_1")()

        weights = (first, second, inside, outside, *reduce)
        notes = [make_notes(kernel, steps_TxBx1) for kernel, _ in weights]

        def fuse(states: Sequence[jax.Array], notes: Any) -> jax.Array:
            of_first, of_second, of_inside, of_outside, *of_reduce = notes
            joined = jnp.concatenate(states, axis=-1)
            scores = apply_weights(second, nn.relu(apply_weights(first, joined, of_first)), of_second)
            scores = scores.reshape(joined.shape[0], self.attentions, total)
            attended = nn.softmax(scores, axis=-1) * joined[:, None]
            at, parts = 0, []
            for size, weights, note in zip(units, reduce, of_reduce, strict=True):
                part = attended[:, :, at : at + size].reshape(joined.shape[0], self.attentions * size)
                parts.append(nn.relu(apply_weights(weights, part, note)))
                at += size
            code = nn.relu(apply_weights(inside, jnp.concatenate(parts, axis=-1), of_inside))
            return apply_weights(outside, code, of_outside)

        return fuse, notes
