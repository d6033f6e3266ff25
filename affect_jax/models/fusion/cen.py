"""Channel exchanging networks: a channel that says little is replaced by the other modalities' (Wang et al. 2020).

    all streams share convolutions and have batch norms of their own; behind the second one of a block
    x_m,c <- x_m,c where |gamma_m,c| >= threshold, else the mean of the other modalities' x_c

    submodule       what it is
    <m>_stem        a dense layer to a common width
    block_<i>       a bottleneck: convolutions of width 1, 3 and 1 over time, the last to four times the channels, and a
                    shortcut; norms `norm_<n>_<m>`
    <m>_head        logits, or a number, of the mean over time; the prediction is their mean

Modalities share their steps: channels are exchanged step by step. The loss needs a penalty that makes gammas small,
`mae` of `penalty` and `penalty/none`: half of the first stream's gammas and the other half of the second one's (of M
streams, an M-th each), so that no channel is replaced in all.

With `width=0` the model is one block on the features themselves, which is what the public code has weights of; it has
no heads, and gives `fused/<m>` alone. `channels` then says that a step is a row of a picture, its columns side by side,
and convolutions run over both.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.aligned import check_steps
from affect_jax.layers.batch_norm import BatchNorm
from affect_jax.layers.convolve import convolve
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, check_modalities, is_present, read_sequence
from affect_jax.layers.outputs import average_heads, check_classes, name_outputs
from affect_jax.layers.wide import to_wide

EXPANSION = 4
Streams = dict[str, jax.Array]
"""Modality -> maps [B, T, C], or of pictures [B, T, columns, C]."""


class Bottleneck(nn.Module):
    """One block: streams, their masks [B, T] -> streams of EXPANSION * planes channels, and what was exchanged.

    Attributes:
      planes: channels within.
      threshold: of |gamma|.
      stride: of the second convolution.
    """

    planes: int
    threshold: float
    stride: int

    @nn.compact
    def __call__(
        self, streams: Streams, masks: Mapping[str, jax.Array], *, train: bool
    ) -> tuple[Streams, dict[str, jax.Array]]:
        first = next(iter(streams.values()))
        axes, told = first.ndim - 2, {}

        def make(name: str, width: int, filters: int, stride: int = 1) -> nn.Module:
            pad = [(width // 2, width // 2)] * axes
            options = dict(use_bias=False, conv_general_dilated=convolve, name=name)
            return nn.Conv(filters, (width,) * axes, (stride,) * axes, pad, **options)

        strided = {m: mask[:, :: self.stride] for m, mask in masks.items()}
        one, two = make("conv_0", 1, self.planes), make("conv_1", 3, self.planes, self.stride)
        three, short = make("conv_2", 1, EXPANSION * self.planes), None
        is_shaped = first.shape[-1] == EXPANSION * self.planes and self.stride == 1
        if not is_shaped:
            short = make("shortcut", 1, EXPANSION * self.planes, self.stride)
        maps, gammas = {}, {}
        for m, x in streams.items():
            y = nn.relu(self._norm("norm_0", m, one(x), masks[m], train))
            maps[m] = self._norm("norm_1", m, two(_silence(y, masks[m])), strided[m], train)
            gammas[m] = self.get_variable("params", f"norm_1_{m}")["scale"]
        exchanged, out = self._exchange(maps, gammas), {}
        for m, x in streams.items():
            y = self._norm("norm_2", m, three(nn.relu(exchanged[m])), strided[m], train)
            rest = x if is_shaped else self._norm("norm_shortcut", m, short(x), strided[m], train)
            out[m] = _silence(nn.relu(y + rest), strided[m])
            told |= {f"norm/{m}": maps[m], f"exchanged/{m}": exchanged[m]}
        told["penalty"] = sum(jnp.abs(part).sum() for part in _take_shares(gammas))
        return out, told

    def _norm(self, name: str, modality: str, x: jax.Array, mask: jax.Array, train: bool) -> jax.Array:
        valid = mask if x.ndim == 3 else jnp.broadcast_to(mask[..., None], x.shape[:-1])
        return BatchNorm(name=f"{name}_{modality}")(x, valid, train=train)

    def _exchange(self, maps: Streams, gammas: Mapping[str, jax.Array]) -> Streams:
        total, exchanged = sum(maps.values()), {}
        for m, x in maps.items():
            others = (total - x) / (len(maps) - 1) if len(maps) > 2 else next(y for n, y in maps.items() if n != m)
            stays = jnp.abs(gammas[m]) >= self.threshold
            exchanged[m] = jnp.where(stays.reshape((1,) * (x.ndim - 1) + (-1,)), x, others)
        return exchanged


def _silence(x: jax.Array, mask: jax.Array) -> jax.Array:
    """Zeros at padded steps, which convolutions would carry on."""
    return zero_padding(x, mask if x.ndim == 3 else jnp.broadcast_to(mask[..., None], x.shape[:-1]))


def _take_shares(gammas: Mapping[str, jax.Array]) -> list[jax.Array]:
    """The part of each stream's gammas that is penalised: the m-th of M."""
    count = len(gammas)
    return [g[i * len(g) // count : (i + 1) * len(g) // count] for i, g in enumerate(gammas.values())]


class Model(nn.Module):
    """Streams of bottlenecks that exchange channels.

    Attributes:
      modalities: those that are read, which share their steps.
      classes: number of classes, or 0 for a regression.
      width: of the stems; 0 for one block on the features themselves, and no heads.
      planes: channels within each block.
      threshold: of |gamma|, below which a channel is replaced.
      stride: of the block's second convolution, where there is one block on the features.
      channels: of pictures, whose rows are the steps; 0 for sequences.
    """

    modalities: Sequence[str] = ("video", "audio")
    classes: int = 0
    width: int = 64
    planes: Sequence[int] = (16, 16)
    threshold: float = 0.02
    stride: int = 1
    channels: int = 0

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        ends = [f"{m}_{layer}" for m in self.modalities for layer in ("stem", "head")] if self.width else []
        return (*ends, *(f"block_{i}" for i in range(len(self.planes))))

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
          inputs: modality -> [B, T, D], or [B, D], T the same for all.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout and batch norm act as in training; needs the rng stream 'dropout'.
          dropout: rate in front of the heads; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `fused/<m>` [B, T, 4 * planes], `norm/<m>` and `exchanged/<m>`, the last block's maps before and after the
          exchange, `penalty` [B], the same for all examples, and `penalty/none`, zeros; with heads also `logits/<m>`
          and `prediction/<m>`, and their mean over the modalities that are there, `logits` and `prediction`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("cen", self.modalities)
        check_classes("cen", self.classes)
        read = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        check_steps("cen", {m: mask.shape[1] for m, (_, mask) in read.items()})
        streams, valid = {}, {}
        for m, (x, mask) in read.items():
            if self.width:
                x = nn.relu(Dense(self.width, name=f"{m}_stem")(x))
            elif self.channels:
                x = x.reshape(*x.shape[:2], x.shape[2] // self.channels, self.channels)
            streams[m], valid[m] = _silence(x, mask), mask
        penalty, told = 0.0, {}
        for i, planes in enumerate(self.planes):
            stride, name = 1 if self.width else self.stride, f"block_{i}"
            block = Bottleneck(planes, self.threshold, stride, name=name)
            streams, told = block(streams, valid, train=train and name not in frozen)
            penalty += told.pop("penalty")
            valid = {m: mask[:, ::stride] for m, mask in valid.items()}
        ones = jnp.ones(streams[self.modalities[0]].shape[:1])
        outputs = {f"fused/{m}": x for m, x in streams.items()} | told
        outputs |= {"penalty": penalty * ones, "penalty/none": 0.0 * ones}
        if not self.width:
            return outputs
        heads = {}
        for m, x in streams.items():
            mean = Dropout(name=f"{m}_drop")(average_steps(x, valid[m]), dropout, train=train)
            heads[m] = Dense(self.classes or 1, name=f"{m}_head")(to_wide(mean))
            outputs |= {f"{key}/{m}": y for key, y in name_outputs(heads[m], self.classes).items()}
        mean = average_heads(heads, {m: is_present(masks, m) for m in heads})
        return outputs | name_outputs(mean, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]; of a block alone its maps' means, [B, channels of all]."""
        outputs = self(inputs, masks, train=False)
        if self.width:
            return outputs["prediction"]
        maps = [outputs[f"fused/{m}"] for m in self.modalities]
        return jnp.concatenate([x.mean(axis=tuple(range(1, x.ndim - 1))) for x in maps], axis=-1)
