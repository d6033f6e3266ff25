"""Selective prediction: the error of the answers that a model is surest of; float64 NumPy, on the host.

Y. Geifman and R. El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017; the area under the curve
of risk against coverage is of Y. Geifman, G. Uziel and R. El-Yaniv, "Bias-reduced uncertainty estimation for deep
neural classifiers", ICLR 2019.
"""

import numpy as np


def trace_risk(doubt: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Risk at every coverage: the mean loss of the n answers of least doubt, for n of 1 to N.

    Answers of equal doubt cannot be told apart, so each has the mean loss of all of them.

    Args:
      doubt: [N], larger is less sure, such as 1 - the largest probability.
      loss: [N], such as 1 of a wrong answer.

    Returns:
      float64 [N].

    Raises:
      ValueError: the two are not of one length, or empty.
    """
    doubt, loss = np.asarray(doubt, np.float64), np.asarray(loss, np.float64)
    if doubt.shape != loss.shape or doubt.ndim != 1 or not doubt.size:
        raise ValueError(f"doubts {doubt.shape} and losses {loss.shape} are two arrays [N] of one length")
    _, kind, count = np.unique(doubt, return_inverse=True, return_counts=True)
    mean = np.bincount(kind, loss) / count
    return np.cumsum(mean[np.sort(kind)]) / np.arange(1, len(loss) + 1)


def area_under_risk(doubt: np.ndarray, loss: np.ndarray) -> float:
    """AURC: the mean of `trace_risk`; the mean loss where doubt says nothing, and less the more it says."""
    return float(trace_risk(doubt, loss).mean())


def risk_at(coverage: float, doubt: np.ndarray, loss: np.ndarray) -> float:
    """The risk of the share `coverage`, in (0, 1], of answers that have the least doubt."""
    risks = trace_risk(doubt, loss)
    return float(risks[max(int(np.ceil(coverage * len(risks) - 1e-9)), 1) - 1])
