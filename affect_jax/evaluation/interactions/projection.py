"""A function of several modalities, projected onto sums of functions of fewer.

    f_k(x) = sum over j = 0 ... k of the sum over sets S of j modalities of e_S(x)
    e_S(x) = sum over subsets R of S of (-1)^(|S| - |R|) E_R[f](x_R)

E_R[f](x_R) is the mean of f over examples whose modalities in R are those of x and whose others come from any example,
each from its own: modalities independent of each other. f_1 is the best sum of a function of each modality, f_2 that of
functions of pairs, f_M is f itself (functional analysis of variance; W. Hoeffding, Annals of Mathematical Statistics
19, 1948). With k = 1 and two modalities it is EMAP (J. Hessel and L. Lee, "Does my multimodal model learn cross-modal
interactions?", EMNLP 2020, eq. 3).
"""

import itertools
import math
from collections.abc import Mapping

import numpy as np

Means = Mapping[tuple[int, ...], np.ndarray]
"""Numbers of the modalities that an example keeps -> float [N, ...], the mean over all others of all examples."""


def list_subsets(modalities: int) -> tuple[tuple[int, ...], ...]:
    """All sets of modalities, the empty one first and the whole one last."""
    return tuple(s for size in range(modalities + 1) for s in itertools.combinations(range(modalities), size))


def weigh_subset(modalities: int, size: int, order: int) -> int:
    """How often the mean that keeps `size` modalities counts in the projection of that order."""
    return sum((-1) ** (k - size) * math.comb(modalities - size, k - size) for k in range(size, order + 1))


def project(means: Means, modalities: int, order: int) -> np.ndarray:
    """The projection [N, ...] onto functions of `order` modalities, from the means of all subsets."""
    kept = (subset for subset in list_subsets(modalities) if len(subset) <= order)
    return sum(weigh_subset(modalities, len(subset), order) * np.asarray(means[subset], np.float64) for subset in kept)
