"""MISA: every modality has a code that all share and one of its own (Hazarika, Zimmermann & Poria 2020).

    u_m = LN(f(x_m's final states of two bi-LSTM layers, projected))
    s_m = sigmoid(u_m S + b)        p_m = sigmoid(u_m P_m + b_m)        r_m = (p_m + s_m) R_m + c_m
    h = transformer layer over [p_1, p_2, ..., s_1, s_2, ...]        y = f(h W_1 + b_1) W_2 + b_2

    submodule                    what it is
    embedding                    of a modality of word numbers
    <m>_rnn_0, <m>_norm, <m>_rnn_1, <m>_project, <m>_project_norm
    <m>_private, shared          p_m and s_m
    <m>_reconstruct              r_m, which should be u_m
    origin                       which of the codes it is, trained by no loss of the authors'; kept for their weights
    domain_0, domain_1           where `adversarial`: whose shared code it is, behind a reversed gradient
    fusion                       the transformer layer
    fusion_0, classifier

Its losses are wired by name: `difference` of `private/<m>` and `shared/<m>` and of each two `private/<m>`; `cmd` of
each two `shared/<m>`, or cross entropy of `domain/<m>` and `domain_label/<m>`; `mse` of `reconstruction/<m>` and
`latent/<m>`, through both of which the gradient goes. Text is read as features, or, where `words` names it, as numbers
of words. The public code also makes the recurrent weights orthogonal at the start; here they are PyTorch's.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.activations import activate
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.modalities import check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.reversal import reverse_gradient
from affect_jax.layers.transformer import TransformerEncoderLayer
from affect_jax.layers.wide import to_wide

CELLS = ("lstm", "gru")


class Model(nn.Module):
    """MISA of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      words: the modality [B, T, 1] that holds numbers of words; '' for none.
      vocabulary: of it.
      embedding_width: of its embedding.
      cell: 'lstm' or 'gru'.
      encoder_units: of the recurrent layers, a direction; 0 for as many as the modality has features.
      width: of all codes.
      heads: of the transformer layer.
      feed_forward: of it.
      activation: 'relu', 'tanh' and the like.
      adversarial: a discriminator behind a reversed gradient makes shared codes alike.
      reversal: factor of the reversed gradient.
      dropouts: rates in front of the last layers and in the transformer layer; () for the stage's `dropout` in both.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    words: str = ""
    vocabulary: int = 1
    embedding_width: int = 300
    cell: str = "lstm"
    encoder_units: int = 0
    width: int = 128
    heads: int = 2
    feed_forward: int = 2048
    activation: str = "relu"
    adversarial: bool = False
    reversal: float = 1.0
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that prediction needs."""
        layers = ("rnn_0", "norm", "rnn_1", "project", "project_norm", "private")
        each = [f"{m}_{layer}" for m in self.modalities for layer in layers]
        return (*(("embedding",) if self.words else ()), *each, "shared", "fusion", "fusion_0", "classifier")

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        check_modalities("misa", self.modalities)
        check_classes("misa", self.classes)
        if self.cell not in CELLS:
            raise UserError(f"model 'misa' has cell {self.cell!r}; choose one of {join_words(CELLS)}")
        if self.words and self.words not in self.modalities:
            raise UserError(
                f"model 'misa' has words {self.words!r}, none of its modalities {join_words(self.modalities)}"
            )
        if len(self.dropouts) not in (0, 2):
            raise UserError(f"model 'misa' has {len(self.dropouts)} dropouts, but needs 2, or () for the stage's one")
        if self.words:
            self.embedding = nn.Embed(self.vocabulary, self.embedding_width)
        for m in self.modalities:
            setattr(self, f"{m}_norm", nn.LayerNorm(epsilon=1e-5, use_fast_variance=False))
            setattr(self, f"{m}_project", Dense(self.width))
            setattr(self, f"{m}_project_norm", nn.LayerNorm(epsilon=1e-5, use_fast_variance=False))
            setattr(self, f"{m}_private", Dense(self.width))
            setattr(self, f"{m}_reconstruct", Dense(self.width))
        self.shared = Dense(self.width)
        self.origin = Dense(1 + len(self.modalities))
        if self.adversarial:
            self.domain_0, self.domain_1 = Dense(self.width), Dense(len(self.modalities))
        self.fusion = TransformerEncoderLayer(self.heads, self.feed_forward)
        self.fusion_0 = Dense(len(self.modalities) * self.width)
        self.classifier = Dense(self.classes or 1)
        self.drop = Dropout()

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
        whole: bool = True,
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D], or [B, D]; lengths need not agree.
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: no effect: the submodules are trained together.
          whole: what only losses read is computed too.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; of each modality
          `latent/<m>` (u), `private/<m>`, `shared/<m>`, `reconstruction/<m>` [B, width] and `origin/<m>`; `fused`;
          where adversarial also `domain/<m>` [B, modalities] and `domain_label/<m>` [B].
        """
        del frozen
        last, within = self.dropouts or (dropout, dropout)
        outputs = {}
        for m in self.modalities:
            code = outputs[f"latent/{m}"] = self._encode(m, *read_sequence(inputs, masks, m))
            outputs[f"private/{m}"] = nn.sigmoid(getattr(self, f"{m}_private")(code))
            outputs[f"shared/{m}"] = nn.sigmoid(self.shared(code))
            if whole:
                both = outputs[f"private/{m}"] + outputs[f"shared/{m}"]
                outputs[f"reconstruction/{m}"] = getattr(self, f"{m}_reconstruct")(both)
                outputs[f"origin/{m}"] = self.origin(outputs[f"private/{m}"])
        shared = [outputs[f"shared/{m}"] for m in self.modalities]
        if whole:
            outputs["origin/shared"] = self.origin(sum(shared) / len(shared))
        if self.adversarial and whole:
            outputs |= self._tell_domains(outputs, last, train=train)
        tokens = jnp.stack([outputs[f"private/{m}"] for m in self.modalities] + shared, axis=1)
        valid = jnp.ones(tokens.shape[:2], bool)
        tokens = self.fusion(tokens, valid, train=train, dropout=within)
        fused = outputs["fused"] = tokens.reshape(tokens.shape[0], tokens.shape[1] * tokens.shape[2])
        hidden = activate(self.drop(self.fusion_0(fused), last, train=train), self.activation)
        return outputs | name_outputs(self.classifier(to_wide(hidden)), self.classes)

    def _encode(self, modality: str, x: jax.Array, mask: jax.Array) -> jax.Array:
        """The projected code [B, width] of one modality [B, T, D]."""
        if modality == self.words:
            x = self.embedding(x[..., 0].astype(jnp.int32))
        units = self.encoder_units or x.shape[-1]
        ends = []
        for layer in range(2):
            name = f"{modality}_rnn_{layer}"
            cell = BiGRU(units, name=name) if self.cell == "gru" else MaskedLSTM(units, bidirectional=True, name=name)
            x = cell(x, mask)
            ends.append(jnp.split(select_last_state(x, mask, bidirectional=True), 2, axis=-1))
            if layer == 0:
                x = getattr(self, f"{modality}_norm")(x)
        # Forward states of both layers, then backward ones.
        state = jnp.concatenate([ends[layer][way] for way in range(2) for layer in range(2)], axis=-1)
        code = activate(getattr(self, f"{modality}_project")(state), self.activation)
        return getattr(self, f"{modality}_project_norm")(code)

    def _tell_domains(
        self, outputs: Mapping[str, jax.Array], rate: float | jax.Array, *, train: bool
    ) -> dict[str, jax.Array]:
        told = {}
        for number, m in enumerate(self.modalities):
            x = reverse_gradient(outputs[f"shared/{m}"], self.reversal)
            x = self.drop(activate(self.domain_0(x), self.activation), rate, train=train)
            told[f"domain/{m}"] = self.domain_1(x)
            told[f"domain_label/{m}"] = jnp.full(x.shape[:1], number, jnp.float32)
        return told

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False, whole=False)["prediction"]
