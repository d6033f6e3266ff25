import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.convolution import ConvBlock
from affect_jax.layers.sinc import LEAST_HZ, SincBlock, compute_cutoffs, form_band_pass, place_mel_bands

RATE, WIDTH, POOL, FILTERS = 8000, 125, 4, 3
BLOCK = SincBlock(FILTERS, WIDTH, POOL, RATE)
X = np.random.default_rng(0).standard_normal((3, 200, 1), np.float32)
VALID = np.array([True, True, False])


@functools.cache
def variables():
    return jax.device_get(jax.jit(functools.partial(BLOCK.init, train=False))(jax.random.key(0), X, VALID))


def gain(kernel, hz):
    """|frequency response| of kernels [width, 1, F] at `hz`."""
    n = np.arange(len(kernel))
    return np.abs(np.exp(-2j * np.pi * hz / RATE * n) @ np.asarray(kernel[:, 0], np.float64))


def test_filters_pass_their_band_with_gain_one_and_stop_the_rest():
    lower, upper = np.array([500.0, 1500.0]), np.array([1200.0, 3000.0])
    form = jax.jit(functools.partial(form_band_pass, width=WIDTH))
    kernel = np.asarray(form((lower / RATE).astype(np.float32), (upper / RATE).astype(np.float32)))
    assert kernel.shape == (WIDTH, 1, 2)
    np.testing.assert_allclose(gain(kernel, 850.0), [1, 0], atol=0.01)
    np.testing.assert_allclose(gain(kernel, 2200.0), [0, 1], atol=0.01)
    np.testing.assert_allclose(gain(kernel, 3800.0), [0, 0], atol=0.01)
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-6)  # symmetric: no frequency is delayed more than another


def test_bands_start_side_by_side_on_the_mel_scale_and_end_at_half_the_rate():
    cutoffs = jax.jit(functools.partial(compute_cutoffs, rate=RATE))(*place_mel_bands(64, RATE))
    lower, upper = (RATE * np.asarray(f) for f in cutoffs)
    inner = upper[:-1] - LEAST_HZ  # each is wider than the distance to the next by the least band width
    np.testing.assert_allclose(inner, lower[1:], rtol=1e-4)
    distances = np.diff(np.log10(1 + (lower - LEAST_HZ) / 700))
    np.testing.assert_allclose(distances, distances.mean(), rtol=1e-4)
    np.testing.assert_allclose([lower[0], upper[-1]], [80, RATE / 2], rtol=1e-4)


def test_any_parameters_give_a_band_within_the_spectrum():
    draw = np.random.default_rng(0)
    low, band = draw.standard_normal((2, 100), np.float32)
    lower, upper = jax.device_get(jax.jit(functools.partial(compute_cutoffs, rate=RATE))(low, band))
    assert np.all(lower >= LEAST_HZ / RATE)
    assert np.all(upper <= 0.5)
    assert np.all(upper - lower >= 0.999 * LEAST_HZ / RATE)


def test_the_block_is_a_convolution_block_with_that_kernel():
    params = variables()["params"]
    assert {name: p.shape for name, p in params.items()} == dict.fromkeys(("low", "band", "gamma", "beta"), (FILTERS,))

    @jax.jit
    def run(variables):
        params = variables["params"]
        same = {
            "kernel": form_band_pass(*compute_cutoffs(params["low"], params["band"], RATE), WIDTH),
            "bias": jnp.zeros(FILTERS),
            "gamma": params["gamma"],
            "beta": params["beta"],
        }
        plain = {"params": same, "batch_stats": variables["batch_stats"]}
        blocks = (BLOCK, variables), (ConvBlock(FILTERS, WIDTH, POOL), plain)
        return [block.apply(own, X, VALID, train=True, mutable=["batch_stats"]) for block, own in blocks]

    (y, moved), expected = jax.device_get(run(variables()))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), (y, moved), expected)
    assert np.abs(moved["batch_stats"]["variance"] - 1).min() > 0


def test_both_frequencies_are_learned():
    wide = jax.tree.map(np.float64, variables())

    @jax.jit
    @jax.value_and_grad
    def run(params):
        y = BLOCK.apply({**wide, "params": params}, X.astype(np.float64), VALID, train=False)
        return jnp.sum(y**2)

    with jax.enable_x64(True):
        params = wide["params"] | {"band": 0.9 * wide["params"]["band"]}  # off the limit at half the rate
        grads = jax.device_get(run(params)[1])
        for name in ("low", "band"):
            for at in range(FILTERS):
                step = np.zeros(FILTERS)
                step[at] = 1e-6
                up, down = (float(run(params | {name: params[name] + sign * step})[0]) for sign in (1, -1))
                np.testing.assert_allclose(grads[name][at], (up - down) / 2e-6, rtol=1e-3)
                assert grads[name][at] != 0


@pytest.mark.parametrize(
    ("block", "channels", "message"),
    [
        (SincBlock(3, 6, 4, RATE), 1, "has width 6; give an odd one, such as 7"),
        (SincBlock(3, 5, 4, RATE), 2, "but got 2 channels"),
        (SincBlock(3, 5, 4, 8.0), 1, "has rate 8.0 Hz; give the speech's sampling rate"),
    ],
)
def test_what_does_not_fit(block, channels, message):
    with pytest.raises(UserError, match=message):
        jax.eval_shape(
            lambda: block.init(
                jax.random.key(0), np.zeros((1, 200, channels), np.float32), np.ones(1, bool), train=True
            )
        )
