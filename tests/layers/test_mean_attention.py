"""Attention whose mean over the queries is all that is kept: the same numbers as the long way, and its gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from affect_jax.layers import mean_attention
from affect_jax.layers.dropout import dropout, keep_mask, keep_scale
from affect_jax.layers.mean_attention import MeanAttention, form_plain_mean_weights, mean_weights

B, T, S, D, HEADS = 3, 5, 7, 8, 2


def sides(seed=0):
    draw = np.random.default_rng(seed)
    x, y = (jnp.asarray(draw.normal(size=(B, n, D)), jnp.float32) for n in (T, S))
    x_mask = jnp.arange(T)[None, :] < jnp.array([5, 3, 1])[:, None]
    y_mask = jnp.arange(S)[None, :] < jnp.array([7, 2, 4])[:, None]
    return x, y, x_mask, y_mask


def layer():
    module = MeanAttention(HEADS)
    variables = jax.jit(module.init)(jax.random.key(0), *sides())
    bias = jax.random.normal(jax.random.key(1), (3 * D,))
    variables["params"]["in_proj"]["bias"] = bias
    return module, variables


def the_long_way(variables, x, y, x_mask, y_mask):
    """Multi-head attention step by step, then the mean over the valid queries."""
    p = jax.tree.map(np.asarray, variables["params"])
    weights, biases = np.split(p["in_proj"]["kernel"], 3, axis=1), np.split(p["in_proj"]["bias"], 3)
    q, k, v = (np.asarray(z) @ w + b for z, w, b in zip((x, y, y), weights, biases, strict=True))
    out = []
    for b in range(B):
        heads = []
        for h in range(HEADS):
            c = slice(h * D // HEADS, (h + 1) * D // HEADS)
            scores = q[b][:, c] @ k[b][:, c].T / np.sqrt(D // HEADS)
            scores[:, ~np.asarray(y_mask[b])] = -np.inf
            attention = np.exp(scores - scores.max(1, keepdims=True))
            heads.append(attention / attention.sum(1, keepdims=True) @ v[b][:, c])
        steps = np.concatenate(heads, 1) @ p["out_proj"]["kernel"] + p["out_proj"]["bias"]
        out.append(steps[np.asarray(x_mask[b])].mean(0))
    return np.stack(out)


def test_it_is_the_mean_of_attention():
    module, variables = layer()
    np.testing.assert_allclose(jax.jit(module.apply)(variables, *sides()), the_long_way(variables, *sides()), atol=1e-6)


def test_gradients_match_finite_differences_and_padding_has_none():
    module, variables = layer()
    x, y, x_mask, y_mask = sides()

    @jax.jit
    def fn(params, x, y):
        return module.apply({"params": params}, x, y, x_mask, y_mask).sum()

    check_grads(fn, (variables["params"], x, y), order=1, modes=("rev",), atol=2e-2, rtol=2e-2)
    d_x, d_y = jax.grad(fn, argnums=(1, 2))(variables["params"], x, y)
    assert not np.asarray(d_x)[~np.asarray(x_mask)].any()
    assert not np.asarray(d_y)[~np.asarray(y_mask)].any()


@pytest.mark.parametrize("side", ["x", "y"])
def test_without_a_valid_step_only_the_last_bias_is_left(side):
    module, variables = layer()
    variables["params"]["out_proj"]["bias"] = jnp.arange(D, dtype=jnp.float32)
    x, y, x_mask, y_mask = sides()
    masks = (x_mask & (side != "x"), y_mask & (side != "y"))
    value, grads = jax.jit(jax.value_and_grad(lambda p: module.apply({"params": p}, x, y, *masks).sum()))(
        variables["params"]
    )
    np.testing.assert_allclose(value, B * D * (D - 1) / 2, rtol=1e-6)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


def test_dropout_is_dropout_of_the_weights_and_its_gradient_too():
    """The same masks, applied the long way, give the same numbers by plain differentiation."""
    q, k, _, y_mask = (*(z.reshape(B, -1, HEADS, D // HEADS) for z in sides()[:2]), *sides()[2:])
    share = jnp.full((B, T), 1 / T)
    keys, rate = mean_attention._make_keys(jax.random.key(3), B), jnp.float32(0.4)

    def plain(q, k):
        scores = jnp.where(y_mask[:, None, None, :], jnp.einsum("bthc,bshc->bhts", q, k), -jnp.inf)
        masks = jnp.stack([keep_mask(key, (HEADS, T, S), rate) for key in keys])
        weights = jnp.where(masks, jax.nn.softmax(scores), 0) * keep_scale(rate)
        return jnp.einsum("bhts,bt->bhs", weights, share)

    def ours(q, k):
        return mean_weights(q, k, share, y_mask, keys, rate)

    np.testing.assert_allclose(jax.jit(ours)(q, k), jax.jit(plain)(q, k), atol=1e-6)
    of_what = jax.random.normal(jax.random.key(4), (B, HEADS, S))
    found, expected = (
        jax.jit(jax.grad(lambda q, k, f=f: (f(q, k) * of_what).sum(), argnums=(0, 1)))(q, k) for f in (ours, plain)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_examples_draw_masks_of_their_own_and_rate_0_changes_nothing():
    module, variables = layer()
    x, y, x_mask, y_mask = (jnp.repeat(z[:1], B, axis=0) for z in sides())

    @jax.jit
    def run(rate):
        rngs = {"dropout": jax.random.key(5)}
        return module.apply(variables, x, y, x_mask, y_mask, train=True, dropout=rate, rngs=rngs)

    assert np.abs(np.diff(run(0.5), axis=0)).max(axis=1).min() > 1e-3
    np.testing.assert_allclose(run(0.0), jax.jit(module.apply)(variables, x, y, x_mask, y_mask), atol=1e-6)


@pytest.mark.parametrize("weights", [1, 2**24])
def test_a_batch_in_groups_or_in_one_piece_is_a_batch_in_turn(monkeypatch, weights):
    """What an accelerator runs, and a CPU."""
    module, variables = layer()
    rngs = {"dropout": jax.random.key(6)}

    def run():
        def loss(variables):
            y = module.apply(variables, *sides(), train=True, dropout=0.3, rngs=rngs)
            return jnp.sum(jnp.sin(y)), y

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables)

    in_turn = run()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(mean_attention, "_GROUP", weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), run(), in_turn)


def test_groups_are_few_and_of_one_size():
    audio, text = 6 * 500 * 500, 6 * 128 * 128
    assert [mean_attention._count_groups(32, size) for size in (audio, text, 2**30)] == [4, 1, 32]
    assert mean_attention._count_groups(31, audio) == 31


def test_the_mask_is_that_of_dropout():
    key, x = jax.random.key(7), jnp.ones((4, 5))
    np.testing.assert_array_equal(dropout(key, x, 0.3) != 0, keep_mask(key, x.shape, 0.3))


@pytest.mark.parametrize("rate", [None, 0.3])
def test_the_plain_form_is_the_same(rate):
    draw = np.random.default_rng(3)
    q, k = (jnp.asarray(draw.normal(size=(B, n, HEADS, 4)), jnp.float32) for n in (T, S))
    share, mask = sides()[2] / 3.0, sides()[3]
    keys = None if rate is None else mean_attention._make_keys(jax.random.key(3), B)

    def grade(form):
        def loss(q, k):
            return jnp.sum(jnp.sin(form(q, k, share, mask, keys, jnp.float32(rate or 0))))

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(q, k)

    ours, plainly = grade(mean_weights), grade(form_plain_mean_weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, plainly)
