"""SEW, Stronger Enhancing Weaker, on single steps (thesis 5.2.2 and 5.3.1).

The encoder W_E of a weaker modality feeds a regressor R and a translator S_D1 to the features of a stronger modality.
The stronger modality has its own auto-encoder, S_E and S_D2. Losses between the outputs named below (translation,
reconstruction, CCA of the two codes) let it teach W_E. Only W_E and R stay after training.

    submodule                thesis   sizes for geo / audio / app
    weaker_encoder           W_E      [512, 256, d] / [108, d] / [d], d = 168 where app takes part, else 128
    regressor                R        4 GRU layers of 120 units that see one step each, then a dense layer to 1
    stronger_encoder_<m>     S_E      like W_E, for the stronger modality m
    translator_<m>           S_D1     [256, 512, 632] / [108, 88] / [168], ending in m's features
    reconstructor_<m>        S_D2     like S_D1, with its own parameters

Tanh stands between the layers of an encoder or decoder and not behind its last one, so codes and reconstructions of
standardised features are unbounded; the single layer for app is affine. There is no dropout.

With several stronger modalities (6.2), each has its own S_E, S_D1 and S_D2; all translators read the one code of W_E.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.masking import select_modality
from affect_jax.layers.outputs import check_classes
from affect_jax.layers.recurrent import SingleStepGRU
from affect_jax.layers.teachers import check_teachers
from affect_jax.layers.wide import to_wide

_LAYERS = ("weaker_layers", "stronger_layers", "stronger_decoder_layers")


class Regressor(nn.Module):
    """Layers of single-step GRUs and a linear read-out: [..., D] -> [...], or [..., classes]."""

    width: int
    layers: int
    classes: int = 0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for index in range(self.layers):
            x = SingleStepGRU(self.width, name=f"gru_{index}")(x)
        y = Dense(self.classes or 1, name="dense")(to_wide(x))
        return y if self.classes else y[..., 0]


class Model(nn.Module):
    """SEW, or with `stronger=()` the unimodal regressor of table 5.1: R on the weaker modality's features.

    Attributes:
      weaker: the modality that is deployed.
      stronger: the modalities that teach it, a tuple of names.
      weaker_layers: widths of W_E's layers; the last is the size of its code.
      stronger_layers: for each stronger modality the widths of S_E's layers; the last is the size of its code.
      stronger_decoder_layers: for each stronger modality the widths of the layers of S_D1 and S_D2; the last is its
        number of features.
      regressor_width: units of each of R's GRU layers.
      regressor_layers: number of these layers.
      classes: number of classes, or 0 for a regression, which is all that the thesis has.
    """

    weaker: str
    stronger: Sequence[str] = ()
    weaker_layers: Sequence[int] = ()
    stronger_layers: Sequence[Sequence[int]] = ()
    stronger_decoder_layers: Sequence[Sequence[int]] = ()
    regressor_width: int = 120
    regressor_layers: int = 4
    classes: int = 0

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training."""
        return ("weaker_encoder", "regressor") if self.stronger else ("regressor",)

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        teachers = check_teachers("sew", self.weaker, self.stronger)
        check_classes("sew", self.classes)
        self._check_layers()
        self.regressor = Regressor(self.regressor_width, self.regressor_layers, self.classes)
        if not teachers:
            return
        self.weaker_encoder = MLP(tuple(self.weaker_layers))
        sizes = zip(teachers, self.stronger_layers, self.stronger_decoder_layers, strict=True)
        for modality, encoder, decoder in sizes:
            setattr(self, f"stronger_encoder_{modality}", MLP(tuple(encoder)))
            setattr(self, f"translator_{modality}", MLP(tuple(decoder)))
            setattr(self, f"reconstructor_{modality}", MLP(tuple(decoder)))

    def _check_layers(self) -> None:
        teachers = tuple(self.stronger)
        for name in _LAYERS:
            widths = tuple(getattr(self, name))
            if widths and not teachers:
                raise UserError(
                    f"model 'sew' has {name} {list(widths)} but no stronger modality, and its unimodal regressor reads "
                    f"the features themselves; name a stronger modality or set {name} to ()"
                )
            if teachers and not widths:
                example = (108, 128) if name == "weaker_layers" else ((108, 128),) * len(teachers)
                raise UserError(
                    f"model 'sew' has the stronger modality {teachers[0]!r} but no {name}; give the widths of its "
                    f"layers, for example {example}"
                )
        for name in _LAYERS[1:]:
            widths = tuple(getattr(self, name))
            if len(widths) != len(teachers) or any(isinstance(each, int) or not each for each in widths):
                raise UserError(
                    f"model 'sew' has {name} {list(widths)} for the stronger modalities {join_words(teachers)}; give "
                    "one "
                    f"tuple of widths for each of them, for example {((108, 128),) * len(teachers)}"
                )

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
          inputs: modality -> [B, D] (or [B, T, D]: every step is treated alone). Outputs that need a stronger modality
            are left out where the batch does not have it.
          masks: modality -> bool, the input's shape without its last axis. Invalid examples are read as zeros.
          train: no effect, as there is no dropout.
          dropout: no effect.
          frozen: no effect.

        Returns:
          `prediction` and `logits` (the same, [B], or [B, classes]). With teachers also `latent/weaker` [B, code], and
          for each teacher m `translation/m` [B, features of m], `latent/m` [B, code] and `reconstruction/m` [B,
          features of m].
        """
        del train, dropout, frozen
        outputs = {}
        code = select_modality(inputs, masks, self.weaker)
        if self.stronger:
            code = self.weaker_encoder(code)
            outputs["latent/weaker"] = code
        outputs["prediction"] = outputs["logits"] = self.regressor(code)
        for modality, widths in zip(self.stronger, self.stronger_decoder_layers, strict=True):
            # Every submodule must be called once at initialisation, whatever the first batch holds.
            if modality in inputs or self.is_initializing():
                features = select_modality(inputs, masks, modality)
                _check_width(modality, widths[-1], features.shape[-1])
                outputs |= self._teach(modality, code, features)
        return outputs

    def _teach(self, modality: str, code: jax.Array, features: jax.Array) -> dict[str, jax.Array]:
        """Returns the outputs of one teacher, from the student's code [B, code] and the teacher's features [B, D]."""
        latent = getattr(self, f"stronger_encoder_{modality}")(features)
        return {
            f"translation/{modality}": getattr(self, f"translator_{modality}")(code),
            f"latent/{modality}": latent,
            f"reconstruction/{modality}": getattr(self, f"reconstructor_{modality}")(latent),
        }

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes], from the weaker modality and the deployed parameters."""
        weaker = {name: x for name, x in inputs.items() if name == self.weaker}
        return self(weaker, masks, train=False)["prediction"]


def _check_width(modality: str, width: int, features: int) -> None:
    if width != features:
        raise UserError(
            f"config.model.stronger_decoder_layers ends in {width} but {modality!r} has {features} features; "
            f"make its last width {features}"
        )
