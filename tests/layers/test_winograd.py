import functools

import jax
import numpy as np
import pytest

from affect_jax.layers import winograd


@pytest.mark.parametrize("size", [(6, 4), (5, 7), (1, 1)])
def test_equals_the_plain_convolution_in_values_and_gradients(size):
    draw = np.random.default_rng(0)
    x, kernel, back = (
        draw.standard_normal(shape, np.float32) for shape in ((2, *size, 3), (3, 3, 3, 5), (2, *size, 5))
    )

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def run(convolve, *given):
        y, pull_back = jax.vjp(convolve, *given)
        return y, pull_back(back)

    both = jax.jit(lambda *given: [run(convolve, *given) for convolve in (winograd.convolve_same, plain)])
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), *both(x, kernel))
