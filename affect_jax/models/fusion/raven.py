"""Recurrent attended variation embedding network: words, shifted by what was heard and seen in them (Wang et al. 2019).

Within a word, of each nonverbal modality m:
    s_m = last state of <m>_lstm on <m>_dense x_m          g_m = <m>_gate [s_m; w]
Over all of them:
    a = shift [g_m s_m of every m]          w' = w + a / max(||a||, 1) * rate ||w||          y = head (last state on w')

    submodule                                  what it is
    <m>_dense, <m>_lstm, <m>_gate              of each nonverbal modality; a gate is one number, and not squashed
    shift                                      a dense layer
    words_lstm, head                           on the shifted words

The first modality is the words; of one's own corpus, that with text, word, language or transcript in its name.
Another one has one step a word, or k of them for each of W words, k W in all.
A word without a valid step of a modality has a state of 0 of it. Without words there is nothing to shift.

In the public code three cuts keep all gradients from what is not verbal: only `words_lstm` and `head` learn. That is
`fidelity='authors'`; else all of it learns. It also norms the second modality, for each of a fixed number of words,
by the moments of the batch, padding included, when not training too; `words` is this number, and 0 leaves the norm
out. With it, words and padding are read as they are, and there is a norm of the third modality, which is never used.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.two_layers import Weights
from affect_jax.layers.wide import to_wide

FIDELITY = ("paper", "authors")
_EPSILON = 1e-5
_VERBAL = ("text", "word", "language", "transcript")


class WordNorm(nn.Module):
    """x [B, W, S, D] with mean 0 and variance 1 for each of W words over the batch, times `scale` [W], plus `bias`."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        words = x.shape[1]
        scale = self.param("scale", nn.initializers.ones, (words,))
        bias = self.param("bias", nn.initializers.zeros, (words,))
        mean = x.mean(axis=(0, 2, 3), keepdims=True)
        variance = jnp.square(x - mean).mean(axis=(0, 2, 3), keepdims=True)
        normed = (x - mean) * jax.lax.rsqrt(variance + _EPSILON)
        return normed * scale[None, :, None, None] + bias[None, :, None, None]


class Model(nn.Module):
    """RAVEN of words and one or more nonverbal modalities.

    Attributes:
      modalities: those that are read, the words first.
      classes: number of classes, or 0 for a regression.
      width: of what a nonverbal modality is read as.
      units: of the LSTMs within a word.
      hidden: units of the LSTM over words.
      rate: the greatest length of a shift, as a share of the word's.
      dropouts: rate on the shifted words; () for the stage's `dropout`.
      words: number of words of every example, of the norm; 0 for no norm.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    width: int = 150
    units: int = 150
    hidden: int = 300
    rate: float = 0.2
    dropouts: Sequence[float] = ()
    words: int = 0
    fidelity: str = "paper"

    aligned = True
    """Its modalities share their steps."""

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        parts = [f"{m}_{part}" for m in self.modalities[1:] for part in ("dense", "lstm", "gate")]
        norms = [f"{m}_norm" for m in self.modalities[1:3] if self.words]
        return (*parts, *norms, "shift", "words_lstm", "head")

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
          inputs: words [B, W, D]; a nonverbal modality -> [B, k W, D]; or all [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has none of its own; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `shift` and `shifted`
          [B, W, D], a and w'; `latent/<m>` [B, U], the mean state of a word of each nonverbal modality; `fused`, the
          last state.

        Raises:
          UserError: fields do not fit, or a modality's steps are no multiple of the words.
        """
        self._check_fields()
        x, masks = self._read(inputs, masks)
        verbal, *others = self.modalities
        words, mask = x[verbal], masks[verbal]
        gated, latents = [], {}
        for m in others:
            states = self._read_within_words(m, x[m], masks[m])
            gate = Dense(1, name=f"{m}_gate")(jnp.concatenate([states, words], axis=-1))
            gated.append(gate * states)
            latents[f"latent/{m}"] = states.mean(axis=1)
        shift = Dense(words.shape[-1], name="shift")(jnp.concatenate(gated, axis=-1))
        moved = shift / jnp.maximum(_measure(shift), 1) * self.rate * _measure(words)
        if self.fidelity == "authors":
            moved = jax.lax.stop_gradient(moved)
        shifted = words + moved.astype(words.dtype)
        rate = self.dropouts[0] if self.dropouts else dropout
        dropped = Dropout(name="drop")(shifted, rate, train=train and "words_lstm" not in frozen)
        last = select_last_state(MaskedLSTM(self.hidden, name="words_lstm")(dropped, mask), mask)
        y = Dense(self.classes or 1, name="head")(to_wide(last))
        return {**latents, **dict(shift=shift, shifted=shifted, fused=last), **name_outputs(y, self.classes)}

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]

    def _read(
        self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]
    ) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        """Words [B, W, D], the others [B, W, S, D], and masks [B, W], [B, W, S]."""
        verbal, *others = self.modalities
        pairs = {m: read_sequence(inputs, masks, m) for m in self.modalities}
        if self.words:  # the authors' norm reads padding
            pairs = {m: (inputs[m].reshape(x.shape), mask) for m, (x, mask) in pairs.items()}
        count = pairs[verbal][0].shape[1]
        if self.words and count != self.words:
            raise UserError(
                f"model 'raven' has words={self.words}, the number that its norm is of, but the batch has {count}; pad "
                "or cut to as many by config.data.steps, or set words to 0 for no norm"
            )
        x, valid = {verbal: pairs[verbal][0]}, {verbal: pairs[verbal][1]}
        for m in others:
            features, mask = pairs[m]
            steps = features.shape[1]
            if steps == count:
                x[m], valid[m] = features[:, :, None], mask[:, :, None]
                continue
            if steps % count:
                check_steps("raven", {verbal: count, m: steps})
            shape = (features.shape[0], count, steps // count)
            x[m], valid[m] = features.reshape(*shape, features.shape[-1]), mask.reshape(shape)
        return x, valid

    def _read_within_words(self, m: str, x: jax.Array, mask: jax.Array) -> jax.Array:
        """The state [B, W, U] behind the last valid sub-step of each word, 0 where there is none."""
        if self.words and m in self.modalities[1:3]:
            normed = WordNorm(name=f"{m}_norm")(x)
            x = normed if m == self.modalities[1] else x
        words, steps, features = x.shape[0] * x.shape[1], x.shape[2], x.shape[3]
        flat, within = x.reshape(words, steps, features), mask.reshape(words, steps)
        lstm, before = MaskedLSTM(self.units, name=f"{m}_lstm"), None
        # Of few features one product with the weights of both layers is shorter than two, one behind the other.
        if features * 4 * self.units < features * self.width + self.width * 4 * self.units:
            before = Weights(features, self.width, name=f"{m}_dense")()
        else:
            flat = Dense(self.width, name=f"{m}_dense")(flat)
        state = select_last_state(lstm(flat, within, before), within)
        return state.reshape(x.shape[0], x.shape[1], self.units)

    def _check_fields(self) -> None:
        check_modalities("raven", self.modalities)
        check_classes("raven", self.classes)
        if len(self.dropouts) > 1:
            raise UserError(f"model 'raven' has {len(self.dropouts)} dropouts, but takes one, or () for the stage's")
        if self.fidelity not in FIDELITY:
            raise UserError(
                f"model 'raven' has fidelity {self.fidelity!r}{suggest_nearest(self.fidelity, FIDELITY)}; choose one "
                f"of {join_words(FIDELITY)}"
            )


def choose_fields(lengths: Mapping[str, int]) -> dict[str, Any]:
    """The fields that follow from the modalities of one's own corpus (name -> steps): words are first."""
    return dict(modalities=tuple(sorted(lengths, key=lambda m: not any(word in m.lower() for word in _VERBAL))))


def _measure(x: jax.Array) -> jax.Array:
    """The length [..., 1] of vectors; the gradient of 0 is 0."""
    square = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
