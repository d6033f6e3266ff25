"""What papers on CMU-MOSI, CMU-MOSEI and alike report of sentiment from -3 to 3, from counts that merge by addition.

Binary accuracy and F1 have two forms that are often confused: `has0` compares negative with not negative on all
entries, `non0` compares negative with positive and leaves out entries whose true value is 0. The accuracies of 7, 5 and
3 classes clip both values to [-3, 3], [-2, 2], [-1, 1] and round them. Rounding is numpy's, to the even neighbour of a
half: .5 becomes 0, 1.5 and 2.5 become 2. So do Tsai et al. (MulT, 2019, `eval_metrics.py`) and MMSA (`metricsTop.py`).
The label `class7` of CMU-MOSI has halves away from zero (`datasets.cmu_mosi.classes`), so an accuracy of a classifier
of these labels and `accuracy_7` are not the same thing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from affect_jax.metrics import classification

LIMITS = {"accuracy_7": 3, "accuracy_5": 2, "accuracy_3": 1}
"""Metric -> the largest class, and minus it the smallest."""


class Counts(NamedTuple):
    """Statistics of a split or of some of its batches; they merge by addition.

    Attributes:
      has0: int32 [2, 2], truth (rows) and prediction at or above 0.
      non0: int32 [2, 2], truth and prediction above 0, where the truth is not 0.
      hits: int32 [3], right answers of `LIMITS`.
      absolute_error: sum of |prediction - target|.
      count: int32, number of entries.
    """

    has0: jax.Array
    non0: jax.Array
    hits: jax.Array
    absolute_error: jax.Array
    count: jax.Array


def make_empty_counts() -> Counts:
    """Returns the counts of no entries."""
    pairs = jnp.zeros((2, 2), jnp.int32)
    zero = jnp.zeros((), jnp.int32)
    return Counts(pairs, pairs, jnp.zeros(len(LIMITS), jnp.int32), jnp.zeros((), jnp.float32), zero)


def count_answers(prediction: jax.Array, target: jax.Array, where: jax.Array) -> Counts:
    """Counts the entries in `where`; other entries never matter, whatever they hold.

    Args:
      prediction: float, any shape.
      target: float, the same shape.
      where: bool, the same shape.
    """
    x, y = (jnp.where(where, v.astype(jnp.float32), 0) for v in (prediction, target))
    hits = [where & (round_half_even(x, limit) == round_half_even(y, limit)) for limit in LIMITS.values()]
    return Counts(
        has0=classification.count_confusions(x >= 0, y >= 0, where, 2),
        non0=classification.count_confusions(x > 0, y > 0, where & (y != 0), 2),
        hits=jnp.stack([jnp.sum(hit, dtype=jnp.int32) for hit in hits]),
        absolute_error=jnp.sum(jnp.abs(x - y)),
        count=jnp.sum(where, dtype=jnp.int32),
    )


def round_half_even(values: jax.Array, limit: int) -> jax.Array:
    """The class of each value: clipped to -limit..limit and rounded, a half to the even number beside it."""
    return jnp.round(jnp.clip(values, -limit, limit))


def merge_counts(a: Counts, b: Counts) -> Counts:
    """Returns the counts of two disjoint sets of entries together."""
    return Counts(*(x + y for x, y in zip(a, b, strict=True)))


def mae(counts: Counts) -> jax.Array:
    """Returns the mean absolute error; NaN without entries, since 0 would read as a perfect score."""
    return counts.absolute_error / counts.count


def class_accuracy(counts: Counts, name: str) -> jax.Array:
    """Returns the accuracy of clipped and rounded values; `name` is a key of `LIMITS`. 0 without entries."""
    return counts.hits[tuple(LIMITS).index(name)] / jnp.maximum(counts.count, 1)


SCORES = {
    "mae": mae,
    "accuracy_has0": lambda counts: classification.accuracy(counts.has0),
    "f1_has0": lambda counts: classification.weighted_f1(counts.has0),
    "accuracy_non0": lambda counts: classification.accuracy(counts.non0),
    "f1_non0": lambda counts: classification.weighted_f1(counts.non0),
    **{name: (lambda counts, name=name: class_accuracy(counts, name)) for name in LIMITS},
}
"""Metric -> its function of the counts."""
