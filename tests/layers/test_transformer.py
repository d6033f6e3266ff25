import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.layers.dropout import Dropout
from affect_jax.layers.transformer import SelfAttention, TransformerEncoderLayer, sinusoidal_positions

BATCH, STEPS, FEATURES, HEADS, WIDTH = 3, 5, 6, 2, 8
MASK = np.arange(STEPS)[None] < np.array([[5], [3], [0]])  # the last one is nothing but padding
X = np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES)).astype(np.float32)
LAYER = TransformerEncoderLayer(HEADS, WIDTH)


@functools.cache
def variables():
    draw = np.random.default_rng(1)
    shapes = jax.eval_shape(LAYER.init, jax.random.key(0), X, MASK)
    return jax.tree.map(lambda p: draw.normal(size=p.shape).astype(np.float32) * 0.5, shapes)


@jax.jit
def layer(variables, x, mask):
    return LAYER.apply(variables, x, mask)


@jax.jit
def noisy(variables, x, key, rate):
    return LAYER.apply(variables, x, MASK, train=True, dropout=rate, rngs={"dropout": key})


@jax.jit
@functools.partial(jax.value_and_grad, argnums=(0, 1))
def loss_and_grads(variables, x, mask):
    return jnp.sum(jnp.where(mask[..., None], LAYER.apply(variables, x, mask), 0.0) ** 2)


def norm(x, p):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * p["scale"] + p["bias"]


def reference(params, x):
    """One sequence [T, D] without padding, in float64, as PyTorch's documentation describes the layer."""
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    dense = lambda name, x, p=p: x @ p[name]["kernel"] + p[name]["bias"]  # noqa: E731
    q, k, v = np.split(dense("in_proj", x, p["self_attn"]), 3, -1)
    size = FEATURES // HEADS
    heads = []
    for h in range(HEADS):
        part = slice(h * size, (h + 1) * size)
        weights = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
        heads.append(weights / weights.sum(-1, keepdims=True) @ v[:, part])
    x = norm(x + dense("out_proj", np.concatenate(heads, -1), p["self_attn"]), p["norm1"])
    return norm(x + dense("linear2", np.maximum(dense("linear1", x), 0)), p["norm2"])


def test_values_are_torchs_and_masked_is_the_shorter_sequence():
    out = np.asarray(layer(variables(), X, MASK))
    for b, length in ((0, 5), (1, 3)):
        expected = reference(variables()["params"], X[b, :length].astype(np.float64))
        np.testing.assert_allclose(out[b, :length], expected, atol=1e-5)


def test_padding_changes_no_valid_output_and_gets_no_gradient():
    other = np.where(MASK[..., None], X, 7.0).astype(np.float32)
    (value, (d_params, d_x)), (value_other, (d_params_other, _)) = (
        jax.device_get(loss_and_grads(variables(), x, MASK)) for x in (X, other)
    )
    assert value == value_other
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), d_params, d_params_other)
    np.testing.assert_array_equal(d_x[~MASK], 0)


def test_a_row_of_padding_is_finite_in_values_and_gradients():
    # Everything is weighted by the loss here, padded outputs included.
    graded = jax.jit(jax.value_and_grad(lambda v, x: jnp.sum(LAYER.apply(v, x, np.zeros_like(MASK)) ** 2), (0, 1)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(graded(variables(), np.zeros_like(X))))
    assert np.isfinite(layer(variables(), X, MASK)).all()


def test_dropout_acts_by_key_and_its_rate_is_data():
    out = layer(variables(), X, MASK)
    np.testing.assert_allclose(noisy(variables(), X, jax.random.key(0), np.float32(0)), out, atol=1e-6)
    draws = [np.asarray(noisy(variables(), X, jax.random.key(seed), np.float32(0.3))) for seed in (1, 2)]
    assert np.abs(draws[0] - draws[1]).max() > 0.01
    p = variables()["params"]  # at rate 1 neither branch is left
    everything = noisy(variables(), X, jax.random.key(2), np.float32(1))
    np.testing.assert_allclose(everything, norm(norm(X, p["norm1"]), p["norm2"]), atol=1e-5)


def test_dropout_acts_in_four_places_with_four_masks():
    @jax.jit
    def masks(variables, key):
        dropped = {}

        def record(call, args, kwargs, context):
            out = call(*args, **kwargs)
            if isinstance(context.module, Dropout):
                dropped["/".join(context.module.path)] = out == 0
            return out

        with nn.intercept_methods(record):
            LAYER.apply(variables, X, MASK, train=True, dropout=0.5, rngs={"dropout": key})
        return dropped

    dropped = jax.device_get(masks(variables(), jax.random.key(0)))
    assert dropped.keys() == {"self_attn/dropout", "dropout1", "dropout", "dropout2"}
    shape = (BATCH, STEPS, FEATURES)
    assert dropped["dropout1"].shape == dropped["dropout2"].shape == shape
    assert dropped["self_attn/dropout"].shape == (BATCH, HEADS, STEPS, STEPS)
    assert dropped["dropout"].shape == (BATCH, STEPS, WIDTH)
    assert np.any(dropped["dropout1"] != dropped["dropout2"])


def test_parameters_have_torchs_initialisation():
    attention = SelfAttention(2)
    init = jax.jit(attention.init)
    params = jax.device_get(init(jax.random.key(0), np.zeros((1, 1, 40), np.float32), np.ones((1, 1), bool)))["params"]
    bounds = {"in_proj": np.sqrt(6 / 160), "out_proj": 1 / np.sqrt(40)}  # xavier of the joint [120, 40]; 1/sqrt(fan in)
    for name, bound in bounds.items():
        assert np.abs(params[name]["kernel"]).max() <= bound
        assert np.std(params[name]["kernel"]) == pytest.approx(bound / np.sqrt(3), rel=0.05)
        np.testing.assert_array_equal(params[name]["bias"], 0)


def test_heads_must_divide_the_features():
    with pytest.raises(ValueError, match="4 heads cannot share 6 features"):
        jax.eval_shape(SelfAttention(4).init, jax.random.key(0), X, MASK)


@pytest.mark.parametrize("features", [6, 7])
def test_positions(features):
    table = np.asarray(jax.jit(lambda: sinusoidal_positions(20, features))())
    for column in range(features):
        angle = np.arange(20) / 10_000 ** ((column - column % 2) / features)
        np.testing.assert_allclose(table[:, column], np.cos(angle) if column % 2 else np.sin(angle), atol=1e-5)
