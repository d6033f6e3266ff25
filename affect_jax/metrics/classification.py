"""Classification metrics over a whole split, from confusion counts, which merge by addition.

Names. `accuracy` is the share of right answers (elsewhere WA, weighted accuracy, WAR). `uar` is the unweighted average
recall, the mean of the recalls of the classes (elsewhere UA, balanced accuracy). The thesis' eq. 2.10 has the two names
the other way round: its UWA is `accuracy`, its WA is `uar`.

A class that no true label carries has no recall and is left out of `uar`; one that neither truth nor prediction uses
has no F1 and is left out of `macro_f1`. So do scikit-learn's `balanced_accuracy_score` and `f1_score` with their
default labels. Without entries, every metric of counts is 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Likelihoods(NamedTuple):
    """Statistics of log_loss, both scalars; they merge by addition.

    Attributes:
      total: sum of the log-likelihoods of the true classes, in nats.
      count: int32, number of entries.
    """

    total: jax.Array
    count: jax.Array


def count_confusions(predicted: jax.Array, target: jax.Array, where: jax.Array, classes: int) -> jax.Array:
    """Returns counts, int32 [classes, classes]: rows are the truth, columns the prediction.

    Args:
      predicted: class indices; floats that hold whole numbers will do.
      target: class indices of the same shape.
      where: bool of the same shape, the entries that count.
      classes: their number. An entry whose label or prediction lies outside 0..classes-1 is not counted.

    Raises:
      ValueError: the shapes differ.
    """
    if not predicted.shape == target.shape == where.shape:
        raise ValueError(
            f"predicted {predicted.shape}, target {target.shape} and where {where.shape} must have one shape"
        )
    predicted, target = (jnp.where(where, x, 0).astype(jnp.int32) for x in (predicted, target))
    known = where & (target >= 0) & (target < classes) & (predicted >= 0) & (predicted < classes)
    position = jnp.where(known, target * classes + predicted, 0).reshape(-1)
    counts = jnp.zeros(classes * classes, jnp.int32).at[position].add(known.reshape(-1).astype(jnp.int32))
    return counts.reshape(classes, classes)


def accuracy(confusion: jax.Array) -> jax.Array:
    """Returns right answers over all answers (the thesis' UWA)."""
    return _ratio(jnp.trace(confusion), jnp.sum(confusion))


def uar(confusion: jax.Array) -> jax.Array:
    """Returns the mean recall over the classes that occur (the thesis' WA)."""
    support = jnp.sum(confusion, axis=1)
    return _ratio(jnp.sum(_ratio(jnp.diagonal(confusion), support)), jnp.sum(support > 0))


def macro_f1(confusion: jax.Array) -> jax.Array:
    """Returns the mean of F1 = 2 tp / (2 tp + fp + fn) over the classes that truth or prediction uses."""
    return _ratio(jnp.sum(_f1(confusion)), jnp.sum(_count_uses(confusion) > 0))


def weighted_f1(confusion: jax.Array) -> jax.Array:
    """Returns the mean F1 over classes, weighted by how often each is true."""
    support = jnp.sum(confusion, axis=1)
    return _ratio(jnp.sum(_f1(confusion) * support), jnp.sum(support))


def majority(confusion: jax.Array) -> jax.Array:
    """Returns the accuracy of always answering the most frequent true class."""
    return _ratio(jnp.max(jnp.sum(confusion, axis=1)), jnp.sum(confusion))


def log_loss(prediction: jax.Array, target: jax.Array, where: jax.Array) -> jax.Array:
    """Returns the mean negative log-likelihood of the true classes, in nats; NaN without entries.

    Args: see `sum_likelihoods`.
    """
    likelihoods = sum_likelihoods(prediction, target, where)
    return -likelihoods.total / likelihoods.count


def sum_likelihoods(prediction: jax.Array, target: jax.Array, where: jax.Array) -> Likelihoods:
    """Sums the log-likelihoods of the true classes.

    Args:
      prediction: probabilities of class 1, of the target's shape (taken as at least 1e-7 away from 0 and 1), or logits
        with a class axis behind it.
      target: class indices.
      where: bool of the target's shape, the entries that count.
    """
    if prediction.ndim == target.ndim:
        chance = jnp.clip(prediction, 1e-7, 1 - 1e-7)
        likelihood = jnp.log(jnp.where(target > 0.5, chance, 1 - chance))
    else:
        classes = jnp.where(where, target, 0).astype(jnp.int32)
        likelihood = jnp.take_along_axis(jax.nn.log_softmax(prediction), classes[..., None], axis=-1)[..., 0]
    return Likelihoods(jnp.sum(jnp.where(where, likelihood, 0)), jnp.sum(where))


def _f1(confusion: jax.Array) -> jax.Array:
    """Returns the F1 of each class, [classes]."""
    return _ratio(2 * jnp.diagonal(confusion), _count_uses(confusion))


def _count_uses(confusion: jax.Array) -> jax.Array:
    """Returns how often truth and prediction use each class, [classes]."""
    return jnp.sum(confusion, axis=0) + jnp.sum(confusion, axis=1)


def _ratio(part: jax.Array, whole: jax.Array) -> jax.Array:
    """Returns part / whole of counts, and 0 where the whole is 0."""
    return jnp.where(whole > 0, part / jnp.maximum(whole, 1), 0)
