"""How far probabilities and numbers can be believed, and maps that mend them; float64 NumPy, on the host.

Every map is fitted on validation predictions and applied to others. A temperature, or a scale and an offset, are so few
numbers that a few hundred answers determine them; isotonic curves follow more, and need more answers.
"""

import functools
from typing import NamedTuple

import numpy as np

BINS = 15
"""Bins of equal width of `bin_confidences`, as Guo et al. have them."""
_COLDEST, _HOTTEST = 1 / 50, 50.0
_LEAST = np.finfo(np.float32).tiny
_CLOSE = np.finfo(np.float64).resolution


class Reliability(NamedTuple):
    """Answers in bins of their confidence, all float64 [..., B]: they add up, over groups as over batches.

    Attributes:
      count: answers.
      confidence: sum of the probabilities of the classes that were answered.
      right: right answers.
    """

    count: np.ndarray
    confidence: np.ndarray
    right: np.ndarray


class AffineMap(NamedTuple):
    """x -> scale x + offset; `scale` is above 0, so that no order, and no PCC, changes."""

    scale: float
    offset: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values of any shape and dtype, which it keeps."""
        return (self.scale * values + self.offset).astype(values.dtype)


def compute_probabilities(task: str, prediction: np.ndarray) -> np.ndarray:
    """float64 [..., C] of logits [..., C] ('multiclass'), or of the probabilities of class 1 [...] of 'binary'.

    Raises:
      ValueError: the task has no classes.
    """
    prediction = np.asarray(prediction, np.float64)
    if task == "binary":
        return np.stack([1 - prediction, prediction], -1)
    if task != "multiclass":
        raise ValueError(f"a task of classes is binary or multiclass, not {task!r}")
    return _normalize(prediction)


def find_largest(values: np.ndarray) -> np.ndarray:
    """The maximum over the last axis, [..., C] -> [...]: class by class, as numpy is slow over an axis of few."""
    return functools.reduce(np.maximum, np.moveaxis(values, -1, 0))


def _normalize(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - find_largest(logits)[..., None])
    return shares / shares.sum(-1, keepdims=True)


def bin_confidences(probabilities: np.ndarray, target: np.ndarray, bins: int = BINS) -> Reliability:
    """Sorts N answers into bins of equal width by the probability of the class that is answered, the largest.

    Args:
      probabilities: [N, C].
      target: int [N].
      bins: B; bin b holds confidences in (b/B, (b+1)/B].

    Raises:
      ValueError: shapes do not fit.
    """
    return Reliability(*(of_answers.sum(0) for of_answers in place_confidences(probabilities, target, bins)))


def place_confidences(probabilities: np.ndarray, target: np.ndarray, bins: int = BINS) -> Reliability:
    """Each answer in its bin, float64 [N, B], zeros in the others; arguments as `bin_confidences`."""
    _check(probabilities, target)
    confidence, right = find_largest(probabilities), probabilities.argmax(-1) == target
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.eye(bins)[place]
    return Reliability(count, count * confidence[:, None], count * right[:, None])


def expected_calibration_error(reliability: Reliability) -> np.ndarray:
    """ECE [...]: mean distance of confidence and accuracy over bins, weighted by their answers; 0 without any.

    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015; C. Guo et al., "On calibration of modern neural networks", ICML 2017, eq. 3. Few answers make it larger than
    it is: a bin's accuracy is a mean of its answers, whose chance counts as error.
    """
    count, confidence, right = reliability
    return np.abs(confidence - right).sum(-1) / np.maximum(count.sum(-1), 1)


def brier_score(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean over answers of the summed squared errors of all classes, 0 to 2.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950. Of two
    classes it is twice scikit-learn's `brier_score_loss` of older versions.

    Args: see `bin_confidences`.
    """
    _check(probabilities, target)
    truth = np.eye(probabilities.shape[-1])[target]
    return float(np.square(probabilities - truth).sum(-1).mean())


def negative_log_likelihood(probabilities: np.ndarray, target: np.ndarray) -> float:
    """Mean of -ln of the true class's probability, nats. Args: see `bin_confidences`."""
    _check(probabilities, target)
    return float(-np.log(np.maximum(probabilities[np.arange(len(target)), target], _LEAST)).mean())


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(ln p / T) [..., C], which is softmax(logits / T): above 1 it is less sure, below 1 surer.

    The most probable class stays the most probable one.
    """
    return _normalize(np.log(np.maximum(probabilities, _LEAST)) / temperature)


def temper_predictions(task: str, prediction: np.ndarray, temperature: float) -> np.ndarray:
    """Logits [..., C] of 'multiclass', or probabilities [...] of 'binary', at a temperature, in their own form."""
    if task == "multiclass":
        return (prediction / temperature).astype(prediction.dtype)
    tempered = apply_temperature(compute_probabilities(task, prediction), temperature)[..., 1]
    return tempered.astype(prediction.dtype)


def fit_temperature(probabilities: np.ndarray, target: np.ndarray) -> float:
    """The temperature at which the true classes are likeliest: Guo et al. 2017, section 4.2, after J. Platt, 1999.

    The negative log-likelihood is convex in 1/T, so its slope has one root; T stays within 1/50 and 50, which a model
    reaches that is never wrong, or no better than chance.

    Args: see `bin_confidences`.
    """
    from scipy import optimize  # here, as it takes a third of a second to import

    _check(probabilities, target)
    logs = np.log(np.maximum(probabilities, _LEAST))
    of_truth = logs[np.arange(len(target)), target].mean()

    def slope(log_temperature: float) -> float:
        shares = apply_temperature(probabilities, np.exp(log_temperature))
        return float(np.vdot(shares, logs) / len(logs) - of_truth)

    coldest, hottest = np.log(_COLDEST), np.log(_HOTTEST)
    if slope(coldest) <= 0:
        return _COLDEST
    return _HOTTEST if slope(hottest) >= 0 else float(np.exp(optimize.brentq(slope, coldest, hottest)))


Curves = tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
"""Of each class: rising probabilities, and what they count as, which never falls; straight lines between."""


def fit_isotonic(probabilities: np.ndarray, target: np.ndarray) -> Curves:
    """A curve a class that never falls, by least squares against whether the class is the true one.

    B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002:
    each class against the others, then made to add up to 1. What a curve says stays 1/(N + 2) away from 0 and 1, as N
    answers show no certainty (Laplace's rule).

    Args: see `bin_confidences`.
    """
    from scipy import optimize  # as above

    _check(probabilities, target)
    edge, curves = 1 / (len(target) + 2), []
    for number, shares in enumerate(probabilities.T):
        at = _list_levels(shares)
        place = np.searchsorted(at, shares, side="right") - 1
        count = np.bincount(place)
        right = np.bincount(place, target == number) / count
        values = np.clip(optimize.isotonic_regression(right, weights=count).x, edge, 1 - edge)
        # Of steps of one value the two ends say all.
        is_end = np.append(True, np.diff(values) != 0) | np.append(np.diff(values) != 0, True)
        curves.append((tuple(at[is_end].tolist()), tuple(values[is_end].tolist())))
    return tuple(curves)


def _list_levels(values: np.ndarray) -> np.ndarray:
    """The values in order, each once; what is within `_CLOSE` above one counts as that one, as in scikit-learn."""
    levels = np.unique(values)
    if not (np.diff(levels) < _CLOSE).any():
        return levels
    starts = [0]
    while (following := np.searchsorted(levels, levels[starts[-1]] + _CLOSE)) < len(levels):
        starts.append(following)
    return levels[starts]


def apply_isotonic(probabilities: np.ndarray, curves: Curves) -> np.ndarray:
    """Probabilities [..., C] by their classes' curves, made to add up to 1; the most probable class may change."""
    columns = [np.interp(probabilities[..., number], *curve) for number, curve in enumerate(curves)]
    mapped = np.stack(columns, -1)
    return mapped / mapped.sum(-1, keepdims=True)


def fit_affine(prediction: np.ndarray, target: np.ndarray) -> AffineMap:
    """The map of least squares from predictions [N] to targets [N]; of those that do not rise together, an offset.

    It lowers the squared error on what it is fitted on, or leaves it: a map that turned the order round would be no
    reading of the predictions, so where they do not correlate, or do not vary, only their mean is moved.

    Raises:
      ValueError: the two are not of one length, or empty.
    """
    prediction, target = np.asarray(prediction, np.float64), np.asarray(target, np.float64)
    if prediction.shape != target.shape or prediction.ndim != 1 or not prediction.size:
        raise ValueError(f"predictions {prediction.shape} and targets {target.shape} are two arrays [N] of one length")
    centre, deviation = prediction.mean(), prediction - prediction.mean()
    variance, product = np.square(deviation).mean(), (deviation * target).mean()
    scale = product / variance if variance > 1e-20 and product > 1e-20 else 1.0
    return AffineMap(float(scale), float(target.mean() - scale * centre))


def _check(probabilities: np.ndarray, target: np.ndarray) -> None:
    if probabilities.ndim != 2 or probabilities.shape[:1] != target.shape or not len(target):
        raise ValueError(f"probabilities {probabilities.shape} must be [N, C] and targets {target.shape} [N]")
