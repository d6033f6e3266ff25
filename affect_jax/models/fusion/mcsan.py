"""Parallel self- and cross-attention branches (MCSAN: Sun, Liu, Tao & Lian, ICASSP 2021; the thesis' reference 20).

Every modality asks itself in one branch and each other modality in another; branches do not meet before their means.

    submodule          what it is
    <m>_projection     dense layer on every step, then sinusoidal positions
    <m>_self           layers whose keys are the branch's own steps
    <m>_from_<n>       layers whose keys are the projected steps of n
    hidden, classifier dense layers on the branches' means side by side

A layer is post-norm: attention, then two dense layers with ReLU. After the paper as the thesis tells of it: there is no
public code, and widths, heads, layers and how branches are joined are chosen here.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.dropped_attention import attend_heads
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.products import contract_last
from affect_jax.layers.transformer import sinusoidal_positions
from affect_jax.layers.wide import to_wide


class Layer(nn.Module):
    """x [B, T, D] attends to keys [B, S, D] (None: to itself) where `valid` [B, S]."""

    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        keys: jax.Array | None,
        valid: jax.Array,
        *,
        train: bool,
        dropout: float | jax.Array,
    ) -> jax.Array:
        width = x.shape[-1]
        products = dict(qkv_dot_general=contract_last, out_dot_general=contract_last, attention_fn=attend_heads)
        attention = nn.MultiHeadDotProductAttention(self.heads, qkv_features=width, **products, name="attention")
        seen = jnp.broadcast_to(valid[:, None, None], (x.shape[0], 1, x.shape[1], valid.shape[1]))
        attended = attention(x, x if keys is None else keys, mask=seen)
        # Of no valid key, the softmax is even.
        attended = jnp.where(valid.any(axis=1)[:, None, None], attended, 0)
        x = nn.LayerNorm(epsilon=1e-5, name="norm_0")(x + Dropout(name="drop_0")(attended, dropout, train=train))
        y = Dense(width, name="dense_1")(nn.relu(Dense(4 * width, name="dense_0")(x)))
        return nn.LayerNorm(epsilon=1e-5, name="norm_1")(x + Dropout(name="drop_1")(y, dropout, train=train))


class Branch(nn.Module):
    """The mean over steps [B, D] behind the layers of one branch."""

    layers: int
    heads: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        keys: jax.Array | None,
        valid: jax.Array,
        *,
        train: bool,
        dropout: float | jax.Array,
    ) -> jax.Array:
        for layer in range(self.layers):
            x = Layer(self.heads, name=f"layer_{layer}")(x, keys, valid, train=train, dropout=dropout)
        return average_steps(x, mask)


class Model(nn.Module):
    """MCSAN of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      width: of the projections; heads divide it.
      heads: of attention.
      layers: of a branch.
      hidden: width of the dense layer in front of the classifier.
    """

    modalities: Sequence[str] = ("text", "audio")
    classes: int = 0
    width: int = 64
    heads: int = 4
    layers: int = 1
    hidden: int = 64

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        pairs = [f"{m}_from_{n}" for m in self.modalities for n in self.modalities if n != m]
        each = [f"{m}_{name}" for m in self.modalities for name in ("projection", "self")]
        return (*each, *pairs, "hidden", "classifier")

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
          dropout: rate in the branches and in front of the last two layers; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<m>`,
          the branches of m side by side, and `fused`.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("mcsan", self.modalities)
        check_classes("mcsan", self.classes)
        if self.width % self.heads:
            raise UserError(
                f"model 'mcsan' has width {self.width}, which {self.heads} heads cannot share; choose a number that "
                "divides it"
            )
        codes = {}
        for m in self.modalities:
            x, mask = read_sequence(inputs, masks, m)
            x = Dense(self.width, name=f"{m}_projection")(x)
            codes[m] = zero_padding(x + sinusoidal_positions(x.shape[1], self.width)[None].astype(x.dtype), mask), mask
        outputs = {}
        for m, (x, mask) in codes.items():
            means = []
            for n, (keys, valid) in codes.items():
                name = f"{m}_self" if n == m else f"{m}_from_{n}"
                acts = train and name not in frozen
                branch = Branch(self.layers, self.heads, name=name)
                means.append(branch(x, mask, None if n == m else keys, valid, train=acts, dropout=dropout))
            outputs[f"latent/{m}"] = jnp.concatenate(means, axis=-1)
        fused = jnp.concatenate(list(outputs.values()), axis=-1)
        x = Dropout(name="drop_0")(fused, dropout, train=train and "hidden" not in frozen)
        x = nn.relu(Dense(self.hidden, name="hidden")(x))
        x = Dropout(name="drop_1")(x, dropout, train=train and "classifier" not in frozen)
        y = Dense(self.classes or 1, name="classifier")(to_wide(x))
        return outputs | {"fused": fused} | name_outputs(y, self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]
