"""SEW, Stronger Enhancing Weaker, on single steps (thesis 5.2.2 and 5.3.1).

A weaker modality's encoder W_E feeds a regressor R and a translator S_D1 to the stronger modality's features. The
stronger modality has its own auto-encoder, S_E and S_D2; losses between the outputs named below (translation,
reconstruction, CCA of the two codes) let it teach W_E. Only W_E and R stay after training.

    part                 thesis     sizes, geo / audio / app
    weaker_encoder       W_E        [512, 256, d] / [108, d] / [d], d = 168 where app takes part, else 128
    regressor            R          4 GRU layers of 120 with one step each, then a dense layer to 1
    stronger_encoder     S_E        as W_E, of the stronger modality
    translator           S_D1       [256, 512, 632] / [108, 88] / [168], of the stronger modality
    reconstructor        S_D2       as S_D1, own parameters

Tanh stands between the layers of an encoder or decoder and not after its last one, so codes and reconstructions of
standardised features are unbounded; the single layer for app is affine. Nothing here has dropout.

Several stronger modalities (6.2) have an S_E, S_D1 and S_D2 each, named by it (`layers.teachers`): `translator_audio`.
All translators read the one code of W_E.
"""

from collections.abc import Mapping, Sequence

import jax
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.masking import select_modality
from affect_jax.layers.recurrent import SingleStepGRU
from affect_jax.layers.teachers import Teachers, teachers_of
from affect_jax.layers.wide import to_wide

Widths = Sequence[int] | Sequence[Sequence[int]]
"""Of one modality's layers, or those of each of several."""


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
    """SEW, or with `stronger=None` the unimodal regressor of table 5.1: R on the weaker modality's features.

    Attributes:
      weaker: modality that is deployed.
      stronger: modality that teaches, a sequence of several that do, or None.
      weaker_layers: widths of W_E; the last is the size of its code.
      stronger_layers: widths of S_E; the last is the size of its code. Of several stronger modalities, one such
        sequence for each.
      stronger_decoder_layers: widths of S_D1 and S_D2, likewise; the last is the stronger modality's feature size.
      regressor_width: units of each of R's GRU layers.
      regressor_layers: how many.
      classes: number of classes, or 0 for a regression, which is all that the thesis has.
    """

    weaker: str
    stronger: str | Sequence[str] | None = None
    weaker_layers: Sequence[int] = ()
    stronger_layers: Widths = ()
    stronger_decoder_layers: Widths = ()
    regressor_width: int = 120
    regressor_layers: int = 4
    classes: int = 0

    @property
    def deployed(self) -> tuple[str, ...]:
        """Top-level parameter names that stay after training."""
        return ("weaker_encoder", "regressor") if self.teachers.names else ("regressor",)

    @property
    def teachers(self) -> Teachers:
        """The stronger modalities, and what their parts and outputs are called."""
        return teachers_of("sew", self.weaker, self.stronger)

    def setup(self) -> None:
        """Names the parts.

        Raises:
          UserError: the arguments do not fit each other.
        """
        teachers = self.teachers
        layers = {
            name: tuple(getattr(self, name)) for name in ("weaker_layers", "stronger_layers", "stronger_decoder_layers")
        }
        if self.classes < 0 or self.classes == 1:
            raise UserError(f"model 'sew' has {self.classes} classes; give 0 for a regression, or 2 or more")
        self.regressor = Regressor(self.regressor_width, self.regressor_layers, self.classes)
        if not teachers.names:
            given = [name for name, widths in layers.items() if widths]
            if given:
                raise UserError(
                    f"model 'sew' has {given[0]} {list(layers[given[0]])} but no stronger modality, and its unimodal "
                    f"regressor reads the features themselves; name a stronger modality or set {given[0]} to ()"
                )
            return
        missing = [name for name, widths in layers.items() if not widths]
        if missing:
            raise UserError(
                f"model 'sew' has the stronger modality {teachers.names[0]!r} but no {missing[0]}; "
                "give the widths of its layers, for example (108, 128)"
            )
        self.weaker_encoder = MLP(layers["weaker_layers"])
        encoders, decoders = self._each("stronger_layers"), self._each("stronger_decoder_layers")
        for modality in teachers.names:
            setattr(self, teachers.part("stronger_encoder", modality), MLP(encoders[modality]))
            setattr(self, teachers.part("translator", modality), MLP(decoders[modality]))
            setattr(self, teachers.part("reconstructor", modality), MLP(decoders[modality]))

    def _each(self, name: str) -> dict[str, tuple[int, ...]]:
        """Teacher -> its widths in the field `name`."""
        names, given = self.teachers.names, tuple(getattr(self, name))
        if len(names) == 1 and all(isinstance(width, int) for width in given):
            given = (given,)
        if len(given) != len(names) or any(isinstance(widths, int) for widths in given):
            raise UserError(
                f"model 'sew' has {name} {list(given)} for the stronger modalities {list(names)}; "
                "give the widths of each, for example ((108, 128), (128,))"
            )
        return {modality: tuple(widths) for modality, widths in zip(names, given, strict=True)}

    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
    ) -> dict[str, jax.Array]:
        """All outputs.

        Args:
          inputs: modality -> [B, D] (or [B, T, D]: every step is treated alone). Without a stronger one, the outputs
            that need it are left out.
          masks: modality -> bool, the input's shape without its last axis. Invalid examples are read as zeros.
          train: no effect, as there is no dropout.
          dropout: no effect.
          frozen: no effect.

        Returns:
          `prediction` and `logits` (the same, [B], of classes [B, classes]); with a stronger modality also
          `latent/weaker`, `translation`, `latent/stronger` and `reconstruction`, of several the last three for each, as
          `translation/audio`.
        """
        del train, dropout, frozen
        outputs = {}
        code = select_modality(inputs, masks, self.weaker)
        if self.teachers.names:
            code = self.weaker_encoder(code)
            outputs["latent/weaker"] = code
        outputs["prediction"] = outputs["logits"] = self.regressor(code)
        for modality in self.teachers.names:
            if modality in inputs or self.is_initializing():
                outputs |= self._taught(modality, code, select_modality(inputs, masks, modality))
        return outputs

    def _taught(self, modality: str, code: jax.Array, features: jax.Array) -> dict[str, jax.Array]:
        """One teacher's outputs, from the weaker modality's code and its own features."""
        teachers, width = self.teachers, self._each("stronger_decoder_layers")[modality][-1]
        if width != features.shape[-1]:
            raise UserError(
                f"config.model.stronger_decoder_layers ends in {width} but {modality!r} has "
                f"{features.shape[-1]} features; make its last width {features.shape[-1]}"
            )
        encoder, translator, reconstructor = (
            getattr(self, teachers.part(kind, modality)) for kind in ("stronger_encoder", "translator", "reconstructor")
        )
        latent = encoder(features)
        return {
            teachers.output("translation", modality): translator(code),
            teachers.output("latent/stronger", modality): latent,
            teachers.output("reconstruction", modality): reconstructor(latent),
        }

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Prediction [B], or logits [B, classes], from the weaker modality and with the deployed parameters alone."""
        weaker = {name: x for name, x in inputs.items() if name == self.weaker}
        return self(weaker, masks, train=False)["prediction"]
