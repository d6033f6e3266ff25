import numpy as np
import pytest

from affect_jax.layers.sums import sum_rows


@pytest.mark.parametrize("rows", [1, 64, 131])  # one, the most that are summed as they are, and odd halves
def test_rows_are_summed_each_once(rows):
    x = np.arange(rows * 6, dtype=np.float32).reshape(rows, 2, 3)
    np.testing.assert_array_equal(sum_rows(x), x.sum(axis=(0, 1)))


def test_no_row_sums_to_zero():
    np.testing.assert_array_equal(sum_rows(np.zeros((0, 3), np.float32)), np.zeros(3))
