"""Sequential model-based search: which points a forest, fitted to the scores so far, expects much of.

F. Hutter, H. Hoos, K. Leyton-Brown, "Sequential model-based optimization for general algorithm configuration", LION
2011 (SMAC): a random forest predicts the score of a point, the spread of its trees says how sure it is, and the points
with the greatest expected improvement over the best so far are tried next.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import norm
from sklearn.ensemble import RandomForestRegressor

from affect_jax.config.search import Points, draw_points

_DRAWN = 1000
_TREES = 100


def propose_points(
    ranges: Mapping[str, Sequence[float]], points: Points, scores: Sequence[float], count: int, seed: int
) -> Points:
    """The next points of a search.

    Args:
      ranges: path -> (least, greatest).
      points: tried so far.
      scores: of them, larger is better; -inf of a point whose trials all failed.
      count: how many are wanted.
      seed: of the candidates and the forest; the same arguments give the same points.

    Returns:
      `count` points, none of which was tried; fewer where the ranges have no more.
    """
    tried = {tuple(point.items()) for point in points}
    drawn = {tuple(point.items()): point for point in draw_points(ranges, _DRAWN, seed)}
    new = [point for key, point in drawn.items() if key not in tried]
    if not new:
        return ()
    known = np.array(scores, np.float64)
    finite = np.isfinite(known)
    # A point that failed is as bad as the worst, not left out, or its neighbours would be tried again and again.
    known[~finite] = known[finite].min() if finite.any() else 0.0
    forest = RandomForestRegressor(_TREES, random_state=seed)
    forest.fit(_tabulate(points, ranges), known)
    table = _tabulate(new, ranges)
    expected = np.stack([tree.predict(table) for tree in forest.estimators_])
    gain = _expect_improvement(expected.mean(0), expected.std(0), known.max())
    return tuple(new[at] for at in np.argsort(-gain, kind="stable")[:count])


def _tabulate(points: Sequence[Mapping[str, float]], ranges: Mapping[str, Sequence[float]]) -> np.ndarray:
    """float64 [points, paths]; in the logarithm what is drawn so."""
    columns = []
    for path, (least, _) in sorted(ranges.items()):
        values = [point[path] for point in points]
        columns.append([math.log(value) for value in values] if least > 0 else values)
    return np.array(columns, np.float64).T


def _expect_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """E[max(score - best, 0)] of normal scores, [points]."""
    deviation = np.maximum(deviation, 1e-12)
    z = (mean - best) / deviation
    return deviation * (z * norm.cdf(z) + norm.pdf(z))
