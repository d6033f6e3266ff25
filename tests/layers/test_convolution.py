import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.convolution import ConvBlock

BATCH, STEPS, CHANNELS, FILTERS, WIDTH, POOL = 3, 26, 2, 4, 4, 3
BLOCK = ConvBlock(FILTERS, WIDTH, POOL)
ALL = np.ones(BATCH, bool)
draw = np.random.default_rng(0)
X = draw.normal(size=(BATCH, STEPS, CHANNELS)).astype(np.float32)
PARAMS = {
    "kernel": draw.normal(size=(WIDTH, CHANNELS, FILTERS)).astype(np.float32) / 3,
    "bias": draw.normal(size=FILTERS).astype(np.float32) / 3,
    "gamma": np.array([1.0, -0.7, 0.5, -1.3], np.float32),
    "beta": draw.normal(size=FILTERS).astype(np.float32),
}
STATS = {"mean": np.full(FILTERS, 0.2, np.float32), "variance": np.full(FILTERS, 1.5, np.float32)}
VARIABLES = {"params": PARAMS, "batch_stats": STATS}


def expected(x, params, statistics=None):
    """(output, statistics) in float64; the statistics are those of `x` unless given."""
    p = {name: np.asarray(value, np.float64) for name, value in params.items()}
    steps = x.shape[1] - WIDTH + 1
    a = sum(x[:, k : k + steps].astype(np.float64) @ p["kernel"][k] for k in range(WIDTH)) + p["bias"]
    a = np.maximum(a, 0)
    mean, variance = statistics or (a.mean(axis=(0, 1)), a.var(axis=(0, 1)))
    y = (a - mean) / np.sqrt(variance + 1e-3) * p["gamma"] + p["beta"]
    windows = steps // POOL
    return y[:, : windows * POOL].reshape(len(x), windows, POOL, -1).max(axis=2), (mean, variance)


@functools.cache
def jitted(train):
    return jax.jit(lambda variables, x, valid: BLOCK.apply(variables, x, valid, train=train, mutable=["batch_stats"]))


def check_moved(state, mean, variance):
    np.testing.assert_allclose(state["batch_stats"]["mean"], 0.99 * 0.2 + 0.01 * mean, rtol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["variance"], 0.99 * 1.5 + 0.01 * variance, rtol=1e-5)


def test_training_normalises_by_the_batch_and_moves_the_running_statistics():
    y, state = jitted(True)(VARIABLES, X, ALL)
    want, statistics = expected(X, PARAMS)
    np.testing.assert_allclose(y, want, atol=1e-5)
    check_moved(state, *statistics)


def test_evaluation_normalises_by_the_running_statistics_and_leaves_them():
    y, state = jitted(False)(VARIABLES, X, ALL)
    np.testing.assert_allclose(y, expected(X, PARAMS, (STATS["mean"], STATS["variance"]))[0], atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, state["batch_stats"], STATS)


def test_invalid_examples_reach_no_statistic():
    spoiled = X.copy()
    spoiled[1] = np.nan
    valid = np.array([True, False, True])
    y, state = jax.device_get(jitted(True)(VARIABLES, spoiled, valid))
    want, statistics = expected(X[valid], PARAMS)
    np.testing.assert_allclose(y[valid], want, atol=1e-5)
    assert np.isfinite(y).all()
    check_moved(state, *statistics)


def test_a_batch_of_padding_moves_nothing():
    y, state = jitted(True)(VARIABLES, X, ~ALL)
    assert np.isfinite(y).all()
    jax.tree.map(np.testing.assert_array_equal, state["batch_stats"], STATS)


def test_parameters_and_statistics_have_their_names_and_shapes():
    shapes = jax.eval_shape(lambda key: BLOCK.init(key, X, ALL, train=True), jax.random.key(0))
    assert {k: v.shape for k, v in shapes["params"].items()} == {k: v.shape for k, v in PARAMS.items()}
    assert {k: v.shape for k, v in shapes["batch_stats"].items()} == {"mean": (FILTERS,), "variance": (FILTERS,)}


def test_init_counts_no_batch():
    state = jax.jit(lambda key: BLOCK.init(key, X, ALL, train=True)["batch_stats"])(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, state, {"mean": np.zeros(FILTERS), "variance": np.ones(FILTERS)})


def test_a_clip_without_a_whole_window_is_refused():
    run = functools.partial(BLOCK.apply, train=False)
    with pytest.raises(UserError, match="got 5 steps and needs 6 at least"):
        jax.eval_shape(run, VARIABLES, X[:, :5], ALL)
    assert jax.eval_shape(run, VARIABLES, X[:, :6], ALL).shape == (BATCH, 1, FILTERS)


def test_an_exported_block_takes_any_batch_and_length():
    batch, steps = jax.export.symbolic_shape("b, t", constraints=["t >= 6"])
    shape = jax.ShapeDtypeStruct((batch, steps, CHANNELS), jnp.float32)

    @jax.jit
    def deployed(x):
        return BLOCK.apply(VARIABLES, x, jnp.ones(x.shape[0], bool), train=False)

    exported = jax.export.export(deployed)(shape)
    for x in (X, X[:2, :13]):
        np.testing.assert_allclose(exported.call(x), deployed(x), atol=1e-6)
