import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers import lstm
from affect_jax.layers.lstm import ACTIVATIONS, LSTM, lstm_scan, lstm_scan_cells, run_plain_lstm
from affect_jax.layers.masked_lstm import MaskedLSTM
from tests.layers.slopes import check_slope

BATCH, STEPS, INPUTS, UNITS = 3, 6, 4, 5
draw = np.random.default_rng(0)
X = draw.normal(size=(BATCH, STEPS, INPUTS)).astype(np.float32)
PARAMS = {
    "kernel": draw.normal(size=(INPUTS, 4 * UNITS)).astype(np.float32),
    "recurrent_kernel": draw.normal(size=(UNITS, 4 * UNITS)).astype(np.float32),
    "bias": draw.normal(size=4 * UNITS).astype(np.float32),
}


def gate(x, activation):
    return 1 / (1 + np.exp(-x)) if activation == "sigmoid" else np.clip(0.2 * x + 0.5, 0, 1)


def reference(x, activation):
    """States [T, H] of one sequence [T, D] in float64, one gate after another."""
    kernel, recurrent, bias = (np.asarray(PARAMS[name], np.float64) for name in ("kernel", "recurrent_kernel", "bias"))
    h, c, states = np.zeros(UNITS), np.zeros(UNITS), []
    for step in np.asarray(x, np.float64):
        i, f, g, o = (
            step @ kernel[:, at] + h @ recurrent[:, at] + bias[at]
            for at in (slice(number * UNITS, (number + 1) * UNITS) for number in range(4))
        )
        c = gate(f, activation) * c + gate(i, activation) * np.tanh(g)
        h = gate(o, activation) * np.tanh(c)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_states_are_keras(activation):
    out = jax.jit(LSTM(UNITS, activation).apply)({"params": PARAMS}, X)
    expected = np.stack([reference(x, activation) for x in X])
    np.testing.assert_allclose(out, expected, atol=2e-6)


def test_parameters_have_keras_names_shapes_and_start():
    init = jax.jit(LSTM(64).init)
    params = jax.device_get(init(jax.random.key(0), np.zeros((1, 1, 128), np.float32)))["params"]
    shapes = {"kernel": (128, 256), "recurrent_kernel": (64, 256), "bias": (256,)}
    assert {name: p.shape for name, p in params.items()} == shapes
    np.testing.assert_array_equal(params["bias"], np.repeat([0, 1, 0, 0], 64))
    np.testing.assert_allclose(params["recurrent_kernel"] @ params["recurrent_kernel"].T, np.eye(64), atol=1e-5)
    bound = (6 / (128 + 256)) ** 0.5
    assert 0.95 * bound < np.abs(params["kernel"]).max() <= bound


def arguments(steps=STEPS):
    draw = np.random.default_rng(1)
    return draw.normal(size=(steps, BATCH, 4 * UNITS)), draw.normal(size=(UNITS, 4 * UNITS))


def graded(scan, activation, arguments):
    weights = np.cos(np.arange(arguments[0].size // 4)).reshape(*arguments[0].shape[:2], UNITS)
    weights = weights.astype(arguments[0].dtype)

    def loss(*arguments):
        h = scan(*arguments, activation)
        return jnp.sum(weights * h), h

    return jax.device_get(jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(*arguments))


@functools.cache
def compute_plain(activation):
    """What autodiff makes of the plain form, of gates so large that hard sigmoids saturate at both ends."""
    gates, weight = arguments()
    return graded(run_plain_lstm, activation, (3 * gates, weight))


@pytest.mark.parametrize("largest", [lstm._LARGE, 0], ids=["slopes at once", "slopes step by step"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_handwritten_gradient_is_autodiffs(activation, largest, monkeypatch):
    monkeypatch.setattr(lstm, "_LARGE", largest)
    with jax.enable_x64(True):
        gates, weight = arguments()
        gates = 3 * gates
        if activation == "hard_sigmoid":
            assert {0.0, 1.0} <= set(np.clip(0.2 * gates + 0.5, 0, 1).ravel())
        ours = graded(lstm_scan, activation, (gates, weight))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), ours, compute_plain(activation))


@pytest.mark.parametrize("scan", [lstm_scan, lstm_scan_cells], ids=["states", "states and cells"])
def test_gradient_is_the_finite_difference(scan):
    check_slope(functools.partial(scan, activation="sigmoid"), arguments())


def test_states_beside_cells_are_those_of_the_scan_without():
    both = jax.jit(lambda *given: (*lstm_scan_cells(*given, "sigmoid"), lstm_scan(*given, "sigmoid")))
    h, c, alone = jax.device_get(both(*map(np.float32, arguments())))
    np.testing.assert_array_equal(h, alone)
    assert (np.abs(h) < np.abs(np.tanh(c))).all()  # h = o tanh(c)


def test_long_sequences_keep_the_gradient_right():
    # A wrong carry shows late: 300 steps, float32 against float64.
    with jax.enable_x64(True):
        long = arguments(300)
        exact = graded(lstm_scan, "sigmoid", long)
    single = graded(lstm_scan, "sigmoid", [a.astype(np.float32) for a in long])
    for a, b in zip(jax.tree.leaves(single), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_one_step_and_its_gradient():
    with jax.enable_x64(True):
        ours, plain = (graded(scan, "sigmoid", arguments(1)) for scan in (lstm_scan, run_plain_lstm))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), ours, plain)


def test_rows_by_vmap_and_by_map_agree():
    def one(params):
        return jax.value_and_grad(lambda p: jnp.sum(LSTM(UNITS).apply({"params": p}, X) ** 2))(params)

    rows = jax.tree.map(lambda p: np.stack([p, 0.5 * p]), PARAMS)
    vmapped, mapped = jax.jit(lambda r: (jax.vmap(one)(r), jax.lax.map(one, r)))(rows)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), vmapped, mapped)


def test_a_dense_layer_in_front_may_be_multiplied_into_the_weights():
    draw = np.random.default_rng(3)
    x, mask = draw.standard_normal((2, 4, 3), np.float32), np.arange(4)[None] < np.array([[4], [2]])
    before = draw.standard_normal((3, 5), np.float32), np.arange(5, dtype=np.float32)
    lstm = MaskedLSTM(2, bidirectional=True)
    shapes = jax.eval_shape(lstm.init, jax.random.key(3), x, mask, before)
    weights = jax.tree.map(lambda leaf: draw.uniform(-0.7, 0.7, leaf.shape).astype(np.float32), shapes)

    def read(before, weights, x, is_merged):
        code = x if is_merged else x @ before[0] + before[1][None, None]
        return jnp.sin(lstm.apply(weights, code, mask, before if is_merged else None)).sum()

    grade = jax.value_and_grad(read, argnums=(0, 1, 2))
    merged, apart = jax.jit(lambda *given: [grade(*given, way) for way in (True, False)])(before, weights, x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), merged, apart)
