"""Distances between codes of two modalities in one space: what belongs together is near, what does not is far.

Both take a [..., d], b [..., d], where bool [...] and target [...], treat every valid step as a sample, compare each
sample of a with every one of b by Euclidean distance, and return a scalar to minimise. Where there is nothing to
compare: 0, with zero gradients. Shapes that do not fit, and unknown options: ValueError.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from affect_jax.losses import views


def contrastive(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    target: jax.Array,
    *,
    margin: float = 1.0,
    positives: Literal["item", "label"] = "item",
) -> jax.Array:
    """Mean of D^2 / 2 over pairs that belong together + mean of max(0, margin - D)^2 / 2 over all others.

    Hadsell, Chopra & LeCun (2006, eq. 4), with each kind of pair averaged by itself, as there are far more of others.

    Args:
      a: codes of one modality.
      b: codes of the other.
      where: which samples count.
      target: of each sample; read with `positives='label'` alone.
      margin: distance from which others are far enough.
      positives: what belongs together: the two codes of an 'item', or all of one 'label' (classes).
    """
    if positives not in ("item", "label"):
        raise ValueError(f"positives is {positives!r}; choose 'item' or 'label'")
    distance, valid = _measure_pairs(a, b, where)
    if positives == "item":
        is_same = jnp.eye(len(valid), dtype=bool)
    else:
        is_same = _compare_labels(target, where, 0.0)
    pairs = valid[:, None] & valid[None, :]
    near = _average(jnp.square(distance), pairs & is_same)
    far = _average(jnp.square(jnp.maximum(margin - distance, 0)), pairs & ~is_same)
    return (near + far) / 2


def triplet(
    a: jax.Array,
    b: jax.Array,
    where: jax.Array,
    target: jax.Array,
    *,
    margin: float = 1.0,
    mining: Literal["hard", "semi_hard"] = "semi_hard",
    near: float = 0.0,
) -> jax.Array:
    """Mean over anchors of a of max(0, D(anchor, positive) - D(anchor, negative) + margin), both of b.

    Args:
      a: codes of one modality, the anchors.
      b: codes of the other.
      where: which samples count.
      target: of each sample; positives are those of the anchor's label, negatives all others.
      margin: by which a negative shall be further away than a positive.
      mining: 'hard' takes of each anchor the furthest positive and the nearest negative (Hermans et al. 2017, eq. 5);
        'semi_hard' takes all positives, and for each the nearest negative that is further away than it, or the furthest
        one where none is (Schroff et al. 2015, section 3.2).
      near: labels that differ by no more than this are the same, for numbers.
    """
    distance, valid = _measure_pairs(a, b, where)
    is_same = _compare_labels(target, where, near)
    pairs = valid[:, None] & valid[None, :]
    positive, negative = pairs & is_same, pairs & ~is_same
    has_negative = negative.any(axis=1, keepdims=True)
    if mining == "hard":
        furthest = jnp.where(positive, distance, -jnp.inf).max(axis=1, keepdims=True)
        nearest = jnp.where(negative, distance, jnp.inf).min(axis=1, keepdims=True)
        counts = positive.any(axis=1, keepdims=True) & has_negative
        gap = jnp.where(counts, furthest, 0) - jnp.where(counts, nearest, 0)
    elif mining == "semi_hard":
        counts = positive & has_negative
        gap = distance - _find_semi_hard(distance, negative)
    else:
        raise ValueError(f"mining is {mining!r}; choose 'hard' or 'semi_hard'")
    return _average(jnp.maximum(jnp.where(counts, gap, 0) + margin, 0), counts)


def _find_semi_hard(distance: jax.Array, negative: jax.Array) -> jax.Array:
    """[p, p]: of each pair, the distance of the anchor's nearest negative beyond it, or else of its furthest.

    By sorting, as all triplets at once would be p^3 numbers. An anchor without a negative has 0.
    """
    ascending = jnp.sort(jnp.where(negative, distance, jnp.inf), axis=1)
    place = jax.vmap(lambda row, values: jnp.searchsorted(row, values, side="right"))(ascending, distance)
    last = jnp.maximum(negative.sum(axis=1, keepdims=True) - 1, 0)
    chosen = jnp.take_along_axis(ascending, jnp.minimum(place, last), axis=1)
    return jnp.where(negative.any(axis=1, keepdims=True), chosen, 0)


def _measure_pairs(a: jax.Array, b: jax.Array, where: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Euclidean distances [p, p] of every sample of a and of b, and which samples are valid [p]."""
    views.check_width(a, b)
    a, b, valid = views.flatten(a, b, where)
    # Of differences, not of norms and products, which cancel where codes are near.
    square = jnp.square(a[:, None, :] - b[None, :, :]).sum(axis=-1)
    differs = square > 0  # the root of 0 has no slope
    return jnp.where(differs, jnp.sqrt(jnp.where(differs, square, 1.0)), 0.0), valid


def _compare_labels(target: jax.Array, where: jax.Array, near: float) -> jax.Array:
    """bool [p, p]: the labels of two samples are the same."""
    if target.shape != where.shape:
        raise ValueError(f"target {target.shape} must have the mask's shape {where.shape}")
    label = target.reshape(-1)
    return jnp.abs(label[:, None] - label[None, :]) <= near


def _average(values: jax.Array, where: jax.Array) -> jax.Array:
    return jnp.where(where, values, 0).sum() / jnp.maximum(where.sum(dtype=values.dtype), 1)
