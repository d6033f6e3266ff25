"""An LSTM that learns from all modalities side by side and is used with the strongest alone (Zadeh et al. 2020).

    submodule    what it is
    input        linear map of the first modality's features
    others       the same of the others', side by side; both are added up, as if one map read all features
    lstm         reads their sum, step by step; a shorter modality ends with zeros
    classifier   dense layer on its last state, or on every state

`logits/joint` is of all modalities and `logits` of the first one, the others zero, by the same parameters. The method
is the loss on the former, its control that on the latter; both are scored by what the first one alone gives.

After what the thesis tells of the paper: there is no public code, and widths are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide

Sequence_ = tuple[jax.Array, jax.Array]
"""[B, T, D], and its mask [B, T]."""


class Model(nn.Module):
    """One LSTM of all modalities, of which the first is used alone.

    Attributes:
      modalities: the strongest one first.
      classes: number of classes, or 0 for a number.
      units: of the maps and of the LSTM.
      per_step: a label for each step, which all modalities then share.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    units: int = 64
    per_step: bool = False
    deployed = ("input", "lstm", "classifier")
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def aligned(self) -> bool:
        """Whether its modalities share their steps."""
        return self.per_step

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
          inputs: modality -> [B, T, D], or [B, D]. Those of all modalities are left out where the batch lacks one.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the classifier; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis, of the first modality; `logits/joint` and `prediction/joint` of all.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("mutual_learning", self.modalities)
        check_classes("mutual_learning", self.classes)
        first, *others = self.modalities
        lstm = MaskedLSTM(self.units, name="lstm")
        classifier = Dense(self.classes or 1, name="classifier")

        def answer(x: jax.Array, mask: jax.Array, drop: Dropout) -> dict[str, jax.Array]:
            states = lstm(x, mask)
            code = states if self.per_step else select_last_state(states, mask)
            acts = train and "classifier" not in frozen
            return name_outputs(classifier(drop(to_wide(code), dropout, train=acts)), self.classes)

        own, mask = read_sequence(inputs, masks, first)
        own = Dense(self.units, name="input")(own)
        outputs = answer(own, mask, Dropout(name="drop"))
        if all(m in inputs for m in others):
            x, their_mask = _join([read_sequence(inputs, masks, m) for m in others])
            theirs = nn.Dense(self.units, use_bias=False, name="others")(x)
            both, joint_mask = _add((own, mask), (theirs, their_mask))
            if self.per_step:
                check_steps("mutual_learning", {first: own.shape[1], others[0]: x.shape[1]})
            said = answer(both, joint_mask, Dropout(name="drop_joint"))
            outputs |= {f"{name}/joint": y for name, y in said.items()}
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from the first modality."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]


def _join(sequences: Sequence[Sequence_]) -> Sequence_:
    """The features of all side by side, zeros where a modality has no step, and the steps that any of them has."""
    xs, masks = _pad_steps(sequences)
    return jnp.concatenate(xs, axis=-1), jnp.stack(masks).any(axis=0)


def _add(one: Sequence_, other: Sequence_) -> Sequence_:
    """The sum of two sequences, step by step, and the steps that either has."""
    xs, masks = _pad_steps((one, other))
    return sum(xs), masks[0] | masks[1]


def _pad_steps(sequences: Sequence[Sequence_]) -> tuple[list[jax.Array], list[jax.Array]]:
    longest = max(x.shape[1] for x, _ in sequences)
    behind = [longest - x.shape[1] for x, _ in sequences]
    xs = [jnp.pad(x, ((0, 0), (0, n), (0, 0))) for (x, _), n in zip(sequences, behind, strict=True)]
    masks = [jnp.pad(mask, ((0, 0), (0, n))) for (_, mask), n in zip(sequences, behind, strict=True)]
    return xs, masks
