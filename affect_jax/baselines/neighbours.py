"""Nearest neighbours, and the selection of features by how well such neighbours predict with random subsets of them.

Räsänen & Pohjalainen, "Random subset feature selection in automatic recognition of developmental disorders, affective
states, and level of conflict from speech", INTERSPEECH 2013.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.training import mesh

DUMMIES = 100
"""Features without any content, whose relevance shows what chance gives."""
SIGNIFICANCE = 2.3263
"""Standard deviations above the dummies' mean: the 99th percentile of a normal distribution."""
NEIGHBOURS = 3
PREFERENCE = 1e-3
"""How much more a nearer neighbour's vote counts, so that the nearest decides where votes are equal."""
CHUNK = 512


class Selection(NamedTuple):
    """The features that random subsets select.

    Attributes:
      columns: int [K], numbers of the selected features, the most relevant first.
      significant: how many stand out from chance; where that is 0, as many are selected as a subset has.
      relevance: float64 [D].
      mean: the mean score of all subsets, uar or pcc within the training split.
    """

    columns: np.ndarray
    significant: int
    relevance: np.ndarray
    mean: float


def compute_distances(rows: jax.Array, x: jax.Array) -> jax.Array:
    """Squared Euclidean distances [M, N] of rows [M, D] to x [N, D]."""
    square = jnp.sum(jnp.square(rows), 1)[:, None] + jnp.sum(jnp.square(x), 1)[None, :]
    return square - 2 * jnp.einsum("md,nd->mn", rows, x)


@functools.partial(jax.jit, static_argnames=("k", "classes"))
def answer_by_neighbours(distance: jax.Array, y: jax.Array, *, k: int, classes: int) -> jax.Array:
    """Predictions by the k nearest examples.

    Args:
      distance: [M, N].
      y: float [N], values or classes.
      k: neighbours.
      classes: 0 for a regression.

    Returns:
      [M], their mean; or [M, C], the share of each class among them, where every class is counted once more.
    """
    nearest = jax.lax.top_k(-distance, k)[1]
    if not classes:
        return jnp.mean(jnp.asarray(y)[nearest], axis=1)
    votes = jax.nn.one_hot(jnp.asarray(y)[nearest].astype(jnp.int32), classes)
    weight = 1 - PREFERENCE * jnp.arange(k)
    counts = 1 + jnp.sum(votes * weight[None, :, None], axis=1)
    return counts / jnp.sum(counts, axis=1, keepdims=True)


def _measure_quality(prediction: jax.Array, y: jax.Array, classes: int) -> jax.Array:
    """Unweighted average recall of the shares [N, C], or the correlation of the means [N], with y [N]."""
    if classes:
        truth = jax.nn.one_hot(y.astype(jnp.int32), classes)
        is_right = jnp.argmax(prediction, 1) == y.astype(jnp.int32)
        support = truth.sum(0)
        recall = jnp.where(support > 0, (truth * is_right[:, None]).sum(0) / jnp.maximum(support, 1), 0)
        return recall.sum() / (support > 0).sum()
    a, b = prediction - prediction.mean(), y - y.mean()
    return (a * b).sum() / jnp.maximum(jnp.sqrt((a * a).sum() * (b * b).sum()), 1e-12)


def select_features(
    x: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    *,
    classes: int,
    iterations: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Selection:
    """Selects features whose random subsets do better than the average subset, by more than chance.

    As its authors do it: each of `iterations` subsets has sqrt(D) features, drawn with replacement; 3 nearest
    neighbours predict with them; the subset's score (uar; here also the correlation, for a regression) minus the mean score is
    added to the relevance of its features, and to that of some of 100 dummies. Features above the 99th percentile of a
    normal distribution fitted to the dummies are selected, so 1 % of useless features are selected, too. The authors'
    default is 300,000 subsets; fewer distinguish useful features less well.

    Unlike the authors: a clip's neighbours are sought in the training split among the other groups (speakers, debates),
    so no validation split is used up; a dummy is drawn as often as a feature, where they draw 10 of 100 whatever D is,
    which for thousands of features demands much more than the 99th percentile; the mean is that of all subsets, where
    they take that of the earlier ones.

    Args:
      x: float32 [N, D], standardised.
      y: float32 [N].
      groups: [N], any labels; where all are one group, a clip is only kept from being its own neighbour.
      classes: 0 for a regression.
      iterations: how many subsets.
      seed: of the subsets.
      progress: receives how many are done, and of how many.
    """
    random = np.random.default_rng(seed)
    size = max(round(np.sqrt(x.shape[1])), 1)
    draws = random.integers(x.shape[1], size=(iterations, size))
    score = _score_subsets(x, y, groups, draws, classes=classes, progress=progress)
    relevance = np.zeros(x.shape[1])
    np.add.at(relevance, draws, (score - score.mean())[:, None])
    chance = (score - score.mean()) @ (random.random((iterations, DUMMIES)) < size / x.shape[1])
    order = np.argsort(-relevance, kind="stable")
    significant = int((relevance > chance.mean() + SIGNIFICANCE * chance.std(ddof=1)).sum())
    return Selection(order[: significant or size], significant, relevance, float(score.mean()))


def _score_subsets(
    x: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray,
    draws: np.ndarray,
    *,
    classes: int,
    progress: Callable[[int, int], None],
) -> np.ndarray:
    """float64 [iterations]: how well the neighbours predict with the features of each draw."""
    number = np.unique(groups, return_inverse=True)[1]
    same = number[:, None] == number[None, :]
    same = np.eye(len(x), dtype=bool) if same.all() else same
    k = max(min(NEIGHBOURS, int((~same).sum(1).min())), 1)

    def score_draw(shared: tuple[jax.Array, jax.Array, jax.Array], draw: jax.Array) -> jax.Array:
        x_NxD, y_N, same_NxN = shared
        subset = x_NxD[:, draw]
        distance = jnp.where(same_NxN, jnp.inf, compute_distances(subset, subset))
        return _measure_quality(answer_by_neighbours(distance, y_N, k=k, classes=classes), y_N, classes)

    devices = mesh.make_mesh()
    run = mesh.map_over_trials(devices, mesh.choose_trials_at_once(0), score_draw)
    shared = mesh.replicate(devices, (x.astype(np.float32), y.astype(np.float32), same))
    iterations, size = draws.shape
    # Chunks of one size, a multiple of the devices, so that one program does for all; the last is padded.
    chunk = -(-min(CHUNK, iterations) // devices.size) * devices.size
    scores = []
    for first in range(0, iterations, chunk):
        mine = draws[first : first + chunk]
        padded = np.concatenate([mine, np.zeros((chunk - len(mine), size), mine.dtype)])
        scores.append(mesh.to_host(run(shared, mesh.shard_trials(devices, padded)))[: len(mine)])
        progress(first + len(mine), iterations)
    return np.concatenate(scores).astype(np.float64)
