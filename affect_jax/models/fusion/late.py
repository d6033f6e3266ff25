"""Late fusion: a network for each modality, and their predictions joined (thesis 2.2, with references 57, 60 to 62).

    combine      the prediction
    average      the mean: of classes, of the probabilities
    vote         the class that most modalities choose; equal votes go to the greater mean probability. Of numbers,
                 the median
    product      the bilinear product: a dense layer on the outer product of the modalities' probabilities, each with a
                 one in front (of numbers, of the numbers)
    learned      a dense layer on the modalities' probabilities (numbers) side by side
    multiplicative  of classes: each modality's logarithms, weighted by the others' doubt (Liu et al. 2018); with
                 `mixed` also heads on every two and more modalities together, its "mulmix"

    submodule      what it is
    <m>_summary    of a sequence: its mean, statistics, or a GRU's last state
    <m>_hidden_<i> dense layers with ReLU
    <m>_head       logits, or a number
    combiner       of product and learned
    mixed_<m>_<n>  heads of two and more modalities

The branches learn by losses of their own, on `logits/<m>` or `prediction/<m>`: no gradient comes through a vote, and
the combiner learns by the loss on `logits` or `prediction`. A missing modality has no share in an average or a vote,
and probabilities (numbers) of 0 for the combiner.
"""

import itertools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import Dropout
from affect_jax.layers.modalities import check_modalities, is_present, read_sequence
from affect_jax.layers.outputs import average_heads, check_classes, name_outputs
from affect_jax.layers.products import multiply_outer
from affect_jax.layers.summary import TRAINED, Summary
from affect_jax.layers.wide import to_wide
from affect_jax.losses.candidates import combine

COMBINE = ("average", "vote", "product", "learned", "multiplicative")
_LEAST = 1e-7  # of a probability, so that its logarithm is finite


class Model(nn.Module):
    """A network for each modality, and what joins their predictions.

    Attributes:
      modalities: those that are read.
      classes: number of classes, or 0 for a regression.
      combine: 'average', 'vote', 'product', 'learned' or 'multiplicative'.
      summary: of a sequence: 'mean', 'statistics', 'attentive' or 'gru'.
      units: of the GRUs.
      hidden: widths of the dense layers of each modality; () for none.
      mixed: of multiplicative: combinations of modalities are candidates too.
    """

    modalities: Sequence[str] = ("text", "video", "audio")
    classes: int = 0
    combine: str = "average"
    summary: str = "statistics"
    units: int = 64
    hidden: Sequence[int] = (64,)
    mixed: bool = False

    @property
    def deployed(self) -> tuple[str, ...]:
        """Names of the submodules that stay after training: all."""
        layers = [*(["summary"] if self.summary in TRAINED else []), *(f"hidden_{i}" for i in range(len(self.hidden)))]
        combiner = ("combiner",) if self.combine in ("product", "learned") else ()
        mixed = [f"mixed_{'_'.join(subset)}" for subset in self._mixtures]
        return (*(f"{m}_{layer}" for m in self.modalities for layer in (*layers, "head")), *combiner, *mixed)

    @property
    def only_classes(self) -> bool:
        """Whether it can learn no numbers."""
        return self.combine == "multiplicative"

    @property
    def _mixtures(self) -> list[tuple[str, ...]]:
        """Combinations of two and more modalities that are candidates of their own."""
        sizes = range(2, len(self.modalities) + 1) if self.mixed else ()
        return [subset for size in sizes for subset in itertools.combinations(self.modalities, size)]

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
          dropout: rate in front of every dense layer but the combiner; may be traced.
          frozen: submodules whose input has no dropout even when training.

        Returns:
          `logits` and `prediction`, the same, [B, classes] (of a mean of probabilities, their logarithm), or of a
          regression `prediction` [B]; the same of each modality, `logits/<m>` and `prediction/<m>`. Of multiplicative
          also `candidates` [B, candidates, classes], which its loss reads.

        Raises:
          UserError: the model's fields do not fit each other, or the batch.
        """
        check_modalities("late", self.modalities)
        check_classes("late", self.classes)
        if self.combine not in COMBINE:
            raise UserError(
                f"model 'late' has combine {self.combine!r}{suggest_nearest(self.combine, COMBINE)}; choose one of "
                f"{COMBINE}"
            )
        if self.combine == "multiplicative" and not self.classes or self.mixed and self.combine != "multiplicative":
            raise UserError(
                f"model 'late' has combine {self.combine!r}, {self.classes} classes and mixed={self.mixed}, but only "
                "classes are combined multiplicatively, and only then mixed; choose another combine"
            )
        heads, present, outputs, codes = {}, {}, {}, {}
        for m in self.modalities:
            x = Summary(self.summary, self.units, name=f"{m}_summary")(*read_sequence(inputs, masks, m))
            present[m] = is_present(masks, m)
            for layer, width in enumerate(self.hidden):
                name = f"{m}_hidden_{layer}"
                x = Dropout(name=f"{m}_drop_{layer}")(x, dropout, train=train and name not in frozen)
                x = nn.relu(Dense(width, name=name)(x))
            x = Dropout(name=f"{m}_drop")(x, dropout, train=train and f"{m}_head" not in frozen)
            codes[m] = x
            heads[m] = Dense(self.classes or 1, name=f"{m}_head")(to_wide(x))
            outputs |= {f"{name}/{m}": y for name, y in name_outputs(heads[m], self.classes).items()}
        if self.combine == "multiplicative":
            for subset in self._mixtures:
                joined = to_wide(jnp.concatenate([codes[m] for m in subset], axis=-1))
                heads["+".join(subset)] = Dense(self.classes, name=f"mixed_{'_'.join(subset)}")(joined)
            outputs["candidates"] = jnp.stack(list(heads.values()), axis=1)
            return outputs | name_outputs(combine(outputs["candidates"]), self.classes)
        return outputs | name_outputs(self._combine(heads, present), self.classes)

    def _combine(self, heads: Mapping[str, jax.Array], present: Mapping[str, jax.Array]) -> jax.Array:
        """Logits [B, C] or numbers [B, 1] of all modalities together."""
        says = {m: nn.softmax(y) if self.classes else y for m, y in heads.items()}
        if self.combine == "average":
            mean = average_heads(says, present)
            return jnp.log(jnp.maximum(mean, _LEAST)) if self.classes else mean
        if self.combine == "vote":
            return _vote(says, present) if self.classes else _take_median(says, present)
        vectors = [jnp.where(present[m][:, None], y, 0) for m, y in says.items()]
        if self.combine == "learned":
            return Dense(self.classes or 1, name="combiner")(jnp.concatenate(vectors, axis=-1))
        return Dense(self.classes or 1, name="combiner")(multiply_outer(vectors))

    def deploy(self, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array]) -> jax.Array:
        """Returns predictions [B], or logits [B, classes]."""
        return self(inputs, masks, train=False)["prediction"]


def _vote(says: Mapping[str, jax.Array], present: Mapping[str, jax.Array]) -> jax.Array:
    """Logarithms [B, C] of each class's share of the votes; the mean probability, less than a vote, decides ties."""
    count = len(says)
    votes = {m: jax.nn.one_hot(jnp.argmax(p, axis=-1), p.shape[-1], dtype=p.dtype) for m, p in says.items()}
    # Ties are of a whole vote, 1 / count of the mean or more; half of that is left to the probabilities.
    score = average_heads(votes, present) + average_heads(says, present) / (2 * count)
    return jnp.log(jnp.maximum(score / (1 + 1 / (2 * count)), _LEAST))


def _take_median(says: Mapping[str, jax.Array], present: Mapping[str, jax.Array]) -> jax.Array:
    """The median [B, 1] of the numbers of the modalities that are there; of all where none is."""
    there = jnp.stack([present[m] for m in says], axis=1)[..., None]
    there = there | ~there.any(axis=1, keepdims=True)
    return jnp.nanmedian(jnp.where(there, jnp.stack(list(says.values()), axis=1), jnp.nan), axis=1)
