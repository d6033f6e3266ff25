"""BLOCK: a bilinear form of blocks, each of a low rank (Ben-younes et al. 2019, eqs. 4 and 5).

    v_m = x_m W_m + b_m, cut into chunks v_m,c
    z_c = sum over r of prod over m of (v_m,c M_m,c,r + d_m,c,r)        y = [z_1; z_2; ...] W + b

    submodule         what it is
    <m>_summary       of a sequence: its mean, statistics, or a GRU's last state (the paper fuses vectors)
    <m>_projection    W_m, b_m
    <m>_merge_<c>     M_m,c and d_m,c of all ranks, one after another
    classifier        W, b

Of any number of modalities. The last chunk may be smaller. Numbers were compared with those of
Cadene/block.bootstrap.pytorch.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.bilinear import classify, list_summaries, normalize_power, spread_rates, summarize_all
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes


class Model(nn.Module):
    """BLOCK of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      width: of the projections.
      chunks: into which they are cut.
      rank: of each block.
      normalize: signed square root and unit length: '', 'before_cat' (of each chunk) or 'after_cat' (of all).
      dropouts: rates of the projections, of the fused vector and of the output; () for the stage's `dropout`, and none
        of the output.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    summary: str = "statistics"
    units: int = 64
    width: int = 64
    chunks: int = 4
    rank: int = 5
    normalize: str = "before_cat"
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        merges = [f"merge_{c}" for c in range(len(self.sizes))]
        layers = [f"{m}_{layer}" for m in self.modalities for layer in ("projection", *merges)]
        return (*list_summaries(self.modalities, self.summary), *layers, "classifier")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths of the chunks: equal, but for what is left for the last one."""
        size = -(-self.width // self.chunks)
        return tuple(min(size, self.width - at) for at in range(0, self.width, size))

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
          frozen: no effect: the submodules are trained together.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `fused` [B, width].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        del frozen
        check_modalities("block", self.modalities)
        check_classes("block", self.classes)
        rates = spread_rates("block", self.dropouts, dropout)
        vectors = summarize_all(self.modalities, inputs, masks, self.summary, self.units)
        codes = {
            m: Dropout(name=f"drop_{m}")(Dense(self.width, name=f"{m}_projection")(x), rates[0], train=train)
            for m, x in vectors.items()
        }
        fused, at = [], 0
        for c, size in enumerate(self.sizes):
            product = jnp.ones((), jnp.float32)
            for m, code in codes.items():
                product = product * Dense(self.rank * size, name=f"{m}_merge_{c}")(code[:, at : at + size])
            z = product.reshape(product.shape[0], self.rank, size).sum(axis=1)
            fused.append(normalize_power(z) if self.normalize == "before_cat" else z)
            at += size
        z = jnp.concatenate(fused, axis=-1)
        z = normalize_power(z) if self.normalize == "after_cat" else z
        return classify(z, self.classes, "", rates[1:], train)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
