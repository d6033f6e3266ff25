"""One modality and how hard its steps are: the rows MTL and DDAT, (RE) and (PU), of tables 5.3 and 5.7.

    submodule     what it is
    autoencoder   dense layers with tanh to a narrow code and back, on every step alone
    encoder       of `predicted`, in its place: the layers to the code
    spread        dense layer that says how much raters disagree: on that code (`predicted`), on the states (`shared`)
    first         dense layer on the code: a first answer, for the stage before
    network       two GRUs on the features and what the code says of their difficulty
    head          dense layer on every step, or on the last state

The autoencoder learns first. By its reconstruction alone that is reconstruction-error-based learning (Han et al. 2017);
with a first answer beside it, and so with the label in its code, these are the two stages of dynamic difficulty
awareness training (Zhang et al. 2019). The network then reads features and error; no gradient reaches the autoencoder
through the error.

How much the raters of a step disagree, the standard deviation of their ratings, is the other difficulty of these papers
(PU, perception uncertainty). `measure='shared'` is MTL(PU) (Han et al. 2017, "From hard to soft"): the network learns
it beside the label. `'predicted'` is DDAT(PU): a first stage learns to tell it from the features, and the network reads
what that says. The ratings are a loss's target in training and never read.

After what is known of the papers: there is no public code, and widths are chosen.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.dense import MLP, Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.recurrent import GRU
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.wide import to_wide

MEASURES = ("reconstruction", "predicted", "shared")


class Autoencoder(nn.Module):
    """x [B, T, D] -> (its code [B, T, widths[-1]], its reconstruction [B, T, D])."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        code = jnp.tanh(MLP(self.widths, name="encoder")(x))
        return code, MLP((*self.widths[-2::-1], x.shape[-1]), name="decoder")(code)


class Encoder(nn.Module):
    """x [B, T, D] -> its code [B, T, widths[-1]]."""

    widths: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return jnp.tanh(MLP(self.widths, name="layers")(x))


class Network(nn.Module):
    """Two GRUs: [B, T, D] -> [B, T, units]."""

    units: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        return GRU(self.units, name="gru_1")(GRU(self.units, name="gru_0")(x, mask), mask)


class Model(nn.Module):
    """A network that is told how hard a step is, or learns to tell.

    Attributes:
      modality: the one that is read; vectors are sequences of one step, read without context.
      classes: number of classes, or 0 for a number.
      widths: of the autoencoder's layers to its code.
      units: of the GRUs.
      per_step: a label for each step of a sequence; else one for an item.
      measure: of difficulty, one of `MEASURES`.
    """

    modality: str = "audio"
    classes: int = 0
    widths: Sequence[int] = (64, 16)
    units: int = 120
    per_step: bool = False
    measure: str = "reconstruction"

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that prediction needs."""
        before = {"reconstruction": ("autoencoder",), "predicted": ("encoder", "spread")}
        return (*before.get(self.measure, ()), "network", "head")

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
          `prediction/first` (not of `shared`, which has one stage). Of the measure `reconstruction` also
          `reconstruction/<modality>`, of the input's shape, and `difficulty` [B, T]; of the others `disagreement`
          [B, 1] (with steps behind B where `per_step`).

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_classes("difficulty", self.classes)
        if self.measure not in MEASURES:
            raise UserError(
                f"model 'difficulty' has measure {self.measure!r}{suggest_nearest(self.measure, MEASURES)}; choose one "
                f"of {join_words(MEASURES)}"
            )
        x, mask = read_sequence(inputs, masks, self.modality)
        code, told, outputs = self._measure(x, mask, inputs[self.modality].shape)
        states = Network(self.units, name="network")(jnp.concatenate([x, *told], axis=-1), mask)
        acts = train and "head" not in frozen
        state = Dropout(name="drop")(to_wide(self._choose(states, mask)), dropout, train=acts)
        outputs |= name_outputs(Dense(self.classes or 1, name="head")(state), self.classes)
        if self.measure == "shared" and self._trains("spread"):
            outputs["disagreement"] = Dense(1, name="spread")(state)
        if code is not None and self._trains("first"):
            y = Dense(self.classes or 1, name="first")(to_wide(self._choose(code, mask)))
            outputs |= {f"{name}/first": value for name, value in name_outputs(y, self.classes).items()}
        return outputs

    def _trains(self, name: str) -> bool:
        """Whether a submodule that prediction does not need is there."""
        return self.is_initializing() or self.has_variable("params", name)

    def _measure(
        self, x: jax.Array, mask: jax.Array, shape: tuple[int, ...]
    ) -> tuple[jax.Array | None, list[jax.Array], dict[str, jax.Array]]:
        """The code [B, T, widths[-1]], what the network is told beside the features [B, T, 1], and outputs."""
        if self.measure == "shared":
            return None, [], {}
        if self.measure == "predicted":
            code = Encoder(self.widths, name="encoder")(x)
            says = Dense(1, name="spread")
            said = says(to_wide(code)).astype(x.dtype)
            of_label = says(to_wide(self._choose(code, mask)))
            return code, [zero_padding(jax.lax.stop_gradient(said), mask)], {"disagreement": of_label}
        code, again = Autoencoder(self.widths, name="autoencoder")(x)
        error = jax.lax.stop_gradient(jnp.sqrt(jnp.square(again - x).mean(axis=-1, keepdims=True)))
        error = zero_padding(error, mask)
        again = zero_padding(again, mask).reshape(shape)
        return code, [error], {f"reconstruction/{self.modality}": again, "difficulty": error[..., 0]}

    def _choose(self, states: jax.Array, mask: jax.Array) -> jax.Array:
        return states if self.per_step else select_last_state(states, mask)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions, or logits with an axis of classes, from deployed parameters."""
        return self(inputs, masks, train=False)["prediction"]
