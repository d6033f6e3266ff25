"""MTUT's alignment: the authors' heads are in tests/zoo/cases/mtut.py, here is who moves."""

import jax
import numpy as np
import pytest

from affect_jax.losses import ssa
from affect_jax.losses.semantics import correlate_positions
from tests.losses.programs import keep_on_host
from tests.zoo import proof
from tests.zoo.test_proof import FILES

MAPS = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
ALL = np.ones(3, bool)
graded = keep_on_host(jax.jit(jax.value_and_grad(ssa, argnums=(0, 1)), static_argnames="beta"))
WORSE, BETTER = np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 1.0])


def test_only_the_worse_map_moves_and_only_where_it_is_worse():
    _, (d_a, d_b) = graded(*MAPS, ALL, WORSE, BETTER)
    np.testing.assert_array_equal(d_b, 0)
    np.testing.assert_array_equal(d_a[1], 0)
    assert np.abs(d_a[[0, 2]]).max(axis=(1, 2)).min() > 0


def test_equal_maps_and_channels_of_zeros_have_finite_gradients():
    silent = np.concatenate([MAPS[0], np.zeros_like(MAPS[0])], axis=-1)
    value, gradients = graded(silent, silent, ALL, WORSE, BETTER)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert value == 0


def test_an_example_that_is_left_out_has_no_part():
    where = np.array([True, True, False])
    cut = [x[:2] for x in (*MAPS, ALL, WORSE, BETTER)]
    np.testing.assert_allclose(graded(*MAPS, where, WORSE, BETTER)[0], graded(*cut)[0], rtol=1e-6)
    with pytest.raises(ValueError, match="same positions"):
        ssa(MAPS[0], MAPS[1, :, :2], ALL, WORSE, BETTER)


def test_channels_have_unit_length_along_positions():
    correlations = jax.jit(correlate_positions)(MAPS[0])
    np.testing.assert_allclose(np.trace(correlations, axis1=1, axis2=2), MAPS.shape[-1], rtol=1e-5)


def test_its_gradient_alone_is_that_of_mmpose():
    numbers = proof.read_fixture(FILES["mtut_small"]).kinds
    maps = [np.moveaxis(numbers["in"][f"x{i}"], 1, -1) for i in range(3)]
    maps = [x.reshape(len(x), -1, x.shape[-1]) for x in maps]
    errors, total = numbers["out"]["ce_per_example"], 0.0
    gradients = [np.zeros_like(x) for x in maps]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        where = np.ones(len(maps[0]), bool)
        value, pair = graded(maps[i], maps[j], where, errors[i], errors[j], beta=1.5)
        total += 0.7 * value
        gradients[i] += 0.7 * pair[0]
        gradients[j] += 0.7 * pair[1]
    np.testing.assert_allclose(total, numbers["out"]["loss_ssa"], rtol=1e-5)
    for i, gradient in enumerate(gradients):
        theirs = np.moveaxis(numbers["gradin_ssa"][f"x{i}"], 1, -1).reshape(gradient.shape)
        np.testing.assert_allclose(gradient, theirs, atol=1e-6)
