"""Gated multimodal unit: gates say how much of each modality's code is used (Arevalo et al. 2017, eq. 1).

    h_m = tanh(BN(x_m) W_m)        g_m = sigmoid([x_1; x_2; ...] V_m)        h = sum over m of g_m * h_m

Of two modalities there is one gate g, and 1 - g is the other's. Behind the unit stands the paper's classifier: maxout
layers (the greatest of some affine maps) with batch norm, then a dense layer.

    submodule      what it is
    <m>_summary    of a sequence: its mean, statistics, or a GRU's last state (the paper fuses vectors)
    <m>_norm       batch norm of the summary
    <m>_dense      W_m, without bias
    gate_<m>       V_m; of two modalities there is `gate` alone, the first one's
    maxout_<i>, maxout_norm_<i>, classifier

After the paper and the description in its public code (Theano, MIT): no numbers of that code are compared.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, is_present, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.summary import TRAINED, Summary
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """GMU of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of the unit.
      maxout_layers: behind it.
      maxout_pieces: affine maps of which a maxout layer takes the greatest.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 512
    maxout_layers: int = 2
    maxout_pieces: int = 2

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        each = ("norm", "dense", *(["summary"] if self.summary in TRAINED else []))
        maxout = [f"{name}_{layer}" for layer in range(self.maxout_layers) for name in ("maxout", "maxout_norm")]
        return (*(f"{m}_{name}" for m in self.modalities for name in each), *self._gates, *maxout, "classifier")

    @property
    def _gates(self) -> tuple[str, ...]:
        return ("gate",) if len(self.modalities) == 2 else tuple(f"gate_{m}" for m in self.modalities)

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
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate in front of the maxout layers; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`,
          `gate/<m>` and `fused`, [B, width].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("gmu", self.modalities)
        check_classes("gmu", self.classes)
        vectors, outputs = {}, {}
        for m in self.modalities:
            vectors[m] = Summary(self.summary, self.units, name=f"{m}_summary")(*read_sequence(inputs, masks, m))
            norm = f"{m}_norm"
            x = BatchNorm(name=norm)(vectors[m], is_present(masks, m), train=train and norm not in frozen)
            outputs[f"latent/{m}"] = jnp.tanh(nn.Dense(self.width, use_bias=False, name=f"{m}_dense")(x))
        joined = jnp.concatenate(list(vectors.values()), axis=-1)
        gates = [nn.sigmoid(nn.Dense(self.width, use_bias=False, name=gate)(joined)) for gate in self._gates]
        gates = [gates[0], 1 - gates[0]] if len(gates) == 1 else gates
        outputs |= {f"gate/{m}": gate for m, gate in zip(self.modalities, gates, strict=True)}
        x = outputs["fused"] = sum(outputs[f"gate/{m}"] * outputs[f"latent/{m}"] for m in self.modalities)
        for layer in range(self.maxout_layers):
            norm = f"maxout_norm_{layer}"
            x = Dropout(name=f"drop_{layer}")(x, dropout, train=train and f"maxout_{layer}" not in frozen)
            pieces = Dense(self.width * self.maxout_pieces, name=f"maxout_{layer}")(x)
            x = pieces.reshape(*x.shape[:-1], self.width, self.maxout_pieces).max(axis=-1)
            x = BatchNorm(name=norm)(x, train=train and norm not in frozen)
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(to_wide(x)), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
