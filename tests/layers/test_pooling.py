import numpy as np
import pytest

from affect_jax.layers.pooling import average_pool, shortest_input


def test_means_of_whole_windows():
    x = np.arange(14.0).reshape(1, 7, 2)
    np.testing.assert_array_equal(average_pool(x, 3), [[[2, 3], [8, 9]]])
    np.testing.assert_array_equal(average_pool(x, 1), x)


@pytest.mark.parametrize(
    ("widths", "pools", "least"), [((6, 4, 4), (8, 6, 6), 4), ((3,), (1,), 1), ((1, 5), (2, 3), 2)]
)
def test_shortest_input_is_just_enough(widths, pools, least):
    def steps(length):
        for width, pool in zip(widths, pools, strict=True):
            length = (length - width + 1) // pool
        return length

    shortest = shortest_input(widths, pools, least)
    assert steps(shortest) == least
    assert steps(shortest - 1) < least
