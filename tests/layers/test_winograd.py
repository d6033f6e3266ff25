import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers import winograd


@pytest.mark.parametrize("size", [(6, 4), (5, 7), (1, 1)])
def test_equals_the_plain_convolution_in_values_and_gradients(size):
    draw = np.random.default_rng(0)
    x = jnp.asarray(draw.normal(size=(2, *size, 3)), jnp.float32)
    kernel = jnp.asarray(draw.normal(size=(3, 3, 3, 5)), jnp.float32)
    back = jnp.asarray(draw.normal(size=(2, *size, 5)), jnp.float32)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def both(convolve):
        return jax.jit(lambda x, kernel: (convolve(x, kernel), *jax.vjp(convolve, x, kernel)[1](back)))(x, kernel)

    for ours, theirs in zip(both(winograd.convolve_same), both(plain), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
