"""Multimodal cyclic translation: the code that translates words into what was seen and heard (Pham et al. 2019).

The first modality is deployed. Level 1 translates it into the second, and the translation back into the first, by the
same encoder and decoder. Each further level translates the code of the level before into the next modality. The last
level's code says the label, so that only the first modality is needed for it.

    submodule      what it is
    encoder_<i>    bi-LSTM of level i, its directions added up
    decoder_<i>    attends to the codes and reads the truth of the step before (teacher forcing)
    regressor      LSTM, tanh attention over its states, dense layer

Modalities are padded with zeros to the width of the widest, as the cycle has one encoder for two of them. Lengths may
differ. `fidelity='authors'` is MMSA's code: it hands [batch, time] to LSTMs that expect [time, batch], so that they run
over the examples of a batch and a prediction depends on its neighbours; the decoder starts every step from the state 0;
step 0 (of the batch) is not decoded. By default recurrences run over time and the decoder keeps its state.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.seq2seq import AttentionDecoder, AttentionRegressor, Encoder, pad_features

FIDELITY = ("paper", "authors")
Sequence_ = tuple[jax.Array, jax.Array]
"""[B, T, D], and its mask [B, T]."""


class Model(nn.Module):
    """MCTN of two or more modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its targets in the order of the levels.
      classes: number of classes, or 0 for a number.
      units: of all LSTMs.
      longest: steps that are read of a sequence, from its start; None for all.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "vision", "audio")
    classes: int = 0
    units: int = 32
    longest: int | None = None
    fidelity: str = "paper"
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: the encoders and the regressor."""
        return (*(f"encoder_{i}" for i in range(len(self.modalities) - 1)), "regressor")

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
          inputs: modality -> [B, T, D], or [B, D]. A translation is left out where the batch lacks its target.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate of the codes in front of the regressor; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<first>`, the
          last level's code [B, T, units]; `translation/<m>` of every target, and of the first modality by the cycle,
          of its input's shape (of the authors, padded to the common width).

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        self._check()
        source, *targets = self.modalities
        width = self._find_width(inputs)
        given = [m for m in self.modalities if m in inputs or m == source or self.is_initializing()]
        sequences = {m: self._read(inputs, masks, m, width) for m in given}
        code, mask = sequences[source]
        outputs = {}
        for level, target in enumerate(targets):
            encode = Encoder(self.units, name=f"encoder_{level}")
            decode = AttentionDecoder(width, self.fidelity == "paper", name=f"decoder_{level}")
            code, first = encode(code, mask)
            if target not in sequences:
                continue
            decoded = self._decode(decode, (code, mask), first, sequences[target])
            outputs[f"translation/{target}"] = decoded
            if level == 0:
                valid = sequences[target][1]
                back, first = encode(decoded, valid)
                outputs[f"translation/{source}"] = self._decode(decode, (back, valid), first, sequences[source])
        outputs = {f"latent/{source}": code} | {
            name: self._cut(y, inputs[name.partition("/")[2]]) for name, y in outputs.items()
        }
        if self._over_batch:
            code, mask = code.swapaxes(0, 1), mask.T
            outputs = {name: y.swapaxes(0, 1) for name, y in outputs.items()}
        code = Dropout(name="drop")(code, dropout, train=train and "regressor" not in frozen)
        regress = AttentionRegressor(self.units, self.classes or 1, self._over_batch, name="regressor")
        return outputs | name_outputs(regress(code, mask), self.classes)

    @property
    def _over_batch(self) -> bool:
        return self.fidelity == "authors"

    def _check(self) -> None:
        check_modalities("mctn", self.modalities)
        check_classes("mctn", self.classes)
        if self.fidelity not in FIDELITY:
            raise UserError(
                f"model 'mctn' has fidelity {self.fidelity!r}{suggest_nearest(self.fidelity, FIDELITY)}; choose one of "
                f"{FIDELITY}"
            )

    def _find_width(self, inputs: Mapping[str, jax.Array]) -> int:
        """Features of the widest modality, which a deployed model knows by its weights."""
        if not self.is_initializing():
            return self.variables["params"]["encoder_0"]["lstm"]["weight_ih"].shape[0]
        return max(inputs[m].shape[-1] for m in self.modalities if m in inputs)

    def _read(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], m: str, width: int) -> Sequence_:
        """A modality padded to the common width; the authors' have their first two axes exchanged."""
        x, mask = read_sequence(inputs, masks, m)
        if x.shape[-1] > width:
            raise UserError(f"model 'mctn' was made for {width} features, but modality {m!r} has {x.shape[-1]}")
        if self.longest is not None:
            x, mask = x[:, : self.longest], mask[:, : self.longest]
        x = pad_features(x, width)
        return (x.swapaxes(0, 1), mask.T) if self._over_batch else (x, mask)

    def _decode(self, decode: AttentionDecoder, codes: Sequence_, first: jax.Array, truth: Sequence_) -> jax.Array:
        """The sequence `truth`, decoded; the authors' first step is not decoded but 0."""
        x, mask = truth
        before, nothing = x[:, :-1], jnp.zeros_like(x[:, :1])
        if self._over_batch:
            decoded = jnp.concatenate([nothing, decode(*codes, first, before)], axis=1)
        else:
            decoded = decode(*codes, first, jnp.concatenate([nothing, before], axis=1))
        return zero_padding(decoded, mask)

    def _cut(self, y: jax.Array, x: jax.Array) -> jax.Array:
        """A translation as its input is: of its own width, and a vector where that is one."""
        if self._over_batch:
            return y
        y = y[..., : x.shape[-1]]
        return y[:, 0] if x.ndim == 2 else y

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        source = self.modalities[0]
        return self({source: inputs[source]}, masks, train=False)["prediction"]
