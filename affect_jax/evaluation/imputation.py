"""Imputation by the nearest training examples (thesis 4.4.2): values in place of missing vectors.

The distances of all pairs of Q queries and N training examples are one matrix product, so the device holds
N_test x N_train floats for each set of known features and each metric (35 MB for 1,500 test and 5,900 training
utterances), beside the training vectors themselves.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

METRICS = ("euclidean", "cosine")
_EPSILON = 1e-12


def compute_distances(query_QxF: jax.Array, training_NxF: jax.Array, metric: str) -> jax.Array:
    """float32 [Q, N]: squared Euclidean distances, |q|^2 - 2 q.t + |t|^2, or 1 - cosine.

    A vector of zeros has no direction; its cosine with everything is 0.
    """
    if metric == "cosine":
        query_QxF, training_NxF = _scale_to_unit_length(query_QxF), _scale_to_unit_length(training_NxF)
        return 1 - _multiply_pairs(query_QxF, training_NxF)
    # Distances from the mean of the training split are the same, and their difference loses fewer digits.
    middle_F = training_NxF.mean(axis=0)
    query_QxF, training_NxF = query_QxF - middle_F[None, :], training_NxF - middle_F[None, :]
    of_query, of_training = (jnp.square(x).sum(axis=1) for x in (query_QxF, training_NxF))
    return of_query[:, None] - 2 * _multiply_pairs(query_QxF, training_NxF) + of_training[None, :]


def _multiply_pairs(a_QxF: jax.Array, b_NxF: jax.Array) -> jax.Array:
    return jnp.einsum("qf,nf->qn", a_QxF, b_NxF, precision=jax.lax.Precision.HIGHEST)


def _scale_to_unit_length(x_NxF: jax.Array) -> jax.Array:
    return x_NxF / jnp.maximum(jnp.linalg.norm(x_NxF, axis=1, keepdims=True), _EPSILON)


def find_nearest(
    query_QxF: jax.Array, training_NxF: jax.Array, usable_N: jax.Array, count: int, metric: str = "euclidean"
) -> jax.Array:
    """int32 [Q, count]: the numbers of the nearest training examples, nearest first; the first of equally near ones.

    Args:
      query_QxF: known features of the queries.
      training_NxF: the same features of the training split.
      usable_N: bool, False for training examples that are not to be taken; at least `count` are True.
      count: how many, at most N.
      metric: of METRICS.
    """
    distance_QxN = compute_distances(query_QxF, training_NxF, metric)
    return jax.lax.top_k(jnp.where(usable_N[None, :], -distance_QxN, -jnp.inf), count)[1]


def average_neighbours(training_NxF: jax.Array, nearest_QxK: jax.Array, counts: Sequence[int]) -> list[jax.Array]:
    """For each of `counts`, the mean of that many nearest training rows of each query, [Q, F].

    The neighbours are added up one after another, so that memory holds no more than [Q, F] for any K.
    """

    def add_neighbour(k: jax.Array, total_QxF: jax.Array) -> jax.Array:
        return total_QxF + training_NxF[nearest_QxK[:, k]]

    means, done = {}, 0
    total_QxF = jnp.zeros((nearest_QxK.shape[0], training_NxF.shape[1]), training_NxF.dtype)
    for count in sorted(set(counts)):
        total_QxF = jax.lax.fori_loop(done, count, add_neighbour, total_QxF)
        means[count], done = total_QxF / count, count
    return [means[count] for count in counts]


def impute_neighbours(
    pooled_QxPxD: jax.Array,
    training_NxPxD: jax.Array,
    usable_N: jax.Array,
    known: Sequence[bool],
    counts: Sequence[int],
    metric: str = "euclidean",
) -> list[jax.Array]:
    """For each of `counts`, the queries' vectors [Q, P, D] with the unknown ones replaced by their neighbours' mean.

    Args:
      pooled_QxPxD: the queries' vectors; unknown ones are not read.
      training_NxPxD: the training split's.
      usable_N: bool, which training examples may be neighbours.
      known: which of the P vectors are; neighbours are sought by these, side by side. At least one.
      counts: how many neighbours, at most as many as are usable.
      metric: of METRICS.
    """
    have = [p for p, is_known in enumerate(known) if is_known]
    lack = [p for p, is_known in enumerate(known) if not is_known]
    query_QxF, training_NxF = (_flatten_vectors(x, have) for x in (pooled_QxPxD, training_NxPxD))
    neighbours_QxK = find_nearest(query_QxF, training_NxF, usable_N, max(counts), metric)
    means = average_neighbours(_flatten_vectors(training_NxPxD, lack), neighbours_QxK, counts)
    return [_replace_vectors(pooled_QxPxD, lack, mean_QxF) for mean_QxF in means]


def impute_mean(
    pooled_QxPxD: jax.Array, training_NxPxD: jax.Array, usable_N: jax.Array, known: Sequence[bool]
) -> jax.Array:
    """The queries' vectors [Q, P, D] with the unknown ones replaced by their mean over the training split."""
    lack = [p for p, is_known in enumerate(known) if not is_known]
    rows_NxF = jnp.where(usable_N[:, None], _flatten_vectors(training_NxPxD, lack), 0.0)
    mean_F = rows_NxF.sum(axis=0) / usable_N.sum()
    return _replace_vectors(pooled_QxPxD, lack, jnp.broadcast_to(mean_F[None, :], (pooled_QxPxD.shape[0], mean_F.size)))


def _flatten_vectors(x_NxPxD: jax.Array, vectors: Sequence[int]) -> jax.Array:
    """Some of the vectors side by side, [N, F]."""
    return x_NxPxD[:, jnp.array(vectors, jnp.int32)].reshape(x_NxPxD.shape[0], -1)


def _replace_vectors(pooled_QxPxD: jax.Array, lack: Sequence[int], values_QxF: jax.Array) -> jax.Array:
    values = values_QxF.reshape(pooled_QxPxD.shape[0], len(lack), pooled_QxPxD.shape[2])
    return pooled_QxPxD.at[:, jnp.array(lack, jnp.int32)].set(values)
