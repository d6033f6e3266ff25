import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers.dropout import Dropout, dropout, random_words

X = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)


@functools.partial(jax.jit, static_argnums=1)
def words(key, size):
    return random_words(key, (size,))


@jax.jit
def dropped(key, x, rate):
    return dropout(key, x, rate)


def keys():
    """Keys that a careless hash would mistake for one another: consecutive, and one word apart in either half."""
    raw = [[0, 0], [0, 1], [0, 2], [1, 0], [2, 0], [1, 1], [0, 0x9E3779B9], [0x9E3779B9, 0]]
    return np.array(raw, np.uint32)


def test_rate_zero_is_the_identity_bit_for_bit_and_rate_one_is_zero():
    np.testing.assert_array_equal(dropped(jax.random.key(0), X, 0.0), X)
    np.testing.assert_array_equal(dropped(jax.random.key(0), X, 1.0), 0)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.7])
def test_share_scale_and_mean(rate):
    ones = np.ones((500, 400), np.float32)
    out = np.asarray(dropped(jax.random.key(1), ones, rate))
    deviation = np.sqrt(rate * (1 - rate) / ones.size)
    assert np.mean(out == 0) == pytest.approx(rate, abs=4 * deviation)
    np.testing.assert_allclose(out[out != 0], 1 / (1 - rate), rtol=1e-6)
    assert out.mean() == pytest.approx(1, abs=4 * deviation / (1 - rate))
    # Neither rows nor columns get more than their share: chi-squared within 5 deviations of its mean.
    for axis in (0, 1):
        counts = (out == 0).sum(axis)
        expected = rate * ones.shape[axis]
        chi2 = np.sum((counts - expected) ** 2 / (expected * (1 - rate)))
        assert abs(chi2 - len(counts)) < 5 * np.sqrt(2 * len(counts))


def test_words_are_uniform_in_every_byte():
    for key in keys():
        drawn = np.asarray(words(key, 1 << 16))
        for shift in (0, 8, 16, 24):
            counts = np.bincount((drawn >> shift) & 255, minlength=256)
            chi2 = np.sum((counts - 256.0) ** 2 / 256)
            assert abs(chi2 - 255) < 5 * np.sqrt(2 * 255)
        assert len(np.unique(drawn)) == len(drawn)  # the hash of a position is a bijection for every key


def test_positions_and_keys_are_independent():
    size = 1 << 16
    drawn = np.stack([np.asarray(words(key, size)) for key in keys()])
    signs = np.stack(
        [((drawn >> bit) & 1) * np.float32(2) - 1 for bit in range(8, 32)], 1
    )  # the bits that dropout reads
    bound = 5.5 / np.sqrt(size)
    for bit in (0, 7, 15, 23):  # between keys, any bit of one against any of the other
        for other in range(signs.shape[1]):
            correlation = np.triu(signs[:, bit] @ signs[:, other].T / size, 1)
            assert np.abs(correlation).max() < bound
    for lag in (1, 2, 3, 4, 50, 100, 1024):  # along one mask: neighbours, rows, powers of two
        assert np.abs((signs[..., lag:] * signs[..., :-lag]).mean(-1)).max() < 1.1 * bound


def test_masks_of_two_keys_overlap_by_chance():
    ones = np.ones(1 << 16, np.float32)
    masks = [np.asarray(dropped(key, ones, 0.3)) == 0 for key in jax.random.split(jax.random.key(3), 6)]
    deviation = np.sqrt(0.09 * 0.91 / ones.size)
    for first in range(6):
        for second in range(first):
            assert np.mean(masks[first] & masks[second]) == pytest.approx(0.09, abs=5 * deviation)


def test_one_program_for_every_rate_and_the_same_mask_for_the_same_key():
    compiled = jax.jit(lambda key, x, rate: dropout(key, x, rate))
    outs = [np.asarray(compiled(jax.random.key(5), X, np.float32(rate))) for rate in (0.2, 0.2, 0.7)]
    assert compiled._cache_size() == 1
    np.testing.assert_array_equal(outs[0], outs[1])
    assert np.all((outs[2] != 0) <= (outs[0] != 0))  # the same draw against a lower threshold
    of_static_rate = jax.jit(lambda key, x: dropout(key, x, 0.2))
    np.testing.assert_array_equal(outs[0], of_static_rate(jax.random.key(5), X))


def test_gradient_is_the_mask():
    grad = jax.jit(jax.grad(lambda x: jnp.sum(dropout(jax.random.key(6), x, 0.4))))(X)
    np.testing.assert_allclose(grad, np.asarray(dropped(jax.random.key(6), X, 0.4)) / X, rtol=1e-5)


def test_under_vmap_every_row_has_its_own_key_and_rate():
    rates, row_keys = np.array([0, 0.3, 0.6], np.float32), np.array([[0, 7], [1, 7], [2, 7]], np.uint32)
    together = np.asarray(jax.jit(jax.vmap(lambda key, rate: dropout(key, X, rate)))(row_keys, rates))
    for row in range(3):
        np.testing.assert_array_equal(together[row], dropped(row_keys[row], X, rates[row]))


def test_typed_and_raw_keys_of_any_length_serve():
    typed = jax.random.key(8)
    np.testing.assert_array_equal(dropped(typed, X, 0.5), dropped(jax.random.key_data(typed), X, 0.5))
    assert 0.4 < np.mean(np.asarray(dropped(jax.random.key(8, impl="rbg"), X, 0.5)) == 0) < 0.6


def test_module_needs_a_key_only_when_training():
    np.testing.assert_array_equal(Dropout().apply({}, X, 0.5, train=False), X)
    run = jax.jit(lambda key: Dropout().apply({}, X, 0.5, train=True, rngs={"dropout": key}))
    assert np.mean(np.asarray(run(jax.random.key(0))) == 0) > 0.4
