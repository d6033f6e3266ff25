"""Multimodal training, unimodal testing: a network for each modality, whose maps are aligned (Abavisani et al. 2019).

    submodule       what it is
    <m>_stage_<i>   dense layer with ReLU on every step
    <m>_head        dense layer on every position, whose outputs are averaged

The loss `ssa` between `map/<m>` and `map/<n>` lets of each example the modality that does worse follow the other. The
first modality's prediction is the model's, and it alone is deployed. The paper has 3-D convolutions; here a map is a
sequence behind dense layers, averaged in `positions` equal pieces, so that lengths may differ. With `pool` the model is
the heads alone, of maps [B, ..., C] (averaged in windows if they have as many axes): what the public code has weights
of.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """MTUT of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then those that teach it and are taught.
      classes: number of classes, or 0 for a number.
      widths: of the stages.
      positions: of a map.
      pool: window of the average in front of the heads along each axis of a map, moved by one; () for sequences.
    """

    modalities: Sequence[str] = ("video", "text")
    classes: int = 0
    widths: Sequence[int] = (64, 64)
    positions: int = 8
    pool: Sequence[int] = ()
    compares_steps = True  # no field: a vector has one, which teaches nothing
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: those of the first modality."""
        first = self.modalities[0]
        stages = () if self.pool else tuple(f"{first}_stage_{i}" for i in range(len(self.widths)))
        return (*stages, f"{first}_head")

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
          inputs: modality -> [B, T, D], or [B, D]; with `pool`, [B, ..., C]. Those that the batch lacks are left out.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the heads; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B], of the first modality;
          for each modality m `logits/m` and `prediction/m`, `map/m` [B, positions, C] and `scores/m`, what the head
          says of each step or window.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("mtut", self.modalities)
        check_classes("mtut", self.classes)
        first, outputs = self.modalities[0], {}
        for m in self.modalities:
            if m not in inputs and m != first and not self.is_initializing():
                continue
            if self.pool:
                x = select_modality(inputs, masks, m)
                outputs[f"map/{m}"] = x.reshape(x.shape[0], -1, x.shape[-1])
                if x.ndim == len(self.pool) + 2:
                    x = nn.avg_pool(x, tuple(self.pool), (1,) * len(self.pool))
                mask = jnp.ones(x.shape[:-1], bool)
            else:
                x, mask = read_sequence(inputs, masks, m)
                for stage, width in enumerate(self.widths):
                    x = nn.relu(Dense(width, name=f"{m}_stage_{stage}")(x))
                outputs[f"map/{m}"] = pool_positions(x, mask, self.positions)
            acts = train and f"{m}_head" not in frozen
            x = Dropout(name=f"{m}_drop")(to_wide(x), dropout, train=acts)
            scores = outputs[f"scores/{m}"] = Dense(self.classes or 1, name=f"{m}_head")(x)
            y = average_steps(scores.reshape(x.shape[0], -1, scores.shape[-1]), mask.reshape(x.shape[0], -1))
            named = name_outputs(y, self.classes)
            outputs |= {f"{name}/{m}": value for name, value in named.items()} | (named if m == first else {})
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        first = self.modalities[0]
        return self({first: inputs[first]}, masks, train=False)["prediction"]


def pool_positions(x_BxTxD: jax.Array, mask_BxT: jax.Array, positions: int) -> jax.Array:
    """The means [B, P, D] of P pieces of the valid steps, as equal as they can be; of fewer steps, some twice."""
    length_Bx1 = mask_BxT.sum(axis=1, keepdims=True)
    start_BxP = jnp.arange(positions)[None] * length_Bx1 // positions
    end_BxP = jnp.maximum((jnp.arange(1, positions + 1)[None] * length_Bx1 + positions - 1) // positions, start_BxP + 1)
    steps_T = jnp.arange(x_BxTxD.shape[1])[None, None]
    is_in_BxPxT = (steps_T >= start_BxP[..., None]) & (steps_T < end_BxP[..., None]) & mask_BxT[:, None]
    shares = is_in_BxPxT / jnp.maximum(is_in_BxPxT.sum(axis=-1, keepdims=True), 1)
    return jnp.einsum("bpt,btd->bpd", shares.astype(x_BxTxD.dtype), x_BxTxD)
