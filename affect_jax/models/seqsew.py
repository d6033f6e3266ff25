"""SeqSEW: a trained stronger modality guides a weaker one over a sequence (thesis 5.2.3, 5.4.1), or several do (6.2).

    part                  thesis   what it is
    weaker_encoder        W_E      bi-GRU layers (units a direction = input size) -> dense 100 -> + sinusoidal
                                   positions -> 2 post-norm transformer encoder layers (2 heads, feed-forward 400)
    weaker_classifier     C_W      dense 300, ReLU, dropout .3, dense 1, sigmoid or tanh
    stronger_encoder      S_E      as W_E
    stronger_classifier   C_S      as C_W
    decoder               S_D      bi-GRU layers -> dense to the stronger modality's feature size

Stage 1 trains S_E and C_S; stage 2 names them in `frozen` and trains the rest. W_E and C_W stay.
Of several stronger modalities each has its own S_E, C_S and S_D, named by it (`layers.teachers`): `decoder_text`. All
decoders read the one code of W_E.
Where the thesis is silent: the dense layers behind bi-GRUs are linear; the encoder's dropout acts where it is named,
inside the transformer layers, so encoder 'bigru' has none; that encoder ends with its dense layer, as does the one with
a transformer before it, so both classifiers read 100 features.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality, zero_padding
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.teachers import Teachers, teachers_of
from affect_jax.layers.transformer import TransformerEncoderLayer, positions_within, sinusoidal_positions
from affect_jax.layers.wide import to_wide

ENCODERS = ("none", "bigru", "bigru+te")
ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "linear": lambda logits: logits}


class Encoder(nn.Module):
    """Features [B, T, D] -> codes [B, T, latent]; padded steps give 0. Without transformer layers, no positions."""

    gru_layers: int
    latent: int
    transformer_layers: int
    heads: int
    feed_forward: int

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        mask: jax.Array,
        segments: jax.Array | None,
        *,
        train: bool,
        dropout: float | jax.Array,
    ) -> jax.Array:
        units = x.shape[-1]
        for index in range(self.gru_layers):
            x = BiGRU(units, name=f"gru_{index}")(x, mask, segments)
        x = Dense(self.latent, name="dense")(x)
        if self.transformer_layers:
            positions_TxC = sinusoidal_positions(x.shape[1], self.latent).astype(x.dtype)
            x = x + (positions_TxC[None] if segments is None else positions_TxC[positions_within(segments)])
        for index in range(self.transformer_layers):
            layer = TransformerEncoderLayer(self.heads, self.feed_forward, name=f"transformer_{index}")
            x = layer(x, mask, segments=segments, train=train, dropout=dropout)
        return zero_padding(x, mask)


class Classifier(nn.Module):
    """Two dense layers, shared by all steps: [B, T, D] -> logits [B, T], or [B, T, classes]."""

    width: int
    dropout: float
    classes: int = 0

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        hidden = nn.relu(Dense(self.width, name="dense_0")(x))
        hidden = Dropout(name="dropout")(hidden, self.dropout, train=train)
        logits = Dense(self.classes or 1, name="dense_1")(to_wide(hidden))
        return logits if self.classes else logits[..., 0]


class Decoder(nn.Module):
    """Codes [B, T, latent] -> the stronger modality's features [B, T, features]; padded steps give 0."""

    width: int
    layers: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array, segments: jax.Array | None, features: int) -> jax.Array:
        for index in range(self.layers):
            x = BiGRU(self.width, name=f"gru_{index}")(x, mask, segments)
        return zero_padding(Dense(features, name="dense")(x), mask)


class Model(nn.Module):
    """SeqSEW, or with `stronger=None` the unimodal model of tables 5.4 and 5.5 in the `weaker_*` parts.

    Attributes:
      weaker: modality that is deployed.
      stronger: modality that teaches, a sequence of several that do, or None.
      encoder: 'none' (classifier on the features; unimodal only), 'bigru' or 'bigru+te'.
      weaker_gru_layers: bi-GRU layers of W_E.
      stronger_gru_layers: bi-GRU layers of S_E; one number, or one for each stronger modality.
      latent: size of the codes.
      heads: attention heads; they divide `latent`.
      feed_forward: width of the transformer layers' first dense layer.
      transformer_layers: how many.
      classifier_width: width of the classifiers' first dense layer.
      classifier_dropout: rate behind it; the `dropout` of a call is the encoders'.
      classes: number of classes, which take activation 'linear'; 0 for one number a step, as in the thesis.
      activation: of the prediction, 'sigmoid', 'tanh' or 'linear'.
      decoder_width: units a direction of the decoder's bi-GRU layers.
      decoder_layers: how many.
    """

    weaker: str
    stronger: str | Sequence[str] | None = None
    encoder: str = "bigru+te"
    weaker_gru_layers: int = 2
    stronger_gru_layers: int | Sequence[int] = 2
    latent: int = 100
    heads: int = 2
    feed_forward: int = 400
    transformer_layers: int = 2
    classifier_width: int = 300
    classifier_dropout: float = 0.3
    classes: int = 0
    activation: str = "sigmoid"
    decoder_width: int = 250
    decoder_layers: int = 2

    @property
    def deployed(self) -> tuple[str, ...]:
        """Top-level parameter names that stay after training."""
        return ("weaker_classifier",) if self.encoder == "none" else ("weaker_encoder", "weaker_classifier")

    @property
    def teachers(self) -> Teachers:
        """The stronger modalities, and what their parts and outputs are called."""
        return teachers_of("seqsew", self.weaker, self.stronger)

    def setup(self) -> None:
        """Names the parts.

        Raises:
          UserError: the arguments do not fit each other.
        """
        _choose("encoder", self.encoder, ENCODERS)
        _choose("activation", self.activation, tuple(ACTIVATIONS))
        if self.classes < 0 or self.classes == 1 or (self.classes and self.activation != "linear"):
            raise UserError(
                f"model 'seqsew' has {self.classes} classes and the activation {self.activation!r}; give 0 classes, or "
                "2 or more with 'linear'"
            )
        if self.latent % self.heads:
            raise UserError(
                f"model 'seqsew' has latent {self.latent}, which {self.heads} heads cannot share; "
                "choose a number of heads that divides it"
            )
        teachers = self.teachers
        if teachers.names and self.encoder == "none":
            raise UserError(
                f"model 'seqsew' has encoder 'none' with the stronger modality {teachers.names[0]!r}, but co-learning "
                "needs encoders; choose 'bigru' or 'bigru+te', or set stronger to None"
            )
        self.weaker_classifier = self._classifier()
        if self.encoder != "none":
            self.weaker_encoder = self._encoder(self.weaker_gru_layers)
        for modality, gru_layers in zip(teachers.names, self._stronger_gru_layers(), strict=True):
            setattr(self, teachers.part("stronger_encoder", modality), self._encoder(gru_layers))
            setattr(self, teachers.part("stronger_classifier", modality), self._classifier())
            setattr(self, teachers.part("decoder", modality), Decoder(self.decoder_width, self.decoder_layers))

    def _stronger_gru_layers(self) -> tuple[int, ...]:
        """One number a teacher."""
        given, names = self.stronger_gru_layers, self.teachers.names
        layers = (given,) * len(names) if isinstance(given, int) else tuple(given)
        if len(layers) != len(names):
            raise UserError(
                f"model 'seqsew' has {len(layers)} stronger_gru_layers {list(layers)} for {len(names)} stronger "
                f"modalities {list(names)}; give one number, or one for each"
            )
        return layers

    def _encoder(self, gru_layers: int) -> Encoder:
        transformer_layers = self.transformer_layers if self.encoder == "bigru+te" else 0
        return Encoder(gru_layers, self.latent, transformer_layers, self.heads, self.feed_forward)

    def _classifier(self) -> Classifier:
        return Classifier(self.classifier_width, self.classifier_dropout, self.classes)

    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
        segments: jax.Array | None = None,
    ) -> dict[str, jax.Array]:
        """All outputs.

        Args:
          inputs: modality -> [B, T, D]. Whatever padded steps hold has no effect. Without a stronger modality, the
            outputs that need it are left out.
          masks: modality -> bool [B, T], True at valid steps, padding at the end.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in the transformer layers; may be traced.
          frozen: parts that run without dropout even when training.
          segments: int32 [B, T], numbers of the sequences where a line holds several.

        Returns:
          `prediction`, `logits` [B, T], or of classes [B, T, classes], `latent/weaker` [B, T, latent] (not with encoder
          'none'); with a stronger modality `prediction/stronger`, `logits/stronger`, `latent/stronger` and
          `translation` [B, T, its size]; with several, each of these for each of them, as `latent/stronger/text` and
          `translation/text`.
        """

        def acts(part: str) -> bool:
            return train and part not in frozen

        def side(modality: str, encoder: str, classifier: str, latent: str, suffix: str) -> dict[str, jax.Array]:
            outputs = {}
            code = select_modality(inputs, masks, modality)
            if self.encoder != "none":
                code = getattr(self, encoder)(code, masks[modality], segments, train=acts(encoder), dropout=dropout)
                outputs[latent] = code
            logits = getattr(self, classifier)(code, train=acts(classifier))
            prediction = ACTIVATIONS[self.activation](logits)
            return outputs | {f"prediction{suffix}": prediction, f"logits{suffix}": logits}

        outputs = side(self.weaker, "weaker_encoder", "weaker_classifier", "latent/weaker", "")
        teachers = self.teachers
        for modality in teachers.names:
            if modality not in inputs and not self.is_initializing():
                continue
            encoder, classifier, decoder = (
                teachers.part(kind, modality) for kind in ("stronger_encoder", "stronger_classifier", "decoder")
            )
            suffix = teachers.output("/stronger", modality)
            outputs |= side(modality, encoder, classifier, f"latent{suffix}", suffix)
            translated = getattr(self, decoder)(
                outputs["latent/weaker"], masks[self.weaker], segments, inputs[modality].shape[-1]
            )
            outputs[teachers.output("translation", modality)] = translated
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Prediction [B, T], or logits [B, T, classes], from the weaker modality and the deployed parameters alone."""
        weaker = {name: x for name, x in inputs.items() if name == self.weaker}
        return self(weaker, masks, train=False)["prediction"]


def _choose(what: str, value: str, among: Sequence[str]) -> None:
    if value not in among:
        raise UserError(
            f"model 'seqsew' has {what} {value!r}{suggest_nearest(value, among)}; choose one of {list(among)}"
        )
