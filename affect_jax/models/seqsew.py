"""SeqSEW: a trained stronger modality guides a weaker one over a sequence (thesis 5.2.3, 5.4.1), or several do (6.2).

    submodule                 thesis   what it is
    weaker_encoder            W_E      bi-GRU layers (units a direction = input size) -> dense 100 -> + sinusoidal
                                       positions -> 2 post-norm transformer encoder layers (2 heads, feed-forward 400)
    weaker_classifier         C_W      dense 300, ReLU, dropout .3, dense 1, sigmoid or tanh
    stronger_encoder_<m>      S_E      like W_E, for the stronger modality m
    stronger_classifier_<m>   C_S      like C_W
    decoder_<m>               S_D      bi-GRU layers -> dense to the features of m

Stage 1 trains S_E and C_S; stage 2 names them in `frozen` and trains the rest. W_E and C_W stay after training.
With several stronger modalities, each has its own S_E, C_S and S_D; all decoders read the one code of W_E.

The thesis does not say the following, which is decided here: the dense layers behind bi-GRUs are linear. The encoder's
dropout acts inside the transformer layers only, so the encoder 'bigru' has none. That encoder ends with its dense
layer, like the one with a transformer before it, so both classifiers read 100 features.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality, zero_padding
from affect_jax.layers.outputs import check_classes
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.teachers import check_teachers
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
    """SeqSEW, or with `stronger=()` the unimodal model of tables 5.4 and 5.5 in the submodules `weaker_*`.

    Attributes:
      weaker: the modality that is deployed.
      stronger: the modalities that teach it, a tuple of names.
      encoder: 'none' (the classifier reads the features; unimodal only), 'bigru' or 'bigru+te'.
      weaker_gru_layers: number of bi-GRU layers of W_E.
      stronger_gru_layers: for each stronger modality the number of bi-GRU layers of S_E.
      latent: size of the codes.
      heads: attention heads; they divide `latent`.
      feed_forward: width of the transformer layers' first dense layer.
      transformer_layers: number of transformer layers.
      classifier_width: width of the classifiers' first dense layer.
      classifier_dropout: rate behind it; the `dropout` of a call is the encoders'.
      classes: number of classes, which take activation 'linear'; 0 for one number a step, as in the thesis.
      activation: of the prediction, 'sigmoid', 'tanh' or 'linear'.
      decoder_width: units a direction of the decoders' bi-GRU layers.
      decoder_layers: number of these layers.
    """

    weaker: str
    stronger: Sequence[str] = ()
    encoder: str = "bigru+te"
    weaker_gru_layers: int = 2
    stronger_gru_layers: Sequence[int] = ()
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
        """Names of the submodules that stay after training."""
        return ("weaker_classifier",) if self.encoder == "none" else ("weaker_encoder", "weaker_classifier")

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        teachers = check_teachers("seqsew", self.weaker, self.stronger)
        self._check()
        self.weaker_classifier = self._make_classifier()
        if self.encoder != "none":
            self.weaker_encoder = self._make_encoder(self.weaker_gru_layers)
        for modality, gru_layers in zip(teachers, self.stronger_gru_layers, strict=True):
            setattr(self, f"stronger_encoder_{modality}", self._make_encoder(gru_layers))
            setattr(self, f"stronger_classifier_{modality}", self._make_classifier())
            setattr(self, f"decoder_{modality}", Decoder(self.decoder_width, self.decoder_layers))

    def _check(self) -> None:
        _check_choice("encoder", self.encoder, ENCODERS)
        _check_choice("activation", self.activation, tuple(ACTIVATIONS))
        check_classes("seqsew", self.classes)
        if self.classes and self.activation != "linear":
            raise UserError(
                f"model 'seqsew' has {self.classes} classes and the activation {self.activation!r}; give 0 classes, or "
                "choose 'linear'"
            )
        if self.latent % self.heads:
            raise UserError(
                f"model 'seqsew' has latent {self.latent}, which {self.heads} heads cannot share; "
                "choose a number of heads that divides it"
            )
        teachers, layers = list(self.stronger), self.stronger_gru_layers
        if teachers and self.encoder == "none":
            raise UserError(
                f"model 'seqsew' has encoder 'none' with the stronger modality {teachers[0]!r}, but co-learning "
                "needs encoders; choose 'bigru' or 'bigru+te', or set stronger to ()"
            )
        if isinstance(layers, int) or len(layers) != len(teachers):
            raise UserError(
                f"model 'seqsew' has stronger_gru_layers {layers if isinstance(layers, int) else list(layers)} for the "
                f"stronger modalities {join_words(teachers)}; give a tuple with one number for each"
            )

    def _make_encoder(self, gru_layers: int) -> Encoder:
        transformer_layers = self.transformer_layers if self.encoder == "bigru+te" else 0
        return Encoder(gru_layers, self.latent, transformer_layers, self.heads, self.feed_forward)

    def _make_classifier(self) -> Classifier:
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
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D]. What padded steps hold has no effect. Outputs that need a stronger modality are
            left out where the batch does not have it.
          masks: modality -> bool [B, T], True at valid steps, padding at the end.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in the transformer layers; may be traced.
          frozen: submodules that run without dropout even when training.
          segments: int32 [B, T], where sequences are packed: the number of the sequence that a step belongs to.

        Returns:
          `prediction` and `logits` [B, T], or [B, T, classes]; `latent/weaker` [B, T, latent] (not with the encoder
          'none'); for each teacher m `prediction/m`, `logits/m`, `latent/m` and `translation/m` [B, T, features of m].
        """

        def run(modality: str, encoder: str, classifier: str) -> dict[str, jax.Array]:
            """Returns one modality's prediction, logits and latent [B, T, latent], by these submodules."""
            outputs = {}
            code = select_modality(inputs, masks, modality)
            if self.encoder != "none":
                acts = train and encoder not in frozen
                code = getattr(self, encoder)(code, masks[modality], segments, train=acts, dropout=dropout)
                outputs["latent"] = code
            logits = getattr(self, classifier)(code, train=train and classifier not in frozen)
            return outputs | {"prediction": ACTIVATIONS[self.activation](logits), "logits": logits}

        outputs = run(self.weaker, "weaker_encoder", "weaker_classifier")
        if "latent" in outputs:
            outputs["latent/weaker"] = outputs.pop("latent")
        for modality in self.stronger:
            # Every submodule must be called once at initialisation, whatever the first batch holds.
            if modality not in inputs and not self.is_initializing():
                continue
            taught = run(modality, f"stronger_encoder_{modality}", f"stronger_classifier_{modality}")
            outputs |= {f"{name}/{modality}": value for name, value in taught.items()}
            decode = getattr(self, f"decoder_{modality}")
            code, features = outputs["latent/weaker"], inputs[modality].shape[-1]
            outputs[f"translation/{modality}"] = decode(code, masks[self.weaker], segments, features)
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B, T], or logits [B, T, classes], from the weaker modality and deployed parameters."""
        weaker = {name: x for name, x in inputs.items() if name == self.weaker}
        return self(weaker, masks, train=False)["prediction"]


def _check_choice(field: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UserError(
            f"model 'seqsew' has {field} {value!r}{suggest_nearest(value, choices)}; choose one of "
            f"{join_words(choices)}"
        )
