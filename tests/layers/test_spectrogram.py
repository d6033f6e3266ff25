"""The convolution of spectrograms, whose gradients are written by hand, against XLA's own."""

import jax
import numpy as np
import pytest

from affect_jax.layers import spectrogram


@pytest.mark.parametrize(("stride", "shape"), [(1, (2, 5, 4, 3)), (2, (2, 7, 6, 1)), (2, (1, 8, 5, 2))])
def test_a_convolution_and_its_gradients_are_xlas(stride: int, shape: tuple[int, ...]):
    draw = np.random.default_rng(0)
    x = draw.normal(size=shape).astype(np.float32)
    kernel = draw.normal(size=(3, 3, shape[-1], 4)).astype(np.float32)

    def convolve(x, kernel):
        ends = ((1, 1), (1, 1))
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), ends, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    @jax.jit
    def compare(x, kernel):
        ours, back = jax.vjp(lambda x, kernel: spectrogram.convolve(x, kernel, stride), x, kernel)
        expected, expected_back = jax.vjp(convolve, x, kernel)
        return (ours, back(expected)), (expected, expected_back(expected))

    ours, expected = compare(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), ours, expected)
