"""One modality and how hard it is to reconstruct: the rows MTL(RE) and DDAT(RE) of tables 5.3 and 5.7.

    submodule     what it is
    autoencoder   dense layers with tanh to a narrow code and back, on every step alone
    first         dense layer on that code: a first answer, for the stage before
    network       two GRUs on the features and the root mean square error of their reconstruction
    head          dense layer on every step, or on the last state

The autoencoder learns first. By its reconstruction alone that is reconstruction-error-based learning (Han et al. 2017);
with a first answer beside it, and so with the label in its code, these are the two stages of dynamic difficulty
awareness training (Zhang et al. 2019). The network then reads features and error; no gradient reaches the autoencoder
through the error. Where the label's raters disagree is the other difficulty of these papers (PU): no corpus here has
single ratings.

After what is known of the papers: there is no public code, and widths are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import GRU
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide


class Autoencoder(nn.Module):
    """x [B, T, D] -> (its code [B, T, widths[-1]], its reconstruction [B, T, D])."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        code = jnp.tanh(MLP(self.widths, name="encoder")(x))
        return code, MLP((*self.widths[-2::-1], x.shape[-1]), name="decoder")(code)


class Network(nn.Module):
    """Two GRUs: [B, T, D] -> [B, T, units]."""

    units: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        return GRU(self.units, name="gru_1")(GRU(self.units, name="gru_0")(x, mask), mask)


class Model(nn.Module):
    """A network that is told how well an autoencoder knows its features.

    Attributes:
      modality: the one that is read; vectors are sequences of one step, read without context.
      classes: number of classes, or 0 for a number.
      widths: of the autoencoder's layers to its code.
      units: of the GRUs.
      per_step: a label for each step of a sequence; else one for an item.
    """

    modality: str = "audio"
    classes: int = 0
    widths: Sequence[int] = (64, 16)
    units: int = 120
    per_step: bool = False
    deployed = ("autoencoder", "network", "head")

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
          inputs: the modality -> [B, T, D], or [B, D].
          masks: the modality -> bool, the input's shape without its last axis.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate in front of the head; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (with steps behind B where `per_step`), or of a regression
          `prediction` alone without the last axis; the same of the first answer as `logits/first` and
          `prediction/first`; `reconstruction/<modality>`, of the input's shape, and `difficulty` [B, T].

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_classes("difficulty", self.classes)
        x, mask = read_sequence(inputs, masks, self.modality)
        code, again = Autoencoder(self.widths, name="autoencoder")(x)
        error = jax.lax.stop_gradient(jnp.sqrt(jnp.square(again - x).mean(axis=-1, keepdims=True)))
        error = zero_padding(error, mask)
        states = Network(self.units, name="network")(jnp.concatenate([x, error], axis=-1), mask)
        acts = train and "head" not in frozen
        state = Dropout(name="drop")(to_wide(self._choose(states, mask)), dropout, train=acts)
        outputs = name_outputs(Dense(self.classes or 1, name="head")(state), self.classes)
        if self.is_initializing() or self.has_variable("params", "first"):
            y = Dense(self.classes or 1, name="first")(to_wide(self._choose(code, mask)))
            outputs |= {f"{name}/first": value for name, value in name_outputs(y, self.classes).items()}
        again = zero_padding(again, mask).reshape(inputs[self.modality].shape)
        return outputs | {f"reconstruction/{self.modality}": again, "difficulty": error[..., 0]}

    def _choose(self, states: jax.Array, mask: jax.Array) -> jax.Array:
        return states if self.per_step else select_last_state(states, mask)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from deployed parameters."""
        return self(inputs, masks, train=False)["prediction"]
