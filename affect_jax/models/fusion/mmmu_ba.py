"""Contextual inter-modal attention: MMMU-BA, MU-SA and MMUU-SA (Ghosal et al. 2018).

A video is a sequence of utterances. Each modality goes through a bi-GRU and a dense layer with tanh; their codes x_m
[T, W] attend to each other or to themselves, and each attended code is multiplied by the code that asked for it:

    attention    parts, beside the codes themselves                                                        the paper's
    pairs        softmax(x_m x_n^T) x_n * x_m and softmax(x_n x_m^T) x_m * x_n of every pair of modalities   MMMU-BA
    self         softmax(x_m x_m^T) x_m * x_m of every modality                                            MU-SA
    modalities   softmax(X X^T) X * X, X the codes of all modalities at one step                           MMUU-SA
    none         no others                                                                                 Dense

    submodule    what it is
    <m>_gru      bi-GRU whose reset gate acts before the product, as in Keras
    <m>_dense    dense layer with tanh
    classifier   reads all parts side by side: at every step, or (`per_step=False`) their means over the steps

The paper's models label every utterance, and their modalities share its steps. With one label an item they need not,
but for 'modalities'. `fidelity='keras2'` and 'keras3' compute what the public code does: its softmax has no mask, so
padded steps are keys like others; Keras 2.0 to 2.2 repeats the last state there and takes the hard sigmoid, Keras 3 has
zeros there, the sigmoid, and products that leave a padded factor out. `masked` leaves padding out of everything.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.aligned import check_steps
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.modalities import assign_rates, average_steps, check_modalities, read_sequence
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.reset_gru import ResetBiGRU
from affect_jax.layers.wide import to_wide

ATTENTION = ("pairs", "self", "modalities", "none")
FIDELITY = ("masked", "keras2", "keras3")
Code = tuple[jax.Array, jax.Array]
"""[B, T, W], and its mask [B, T]."""


class Model(nn.Module):
    """Contextual attention of modalities.

    Attributes:
      modalities: those that are read; with the attention 'self' or 'none' one is enough.
      classes: number of classes, or 0 for a number.
      attention: 'pairs', 'self', 'modalities' or 'none'.
      units: of the GRUs, a direction.
      width: of the codes.
      per_step: a label for each step; else one for an item.
      dropouts: rates in front of the GRUs, of their state, behind them, and behind the dense layers (the paper has .5,
        .5, .7, .7); () for the stage's `dropout` everywhere.
      fidelity: 'masked', 'keras2' or 'keras3'.
    """

    modalities: Sequence[str] = ("video", "audio", "text")
    classes: int = 0
    attention: str = "pairs"
    units: int = 300
    width: int = 100
    per_step: bool = True
    dropouts: Sequence[float] = ()
    fidelity: str = "masked"

    @property
    def aligned(self) -> bool:
        """Whether its modalities share their steps."""
        return self.per_step or self.attention == "modalities"

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        return (*(f"{m}_{layer}" for m in self.modalities for layer in ("gru", "dense")), "classifier")

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
          inputs: modality -> [B, T, D], or [B, D].
          masks: modality -> bool, the input's shape without its last axis; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate, where the model has no rates of its own; may be traced.
          frozen: submodules that run without dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, T, classes] or (not `per_step`) [B, classes]; of a regression
          `prediction` alone, without the last axis; `states/<m>` [B, T, 2 * units], `latent/<m>` [B, T, width] and
          `fused`, what the classifier reads.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        self._check()
        rates = assign_rates("mmmu_ba", self.dropouts, dropout, 4)
        codes: dict[str, Code] = {}
        outputs = {}
        for m in self.modalities:
            x, mask = read_sequence(inputs, masks, m)
            states, code = self._encode(m, x, mask, rates, train=train, frozen=frozen)
            outputs |= {f"states/{m}": states, f"latent/{m}": code}
            acts = train and f"{m}_dense" not in frozen
            codes[m] = Dropout(name=f"{m}_drop_code")(code, rates[3], train=acts), mask
        if self.aligned:
            check_steps("mmmu_ba", {m: x.shape[1] for m, (x, _) in codes.items()})
        parts = [*self._attend(codes), *codes.values()]
        vectors = [x if self.per_step else average_steps(x, mask) for x, mask in parts]
        fused = outputs["fused"] = jnp.concatenate(vectors, axis=-1)
        return outputs | name_outputs(Dense(self.classes or 1, name="classifier")(to_wide(fused)), self.classes)

    def _check(self) -> None:
        check_modalities("mmmu_ba", self.modalities, least=1 if self.attention in ("self", "none") else 2)
        check_classes("mmmu_ba", self.classes)
        for field, value, choices in (("attention", self.attention, ATTENTION), ("fidelity", self.fidelity, FIDELITY)):
            if value not in choices:
                raise UserError(
                    f"model 'mmmu_ba' has {field} {value!r}{suggest_nearest(value, choices)}; choose one of "
                    f"{join_words(choices)}"
                )

    def _encode(
        self,
        m: str,
        x: jax.Array,
        mask: jax.Array,
        rates: Sequence[float | jax.Array],
        *,
        train: bool,
        frozen: Sequence[str],
    ) -> tuple[jax.Array, jax.Array]:
        """A modality's states and its code."""
        name = f"{m}_gru"
        acts = train and name not in frozen
        activation = "hard_sigmoid" if self.fidelity == "keras2" else "sigmoid"
        states = ResetBiGRU(self.units, activation, name=name)(x, mask, train=acts, dropouts=tuple(rates[:2]))
        if self.fidelity != "keras2":
            states = zero_padding(states, mask)
        dropped = Dropout(name=f"{m}_drop_states")(states, rates[2], train=acts)
        dense = Dense(self.width, nn.initializers.glorot_uniform(), nn.initializers.zeros, name=f"{m}_dense")
        code = jnp.tanh(dense(dropped))
        return states, zero_padding(code, mask) if self.fidelity == "masked" else code

    def _attend(self, codes: Mapping[str, Code]) -> list[Code]:
        """The attended codes, in the paper's order."""
        if self.attention == "self":
            return [self._ask(code, code) for code in codes.values()]
        if self.attention == "pairs":
            pairs = [way for pair in list_pairs(self.modalities) for way in (pair, pair[::-1])]
            return [self._ask(codes[a], codes[b]) for a, b in pairs]
        if self.attention == "none":
            return []
        x_BxTxMxW = jnp.stack([x for x, _ in codes.values()], axis=2)
        mask_BxTxM = jnp.stack([mask for _, mask in codes.values()], axis=2)
        scores = jnp.einsum("btmw,btnw->btmn", x_BxTxMxW, x_BxTxMxW)
        weights = self._weigh(scores, mask_BxTxM[:, :, None, :])
        attended = jnp.einsum("btmn,btnw->btmw", weights, x_BxTxMxW) * x_BxTxMxW
        return [(attended[:, :, i], mask) for i, (_, mask) in enumerate(codes.values())]

    def _ask(self, asking: Code, keys: Code) -> Code:
        """What `asking` attends to among `keys`, times itself."""
        (x, mask), (y, valid) = asking, keys
        weights = self._weigh(jnp.einsum("btw,bsw->bts", x, y), valid[:, None, :])
        factor = jnp.where(mask[..., None], x, 1) if self.fidelity == "keras3" else x
        return jnp.einsum("bts,bsw->btw", weights, y) * factor, mask

    def _weigh(self, scores: jax.Array, valid: jax.Array) -> jax.Array:
        """Softmax over the last axis; of no valid key, zeros."""
        scores = to_wide(scores)
        if self.fidelity != "masked":
            return nn.softmax(scores)
        return jnp.where(valid, nn.softmax(jnp.where(valid, scores, -1e30)), 0)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B, T] or [B], or logits with an axis of classes."""
        return self(inputs, masks, train=False)["prediction"]


def list_pairs(modalities: Sequence[str]) -> list[tuple[str, str]]:
    """Every pair of modalities once; of three (a, b, c) in the authors' order: (a, c), (b, a), (c, b)."""
    count = len(modalities)
    pairs = [(m, modalities[i - back]) for back in range(1, count // 2 + 1) for i, m in enumerate(modalities)]
    return pairs[: count * (count - 1) // 2]
