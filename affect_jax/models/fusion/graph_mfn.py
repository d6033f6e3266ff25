"""Graph memory fusion network: MFN with a graph over all sets of modalities for its attention (Zadeh et al. 2018b).

    u_m = relu(join_m [h_m at t - 1; at t])      x_t = graph(u_1, u_2, ...)      p_t = tanh(propose x_t)
    y = head [last states of all; memory]

    submodule     what it is
    <m>_lstm      on each modality
    <m>_join      a dense layer
    graph         layers/fusion_graph.py
    propose       two layers
    memory        layers/memory.py
    head          two layers

MMSA's code reads hidden states here, where MFN reads cells. `fidelity='authors'` leaves the nets of the graph's inner
vertices as they are drawn, as that code does by mistake; else they are trained. Modalities share their steps.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.dense import Dense
from affect_jax.layers.fusion_graph import FusionGraph
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.memory import Memory, shift_steps
from affect_jax.layers.memory_fusion import assign_each, check_gates
from affect_jax.layers.modalities import assign_rates, check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.two_layers import TwoLayers
from affect_jax.layers.wide import to_wide

FIDELITY = ("paper", "authors")


class Model(nn.Module):
    """Graph-MFN of two or more modalities of the same steps.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      hidden: units of the LSTMs; one number for all, or one each.
      memory: width of the memory.
      vertex: width of the graph's vertices.
      graph: width inside the graph's nets.
      proposal: hidden width of the net that proposes what is written.
      gates: hidden widths of the gates that keep and that write.
      head: hidden width of the last net.
      dropouts: rates of proposal, keeping, writing and head; () for the stage's `dropout` everywhere.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    hidden: int | Sequence[int] = (256, 32, 256)
    memory: int = 300
    vertex: int = 64
    graph: int = 100
    proposal: int = 32
    gates: Sequence[int] = (128, 64)
    head: int = 256
    dropouts: Sequence[float] = ()
    fidelity: str = "paper"

    most_modalities = 5
    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (
            *(f"{m}_{part}" for m in self.modalities for part in ("lstm", "join")),
            *("graph", "propose", "memory", "head"),
        )

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
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`, the
          LSTMs' last states; `memory`; `fused`, which the head reads; `efficacies` [B, T, edges].

        Raises:
          UserError: fields do not fit, or modalities differ in steps.
        """
        self._check_fields()
        rates = assign_rates("graph_mfn", self.dropouts, dropout, 4)
        units = assign_each("graph_mfn", "hidden", self.hidden, self.modalities)

        def trains(name: str) -> bool:
            return train and name not in frozen

        x, mask = read_aligned("graph_mfn", inputs, masks, self.modalities)
        states, joined = {}, []
        for m, size in zip(self.modalities, units, strict=True):
            h = states[m] = MaskedLSTM(size, name=f"{m}_lstm")(x[m], mask)
            joined.append(nn.relu(Dense(size, name=f"{m}_join")(jnp.concatenate([shift_steps(h), h], axis=-1))))
        graph = FusionGraph(self.vertex, self.graph, self.fidelity == "paper", name="graph")
        summary, efficacies = graph(joined)
        propose = TwoLayers(self.proposal, self.memory, name="propose")
        proposal = jnp.tanh(propose(summary, train=trains("propose"), dropout=rates[0]))
        memory = Memory(tuple(self.gates), name="memory")(
            summary, proposal, mask, train=trains("memory"), dropouts=rates[1:3]
        )
        latents = {m: select_last_state(h, mask) for m, h in states.items()}
        fused = jnp.concatenate([*latents.values(), memory], axis=-1)
        head = TwoLayers(self.head, self.classes or 1, name="head")
        y = head(to_wide(fused), train=trains("head"), dropout=rates[3])
        return {
            **{f"latent/{m}": h for m, h in latents.items()},
            **dict(memory=memory, fused=fused, efficacies=efficacies),
            **name_outputs(y, self.classes),
        }

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]

    def _check_fields(self) -> None:
        check_modalities("graph_mfn", self.modalities, most=self.most_modalities)  # a vertex for each of 2^n sets
        check_classes("graph_mfn", self.classes)
        check_gates("graph_mfn", self.gates)
        if self.fidelity not in FIDELITY:
            raise UserError(
                f"model 'graph_mfn' has fidelity {self.fidelity!r}{suggest_nearest(self.fidelity, FIDELITY)}; choose "
                f"one of {join_words(FIDELITY)}"
            )
