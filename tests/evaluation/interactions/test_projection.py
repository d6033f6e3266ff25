"""Projections onto sums of functions of fewer modalities."""

import itertools

import jax
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.evaluation.interactions import projected_answers
from affect_jax.evaluation.interactions.projection import list_subsets, project, weigh_subset


def _average(values):
    """Means of every subset, example by example, from answers [N, N, ...] to all combinations."""
    count, modalities = len(values), values.ndim
    means = {}
    for subset in list_subsets(modalities):
        means[subset] = np.array(
            [
                np.mean([values[c] for c in itertools.product(range(count), repeat=modalities) if _keeps(c, subset, i)])
                for i in range(count)
            ]
        )
    return means


def _keeps(combination, subset, example):
    return all(combination[m] == example for m in subset)


def test_weights_of_emap():
    assert [weigh_subset(2, size, 1) for size in (0, 1)] == [-1, 1]  # mean over others of each, less the mean of all
    assert [weigh_subset(3, size, 2) for size in (0, 1, 2)] == [1, -1, 1]


@pytest.mark.parametrize("modalities", [2, 3])
def test_the_whole_order_is_the_function_itself(modalities):
    values = np.random.default_rng(0).normal(size=(4,) * modalities)
    diagonal = values[(np.arange(4),) * modalities]
    np.testing.assert_allclose(project(_average(values), modalities, modalities), diagonal, atol=1e-12)


def test_a_sum_is_left_as_it_is_and_a_product_of_centred_functions_vanishes():
    a, b, c = np.random.default_rng(1).normal(size=(3, 5))
    a, b, c = a - a.mean(), b - b.mean(), c - c.mean()
    total = a[:, None] + b[None, :]
    np.testing.assert_allclose(project(_average(total), 2, 1), a + b, atol=1e-12)
    np.testing.assert_allclose(project(_average(a[:, None] * b[None, :]), 2, 1), 0, atol=1e-12)
    pairs = (a[:, None] * b[None, :])[:, :, None] + c[None, None, :]
    np.testing.assert_allclose(project(_average(pairs), 3, 1), c, atol=1e-12)
    np.testing.assert_allclose(project(_average(pairs), 3, 2), a * b + c, atol=1e-12)
    triple = a[:, None, None] * b[None, :, None] * c[None, None, :]
    np.testing.assert_allclose(project(_average(triple), 3, 2), 0, atol=1e-12)


class _Planted(nn.Module):
    """w (x y z) + x + y + z of single numbers, each from its own modality."""

    @nn.compact
    def __call__(self, inputs, masks, *, train):
        w = self.param("w", nn.initializers.ones, ())
        x, y, z = (inputs[m][..., 0, 0] for m in "xyz")
        return {"prediction": w * x * y * z + x + y + z}


def test_blocks_with_padding_are_averaged_over_their_examples():
    numbers = np.random.default_rng(2).normal(size=(3, 5)).astype(np.float32)
    batch = {"inputs": {}, "masks": {}}
    for name, of_modality in zip("xyz", numbers, strict=True):
        batch["inputs"][name] = of_modality[:, None, None]
        batch["masks"][name] = np.ones((5, 1), bool)
    is_valid = np.array([True, True, False, True, True])
    crossing = projected_answers.Crossing((("x",), ("y",), ("z",)), "prediction", 5)
    params = {"w": np.float32(0.5)}

    @jax.jit
    def average(batch, is_valid):
        return projected_answers._average_answers(_Planted(), params, batch, is_valid, crossing, 32)

    means = np.asarray(average(batch, is_valid))
    x, y, z = numbers[:, is_valid].astype(np.float64)
    values = 0.5 * x[:, None, None] * y[None, :, None] * z[None, None, :]
    values = values + x[:, None, None] + y[None, :, None] + z[None, None, :]
    for at, (subset, expected) in enumerate(_average(values).items()):
        np.testing.assert_allclose(means[at][is_valid], expected, atol=1e-5, err_msg=str(subset))
