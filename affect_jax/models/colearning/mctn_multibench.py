"""Cyclic translation with GRUs, as MultiBench has it (Liang et al. 2021, after Pham et al. 2019); `mctn` has LSTMs.

    submodule      what it is
    encoder_<i>    bi-GRU of level i, its directions added up
    decoder_<i>    GRU from the forward direction's last state; reads [the step before, what it attends to]
    regressor      GRU over the last level's code
    head           two dense layers with ReLU between them, of the regressor's last state

The first modality is translated into the second, and what was decoded back into the first by the same encoder and
decoder. The code of the decoded sequence is translated into the third modality. So a label needs the first modality,
which is decoded in deployment as well, then from its own steps. Modalities share their steps and are padded with zeros
to the width of the widest.

`fidelity='authors'` keeps what the public code does to the decoder: its output is a log-softmax, so never positive, and
its attention is relu(v . softmax over the steps of [s, code] W + b), in which the state s has no part: it adds the same
to all steps. By default the output is affine, and weights are softmax(v . tanh([s, code] W + b)).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import read_aligned
from affect_jax.layers.dense import MLP, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import check_modalities
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import GRU, BiGRU
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.rounds import scan
from affect_jax.layers.seq2seq import pad_features
from affect_jax.layers.wide import to_wide

FIDELITY = ("paper", "authors")


class Encoder(nn.Module):
    """[B, T, D] -> codes [B, T, features], 0 at padded steps, and the forward direction's last state [B, features]."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        states = BiGRU(self.features, name="gru")(x, mask)
        forward, backward = jnp.split(states, 2, axis=-1)
        return forward + backward, select_last_state(forward, mask)


class _Truth(NamedTuple):
    """What is to be decoded [T, B, D], and whether each step of it is read by the next, bool [T]."""

    steps_TxBxD: jax.Array
    is_read_T: jax.Array


class Decoder(nn.Module):
    """Codes [B, T, H] -> [B, T, features], a step each.

    Attributes:
      features: of a step.
      fidelity: see the top of this file.
    """

    features: int
    fidelity: str

    @nn.compact
    def __call__(self, codes: jax.Array, mask: jax.Array, first: jax.Array, truth: _Truth) -> jax.Array:
        units, init = codes.shape[-1], uniform(codes.shape[-1] ** -0.5)
        attend = self._prepare_attention(codes, mask)
        ih = self.param("weight_ih", init, (self.features + units, 3 * units))
        hh = self.param("weight_hh", init, (units, 3 * units))
        ih_bias, hh_bias = (self.param(f"bias_{side}", init, (3 * units,))[None] for side in ("ih", "hh"))
        kernel = self.param("out_kernel", uniform((2 * units) ** -0.5), (2 * units, self.features))
        bias = self.param("out_bias", uniform((2 * units) ** -0.5), (self.features,))[None]

        def body(carry, step):
            h, before = carry
            context = attend(h)
            r, z, n = jnp.split(jnp.concatenate([before, context], axis=-1) @ ih + ih_bias, 3, axis=-1)
            of_r, of_z, of_n = jnp.split(h @ hh + hh_bias, 3, axis=-1)
            z = nn.sigmoid(z + of_z)
            h = (1 - z) * jnp.tanh(n + nn.sigmoid(r + of_r) * of_n) + z * h
            said = jnp.concatenate([h, context], axis=-1) @ kernel + bias
            said = nn.log_softmax(said) if self.fidelity == "authors" else said
            true, is_read = step
            return (h, jnp.where(is_read, true, said)), said

        zero = jnp.zeros_like(truth.steps_TxBxD[0])
        return scan(body, (first, zero), truth)[1].swapaxes(0, 1)

    def _prepare_attention(self, codes: jax.Array, mask: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """State [B, H] -> the mean [B, H] of codes that it attends to."""
        units = codes.shape[-1]
        init = uniform((2 * units) ** -0.5)
        kernel, bias = self.param("attention", init, (2 * units, units)), self.param("attention_bias", init, (units,))
        score = self.param("score", uniform(units**-0.5), (units,))
        keys = to_wide(codes @ kernel[units:] + bias[None, None])
        valid = mask[..., None]
        if self.fidelity == "authors":
            shares = jnp.where(valid, nn.softmax(jnp.where(valid, keys, -1e30), axis=1), 0)
            context = jnp.einsum("bt,bth->bh", nn.relu(shares @ score), codes)
            return lambda state: context

        def attend(state: jax.Array) -> jax.Array:
            scores = jnp.tanh((state @ kernel[:units])[:, None] + keys) @ score
            weights = jnp.where(mask, nn.softmax(jnp.where(mask, scores, -1e30)), 0)
            return jnp.einsum("bt,bth->bh", weights.astype(codes.dtype), codes)

        return attend


class Model(nn.Module):
    """MultiBench's MCTN of two or three modalities, of which the first is deployed.

    Attributes:
      modalities: that which is deployed, then its targets.
      classes: number of classes, or 0 for a number.
      units: of encoders and decoders.
      regressor_units: of the GRU behind.
      head: width of the head's first layer.
      forced_share: how often in training the decoder reads the truth of the step before instead of what it said, a coin
        for a step of a batch; 1 in evaluation too, where the batch has the truth.
      fidelity: 'paper' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "vision", "audio")
    classes: int = 0
    units: int = 32
    regressor_units: int = 32
    head: int = 64
    forced_share: float = 0.5
    fidelity: str = "paper"
    most_modalities = 3
    aligned = True
    """Its modalities share their steps."""
    deploys_first = True  # no field: the others of its modalities are of training alone

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all but the last level's decoder."""
        return ("encoder_0", "decoder_0", *(["encoder_1"] if len(self.modalities) > 2 else []), "regressor", "head")

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
          inputs: modality -> [B, T, D], or [B, D]. Without a target, its translation is left out, or decoded freely.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout and the coin act; needs the rng stream 'dropout'.
          dropout: rate in front of the head; may be traced.
          frozen: submodules that run as when not training.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `latent/<first>`, the
          last level's code [B, T, units]; `translation/<m>` of all modalities, of their inputs' shapes (of the authors,
          padded to the common width).

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        self._check()
        source, target, *further = self.modalities
        given = [m for m in self.modalities if m in inputs or m == source]
        sequences, _ = read_aligned("mctn_multibench", inputs, masks, given)
        mask = masks[source] if masks[source].ndim > 1 else masks[source][:, None]
        width = self._find_width(sequences)
        truths = {m: self._make_truth(pad_features(x, width), train) for m, x in sequences.items()}
        free = truths[source]._replace(is_read_T=jnp.zeros_like(truths[source].is_read_T))
        encode = Encoder(self.units, name="encoder_0")
        decode = Decoder(width, self.fidelity, name="decoder_0")
        code, last = encode(truths[source].steps_TxBxD.swapaxes(0, 1), mask)
        said = zero_padding(decode(code, mask, last, truths.get(target, free)), mask)
        code, last = encode(said, mask)
        outputs = {f"translation/{target}": said} if target in inputs else {}
        if target in inputs:
            outputs[f"translation/{source}"] = zero_padding(decode(code, mask, last, truths[source]), mask)
        if further:
            code, last = Encoder(self.units, name="encoder_1")(code, mask)
            if further[0] in inputs:
                decode = Decoder(width, self.fidelity, name="decoder_1")
                outputs[f"translation/{further[0]}"] = zero_padding(decode(code, mask, last, truths[further[0]]), mask)
        outputs = {name: self._cut(y, inputs[name.partition("/")[2]]) for name, y in outputs.items()}
        state = select_last_state(GRU(self.regressor_units, name="regressor")(code, mask), mask)
        state = Dropout(name="drop")(to_wide(state), dropout, train=train and "head" not in frozen)
        y = MLP((self.head, self.classes or 1), nn.relu, name="head")(state)
        return outputs | {f"latent/{source}": code} | name_outputs(y, self.classes)

    def _check(self) -> None:
        check_modalities("mctn_multibench", self.modalities, most=self.most_modalities)
        check_classes("mctn_multibench", self.classes)
        if self.fidelity not in FIDELITY:
            raise UserError(
                f"model 'mctn_multibench' has fidelity {self.fidelity!r}{suggest_nearest(self.fidelity, FIDELITY)}; "
                f"choose one of {join_words(FIDELITY)}"
            )

    def _find_width(self, sequences: Mapping[str, jax.Array]) -> int:
        """Features of the widest modality, which a deployed model knows by its weights."""
        if self.is_initializing():
            return max(x.shape[-1] for x in sequences.values())
        width = self.variables["params"]["encoder_0"]["gru"]["weight_ih"].shape[0]
        for m, x in sequences.items():
            if x.shape[-1] > width:
                raise UserError(
                    f"model 'mctn_multibench' was made for {width} features, but modality {m!r} has {x.shape[-1]}"
                )
        return width

    def _make_truth(self, x: jax.Array, train: bool) -> _Truth:
        """A sequence as the decoder reads it; the coin is thrown here."""
        steps = x.swapaxes(0, 1)
        share = self.forced_share if train or self.forced_share == 1 else 0.0
        is_read = jnp.full_like(steps[:, 0, 0], share) == 1
        if 0 < share < 1:
            is_read = jax.random.bernoulli(self.make_rng("dropout"), share, is_read.shape)
        return _Truth(steps, is_read)

    def _cut(self, y: jax.Array, x: jax.Array) -> jax.Array:
        """A translation as its input is: of its own width, and a vector where that is one."""
        if self.fidelity == "authors":
            return y
        y = y[..., : x.shape[-1]]
        return y[:, 0] if x.ndim == 2 else y

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the first modality and deployed parameters."""
        source = self.modalities[0]
        return self({source: inputs[source]}, masks, train=False)["prediction"]
