"""Where layers get bfloat16, what is added up over many steps is added up in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers.dense import Dense
from affect_jax.layers.dropout import dropout
from affect_jax.layers.lstm import lstm_scan
from affect_jax.layers.recurrent import GRU
from affect_jax.layers.wide import to_wide, wide_type

LOW = jnp.bfloat16
STEPS = 1000


def test_float32_and_float64_stay():
    x = jax.device_put(np.ones(2, np.float32))
    assert to_wide(x) is x
    assert jax.eval_shape(to_wide, x.astype(LOW)).dtype == jnp.float32
    assert wide_type(np.dtype("float64")) == np.dtype("float64")


def test_gradients_count_every_step():
    params = {"kernel": np.zeros((2, 3), LOW), "bias": np.zeros(3, np.float32)}
    x = np.ones((4096, 2), LOW)
    found = jax.device_get(jax.jit(jax.grad(lambda p: to_wide(Dense(3).apply({"params": p}, x)).sum()))(params))
    assert (found["bias"] == 4096).all()  # added up in bfloat16, ones stop at 256
    assert (found["kernel"] == 4096).all()
    assert found["kernel"].dtype == LOW


def test_a_gru_moves_by_steps_that_bfloat16_would_lose():
    # h' = .001 + .999 h: with 8 bits it stands still at a quarter.
    bias = np.array([0, np.log(999), 20], np.float32)
    weights = dict(weight_ih=np.zeros((1, 3), LOW), weight_hh=np.zeros((1, 3), LOW))
    params = dict(weights, bias_ih=bias, bias_hh=np.zeros(3, np.float32))
    h = np.asarray(jax.jit(GRU(1).apply)({"params": params}, np.ones((1, STEPS, 1), LOW)))
    assert h.dtype == LOW
    assert float(h[0, -1, 0]) == pytest.approx(1 - 0.999**STEPS, abs=0.01)


def test_an_lstm_adds_up_what_bfloat16_would_lose():
    # c' = c + .001
    gates = np.tile(np.array([-np.log(999), 20, 20, 20], LOW), (STEPS, 1, 1))
    h = np.asarray(jax.jit(lambda *given: lstm_scan(*given, "sigmoid"))(gates, np.zeros((1, 4), LOW)))
    assert h.dtype == LOW
    assert float(h[-1, 0, 0]) == pytest.approx(np.tanh(1), abs=0.01)


def test_dropout_scales_by_what_it_says():
    x = np.linspace(1, 2, 200_000).astype(LOW)
    kept = np.asarray(jax.jit(lambda x: dropout(jax.random.key(0), x, 0.1))(x))
    assert kept.dtype == LOW
    scale = kept.astype(np.float32) / x.astype(np.float32)
    assert scale[scale > 0].mean() == pytest.approx(1 / 0.9, abs=3e-4)  # the nearest number of 8 bits is 1.1094
