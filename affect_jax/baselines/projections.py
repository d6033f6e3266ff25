"""What table 3.1's methods do with thousands of functionals: rank them by a canonical correlation, select some of them
in forward and backward steps, or project kernels.

After what the thesis tells of the papers, whose code is not public: numbers of landmarks, groups and components are
chosen here.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LANDMARKS = 100
"""Clips by which a kernel is approximated."""
GROUPS = 4
"""Parts into which the columns are cut, in their order (openSMILE's has one low-level descriptor after another)."""
SPARSITY = 0.5
"""Columns whose covariance with the target is below this share of the greatest have no part in a component."""
_LEAST = 1e-8


def rank_by_correlation(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Numbers of the columns [D], the most important first: by their weights in the canonical correlation with y.

    With one target, the projection whose correlation with it is greatest is (x'x / n + ridge I)^-1 x'y; of several (a
    column for each class), a column counts by the length of its weights (after Kaya et al., INTERSPEECH 2014).

    Args:
      x: [N, D], standardised; D may be far more than N.
      y: [N, C], targets.
      ridge: added to each column's variance, which is 1.
    """
    centred = y - y.mean(axis=0)[None, :]
    scale = np.maximum(centred.std(axis=0), _LEAST)
    x = x.astype(np.float64)
    gram = x @ x.T + len(x) * ridge * np.eye(len(x))
    weights = x.T @ np.linalg.solve(gram, centred / scale[None, :])
    return np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")


def select_forward_backward(x: np.ndarray, y: np.ndarray, columns: int) -> np.ndarray:
    """Numbers of the columns that a forward-backward greedy search selects for a linear regression, in its order.

    Forward, the column that explains most of the residual enters. Backward, a column leaves again as long as the error
    rises by less than half of what the last one gained (Zhang 2011, "Adaptive forward-backward greedy algorithm for
    learning sparse representations", algorithm 1). So a column that stood for several others goes once these are there.

    Args:
      x: [N, D], standardised.
      y: [N, C], targets; the errors of all count.
      columns: at most as many, and fewer than N.
    """
    x, y = x.astype(np.float64), y - y.mean(axis=0)[None, :]
    chosen: list[int] = []
    gains: list[float] = []
    error, residual = float(np.square(y).sum()), y
    total, norm = max(error, _LEAST), np.maximum(np.linalg.norm(x, axis=0), _LEAST)
    while len(chosen) < min(columns, len(x) - 2, x.shape[1]):
        explained = np.linalg.norm(x.T @ residual, axis=1) / norm
        explained[chosen] = -1
        weights, after, inverse = _regress(x[:, [*chosen, int(explained.argmax())]], y)
        if error - after <= _LEAST * total:
            break
        chosen.append(int(explained.argmax()))
        gains.append(error - after)
        error = after
        while len(chosen) > 1:
            # What the error rises by when a column alone leaves.
            rises = np.square(weights).sum(axis=1) / np.maximum(np.diag(inverse), _LEAST * _LEAST)
            if rises.min() > gains[-1] / 2:
                break
            chosen.pop(int(rises.argmin()))
            gains.pop()
            weights, error, inverse = _regress(x[:, chosen], y)
        residual = y - x[:, chosen] @ weights
    return np.array(chosen, int)


def _regress(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Least squares: weights [K, C], the squared error, and the inverse [K, K] of x'x."""
    inverse = np.linalg.pinv(x.T @ x)
    weights = inverse @ (x.T @ y)
    return weights, float(np.square(y - x @ weights).sum()), inverse


class _Kernel(NamedTuple):
    """A group of columns and its Nyström approximation: k(x, landmarks) @ root [L, L]."""

    columns: np.ndarray
    landmarks: np.ndarray
    root: np.ndarray


def fit_ensemble(x: np.ndarray, y: np.ndarray, components: int, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """An ensemble of sparse partial least squares regressions on Nyström approximations of Gaussian kernels.

    Of each group of columns a kernel exp(-|x - z|^2 / D) is approximated by LANDMARKS drawn clips z (Williams & Seeger
    2001) and regressed on; the answers of all groups are averaged (after Huang, Li & Dong 2014).

    Args:
      x: [N, D], standardised.
      y: [N, C], targets.
      components: of each regression.
      seed: of the landmarks.

    Returns:
      [M, D] -> [M, C].
    """
    random = np.random.default_rng(seed)
    members = []
    for columns in np.array_split(np.arange(x.shape[1]), min(GROUPS, x.shape[1])):
        drawn = random.permutation(len(x))[:LANDMARKS]
        landmarks = x[drawn][:, columns].astype(np.float64)
        values, vectors = np.linalg.eigh(_compute_kernel(landmarks, landmarks))
        kept = values > _LEAST * values[-1]
        kernel = _Kernel(columns, landmarks, vectors[:, kept] / np.sqrt(values[kept])[None, :])
        features = _project(kernel, x)
        centre = features.mean(axis=0), y.mean(axis=0)
        weights = [
            fit_sparse_pls(features - centre[0][None, :], of_class, components) for of_class in (y - centre[1]).T
        ]
        members.append((kernel, centre, np.stack(weights, axis=1)))

    def predict(rows: np.ndarray) -> np.ndarray:
        answers = [(_project(kernel, rows) - c[0][None, :]) @ w + c[1][None, :] for kernel, c, w in members]
        return np.mean(answers, axis=0)

    return predict


def fit_sparse_pls(x: np.ndarray, y: np.ndarray, components: int, sparsity: float = SPARSITY) -> np.ndarray:
    """Weights [D] of a sparse partial least squares regression (Chun & Keleş 2010, of one target).

    Each direction is x'r of the residual r, of which entries below `sparsity` times the greatest are 0, and the others
    are less by that much; 0 is plain partial least squares.

    Args:
      x: [N, D], centred.
      y: [N], centred.
      components: at most as many; fewer where nothing is left to explain.
      sparsity: in [0, 1).
    """
    directions, loadings, shares = [], [], []
    x, residual = x.copy(), y.astype(np.float64)
    for _ in range(min(components, x.shape[1])):
        covariance = x.T @ residual
        bound = sparsity * np.abs(covariance).max()
        direction = np.sign(covariance) * np.maximum(np.abs(covariance) - bound, 0)
        score = x @ direction
        square = score @ score
        if square <= _LEAST * max(np.square(y).sum(), _LEAST):
            break
        loading, share = x.T @ score / square, residual @ score / square
        x, residual = x - score[:, None] * loading[None, :], residual - share * score
        directions.append(direction)
        loadings.append(loading)
        shares.append(share)
    if not directions:
        return np.zeros(x.shape[1])
    w, p = np.stack(directions, axis=1), np.stack(loadings, axis=1)
    return w @ np.linalg.lstsq(p.T @ w, np.array(shares), rcond=None)[0]


def _compute_kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None, :] - 2 * a @ b.T
    return np.exp(-np.maximum(square, 0) / a.shape[1])


def _project(kernel: _Kernel, rows: np.ndarray) -> np.ndarray:
    return _compute_kernel(rows[:, kernel.columns].astype(np.float64), kernel.landmarks) @ kernel.root
