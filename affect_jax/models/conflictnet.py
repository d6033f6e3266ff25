"""ConflictNET: raw speech in, one number out (thesis 3.2; Rajan, Brutti & Cavallaro 2019), and its ablations.

    layer                             output, 30 s at 8 kHz   submodule     trainable
    conv 64 x 6, ReLU, batch norm     239,995 x 64            conv_0        576
    max pool 8                        29,999 x 64
    conv 128 x 4, ReLU, batch norm    29,996 x 128            conv_1        33,152
    max pool 6                        4,999 x 128
    conv 256 x 4, ReLU, batch norm    4,996 x 256             conv_2        131,840
    max pool 6                        832 x 256
    average pool 4                    208 x 256
    LSTM 128, every step              208 x 128               lstm_0        197,120
    additive self-attention 32        208 x 128               attention     8,257
    LSTM 64, last step                64                      lstm_1        49,408
    dense                             1                       dense         65

The model has 420,418 trainable parameters and 896 running statistics of the batch norms. The thesis names its variants:

    ParaNET             average_pool=0, attention=False
    ParaNET+AP          attention=False
    ParaNET+Attn        average_pool=0
    ConflictNET         the defaults
    ParaNET+AP+Attn+GAP global_average=True

The input is the whole padded clip: padding is silence, as in the thesis, and the network reads it. Only examples whose
mask is all False, which fill up a batch, are kept out of the batch norms' statistics. There is no dropout.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.attention import AdditiveSelfAttention
from affect_jax.layers.convolution import ConvBlock
from affect_jax.layers.dense import Dense
from affect_jax.layers.lstm import ACTIVATIONS, LSTM
from affect_jax.layers.masking import select_modality
from affect_jax.layers.outputs import check_classes, check_length, name_outputs
from affect_jax.layers.pooling import average_pool, shortest_input
from affect_jax.layers.sinc import SincBlock
from affect_jax.layers.wide import to_wide

FIRST_LAYERS = ("convolution", "sincnet")


class Model(nn.Module):
    """ConflictNET and its ablations.

    Attributes:
      modality: the one that is read, a waveform.
      classes: number of classes, or 0 for regression.
      filters: number of filters of each convolution.
      widths: steps of each convolution's filters.
      pools: steps of the max pool behind each convolution.
      average_pool: steps of the average pool before the first LSTM; 0 for none.
      lstm_units: units of the two LSTM layers.
      attention: additive self-attention stands between them.
      attention_units: its width.
      global_average: the dense layer reads the mean of the second LSTM's steps, not the last one.
      recurrent_activation: of the LSTMs' gates, 'sigmoid' or 'hard_sigmoid' (Keras before 2.3, the authors' weights).
      momentum: of the batch norms' running statistics.
      first_layer: 'convolution', or 'sincnet' for band-pass filters with learned cut-offs in its place.
      sinc_width: samples of a band-pass filter, odd; takes the place of the first of `widths`.
      rate: sampling rate of the speech, Hz; the band-pass filters alone need it.
    """

    modality: str = "speech"
    classes: int = 0
    filters: Sequence[int] = (64, 128, 256)
    widths: Sequence[int] = (6, 4, 4)
    pools: Sequence[int] = (8, 6, 6)
    average_pool: int = 4
    lstm_units: Sequence[int] = (128, 64)
    attention: bool = True
    attention_units: int = 32
    global_average: bool = False
    recurrent_activation: str = "sigmoid"
    momentum: float = 0.99
    first_layer: str = "convolution"
    sinc_width: int = 125
    rate: float = 8000.0

    hears_waveforms = True  # no field: what a config on one's own corpus gives it to read

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        convolutions = tuple(f"conv_{index}" for index in range(len(self.filters)))
        return (*convolutions, "lstm_0", *(("attention",) if self.attention else ()), "lstm_1", "dense")

    @property
    def reads_padding(self) -> tuple[str, ...]:
        """Modalities whose padding counts: it is silence, and read."""
        return (self.modality,)

    @property
    def shortest(self) -> int:
        """The least number of samples that a clip must have."""
        return shortest_input(self._widths, self.pools, max(self.average_pool, 1))

    @property
    def _widths(self) -> tuple[int, ...]:
        return (self.sinc_width, *self.widths[1:]) if self.first_layer == "sincnet" else tuple(self.widths)

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        self._check()
        self.conv = [
            ConvBlock(filters, width, pool, momentum=self.momentum)
            if index or self.first_layer == "convolution"
            else SincBlock(filters, width, pool, rate=self.rate, momentum=self.momentum)
            for index, (filters, width, pool) in enumerate(zip(self.filters, self._widths, self.pools, strict=True))
        ]
        self.lstm = [LSTM(units, self.recurrent_activation) for units in self.lstm_units]
        if self.attention:
            self.attend = AdditiveSelfAttention(self.attention_units, name="attention")
        self.dense = Dense(self.classes or 1, nn.initializers.glorot_uniform(), nn.initializers.zeros)

    def _check(self) -> None:
        sizes = {name: len(getattr(self, name)) for name in ("filters", "widths", "pools")}
        if len(set(sizes.values())) > 1 or not self.filters:
            raise UserError(f"model 'conflictnet' has {sizes} entries in its sizes; give each convolution one of each")
        if len(self.lstm_units) != 2:
            raise UserError(f"model 'conflictnet' has lstm_units {join_words(self.lstm_units)}; give two numbers")
        check_classes("conflictnet", self.classes)
        if self.average_pool < 0:
            raise UserError(f"model 'conflictnet' has average_pool {self.average_pool}; give 0 for none, or 1 or more")
        for field, choices in (("recurrent_activation", ACTIVATIONS), ("first_layer", FIRST_LAYERS)):
            value = getattr(self, field)
            if value not in choices:
                raise UserError(
                    f"model 'conflictnet' has {field} {value!r}{suggest_nearest(value, choices)}; "
                    f"choose one of {join_words(choices)}"
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
          inputs: modality -> float32 [B, T, 1], RMS-normalised speech. Where the mask is False it is read as silence.
          masks: modality -> bool [B, T]; an example without a valid step reaches no statistic.
          train: batch norms use the batch's statistics and move the running ones (collection `batch_stats`).
          dropout: no effect.
          frozen: submodules whose batch norms stay as they are even when training.

        Returns:
          Regression: `prediction` [B]. Classes: `logits` [B, C], and `prediction`, the same.

        Raises:
          UserError: the clips are too short for the pools.
        """
        del dropout
        x = self.lstm[1](self.hear(inputs, masks, train=train, frozen=frozen))
        return name_outputs(self.dense(to_wide(x.mean(axis=1) if self.global_average else x[:, -1])), self.classes)

    def hear(
        self,
        inputs: Mapping[str, jax.Array],
        masks: Mapping[str, jax.Array],
        *,
        train: bool,
        frozen: Sequence[str] = (),
    ) -> jax.Array:
        """What the network makes of speech before its second LSTM, [B, steps, lstm_units[0]]; see `__call__`."""
        x, valid = select_modality(inputs, masks, self.modality), jnp.any(masks[self.modality], axis=-1)
        check_length(x, self.shortest, "conflictnet")
        for index, block in enumerate(self.conv):
            x = block(x, valid, train=train and f"conv_{index}" not in frozen)
        if self.average_pool:
            x = average_pool(x, self.average_pool)
        x = self.lstm[0](x)
        return self.attend(x) if self.attention else x

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, C], by the running statistics."""
        return self(inputs, masks, train=False)["prediction"]
