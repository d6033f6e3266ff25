"""A convolutional network on raw speech without recurrence: the end-to-end baseline of table 3.1.

Segura, Balcells, Umbert, Arias & Luque, "Automatic Speech Feature Learning for Continuous Prediction of Customer
Satisfaction in Contact Center Phone Calls" (IberSPEECH 2016), train a CNN on raw audio to tell the conflict level of
SSPNet's clips; the thesis cites PCC .779 and UAR 79.8 from it. Neither the thesis nor the paper's abstract, which was
all that was at hand, gives the sizes of their network, so the sizes here are chosen and not theirs: ConflictNET's three
blocks and two more of the same kind, so that a last step sees about a second; then the mean and the maximum over all
steps in place of recurrence and attention; and two dense layers. So the model differs from ConflictNET in how it sums
up time.

    submodule output, 30 s at 8 kHz             trainable
    conv_0    64 x 6, pool 8: 29,999 x 64       576
    conv_1    128 x 4, pool 6: 4,999 x 128      33,152
    conv_2    256 x 4, pool 6: 832 x 256        131,840
    conv_3    256 x 3, pool 4: 207 x 256        197,376
    conv_4    256 x 3, pool 4: 51 x 256         197,376
    dense_0   mean and maximum, 512 -> 128      65,664
    dense     1                                 129
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.convolution import ConvBlock
from affect_jax.layers.dense import Dense
from affect_jax.layers.masking import select_modality
from affect_jax.layers.outputs import check_classes, check_length, name_outputs
from affect_jax.layers.pooling import shortest_input
from affect_jax.layers.wide import to_wide


class Model(nn.Module):
    """Blocks of convolution, ReLU, batch norm and max pool; mean and maximum over time; two dense layers.

    As in ConflictNET, padding is silence that the network reads, and an example without a valid step reaches no
    statistic of a batch norm.

    Attributes:
      modality: the one that is read, a waveform.
      classes: number of classes, or 0 for regression.
      filters: number of filters of each convolution.
      widths: steps of each convolution's filters.
      pools: steps of the max pool behind each convolution.
      hidden: width of the first dense layer.
      momentum: of the batch norms' running statistics.
    """

    modality: str = "speech"
    classes: int = 0
    filters: Sequence[int] = (64, 128, 256, 256, 256)
    widths: Sequence[int] = (6, 4, 4, 3, 3)
    pools: Sequence[int] = (8, 6, 6, 4, 4)
    hidden: int = 128
    momentum: float = 0.99

    hears_waveforms = True  # no field: what a config on one's own corpus gives it to read

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"conv_{index}" for index in range(len(self.filters))), "dense_0", "dense")

    @property
    def reads_padding(self) -> tuple[str, ...]:
        """Modalities whose padding counts: it is silence, and read."""
        return (self.modality,)

    @property
    def shortest(self) -> int:
        """The least number of samples that a clip must have."""
        return shortest_input(self.widths, self.pools)

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        sizes = {name: len(getattr(self, name)) for name in ("filters", "widths", "pools")}
        if len(set(sizes.values())) > 1 or not self.filters:
            raise UserError(f"model 'raw_cnn' has {sizes} entries in its sizes; give each convolution one of each")
        check_classes("raw_cnn", self.classes)
        blocks = zip(self.filters, self.widths, self.pools, strict=True)
        self.conv = [ConvBlock(*sizes, momentum=self.momentum) for sizes in blocks]
        weights = nn.initializers.glorot_uniform(), nn.initializers.zeros
        self.dense_0 = Dense(self.hidden, *weights)
        self.dense = Dense(self.classes or 1, *weights)

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

        Arguments, outputs and errors are those of ConflictNET.
        """
        del dropout
        x, valid = select_modality(inputs, masks, self.modality), jnp.any(masks[self.modality], axis=-1)
        check_length(x, self.shortest, "raw_cnn")
        for index, block in enumerate(self.conv):
            x = block(x, valid, train=train and f"conv_{index}" not in frozen)
        # Not x.max(): its gradient looks for the elements that equal the maximum, and finds none (0 / 0) where XLA
        # forms x twice and rounds it in two ways.
        largest = jnp.take_along_axis(x, x.argmax(axis=1, keepdims=True), axis=1)[:, 0]
        summary = jnp.concatenate([x.mean(axis=1), largest], axis=-1)
        return name_outputs(self.dense(to_wide(nn.relu(self.dense_0(summary)))), self.classes)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, C], by the running statistics."""
        return self(inputs, masks, train=False)["prediction"]
