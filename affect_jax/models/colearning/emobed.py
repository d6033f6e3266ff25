"""Modalities that share the upper layers of one network: EmoBed, and implicit fusion (Han et al. 2019a, 2019b).

    submodule       what it is
    <m>_gru_<i>     two GRUs of each modality
    shared_gru_<i>  two GRUs that all modalities go through
    head            dense layer on the last state, or on every state

Each modality by itself goes through its own GRUs and the shared ones, and learns from the labels; the others' losses
have weights of their own. EmoBed adds a `triplet` loss on the shared codes: of other modalities, those of the same
label are nearer than those of another. Implicit fusion is the same without. The first modality alone is deployed.

After what the thesis tells of the papers: there is no public code; margin, mining and weights are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import GRU
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide

LAYERS = 2


class Model(nn.Module):
    """GRUs of each modality below GRUs of all; vectors are sequences of one step, which is read without context.

    Attributes:
      modalities: that which is deployed, then those that are trained beside it.
      classes: number of classes, or 0 for a number.
      units: of all GRUs.
      per_step: a label for each step.
    """

    modalities: Sequence[str] = ("audio", "video")
    classes: int = 0
    units: int = 120
    per_step: bool = False
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def aligned(self) -> bool:
        """Whether its modalities share their steps."""
        return self.per_step

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: those of the first modality, and the shared ones."""
        own = (f"{name}_gru_{i}" for name in (self.modalities[0], "shared") for i in range(LAYERS))
        return (*own, "head")

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
          inputs: modality -> [B, T, D], or [B, D]. Modalities that the batch lacks are left out.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the head; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis, of the first modality; for each modality m the same as `logits/m`
          and `prediction/m`, and its code behind the shared layers, `latent/m`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("emobed", self.modalities)
        check_classes("emobed", self.classes)
        first, outputs = self.modalities[0], {}
        shared = [GRU(self.units, name=f"shared_gru_{i}") for i in range(LAYERS)]
        head = Dense(self.classes or 1, name="head")
        for m in self.modalities:
            if m not in inputs and m != first:
                continue
            x, mask = read_sequence(inputs, masks, m)
            for layer in (*(GRU(self.units, name=f"{m}_gru_{i}") for i in range(LAYERS)), *shared):
                x = layer(x, mask)
            code = outputs[f"latent/{m}"] = x if self.per_step else select_last_state(x, mask)
            acts = train and "head" not in frozen
            y = head(Dropout(name=f"{m}_drop")(to_wide(code), dropout, train=acts))
            named = name_outputs(y, self.classes)
            outputs |= {f"{name}/{m}": value for name, value in named.items()} | (named if m == first else {})
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]
