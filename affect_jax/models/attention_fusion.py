"""Intra- and cross-modal attention fusion of several modalities (thesis chapter 4; Rajan, Brutti & Cavallaro 2022).

    submodule               what it is                                                  text, video, audio of IEMOCAP
    <m>_map                 learned linear map over time, T steps -> fewer (eq. 4.1)    -, 825, 500,500
    <m>_gru                 bi-GRU, 60 units a direction (eq. 4.2)                      130,320, 759,600, 65,520
    intra_<m>               multi-head self-attention, then the mean over time          58,080 each
    cross_<source>_<target> the target's steps attend to the source's, then the mean    58,080 each
    concat, classifier      two dense layers with nothing between them (eq. 4.3)        14,460 + 427

The model has 1,645,892 parameters with intra-modal and 1,820,132 with cross-modal attention. Between attention and the
dense layers stands statistical pooling: the mean and the unbiased standard deviation across the vectors, of which there
is one for each modality or one for each pair. A single vector (one modality, one pair) has no deviation and goes to the
dense layers as it is.

The map over time ("convolution, kernel 1" with time as channels) mixes all steps of its modality, so every step behind
it counts; text has no map, and its padding is masked. A missing modality is a sequence of zeros at full length that is
read like any other (thesis 4.4), so that the present modalities can still attend to it, and it to them.
`fidelity='authors'` follows the public model exactly: there are no masks (padding is zeros that are read), the
deviation stands before the mean, and a quarter of the text's features are dropped in training.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.attended_statistics import AttendedStatistics
from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.masking import select_modality
from affect_jax.layers.mean_attention import MeanAttention
from affect_jax.layers.outputs import check_classes, name_outputs
from affect_jax.layers.pooling import statistics_across
from affect_jax.layers.recurrent import BiGRU
from affect_jax.layers.wide import to_wide

ATTENTION = ("intra", "cross", "cross+intra")
POOLING = ("mean", "attentive")
FIDELITY = ("thesis", "authors")
AUTHORS_DROPOUT = {"text": 0.25}
"""Modality -> rate on its features, in the authors' code; the thesis mentions none."""
ARROW = "->"
UNMAPPED = 100
"""Sequences of at most so many steps are not mapped over time, on a corpus that no config was written for."""
MAPPED = 50
"""Steps behind the map of longer ones, likewise."""


def choose_fields(lengths: Mapping[str, int]) -> dict[str, Any]:
    """The fields that follow from the modalities of one's own corpus (name -> steps of its longest sequence)."""
    return dict(
        modalities=tuple(lengths),
        map_steps=tuple(MAPPED if longest > UNMAPPED else 0 for longest in lengths.values()),
        input_dropout=(),
    )


class _Input(NamedTuple):
    """A modality that is read.

    Attributes:
      modality: its name.
      steps: steps behind its map over time, 0 for no map.
      dropout: rate on its features.
    """

    modality: str
    steps: int
    dropout: float


class TimeMap(nn.Module):
    """Learned linear map over time: [B, T, D] -> [B, steps, D], the same for every feature."""

    steps: int

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        batch, length, features = x_BxTxD.shape
        kernel_TxS = self._get_kernel(length)
        bias_S = self.param("bias", uniform(length**-0.5), (self.steps,))
        # With time in front, as the GRU behind the map wants it, nothing is copied element by element.
        x_TxBD = x_BxTxD.swapaxes(0, 1).reshape(length, batch * features)
        mapped_SxBxD = (kernel_TxS.T @ x_TxBD).reshape(self.steps, batch, features)
        return (mapped_SxBxD + bias_S[:, None, None]).astype(mapped_SxBxD.dtype).swapaxes(0, 1)

    def _get_kernel(self, length: int) -> jax.Array:
        """The kernel [T, steps]; of clips that are padded to less than at first, its rows for them. The others would
        meet zeros."""
        if self.is_initializing():
            return self.param("kernel", uniform(length**-0.5), (length, self.steps))
        kernel_TxS = self.get_variable("params", "kernel")
        return kernel_TxS if len(kernel_TxS) == length else kernel_TxS[:length]


class Model(nn.Module):
    """Attention fusion and its ablations.

    Attributes:
      modalities: those that are read, in this order; others in a batch are ignored.
      classes: number of classes, or 0 for a regression.
      attention: 'intra', 'cross' or 'cross+intra'.
      pairs: of cross-modal attention, as 'video->text' (text asks, video answers: the thesis' V2T); () for all.
      pooling: of the steps of each vector: their 'mean', or the 'attentive' mean and deviation, by learned weights,
        which makes vectors of twice the width (layers/attended_statistics.py).
      statistical_pooling: mean and deviation across the vectors; False for all vectors side by side.
      map_steps: steps behind each modality's map over time, 0 for no map.
      units: of the bi-GRUs, a direction.
      heads: of attention; they divide 2 * units.
      hidden: width of the first dense layer.
      input_dropout: rate on each modality's features; () for those of the fidelity, AUTHORS_DROPOUT or 0.
      fidelity: 'thesis' or 'authors'.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 7
    attention: str = "intra"
    pairs: Sequence[str] = ()
    pooling: str = "mean"
    statistical_pooling: bool = True
    map_steps: Sequence[int] = (0, 25, 500)
    units: int = 60
    heads: int = 6
    hidden: int = 60
    input_dropout: Sequence[float] = ()
    fidelity: str = "thesis"

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        maps = tuple(f"{one.modality}_map" for one in self._inputs if one.steps)
        attentions = tuple(self._name_attention(vector) for vector in self.vectors)
        return (*maps, *(f"{one.modality}_gru" for one in self._inputs), *attentions, "concat", "classifier")

    @property
    def reads_padding(self) -> tuple[str, ...]:
        """Modalities whose padding counts: missing ones are read as zeros at full length, unless a map sums them up."""
        return tuple(one.modality for one in self._inputs if not one.steps)

    @property
    def vectors(self) -> tuple[tuple[str, ...], ...]:
        """The modalities that each vector before pooling is made of: (source, target) of a pair, or (modality,)."""
        pairs = tuple(tuple(pair.split(ARROW)) for pair in self.pairs)
        if not pairs:
            pairs = tuple((source, target) for target, source in itertools.permutations(self.modalities, 2))
        alone = tuple((modality,) for modality in self.modalities)
        return (pairs if "cross" in self.attention else ()) + (alone if "intra" in self.attention else ())

    @property
    def _inputs(self) -> list[_Input]:
        """The modalities that some vector is made of."""
        rates = AUTHORS_DROPOUT if self.fidelity == "authors" else {}
        dropout = self.input_dropout or [rates.get(modality, 0.0) for modality in self.modalities]
        inputs = [_Input(*one) for one in zip(self.modalities, self.map_steps, dropout, strict=True)]
        return [one for one in inputs if any(one.modality in vector for vector in self.vectors)]

    @staticmethod
    def _name_attention(vector: tuple[str, ...]) -> str:
        return "_".join(("intra" if len(vector) == 1 else "cross", *vector))

    def setup(self) -> None:
        """Builds the submodules.

        Raises:
          UserError: the fields do not fit each other.
        """
        self._check()
        for modality, steps, _ in self._inputs:
            if steps:
                setattr(self, f"{modality}_map", TimeMap(steps))
            setattr(self, f"{modality}_gru", BiGRU(self.units))
        for vector in self.vectors:
            attention = MeanAttention if self.pooling == "mean" else AttendedStatistics
            setattr(self, self._name_attention(vector), attention(self.heads))
        self.drop = Dropout()
        self.concat = Dense(self.hidden)
        self.classifier = Dense(self.classes or 1)

    def _check(self) -> None:
        for field, choices in (("attention", ATTENTION), ("pooling", POOLING), ("fidelity", FIDELITY)):
            value = getattr(self, field)
            if value not in choices:
                raise UserError(
                    f"model 'attention_fusion' has {field} {value!r}{suggest_nearest(value, choices)}; choose "
                    f"{join_words(choices)}"
                )
        for field in ("map_steps", *(["input_dropout"] if self.input_dropout else [])):
            if len(getattr(self, field)) != len(self.modalities):
                raise UserError(
                    f"model 'attention_fusion' has {len(getattr(self, field))} {field} for {len(self.modalities)} "
                    f"modalities {join_words(self.modalities)}; give one each"
                )
        check_classes("attention_fusion", self.classes)
        if 2 * self.units % self.heads:
            raise UserError(
                f"model 'attention_fusion' has {2 * self.units} features a step, which {self.heads} heads cannot "
                "share; choose a number of heads that divides 2 * units"
            )
        for pair in self.pairs:
            ends = pair.split(ARROW)
            if len(ends) != 2 or ends[0] == ends[1] or set(ends) - set(self.modalities):
                raise UserError(
                    f"model 'attention_fusion' has pair {pair!r}; write two of {join_words(self.modalities)} as "
                    f"'source{ARROW}target'"
                )
        if not self.vectors:
            raise UserError(
                f"model 'attention_fusion' has attention 'cross' over {join_words(self.modalities)} alone; "
                "give two modalities, or choose 'intra'"
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
          inputs: modality -> [B, T, D]; a modality with a map over time has at most the T of the first call.
          masks: modality -> bool [B, T], True at valid steps; all False where the modality is missing.
          train: dropout acts; needs the rng stream 'dropout'.
          dropout: rate on the attention weights (the thesis has .1); may be traced.
          frozen: no effect: the submodules are trained together.

        Returns:
          `logits` and `prediction`, the same, [B, classes], or of a regression `prediction` [B]; `pooled`
          [B, P, 2 * units], or twice as wide where they are attentive, the vectors before pooling.
        """
        del frozen
        steps, valid = {}, {}
        for modality, size, rate in self._inputs:
            x, mask = select_modality(inputs, masks, modality), masks[modality]
            if rate:
                x = self.drop(x, rate, train=train)
            # A missing modality is read as zeros at full length (thesis 4.4).
            mask = mask | ~mask.any(axis=1, keepdims=True)
            if size:
                x = getattr(self, f"{modality}_map")(x)
            if size or self.fidelity == "authors":
                mask = jnp.ones(x.shape[:2], bool)
            steps[modality], valid[modality] = getattr(self, f"{modality}_gru")(x, mask), mask
        pooled = []
        for vector in self.vectors:
            source, target = vector[0], vector[-1]
            attend = getattr(self, self._name_attention(vector))
            arguments = steps[target], steps[source], valid[target], valid[source]
            pooled.append(attend(*arguments, train=train, dropout=dropout))
        pooled_BxPxD = jnp.stack(pooled, axis=1)
        return {**name_outputs(self.classify(pooled_BxPxD), self.classes), "pooled": pooled_BxPxD}

    def classify(self, pooled_BxPxD: jax.Array) -> jax.Array:
        """Returns logits [B, classes], or numbers [B, 1], from the vectors [B, P, D] in the order of `vectors`."""
        return self.classifier(to_wide(self.concat(self._join_vectors(pooled_BxPxD))))

    def _join_vectors(self, pooled_BxPxD: jax.Array) -> jax.Array:
        """Returns what the dense layers read, [B, features]: the vectors' statistics, or all of them side by side."""
        if not self.statistical_pooling:
            return pooled_BxPxD.reshape(pooled_BxPxD.shape[0], -1)
        crossed = sum(len(vector) == 2 for vector in self.vectors)
        summaries: list[jax.Array] = []
        for group in (pooled_BxPxD[:, :crossed], pooled_BxPxD[:, crossed:]):
            if group.shape[1] > 1:
                mean_and_deviation = statistics_across(group)
                summaries += mean_and_deviation[::-1] if self.fidelity == "authors" else mean_and_deviation
            elif group.shape[1]:
                summaries.append(group[:, 0])
        return jnp.concatenate(summaries, axis=-1)

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns logits [B, classes], or numbers [B]."""
        return self(inputs, masks, train=False)["prediction"]
