"""Scores from statistics that add up over groups, so that a bootstrap can redraw videos and score again.

float64 NumPy on purpose: the same scores as `affect_jax.metrics`, computed from sums that can be weighted by group.
"""

import math
from collections.abc import Callable

import numpy as np


def _mark_members(group: np.ndarray) -> np.ndarray:
    """float64 [F, G], one 1 a step; groups in sorted order."""
    _, index = np.unique(group, return_inverse=True)
    return np.eye(index.max() + 1)[index]


def count_classes(predicted: np.ndarray, target: np.ndarray, group: np.ndarray, classes: int) -> np.ndarray:
    """How often each class is true, is answered, and is both, by group: all that scores of classes need of a confusion.

    Args:
      predicted: int [R, F] classes.
      target: int [F].
      group: [F].
      classes: C.

    Returns:
      float64 [R, G, C, 3]: both, true, answered.
    """
    names, place = np.unique(group, return_inverse=True)
    shape = len(predicted), len(names), classes
    row = np.arange(len(predicted))[:, None]

    def count(chosen: np.ndarray, where: np.ndarray) -> np.ndarray:
        cells = np.ravel_multi_index(np.broadcast_arrays(row, place, chosen), shape)[where]
        return np.bincount(cells.ravel(), minlength=math.prod(shape)).reshape(shape).astype(np.float64)

    everywhere = np.ones(predicted.shape, bool)
    both = count(target, predicted == target)
    return np.stack([both, count(target, everywhere), count(predicted, everywhere)], -1)


def sum_moments(prediction: np.ndarray, target: np.ndarray, group: np.ndarray) -> np.ndarray:
    """[n, sum p, sum t, sum pp, sum tt, sum pt] by group: prediction [R, F], target [F] -> float64 [R, G, 6].

    Both are shifted by the target's mean first, which changes no CCC and keeps the sums small.
    """
    members, moments = _mark_members(group), _list_moments(prediction, target)
    broken = np.isnan(moments)
    sums = np.einsum("fg,rfk->rgk", members, np.where(broken, 0.0, moments), optimize=True)
    if not broken.any():
        return sums
    # Times 0, a NaN would reach the groups that it does not belong to.
    return np.where(np.einsum("fg,rfk->rgk", members, broken.astype(np.float64), optimize=True) > 0, np.nan, sums)


def _list_moments(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """What `sum_moments` sums: prediction [..., F], target [F] -> float64 [..., F, 6]."""
    shift = np.float64(target.mean())
    p, t = prediction.astype(np.float64) - shift, np.broadcast_to(target - shift, prediction.shape).astype(np.float64)
    return np.stack([np.ones_like(p), p, t, p * p, t * t, p * t], -1)


def score_accuracy(counts: np.ndarray) -> np.ndarray:
    """[..., C, 3] -> [...]."""
    return counts[..., 0].sum(-1) / counts[..., 1].sum(-1)


def score_uar(counts: np.ndarray) -> np.ndarray:
    """Mean recall of the classes that occur: [..., C, 3] -> [...]."""
    both, true = counts[..., 0], counts[..., 1]
    return (both / np.where(true > 0, true, 1)).sum(-1) / (true > 0).sum(-1)


def score_weighted_f1(counts: np.ndarray) -> np.ndarray:
    """Mean F1 weighted by true counts, 0 for a class that is neither true nor answered: [..., C, 3] -> [...]."""
    both, true, answered = np.moveaxis(counts, -1, 0)
    f1 = 2 * both / np.where(true + answered > 0, true + answered, 1)
    return (f1 * true).sum(-1) / true.sum(-1)


def score_ccc(sums: np.ndarray) -> np.ndarray:
    """Lin's concordance from summed moments [..., 6] -> [...]; 0 where nothing varies (Lin, Biometrics 45, 1989)."""
    n = sums[..., 0]
    mean_p, mean_t, pp, tt, pt = (sums[..., i] / n for i in range(1, 6))
    spread = pp - mean_p**2 + tt - mean_t**2 + (mean_p - mean_t) ** 2
    varies = ~(spread <= 1e-12)  # a NaN must stay one
    return np.where(varies, 2 * (pt - mean_p * mean_t) / np.where(varies, spread, 1), 0.0)


def score_pcc(sums: np.ndarray) -> np.ndarray:
    """Pearson's correlation from summed moments [..., 6] -> [...]; 0 where one of the two does not vary."""
    n = sums[..., 0]
    mean_p, mean_t, pp, tt, pt = (sums[..., i] / n for i in range(1, 6))
    product = np.maximum(pp - mean_p**2, 0) * np.maximum(tt - mean_t**2, 0)
    varies = ~(product <= 1e-12)
    return np.where(varies, (pt - mean_p * mean_t) / np.sqrt(np.where(varies, product, 1)), 0.0)


def score_running_ccc(prediction: np.ndarray, target: np.ndarray, window: int) -> np.ndarray:
    """CCC of every window of `window` steps: prediction [F], target [F] -> [F - window + 1]; 0 where nothing varies.

    NaN where a prediction in the window is.

    Raises:
      ValueError: the window is longer than the recording or has fewer than two steps.
    """
    if not 2 <= window <= len(target):
        raise ValueError(f"window is from 2 to {len(target)} steps, but is {window}")
    broken = np.isnan(prediction)
    moments = _list_moments(np.where(broken, 0.0, prediction), target)
    # A running sum would carry a NaN to the end, so they are counted beside it.
    sums = np.concatenate([np.zeros((1, 7)), np.cumsum(np.column_stack([moments, broken]), axis=0)])
    of_window = sums[window:] - sums[:-window]
    return np.where(of_window[:, 6] > 0, np.nan, score_ccc(of_window[:, :6]))


SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "accuracy": score_accuracy,
    "uar": score_uar,
    "weighted_f1": score_weighted_f1,
    "ccc": score_ccc,
    "pcc": score_pcc,
}
_OF_MOMENTS = ("ccc", "pcc")
_OF_CLASSES = ("binary", "multiclass", "signed_regression")


def has_statistics(task: str, metric: str) -> bool:
    """Whether a task's metric can be computed from sums over groups."""
    of_task = task.endswith("regression") if metric in _OF_MOMENTS else task in _OF_CLASSES
    return metric in SCORES and of_task


def sum_statistics(task: str, metric: str, prediction: np.ndarray, target: np.ndarray, group: np.ndarray) -> np.ndarray:
    """What a score is made of: counts of classes [R, G, C, 3] or moments [R, G, 6].

    A group in which a prediction is NaN has statistics of NaN, and so has every score that they enter: NaN is no
    answer, and compared with a threshold it would be one.

    Args:
      task: 'binary' (prediction [R, F] is a probability), 'multiclass' (logits [R, F, C]) or a regression [R, F], of
        which 0 and above is a class where the metric is of classes.
      metric: of SCORES.
      prediction: see task.
      target: [F].
      group: [F].
    """
    if metric in _OF_MOMENTS:
        return sum_moments(prediction, target, group)
    if task == "multiclass":
        answer, truth, classes = prediction.argmax(-1), target, prediction.shape[-1]
    elif task == "signed_regression":
        answer, truth, classes = prediction >= 0, target >= 0, 2
    else:
        answer, truth, classes = prediction >= 0.5, target, 2
    counts = count_classes(answer.astype(np.int64), truth.astype(np.int64), group, classes)
    broken = np.isnan(prediction.reshape(*prediction.shape[:2], -1)).any(-1)
    if not broken.any():
        return counts
    is_broken = broken.astype(np.float64) @ _mark_members(group) > 0
    return np.where(is_broken[:, :, None, None], np.nan, counts)


def sum_constant(metric: str, sums: np.ndarray) -> np.ndarray:
    """The statistics of a constant answer on the same targets, [1, G, ...]: the majority class, or the mean.

    A regressor that answers the targets' mean has no covariance with them in any group's moments about it.
    """
    if metric in _OF_MOMENTS:
        still = sums[:1].copy()
        still[..., [1, 3, 5]] = 0.0  # shifted by the targets' mean: the answer is 0 everywhere
        return still
    true = sums[:1, ..., 1]  # [1, G, C]
    constant = np.zeros_like(sums[:1])
    constant[..., 1] = true
    answer = true.sum((0, 1)).argmax()
    constant[..., answer, 0] = true[..., answer]
    constant[..., answer, 2] = true.sum(-1)
    return constant
