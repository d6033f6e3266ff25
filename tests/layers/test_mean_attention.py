"""Attention whose mean over the queries is all that is kept: the same numbers as the long way, and its gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers import mean_attention
from affect_jax.layers.dropout import dropout, keep_mask, keep_scale
from affect_jax.layers.mean_attention import MeanAttention, form_plain_mean_weights, mean_weights
from tests.layers.slopes import check_slope

B, T, S, D, HEADS = 3, 5, 7, 8, 2


def sides(seed=0):
    draw = np.random.default_rng(seed)
    x, y = (draw.standard_normal((B, n, D), np.float32) for n in (T, S))
    x_mask = np.arange(T)[None, :] < np.array([5, 3, 1])[:, None]
    y_mask = np.arange(S)[None, :] < np.array([7, 2, 4])[:, None]
    return x, y, x_mask, y_mask


def layer():
    """The module and variables drawn by numpy: jax's initialisers take long to compile."""
    module, draw = MeanAttention(HEADS), np.random.default_rng(1)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *sides())
    return module, jax.tree.map(lambda leaf: draw.uniform(-0.6, 0.6, leaf.shape).astype(np.float32), shapes)


def the_long_way(variables, x, y, x_mask, y_mask):
    """Multi-head attention step by step, then the mean over the valid queries."""
    p = variables["params"]
    weights, biases = np.split(p["in_proj"]["kernel"], 3, axis=1), np.split(p["in_proj"]["bias"], 3)
    q, k, v = (z @ w + b for z, w, b in zip((x, y, y), weights, biases, strict=True))
    out = []
    for b in range(B):
        heads = []
        for h in range(HEADS):
            c = slice(h * D // HEADS, (h + 1) * D // HEADS)
            scores = q[b][:, c] @ k[b][:, c].T / np.sqrt(D // HEADS)
            scores[:, ~y_mask[b]] = -np.inf
            attention = np.exp(scores - scores.max(1, keepdims=True))
            heads.append(attention / attention.sum(1, keepdims=True) @ v[b][:, c])
        steps = np.concatenate(heads, 1) @ p["out_proj"]["kernel"] + p["out_proj"]["bias"]
        out.append(steps[x_mask[b]].mean(0))
    return np.stack(out)


def test_it_is_the_mean_of_attention():
    module, variables = layer()
    np.testing.assert_allclose(jax.jit(module.apply)(variables, *sides()), the_long_way(variables, *sides()), atol=1e-6)


def test_gradients_match_finite_differences_and_padding_has_none():
    module, variables = layer()
    x, y, x_mask, y_mask = sides()

    d_x, d_y = check_slope(
        lambda x, y, params: module.apply({"params": params}, x, y, x_mask, y_mask), (x, y, variables["params"])
    )[:2]
    assert not d_x[~x_mask].any()
    assert not d_y[~y_mask].any()


@jax.jit
@jax.value_and_grad
def sum_up(variables, *given):
    return MeanAttention(HEADS).apply(variables, *given).sum()


@pytest.mark.parametrize("side", ["x", "y"])
def test_without_a_valid_step_only_the_last_bias_is_left(side):
    module, variables = layer()
    variables["params"]["out_proj"]["bias"] = np.arange(D, dtype=np.float32)
    x, y, x_mask, y_mask = sides()
    value, grads = jax.device_get(sum_up(variables, x, y, x_mask & (side != "x"), y_mask & (side != "y")))
    np.testing.assert_allclose(value, B * D * (D - 1) / 2, rtol=1e-6)
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))


def test_dropout_is_dropout_of_the_weights_and_its_gradient_too():
    """The same masks, applied the long way, give the same numbers by plain differentiation."""
    q, k, _, y_mask = (*(z.reshape(B, -1, HEADS, D // HEADS) for z in sides()[:2]), *sides()[2:])
    share, rate = np.full((B, T), 1 / T, np.float32), np.float32(0.4)
    of_what = np.random.default_rng(4).standard_normal((B, HEADS, S), np.float32)

    def plain(q, k, keys):
        scores = jnp.where(y_mask[:, None, None, :], jnp.einsum("bthc,bshc->bhts", q, k), -jnp.inf)
        masks = jnp.stack([keep_mask(key, (HEADS, T, S), rate) for key in keys])
        weights = jnp.where(masks, jax.nn.softmax(scores), 0) * keep_scale(rate)
        return jnp.einsum("bhts,bt->bhs", weights, share)

    def ours(q, k, keys):
        return mean_weights(q, k, share, y_mask, keys, rate)

    @jax.jit
    def run(q, k):
        keys = mean_attention._make_keys(jax.random.key(3), B)
        both = [jax.vjp(functools.partial(form, keys=keys), q, k) for form in (ours, plain)]
        return [(weights, back(of_what)) for weights, back in both]

    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-6), *run(q, k))


def test_examples_draw_masks_of_their_own_and_rate_0_changes_nothing():
    module, variables = layer()
    x, y, x_mask, y_mask = (np.repeat(z[:1], B, axis=0) for z in sides())

    @jax.jit
    def run(rate):
        rngs = {"dropout": jax.random.key(5)}
        dropped = module.apply(variables, x, y, x_mask, y_mask, train=True, dropout=rate, rngs=rngs)
        return dropped, module.apply(variables, x, y, x_mask, y_mask)

    assert np.abs(np.diff(run(0.5)[0], axis=0)).max(axis=1).min() > 1e-3
    np.testing.assert_allclose(*run(0.0), atol=1e-6)


def run_dropped():
    module, variables = layer()
    rngs = {"dropout": jax.random.key(6)}

    def loss(variables):
        y = module.apply(variables, *sides(), train=True, dropout=0.3, rngs=rngs)
        return jnp.sum(jnp.sin(y)), y

    return jax.device_get(jax.jit(jax.value_and_grad(loss, has_aux=True))(variables))


@pytest.fixture(scope="module")
def in_turn():
    return run_dropped()


@pytest.mark.parametrize("weights", [1, 2**24])
def test_a_batch_in_groups_or_in_one_piece_is_a_batch_in_turn(in_turn, monkeypatch, weights):
    """What an accelerator runs, and a CPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(mean_attention, "_GROUP", weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), run_dropped(), in_turn)


def test_groups_are_few_and_of_one_size():
    audio, text = 6 * 500 * 500, 6 * 128 * 128
    assert [mean_attention._count_groups(32, size) for size in (audio, text, 2**30)] == [4, 1, 32]
    assert mean_attention._count_groups(31, audio) == 31


def test_the_mask_is_that_of_dropout():
    run = jax.jit(lambda key, x: (dropout(key, x, 0.3) != 0, keep_mask(key, x.shape, 0.3)))
    np.testing.assert_array_equal(*run(jax.random.key(7), np.ones((4, 5), np.float32)))


@pytest.mark.parametrize("rate", [None, 0.3])
def test_the_plain_form_is_the_same(rate):
    draw = np.random.default_rng(3)
    q, k = (draw.standard_normal((B, n, HEADS, 4), np.float32) for n in (T, S))
    share, mask = (sides()[2] / 3).astype(np.float32), sides()[3]

    @jax.jit
    def grade(q, k):
        keys = None if rate is None else mean_attention._make_keys(jax.random.key(3), B)

        def loss(q, k, form):
            return jnp.sum(jnp.sin(form(q, k, share, mask, keys, jnp.float32(rate or 0))))

        return [
            jax.value_and_grad(loss, argnums=(0, 1))(q, k, form) for form in (mean_weights, form_plain_mean_weights)
        ]

    ours, plainly = grade(q, k)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), ours, plainly)
