"""Attention over modalities: how much each of them counts, example by example (Hori et al. 2017, eqs. 17 to 22).

    c_m = x_m W_m + b_m      e_m = w' tanh(c_m V_m + d_m)      a = softmax over m of e_m      h = tanh(sum of a_m c_m)

    submodule       what it is
    <m>_summary     of a sequence: its mean, statistics, or a GRU's last state
    <m>_project     W_m, b_m
    <m>_score       V_m, d_m
    score           w
    classifier      a dense layer on h

The paper asks at every word of a caption, with the decoder's state in the score; here there is one answer an example,
and no state. A missing modality has no share. After the paper: no public code is known.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.bilinear import list_summaries, summarize_all
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, is_present
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide

_MASKED = -1e30


class Model(nn.Module):
    """Attention over two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of the codes and of the scores' layer.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 64

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        each = [f"{m}_{layer}" for m in self.modalities for layer in ("project", "score")]
        return (*list_summaries(self.modalities, self.summary), *each, "score", "classifier")

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
          dropout: rate on the vectors and in front of the classifier; may be traced.
          frozen: no effect: the submodules are trained together.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused` [B, width];
          `attention` [B, modalities], which sum up to 1.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        del frozen
        check_modalities("modality_attention", self.modalities)
        check_classes("modality_attention", self.classes)
        drop, score = Dropout(name="drop"), nn.Dense(1, use_bias=False, name="score")
        codes, scores, present = [], [], []
        for m, x in summarize_all(self.modalities, inputs, masks, self.summary, self.units).items():
            code = Dense(self.width, name=f"{m}_project")(drop(x, dropout, train=train))
            codes.append(to_wide(code))
            scores.append(score(jnp.tanh(Dense(self.width, name=f"{m}_score")(code))))
            present.append(is_present(masks, m)[:, None])
        there = jnp.concatenate(present, axis=1)
        attention = nn.softmax(jnp.where(there, to_wide(jnp.concatenate(scores, axis=1)), _MASKED), axis=1)
        fused = jnp.tanh((attention[..., None] * jnp.stack(codes, axis=1)).sum(axis=1))
        y = Dense(self.classes or 1, name="classifier")(drop(fused, dropout, train=train))
        return {"attention": attention, "fused": fused} | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
