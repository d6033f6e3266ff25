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
    x = jnp.ones(2)
    assert to_wide(x) is x
    assert to_wide(x.astype(LOW)).dtype == jnp.float32
    assert wide_type(np.dtype("float64")) == np.dtype("float64")


def test_gradients_count_every_step():
    params = {"kernel": jnp.zeros((2, 3), LOW), "bias": jnp.zeros(3)}
    x = jnp.ones((4096, 2), LOW)
    found = jax.grad(lambda p: to_wide(Dense(3).apply({"params": p}, x)).sum())(params)
    assert (found["bias"] == 4096).all()  # added up in bfloat16, ones stop at 256
    assert (found["kernel"] == 4096).all()
    assert found["kernel"].dtype == LOW


def test_a_gru_moves_by_steps_that_bfloat16_would_lose():
    # h' = .001 + .999 h: with 8 bits it stands still at a quarter.
    bias = jnp.array([0.0, np.log(999), 20.0])
    weights = dict(weight_ih=jnp.zeros((1, 3), LOW), weight_hh=jnp.zeros((1, 3), LOW))
    h = GRU(1).apply({"params": dict(weights, bias_ih=bias, bias_hh=jnp.zeros(3))}, jnp.ones((1, STEPS, 1), LOW))
    assert h.dtype == LOW
    assert float(h[0, -1, 0]) == pytest.approx(1 - 0.999**STEPS, abs=0.01)


def test_an_lstm_adds_up_what_bfloat16_would_lose():
    # c' = c + .001
    gates = jnp.broadcast_to(jnp.array([-np.log(999), 20.0, 20.0, 20.0], LOW), (STEPS, 1, 4))
    h = lstm_scan(gates, jnp.zeros((1, 4), LOW), "sigmoid")
    assert h.dtype == LOW
    assert float(h[-1, 0, 0]) == pytest.approx(np.tanh(1), abs=0.01)


def test_dropout_scales_by_what_it_says():
    x = jnp.linspace(1, 2, 200_000).astype(LOW)
    kept = dropout(jax.random.key(0), x, 0.1)
    assert kept.dtype == LOW
    scale = np.asarray(to_wide(kept)) / np.asarray(to_wide(x))
    assert scale[scale > 0].mean() == pytest.approx(1 / 0.9, abs=3e-4)  # the nearest number of 8 bits is 1.1094
