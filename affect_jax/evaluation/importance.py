"""Which hyper-parameters of a search mattered: how much worse a forest predicts scores without each of them.

A random forest learns the validation scores of the points that were tried (as for SMAC's proposals, F. Hutter, H. Hoos
and K. Leyton-Brown, LION 2011); the drop of its R² on points that a tree has not seen, when one column is permuted, is
that column's importance (L. Breiman, "Random forests", Machine Learning 45, 2001). F. Hutter, H. Hoos and K.
Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014, decompose the same forest's
variance. scikit-learn is imported where it is used: it takes long to load.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.experiment.results_file import SearchedPoint

LEAST_POINTS = 10
"""Points below which nothing is said, however many folds each was tried on."""
_PARTS, _REPEATS = 5, 20


class Importance(NamedTuple):
    """One hyper-parameter of the search of a variant.

    Attributes:
      path: dotted.
      drop: of the R² of held-out trials when its values are permuted, mean ...
      spread: ... and standard deviation over parts and permutations.
      least, greatest: values that were tried.
      best: that of the best mean score over folds and seeds.
    """

    path: str
    drop: float
    spread: float
    least: float
    greatest: float
    best: float


class Searched(NamedTuple):
    """The search of a study and variant.

    Attributes:
      study: its study.
      variant: its variant.
      trials: that have a score.
      explained: R² of the scores of held-out trials, by the forest; of little or nothing, no importance means much.
      importances: the largest drop first.
    """

    study: str
    variant: str
    trials: int
    explained: float
    importances: tuple[Importance, ...]


def weigh_hyperparameters(searched: Sequence[SearchedPoint], sign: float, seed: int = 0) -> list[Searched]:
    """The importance of each hyper-parameter, for every variant of which `LEAST_POINTS` points or more have a score.

    Args:
      searched: of a run.
      sign: +1 where a larger score is better, -1 where a smaller one is.
      seed: of the forests.
    """
    of_variant: dict[tuple[str, str], list[SearchedPoint]] = {}
    for one in searched:
        if one.score is not None:
            of_variant.setdefault((one.study, one.variant), []).append(one)
    return [
        _weigh(key, points, sign, seed)
        for key, points in of_variant.items()
        if points[0].hyper and len({tuple(sorted(point.hyper.items())) for point in points}) >= LEAST_POINTS
    ]


def _weigh(key: tuple[str, str], points: Sequence[SearchedPoint], sign: float, seed: int) -> Searched:
    paths = sorted(points[0].hyper)
    values = np.array([[point.hyper[path] for path in paths] for point in points])
    # What is drawn in the logarithm is learned in it; folds differ in how hard they are.
    columns = [np.log(x) if (x > 0).all() else x for x in values.T]
    _, fold = np.unique([point.fold for point in points], return_inverse=True)
    table, scores = np.column_stack([*columns, fold]), np.array([point.score for point in points])
    explained, drops = _permute_columns(table, scores, len(paths), seed)
    best = _find_best(points, paths, sign)
    importances = [
        Importance(path, float(of.mean()), float(of.std()), float(tried.min()), float(tried.max()), best[path])
        for path, of, tried in zip(paths, drops, values.T, strict=True)
    ]
    importances.sort(key=lambda one: -one.drop)
    return Searched(*key, len(points), explained, tuple(importances))


def _permute_columns(table: np.ndarray, scores: np.ndarray, count: int, seed: int) -> tuple[float, np.ndarray]:
    """R² of held-out trials, and its drops [count, permutations] by the first `count` columns."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    random, variance = np.random.default_rng(seed), max(float(scores.var()), 1e-20)
    predicted, drops = np.zeros(len(scores)), []
    for train, held_out in KFold(_PARTS, shuffle=True, random_state=seed).split(table):
        forest = RandomForestRegressor(100, random_state=seed).fit(table[train], scores[train])
        predicted[held_out] = forest.predict(table[held_out])
        error = np.square(predicted[held_out] - scores[held_out]).mean()
        changed = np.repeat(table[held_out][None], count * _REPEATS, axis=0)
        for number, copy in enumerate(changed):
            column = number // _REPEATS
            copy[:, column] = random.permutation(copy[:, column])
        # All columns at once: asking a forest of few rows costs as much as asking it of many.
        answers = forest.predict(changed.reshape(-1, table.shape[1])).reshape(count, _REPEATS, -1)
        drops.append((np.square(answers - scores[held_out]).mean(-1) - error) / variance)
    return 1 - float(np.square(predicted - scores).mean()) / variance, np.concatenate(drops, axis=1)


def _find_best(points: Sequence[SearchedPoint], paths: Sequence[str], sign: float) -> dict[str, float]:
    """The values of the point with the best mean score over folds and seeds, of those that most folds have tried."""
    scores: dict[tuple[float, ...], list[float]] = {}
    for point in points:
        scores.setdefault(tuple(point.hyper[path] for path in paths), []).append(sign * point.score)
    most = max(map(len, scores.values()))
    best = max((values for values, of in scores.items() if len(of) == most), key=lambda values: np.mean(scores[values]))
    return dict(zip(paths, best, strict=True))
