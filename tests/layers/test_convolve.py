"""Convolutions whose gradients are written by hand, against XLA's own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.layers.convolve import convolve

CASES = {
    "pictures": ((2, 5, 4, 3), (3, 3), (1, 1), [(1, 1), (1, 1)]),
    "groups of channels": ((2, 9, 6), (4,), (1,), [(2, 1)], 2),
    "strides and groups": ((2, 7, 6, 4), (3, 2), (2, 1), [(1, 1), (0, 1)], 2),
    "strides": ((2, 7, 6, 1), (3, 3), (2, 2), [(1, 1), (1, 1)]),
    "strides that leave a rest": ((1, 8, 5, 2), (3, 2), (3, 2), [(0, 1), (2, 0)]),
    "width 1": ((2, 4, 3, 3), (1, 1), (1, 1), "VALID"),
    "steps": ((2, 9, 3), (5,), (1,), "SAME"),
    "steps cut at the ends": ((2, 9, 3), (4,), (2,), [(-1, -2)]),
}


@pytest.mark.parametrize("filters", [4, 20])  # few are multiplied
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_convolution_and_its_gradients_are_xlas(case, filters):
    shape, width, strides, padding, groups = (*case, 1)[:5]
    draw = np.random.default_rng(0)
    x = draw.normal(size=shape).astype(np.float32)
    kernel = draw.normal(size=(*width, shape[-1] // groups, filters)).astype(np.float32)
    spatial = "XYZ"[: len(width)]
    axes = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")

    @jax.jit
    def compare(x, kernel):
        grouped = dict(feature_group_count=groups)
        ours, back = jax.vjp(lambda x, kernel: convolve(x, kernel, strides, padding, **grouped), x, kernel)
        plain = functools.partial(jax.lax.conv_general_dilated, dimension_numbers=axes, **grouped)
        expected, expected_back = jax.vjp(lambda x, kernel: plain(x, kernel, strides, padding), x, kernel)
        return (ours, back(jnp.cos(expected))), (expected, expected_back(jnp.cos(expected)))

    ours, expected = compare(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), ours, expected)


def test_what_it_cannot_do_is_refused():
    x = np.zeros((1, 6, 2), np.float32)
    conv = nn.Conv(2, (3,), kernel_dilation=2, conv_general_dilated=convolve)
    with pytest.raises(ValueError, match="convolve has no rhs_dilation, but got"):
        jax.eval_shape(conv.init, jax.random.key(0), x)


@pytest.mark.parametrize(("examples", "entries", "filters"), [(3, 3, 17), (3, 21, 2), (2**20, 3, 2)])
def test_only_what_is_narrow_and_small_is_multiplied(examples, entries, filters):
    x = jax.ShapeDtypeStruct((examples, 8, 2), "float32")
    kernel = jax.ShapeDtypeStruct((entries, 2, filters), "float32")
    program = str(jax.make_jaxpr(lambda x, kernel: convolve(x, kernel, (1,), [(entries // 2,) * 2]))(x, kernel))
    assert "conv_general_dilated" in program
    assert "dot_general" not in program
