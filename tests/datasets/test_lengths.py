"""Outliers in length."""

import numpy as np
import pytest

from affect_jax.datasets.lengths import find_outliers


@pytest.mark.parametrize(
    ("lengths", "outliers"),
    [
        ([1] * 11 + [300] + [1] * 8, [11]),
        ([1, 1.2, 0.8, 6.1], [3]),
        ([1, 1, 40], []),  # two others are no custom
        ([5, 1, 1, 1, 1], []),  # not more than five times as long
        ([1] * 15 + [300, 3000], [16, 15]),
        ([1] * 10 + [30] * 5, []),  # a third of all: two kinds of clips
        ([], []),
    ],
)
def test_a_few_that_are_far_longer_than_all_others(lengths, outliers):
    assert find_outliers(lengths) == outliers


def test_ordinary_speech_has_none():
    seconds = np.random.default_rng(0).lognormal(1.2, 0.7, 500)
    assert find_outliers(seconds) == []
