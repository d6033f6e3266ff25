"""Sets of classes, and intervals of numbers, that hold the truth as often as was asked; float64 NumPy, on the host.

Split conformal prediction: V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", 2005; A. N.
Angelopoulos and S. Bates, "Conformal prediction: a gentle introduction", Foundations and Trends in Machine Learning 16,
2023, sections 1 and 2.3. Where the answers that a threshold was made of and those that it is used on come about alike
(are exchangeable), the truth is covered with a probability of at least the coverage, and at most 1/(n + 1) above it.
Other speakers are not quite like those of the validation split, so coverage is tested, not taken for granted.
"""

import math

import numpy as np

from affect_jax.metrics.calibration import find_largest

COVERAGES = (0.8, 0.9, 0.95)
"""What sets and intervals are made for."""


def find_threshold(scores: np.ndarray, coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest of n scores of how ill the truth fits; infinite of too few scores.

    Raises:
      ValueError: a coverage that is not within 0 and 1, or no scores [n].
    """
    scores = np.asarray(scores, np.float64)
    if not 0 < coverage < 1 or scores.ndim != 1 or not scores.size:
        raise ValueError(f"the coverage is within 0 and 1, not {coverage}, of scores [n], not {list(scores.shape)}")
    rank = math.ceil((scores.size + 1) * coverage - 1e-9)
    return float(np.sort(scores)[rank - 1]) if rank <= scores.size else math.inf


def score_classes(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """1 - the probability of the true class: probabilities [N, C], target int [N] -> [N].

    M. Sadinle, J. Lei and L. Wasserman, "Least ambiguous set-valued classifiers with bounded error levels", JASA 114,
    2019: of all sets with their coverage they are the smallest on average.
    """
    return 1 - probabilities[np.arange(len(target)), target]


def choose_sets(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """bool [..., C]: the classes whose score is at most the threshold, and always the most probable one.

    An empty set would be of no use to anybody; adding a class only makes the coverage larger.
    """
    top = probabilities == find_largest(probabilities)[..., None]
    return (1 - probabilities <= threshold) | top


def score_numbers(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """|truth - prediction| [N], whose threshold is half the width of an interval around a prediction."""
    return np.abs(np.asarray(target, np.float64) - prediction)
