"""Memory fusion network: an LSTM each, attention over changes of their cells, a gated memory (Zadeh et al. 2018a).

    y = head [last states of all; memory]        (layers/memory_fusion.py has the rest)

    submodule   what it is
    fusion      `<m>_lstm`, `attention`, `propose`, `memory`
    head        two layers

Modalities share their steps, such as words. A missing one is read as zeros, as padding is in the public code; here a
step that no modality has changes nothing.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.memory_fusion import RATES, MemoryFusion, assign_each, check_gates
from affect_jax.layers.modalities import assign_rates, check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.two_layers import TwoLayers
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MFN of two or more modalities of the same steps.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      hidden: units of the LSTMs; one number for all, or one each.
      memory: width of the memory.
      attention: hidden width of the attention.
      proposal: hidden width of the net that proposes what is written.
      gates: hidden widths of the gates that keep and that write.
      head: hidden width of the last net.
      dropouts: rates of attention, proposal, keeping, writing and head; () for the stage's `dropout` everywhere.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    hidden: int | Sequence[int] = (88, 48, 16)
    memory: int = 128
    attention: int = 128
    proposal: int = 64
    gates: Sequence[int] = (256, 64)
    head: int = 64
    dropouts: Sequence[float] = ()

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return ("fusion", "head")

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
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>` and
          `cell/<m>`, the LSTMs' last states; `memory`; `fused`, which the head reads.

        Raises:
          UserError: fields do not fit, or modalities differ in steps.
        """
        check_modalities("mfn", self.modalities)
        check_classes("mfn", self.classes)
        check_gates("mfn", self.gates)
        units = assign_each("mfn", "hidden", self.hidden, self.modalities)
        rates = assign_rates("mfn", self.dropouts, dropout, RATES + 1)
        x, mask = read_aligned("mfn", inputs, masks, self.modalities)
        fusion = MemoryFusion(units, self.memory, self.attention, self.proposal, self.gates, name="fusion")
        last = fusion(x, mask, train=train and "fusion" not in frozen, dropouts=rates[:RATES])
        fused = last.join()
        head = TwoLayers(self.head, self.classes or 1, name="head")
        y = head(to_wide(fused), train=train and "head" not in frozen, dropout=rates[RATES])
        return {
            **{f"latent/{m}": h for m, h in last.states.items()},
            **{f"cell/{m}": c for m, c in last.cells.items()},
            "memory": last.memory,
            "fused": fused,
            **name_outputs(y, self.classes),
        }

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
