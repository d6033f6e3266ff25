import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.convolution import ConvBlock

B, T, C, F, WIDTH, POOL = 3, 23, 2, 4, 4, 3
BLOCK = ConvBlock(F, WIDTH, POOL)
draw = np.random.default_rng(0)
X = draw.normal(size=(B, T, C)).astype(np.float32)
PARAMS = {
    "kernel": draw.normal(size=(WIDTH, C, F)).astype(np.float32) / 3,
    "bias": draw.normal(size=F).astype(np.float32) / 3,
    "gamma": np.array([1.0, -0.7, 0.5, -1.3], np.float32),
    "beta": draw.normal(size=F).astype(np.float32),
}
STATS = {"mean": np.full(F, 0.2, np.float32), "variance": np.full(F, 1.5, np.float32)}
VARIABLES = {"params": PARAMS, "batch_stats": STATS}


def expected(x, params, mean=None, variance=None):
    """(output, mean, variance) in float64; the statistics of `x` unless given."""
    p = {name: np.asarray(value, np.float64) for name, value in params.items()}
    steps = x.shape[1] - WIDTH + 1
    a = sum(x[:, k : k + steps].astype(np.float64) @ p["kernel"][k] for k in range(WIDTH)) + p["bias"]
    a = np.maximum(a, 0)
    mean, variance = (a.mean(axis=(0, 1)), a.var(axis=(0, 1))) if mean is None else (mean, variance)
    y = (a - mean) / np.sqrt(variance + 1e-3) * p["gamma"] + p["beta"]
    n = steps // POOL
    return y[:, : n * POOL].reshape(len(x), n, POOL, -1).max(axis=2), mean, variance


@jax.jit
def train(variables, x, valid):
    return BLOCK.apply(variables, x, valid, train=True, mutable=["batch_stats"])


def test_training_normalises_by_the_batch_and_moves_the_running_statistics():
    y, state = train(VARIABLES, X, np.ones(B, bool))
    want, mean, variance = expected(X, PARAMS)
    np.testing.assert_allclose(y, want, atol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["mean"], 0.99 * 0.2 + 0.01 * mean, rtol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["variance"], 0.99 * 1.5 + 0.01 * variance, rtol=1e-5)


def test_evaluation_normalises_by_the_running_statistics():
    y = jax.jit(lambda x: BLOCK.apply(VARIABLES, x, np.ones(B, bool), train=False))(X)
    np.testing.assert_allclose(y, expected(X, PARAMS, STATS["mean"], STATS["variance"])[0], atol=1e-5)


def test_invalid_examples_reach_no_statistic():
    spoiled = X.copy()
    spoiled[1] = 1e3
    valid = np.array([True, False, True])
    y, state = train(VARIABLES, spoiled, valid)
    want, mean, _ = expected(X[valid], PARAMS)
    np.testing.assert_allclose(y[valid], want, atol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["mean"], 0.99 * 0.2 + 0.01 * mean, rtol=1e-5)


def test_parameters_and_statistics_have_their_names_and_shapes():
    shapes = jax.eval_shape(
        lambda k: BLOCK.init(k, jnp.zeros((1, T, C)), jnp.ones(1, bool), train=True), jax.random.key(0)
    )
    assert {k: v.shape for k, v in shapes["params"].items()} == {k: v.shape for k, v in PARAMS.items()}
    assert {k: v.shape for k, v in shapes["batch_stats"].items()} == {"mean": (F,), "variance": (F,)}
