"""Multimodal split attention fusion: blocks of channels compete over all modalities (Su et al. 2020).

    the channels of x_m are cut into blocks x_m,k of equal width
    d = sum over m of (mean over time of sum over k of x_m,k)        s = relu(BN(d W + b))
    a = softmax over all blocks of all modalities of (s W_m,k + b_m,k)        x_m,k <- x_m,k * a_m,k

Attention may have a floor, f + (1 - f) a, so that no block is lost. Between the stages of the modalities' networks
stands one of these; the last stage's means over time go side by side to the classifier.

    submodule       what it is
    <m>_stage_<i>   a dense layer with ReLU on every step
    split_<i>       the attention behind it, for each segment of time: `joint`, `norm` and, for each block, `block_<k>`
    classifier      a dense layer

With `widths=()` the model is one attention on the features themselves, which is what the public code has weights of; it
has no classifier, and gives `fused/<m>` alone.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.wide import to_wide

Features = dict[str, tuple[jax.Array, jax.Array]]
"""Modality -> x [B, T, D] and its mask [B, T]."""


class SplitAttention(nn.Module):
    """The attention of one segment of time: modality -> x gated [B, T, D].

    Attributes:
      block: channels of a block.
      reduction: the joint code has block // reduction channels.
      floor: of attention.
      dropout: rate at which whole blocks are left out, of the joint code and of what comes out.
    """

    block: int
    reduction: int
    floor: float
    dropout: float

    @nn.compact
    def __call__(self, features: Features, *, train: bool) -> dict[str, jax.Array]:
        joint, drop, kept = jnp.zeros((), jnp.float32), Dropout(name="drop"), []
        counts = {m: x.shape[-1] // self.block for m, (x, _) in features.items()}
        for m, (x, mask) in features.items():
            means = average_steps(x, mask).reshape(x.shape[0], counts[m], self.block)
            kept.append(drop(jnp.ones(means.shape[:2], means.dtype), self.dropout, train=train))
            joint = joint + (means * kept[-1][..., None]).sum(axis=1)
        code = Dense(self.block // self.reduction, name="joint")(joint)
        code = nn.relu(BatchNorm(name="norm")(code, train=train))
        scores = [Dense(self.block, name=f"block_{k}")(code) for k in range(sum(counts.values()))]
        attention = nn.softmax(jnp.stack(scores, axis=1), axis=1)
        attention = (self.floor + (1 - self.floor) * attention) * jnp.concatenate(kept, axis=1)[..., None]
        gated, at = {}, 0
        for m, (x, _) in features.items():
            gate = attention[:, at : at + counts[m]].reshape(x.shape[0], x.shape[-1])
            gated[m], at = x * gate[:, None].astype(x.dtype), at + counts[m]
        return gated


class Model(nn.Module):
    """Networks of dense layers, joined by split attention.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      widths: of the stages, the same for all modalities; () for one attention on the features themselves.
      block: channels of a block, which divides every width.
      reduction: the joint code has block // reduction channels.
      least_share: the least attention, 0 for none.
      block_dropout: rate at which whole blocks are left out in training.
      segments: of time, each with an attention of its own; the last one has what is left over.
      channels: of each modality's features, where `widths` is (); they are checked.
    """

    modalities: Sequence[str] = ("video", "audio")
    classes: int = 0
    widths: Sequence[int] = (64, 64)
    block: int = 16
    reduction: int = 4
    least_share: float = 0.0
    block_dropout: float = 0.2
    segments: int = 1
    channels: Sequence[int] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        stages = [f"{m}_stage_{i}" for m in self.modalities for i in range(len(self.widths))]
        counts = range(max(len(self.widths), 1))
        splits = [f"split_{i}" + (f"_{s}" if self.segments > 1 else "") for i in counts for s in range(self.segments)]
        return (*stages, *splits, *(("classifier",) if self.widths else ()))

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
          dropout: rate in front of the classifier; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `fused/<m>` [B, T, D_m], the gated features; with a classifier also `logits` and `prediction`, the same,
          [B, classes], or of a regression `prediction` [B].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("msaf", self.modalities)
        check_classes("msaf", self.classes)
        features = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        given = tuple(x.shape[-1] for x, _ in features.values())
        if not self.widths and given != tuple(self.channels):
            raise UserError(
                f"model 'msaf' has channels {join_words(self.channels)}, but its inputs have {given}; mend them"
            )
        for stage in range(max(len(self.widths), 1)):
            if self.widths:
                for m, (x, mask) in features.items():
                    features[m] = nn.relu(Dense(self.widths[stage], name=f"{m}_stage_{stage}")(x)), mask
            features = self._attend(features, f"split_{stage}", train=train, frozen=frozen)
        outputs = {f"fused/{m}": x for m, (x, _) in features.items()}
        if not self.widths:
            return outputs
        joined = jnp.concatenate([average_steps(x, mask) for x, mask in features.values()], axis=-1)
        joined = Dropout(name="drop")(to_wide(joined), dropout, train=train and "classifier" not in frozen)
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(joined), self.classes)

    def _attend(self, features: Features, name: str, *, train: bool, frozen: Sequence[str]) -> Features:
        for m, (x, _) in features.items():
            if x.shape[-1] % self.block or self.block // self.reduction < 1:
                raise UserError(
                    f"model 'msaf' has blocks of {self.block} channels, reduced by {self.reduction}, for {x.shape[-1]} "
                    f"channels of {m!r}; give a block that divides the channels, and a reduction of at most the block"
                )
        sizes = (self.block, self.reduction, self.least_share, self.block_dropout)
        if self.segments == 1:
            gated = SplitAttention(*sizes, name=name)(features, train=train and name not in frozen)
            return {m: (gated[m], mask) for m, (_, mask) in features.items()}
        pieces: dict[str, list[jax.Array]] = {m: [] for m in features}
        for s in range(self.segments):
            of_segment = {}
            for m, (x, mask) in features.items():
                size = x.shape[1] // self.segments
                at = slice(s * size, (s + 1) * size if s + 1 < self.segments else None)
                of_segment[m] = x[:, at], mask[:, at]
            segment = f"{name}_{s}"
            gated = SplitAttention(*sizes, name=segment)(of_segment, train=train and segment not in frozen)
            for m, x in gated.items():
                pieces[m].append(x)
        return {m: (jnp.concatenate(pieces[m], axis=1), mask) for m, (_, mask) in features.items()}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]; of an attention alone its features' means, [B, sum of D]."""
        outputs = self(inputs, masks, train=False)
        if self.widths:
            return outputs["prediction"]
        pairs = [(outputs[f"fused/{m}"], read_sequence(inputs, masks, m)[1]) for m in self.modalities]
        return jnp.concatenate([average_steps(x, mask) for x, mask in pairs], axis=-1)
