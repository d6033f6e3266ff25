"""Recurrent multistage fusion network: at each step, a few stages each highlight some of all states and fuse them with
what the stages before have fused (Liang et al. 2018).

At every step, from s_0 = 0 and for k = 1 .. K, with X = [h_1; h_2; ...]:
    a_k = softmax(score (highlight LSTM on [X; s_(k-1)]))        s_k = fuse LSTM on a_k X
and z = summarize [s_1; ...; s_K], which the modalities' LSTMs read at the next step.
    y = head [last states of all; z]

    submodule                     what it is
    <m>_lstm                      gates that read z too (layers/hybrid.py)
    highlight, score              an LSTM over stages, and a dense layer that gives a weight to each entry of X
    fuse                          an LSTM over stages
    summarize                     a dense layer
    head                          two layers

After the paper, whose widths and number of stages are not known to us: defaults are ours, and so is the softmax over
all entries, as in MFN. Modalities share their steps.
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
from affect_jax.layers.step_products import Notes, make_notes
from affect_jax.layers.two_layers import TwoLayers, Weights, apply_weights
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """RMFN of two or more modalities of the same steps.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      hidden: units of the modalities' LSTMs; one number for all, or one each.
      stages: their number K.
      highlight: units of the LSTM that highlights.
      fused: units of the LSTM that fuses.
      code: width of z.
      head: hidden width of the last net.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    hidden: int | Sequence[int] = 64
    stages: int = 3
    highlight: int = 64
    fused: int = 64
    code: int = 64
    head: int = 64

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_lstm" for m in self.modalities), "highlight", "score", "fuse", "summarize", "head")

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
        check_modalities("rmfn", self.modalities)
        check_classes("rmfn", self.classes)
        units = assign_each("rmfn", "hidden", self.hidden, self.modalities)
        x, mask = read_aligned("rmfn", inputs, masks, self.modalities)
        gates = {}
        for m, size in zip(self.modalities, units, strict=True):
            dropped = Dropout(name=f"{m}_drop")(x[m], dropout, train=train and f"{m}_lstm" not in frozen)
            gates[m] = HybridGates(size, self.code, name=f"{m}_lstm")(dropped)
        state = run_hybrid(gates, mask, *self._make_fusion(sum(units), jnp.swapaxes(mask[..., None], 0, 1)))
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
        self, total: int, steps_TxBx1: jax.Array
    ) -> tuple[Callable[[Sequence[jax.Array], Any], jax.Array], Any]:
        """What makes z of the states, which has the parameters and makes none, and the notes of its products."""
        read, write = self.highlight, self.fused
        # An LSTM's gates read its inputs and its own state side by side.
        highlight = Weights(total + write + read, 4 * read, name="highlight")()
        score = Weights(read, total, name="score")()
        fuse_weights = Weights(total + write, 4 * write, name="fuse")()
        summarize = Weights(self.stages * write, self.code, name="summarize")()

        steps_TxSxBx1 = jnp.stack([steps_TxBx1] * self.stages, axis=1)
        of_stages = [make_notes(kernel, steps_TxSxBx1) for kernel, _ in (highlight, score, fuse_weights)]
        notes = of_stages, make_notes(summarize[0], steps_TxBx1)

        def fuse(states: Sequence[jax.Array], notes: Any) -> jax.Array:
            joined = jnp.concatenate(states, axis=-1)

            def take_stage(carry: Any, of_stage: Any) -> tuple[Any, jax.Array]:
                (h, c), (s, d) = carry
                of_highlight, of_score, of_fuse = of_stage
                h, c = _take_step(highlight, jnp.concatenate([joined, s], axis=-1), h, c, of_highlight)
                attended = nn.softmax(apply_weights(score, h, of_score), axis=-1) * joined
                s, d = _take_step(fuse_weights, attended, s, d, of_fuse)
                return ((h, c), (s, d)), s

            zeros = [jnp.zeros((joined.shape[0], size), joined.dtype) for size in (read, write)]
            of_stages, of_summary = notes
            _, stages = jax.lax.scan(take_stage, tuple((zero, zero) for zero in zeros), of_stages)
            flat = stages.swapaxes(0, 1).reshape(joined.shape[0], self.stages * write)
            return apply_weights(summarize, flat, of_summary)

        return fuse, notes


def _take_step(
    weights: tuple[jax.Array, jax.Array], x: jax.Array, h: jax.Array, c: jax.Array, note: Notes
) -> tuple[jax.Array, jax.Array]:
    """One step of an LSTM, whose weights meet its input and its state side by side."""
    i, f, g, o = jnp.split(apply_weights(weights, jnp.concatenate([x, h], axis=-1), note), 4, axis=-1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c
