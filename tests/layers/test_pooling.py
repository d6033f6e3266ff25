import jax
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.layers.pooling import average_pool, max_pool, shortest_input


def test_means_of_whole_windows():
    x = np.arange(14.0).reshape(1, 7, 2)
    of_three, of_one = jax.jit(lambda x: (average_pool(x, 3), average_pool(x, 1)))(x)
    np.testing.assert_array_equal(of_three, [[[2, 3], [8, 9]]])
    np.testing.assert_array_equal(of_one, x)


@pytest.mark.parametrize("sizes", [(3,), (2, 2), (3, 2)])
def test_the_greatest_of_each_window_and_the_first_of_equal_ones_has_the_gradient(sizes):
    draw = np.random.default_rng(0)
    x = draw.integers(3, size=(2, *(3 * size + 1 for size in sizes), 4)).astype(np.float32)  # many are equal
    weights = draw.standard_normal((2, *(3 for _ in sizes), 4), np.float32)

    def grade(pool):
        return jax.value_and_grad(lambda x: (weights * pool(x)).sum())

    both = grade(lambda x: max_pool(x, sizes)), grade(lambda x: nn.max_pool(x, sizes, sizes))
    ours, theirs = jax.jit(lambda x: [grad(x) for grad in both])(x)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


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
