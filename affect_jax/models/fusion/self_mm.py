"""Self-MM's networks: a fused head, and a head for each modality that learns beside it (Yu et al. 2021).

    code_m = dense (last state of the LSTM of m), or the first step of m           f = relu(dense [all codes])
    y = head f                       y_m = head_m relu(dense code_m)

    submodule       what it is
    <m>_lstm        of modalities that are not in `first`, with a dense layer `<m>_code`
    fusion          a dense layer with ReLU on all codes
    head            two layers
    <m>_own         a dense layer with ReLU on one code
    <m>_head        two layers

The first step of a text is what a transformer says of a whole sentence. In training, Self-MM generates a label for each
modality from how far it lies from the centres of positive and negative examples, and weighs |y_m - label_m| by
tanh |label_m - label|; that is not here. Heads of modalities learn by losses that a config gives them, such as those on
`prediction/<m>` and the label of the whole.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.memory_fusion import assign_each
from affect_jax.layers.modalities import assign_rates, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.two_layers import TwoLayers
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """Self-MM of two or more modalities.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      first: modalities of which the first step is the code.
      units: of the LSTMs of the others; one number for all modalities, or one each, where those of `first` say nothing.
      codes: width of their codes; likewise.
      fused: width of f, and inside its head.
      own: width of each modality's layers; one number for all, or one each.
      dropouts: rates of f's input, of each code in front of its own head, and of each LSTM's last state, in the order
        of the modalities; () for the stage's `dropout` everywhere.
    """

    modalities: Sequence[str] = ("text", "audio", "video")
    classes: int = 0
    first: Sequence[str] = ()
    units: int | Sequence[int] = 32
    codes: int | Sequence[int] = 32
    fused: int = 128
    own: int | Sequence[int] = 32
    dropouts: Sequence[float] = ()

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: those of the fused head."""
        read = (f"{m}_{part}" for m in self.modalities if m not in self.first for part in ("lstm", "code"))
        return (*read, "fusion", "head")

    @nn.compact
    def __call__(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        dropout: float | jax.Array = 0.0,
        frozen: Sequence[str] = (),
        heads: bool = True,
    ) -> dict[str, jax.Array]:
        """Returns all outputs.

        Args:
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules that run as when not training.
          heads: of the modalities are run too.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `logits/<m>` and
          `prediction/<m>` of each modality; `latent/<m>`, what its head reads; `fused`, f.

        Raises:
          UserError: fields do not fit.
        """
        self._check_fields()
        count = len(self.modalities)
        rates = assign_rates("self_mm", self.dropouts, dropout, 1 + 2 * count)

        def drop(name: str, x: jax.Array, rate: float | jax.Array, part: str) -> jax.Array:
            return Dropout(name=name)(x, rate, train=train and part not in frozen)

        sizes = [assign_each("self_mm", f, getattr(self, f), self.modalities) for f in ("units", "codes", "own")]
        codes = {}
        for m, units, width, rate in zip(self.modalities, *sizes[:2], rates[1 + count :], strict=True):
            x, mask = read_sequence(inputs, masks, m)
            if m in self.first:
                codes[m] = x[:, 0]
                continue
            last = select_last_state(MaskedLSTM(units, name=f"{m}_lstm")(x, mask), mask)
            codes[m] = Dense(width, name=f"{m}_code")(drop(f"{m}_drop_state", last, rate, f"{m}_code"))
        joined = drop("drop", jnp.concatenate(list(codes.values()), axis=-1), rates[0], "fusion")
        fused = nn.relu(Dense(self.fused, name="fusion")(joined))
        y = TwoLayers(self.fused, self.classes or 1, name="head")(to_wide(fused))
        outputs = dict(fused=fused, **name_outputs(y, self.classes))
        for m, width, rate in zip(self.modalities, sizes[2], rates[1 : 1 + count], strict=True):
            if heads:
                code = drop(f"{m}_drop", codes[m], rate, f"{m}_own")
                latent = outputs[f"latent/{m}"] = nn.relu(Dense(width, name=f"{m}_own")(code))
                own = TwoLayers(width, self.classes or 1, name=f"{m}_head")(to_wide(latent))
                outputs |= {f"{name}/{m}": value for name, value in name_outputs(own, self.classes).items()}
        return outputs

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False, heads=False)["prediction"]

    def _check_fields(self) -> None:
        check_modalities("self_mm", self.modalities)
        check_classes("self_mm", self.classes)
        unknown = [m for m in self.first if m not in self.modalities]
        if unknown:
            raise UserError(
                f"model 'self_mm' has first {join_words(self.first)}, but its modalities are "
                f"{join_words(self.modalities)}; "
                f"leave {unknown[0]!r} out"
            )
