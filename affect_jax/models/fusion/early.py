"""Early fusion: the modalities side by side, then one network (thesis 2.2; the simplest model of several modalities).

    submodule      what it is
    <m>_summary    of a sequence: its mean, statistics, or a GRU's last state
    <m>_branch_<i> dense layers with ReLU of a modality alone: model-level fusion, none by default
    hidden_<i>     dense layers with ReLU
    classifier     dense layer

With `hidden=()` it is logistic or linear regression on what the modalities hold together.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.summary import TRAINED, Summary
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """One network on all modalities.

    Attributes:
      modalities: those that are read; one is allowed, the comparison for fusion.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      branches: widths of the dense layers of each modality before they are joined; () for none, which is early fusion,
        others are model-level fusion (thesis 2.2.1, references 63 to 65).
      hidden: widths of the dense layers on all; () for none.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    branches: Sequence[int] = ()
    hidden: Sequence[int] = (64,)

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        summaries = [f"{m}_summary" for m in self.modalities if self.summary in TRAINED]
        branches = [f"{m}_branch_{i}" for m in self.modalities for i in range(len(self.branches))]
        return (*summaries, *branches, *(f"hidden_{i}" for i in range(len(self.hidden))), "classifier")

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
          dropout: rate in front of every dense layer; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused`, what the last
          layer reads.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("early", self.modalities, least=1)
        check_classes("early", self.classes)
        vectors = []
        for m in self.modalities:
            x = Summary(self.summary, self.units, name=f"{m}_summary")(*read_sequence(inputs, masks, m))
            for layer, width in enumerate(self.branches):
                name = f"{m}_branch_{layer}"
                x = Dropout(name=f"{m}_drop_{layer}")(x, dropout, train=train and name not in frozen)
                x = nn.relu(Dense(width, name=name)(x))
            vectors.append(x)
        x = jnp.concatenate(vectors, axis=-1)
        for layer, width in enumerate(self.hidden):
            name = f"hidden_{layer}"
            x = Dropout(name=f"drop_{layer}")(x, dropout, train=train and name not in frozen)
            x = nn.relu(Dense(width, name=name)(x))
        last = Dropout(name="drop")(x, dropout, train=train and "classifier" not in frozen)
        y = Dense(self.classes or 1, name="classifier")(to_wide(last))
        return {"fused": x} | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
