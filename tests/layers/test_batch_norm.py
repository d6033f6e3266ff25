"""The gradient of batch norm, which is written by hand, against autodiff's of the formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers.batch_norm import normalize_batch


def norm(x, scale, bias, mask):
    """In plain words, of valid entries."""
    valid = jnp.ones(x.shape[:-1], bool) if mask is None else mask
    chosen = jnp.where(valid[..., None], x, 0)
    count = jnp.maximum(valid.sum(), 1)
    mean = chosen.sum((0, 1)) / count
    variance = jnp.where(valid[..., None], jnp.square(x - mean[None, None]), 0).sum((0, 1)) / count
    return (x - mean[None, None]) / jnp.sqrt(variance + 1e-5)[None, None] * scale[None, None] + bias[None, None]


@pytest.mark.parametrize("mask", [None, [[1, 1, 0], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]], ids=["all", "some", "none"])
def test_gradients_are_autodiffs(mask):
    draw = np.random.default_rng(0)
    with jax.enable_x64(True):
        mask = None if mask is None else np.array(mask, bool)
        x, weights = (draw.normal(size=(2, 3, 4)) for _ in range(2))
        scale, bias = (draw.normal(size=4) for _ in range(2))

        def grade(run, *given):
            return jax.value_and_grad(lambda *rest: (weights * run(*rest, mask)).sum(), (0, 1, 2))(*given)

        both = lambda *all_of: normalize_batch(*all_of)[0], norm
        ours, plain = jax.jit(lambda *given: [grade(run, *given) for run in both])(x, scale, bias)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), ours, plain)
