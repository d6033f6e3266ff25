"""Contextual attention over the utterances of a video: CAT-LSTM (Poria et al. 2017), whose public code has a GRU.

    submodule       what it is
    <m>_project     of the fusion 'attention': a dense layer with tanh to a shared width
    fusion          of the fusion 'attention': how much each modality counts at a step
    gru             reads the modalities' steps in both directions, by the same weights
    attention       over the steps, where `attention` is True
    dense_<i>       dense layers on every step
    classifier      at every step, or (`per_step=False`) of their mean over the steps

Modalities share their steps. Fused by 'concat' they stand side by side. By 'attention' they are summed under weights
softmax(u . tanh(W x_m + b)) over the modalities that a step has. The public code takes that softmax over an axis of
size 1, so all weights are 1, and has a vector u for each of a fixed number of steps; `fidelity='authors'` keeps both,
and needs modalities of one width. Its other attention asks with each step's state among all of them,
softmax over t' of tanh((x_t' W + b) . x_t).
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import assign_rates, average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.reset_gru import Gates, run_reset_gru
from affect_jax.layers.wide import to_wide

FUSION = ("concat", "attention")
FIDELITY = ("paper", "authors")
ACTIVATIONS = {"relu": nn.relu, "tanh": jnp.tanh}
_GLOROT, _ZEROS, _NORMAL = nn.initializers.glorot_uniform(), nn.initializers.zeros, nn.initializers.normal(0.01)


class SharedBiGRU(nn.Module):
    """Both directions by one cell of TensorFlow 1: [B, T, D] -> [B, T, 2 * features], 0 at padded steps.

    Parameters: `gates_kernel` [D + H, 2H] of the reset and the update gate, `candidate_kernel` [D + H, H], two biases.
    """

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        units, width = self.features, x.shape[-1]
        both = self.param("gates_kernel", _GLOROT, (width + units, 2 * units))
        both_bias = self.param("gates_bias", _ZEROS, (2 * units,))
        new = self.param("candidate_kernel", _GLOROT, (width + units, units))
        new_bias = self.param("candidate_bias", _ZEROS, (units,))
        kernel = jnp.concatenate([both[:, units:], both[:, :units], new], axis=1)  # as z, r, n
        bias = jnp.concatenate([both_bias[units:], both_bias[:units], new_bias])
        gates = Gates(*(jnp.stack([a, a]) for a in (kernel[:width], kernel[width:], bias)))
        return zero_padding(run_reset_gru(x, mask, gates), mask)


class StepAttention(nn.Module):
    """Each step asks all steps: [B, T, D] -> their weighted means [B, T, D]. `w_omega` [D, D], `b_omega` [D]."""

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        width = x.shape[-1]
        projected = x @ self.param("w_omega", _NORMAL, (width, width))
        projected = projected + self.param("b_omega", _NORMAL, (width,))[None, None, :]
        scores = to_wide(jnp.tanh(jnp.einsum("bsd,btd->bts", projected, x)))
        weights = jnp.where(mask[:, None], nn.softmax(jnp.where(mask[:, None], scores, -1e30)), 0)
        return jnp.einsum("bts,bsd->btd", weights.astype(x.dtype), x)


class ModalityAttention(nn.Module):
    """Sums modalities [B, T, M, D] under weights. `dense`; `vectors` [D], or [steps, D] without effect (authors)."""

    steps: int | None

    @nn.compact
    def __call__(self, x: jax.Array, valid: jax.Array) -> jax.Array:
        width = x.shape[-1]
        scores = jnp.tanh(Dense(width, _GLOROT, _ZEROS, name="dense")(x))
        if self.steps:
            self.param("vectors", _NORMAL, (self.steps, width))
            return x.sum(axis=2)
        scores = to_wide(scores @ self.param("vectors", _NORMAL, (width,)))
        weights = jnp.where(valid, nn.softmax(jnp.where(valid, scores, -1e30)), 0)
        return jnp.einsum("btm,btmd->btd", weights.astype(x.dtype), x)


class Model(nn.Module):
    """CAT-LSTM's public code, a GRU over the steps of all modalities.

    Attributes:
      modalities: those that are read; one is enough.
      classes: number of classes, or 0 for a number.
      fusion: 'concat' or 'attention'.
      attention: over steps, behind the GRU.
      units: of the GRU, a direction.
      fused: width to which the fusion 'attention' projects the modalities.
      widths: of the dense layers; the public code has three of 200 with ReLU, and of one modality one of 100 with tanh.
      activation: 'relu' or 'tanh'.
      per_step: a label for each step; else one for an item.
      steps: of the authors' vectors for the fusion 'attention'.
      dropouts: rates behind the GRU twice (of its outputs in the cell, and again), and in front of the classifier (the
        code has .4, .2, .2); () for the stage's `dropout` everywhere.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("audio", "video", "text")
    classes: int = 0
    fusion: str = "concat"
    attention: bool = False
    units: int = 100
    fused: int = 100
    widths: Sequence[int] = (200, 200, 200)
    activation: str = "relu"
    per_step: bool = True
    steps: int = 20
    dropouts: Sequence[float] = ()
    fidelity: str = "paper"

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        projects = [f"{m}_project" for m in self.modalities] if self._projects else []
        fusion = ["fusion"] if self.fusion == "attention" else []
        attention = ["attention"] if self.attention else []
        return (*projects, *fusion, "gru", *attention, *(f"dense_{i}" for i in range(len(self.widths))), "classifier")

    @property
    def _projects(self) -> bool:
        return self.fusion == "attention" and self.fidelity == "paper"

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
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, T, classes] or (not `per_step`) [B, classes]; of a regression
          `prediction` alone, without the last axis; `states` [B, T, 2 * units] and `fused`, what the classifier reads.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        self._check()
        rates = assign_rates("catlstm", self.dropouts, dropout, 3)
        sequences = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        check_steps("catlstm", {m: x.shape[1] for m, (x, _) in sequences.items()})
        mask = jnp.stack([mask for _, mask in sequences.values()]).any(axis=0)
        states = SharedBiGRU(self.units, name="gru")(self._fuse(sequences), mask)
        acts = train and "gru" not in frozen
        x = Dropout(name="drop_outputs")(states, rates[0], train=acts)
        x = Dropout(name="drop_states")(x, rates[1], train=acts)
        if self.attention:
            x = StepAttention(name="attention")(x, mask)
        for layer, width in enumerate(self.widths):
            dense = Dense(width, _GLOROT, _ZEROS, name=f"dense_{layer}")
            x = zero_padding(ACTIVATIONS[self.activation](dense(x)), mask)
        fused = x if self.per_step else average_steps(x, mask)
        last = Dropout(name="drop")(fused, rates[2], train=train and "classifier" not in frozen)
        y = Dense(self.classes or 1, _GLOROT, _ZEROS, name="classifier")(to_wide(last))
        return {"states": states, "fused": fused} | name_outputs(y, self.classes)

    def _check(self) -> None:
        check_modalities("catlstm", self.modalities, least=1)
        check_classes("catlstm", self.classes)
        for field, value, choices in (
            ("fusion", self.fusion, FUSION),
            ("activation", self.activation, tuple(ACTIVATIONS)),
            ("fidelity", self.fidelity, FIDELITY),
        ):
            if value not in choices:
                raise UserError(
                    f"model 'catlstm' has {field} {value!r}{suggest_nearest(value, choices)}; choose one of "
                    f"{join_words(choices)}"
                )

    def _fuse(self, sequences: Mapping[str, tuple[jax.Array, jax.Array]]) -> jax.Array:
        """The steps of all modalities as one sequence [B, T, D]."""
        if self.fusion == "concat":
            return jnp.concatenate([x for x, _ in sequences.values()], axis=-1)
        if not self._projects:
            if len({x.shape[-1] for x, _ in sequences.values()}) > 1:
                raise UserError(
                    "model 'catlstm' with fidelity 'authors' sums modalities, so they need one width; choose "
                    "fidelity 'paper' or fusion 'concat'"
                )
            vectors = {m: x for m, (x, _) in sequences.items()}
        else:
            vectors = {m: jnp.tanh(Dense(self.fused, name=f"{m}_project")(x)) for m, (x, _) in sequences.items()}
        x_BxTxMxD = jnp.stack(list(vectors.values()), axis=2)
        valid_BxTxM = jnp.stack([mask for _, mask in sequences.values()], axis=2)
        return ModalityAttention(None if self._projects else self.steps, name="fusion")(x_BxTxMxD, valid_BxTxM)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B, T] or [B], or logits with an axis of classes."""
        return self(inputs, masks, train=False)["prediction"]
