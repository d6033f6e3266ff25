import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.hopping import Hop, check_hops

STEPS, SIZE, CONTEXT = 4, 3, 2
MASK = np.arange(STEPS)[None] < np.array([[4], [2], [0]])
draw = np.random.default_rng(0)
STATES = np.where(MASK[..., None], draw.normal(size=(3, STEPS, SIZE)), 0).astype(np.float32)
ASKING = draw.normal(size=(3, CONTEXT)).astype(np.float32)
QUERY = {"kernel": draw.normal(size=(CONTEXT, SIZE)), "bias": draw.normal(size=SIZE)}
PARAMS = {"query": jax.tree.map(np.float32, QUERY)}


@jax.jit
def compute(params, context, states):
    return Hop().apply({"params": params}, context, states, MASK)


def hop(*arguments):
    return jax.device_get(compute(*arguments))


def test_a_hop_is_its_equation():
    mean, weights = hop(PARAMS, ASKING, STATES)
    assert jax.tree.map(np.shape, PARAMS) == {"query": {"kernel": (CONTEXT, SIZE), "bias": (SIZE,)}}
    for b, length in enumerate((4, 2)):
        scores = STATES[b, :length].astype(np.float64) @ (ASKING[b] @ QUERY["kernel"] + QUERY["bias"])
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(weights[b, :length], expected, atol=1e-6)
        np.testing.assert_allclose(mean[b], expected @ STATES[b, :length], atol=1e-6)


def test_weights_sum_to_one_over_valid_steps_and_are_zero_elsewhere():
    mean, weights = hop(PARAMS, ASKING, STATES)
    np.testing.assert_allclose(weights.sum(axis=1), [1, 1, 0], atol=1e-6)
    np.testing.assert_array_equal(weights[~MASK], 0)
    np.testing.assert_array_equal(mean[2], 0)


def test_gradients_are_finite_where_no_step_is_valid():
    differentiate = jax.jit(jax.grad(lambda *a: jnp.sum(compute(*a)[0] ** 2), argnums=(0, 1, 2)))
    grads = jax.device_get(differentiate(PARAMS, ASKING, STATES))
    assert all(np.isfinite(grad).all() for grad in jax.tree.leaves(grads))
    np.testing.assert_array_equal(grads[1][2], 0)
    assert np.abs(grads[1][:2]).max() > 0


def test_a_constant_in_every_state_shifts_no_weight_and_leaves_unchanged():
    # Why prosody may join the summary instead of every state (recurrent_fusion.py).
    constant = np.broadcast_to(draw.normal(size=(3, 1, 2)), (3, STEPS, 2)).astype(np.float32)
    wider = np.where(MASK[..., None], np.concatenate([STATES, constant], axis=-1), 0)
    more = {name: np.concatenate([p, p[..., :2]], axis=-1) for name, p in PARAMS["query"].items()}
    (mean, weights), (wide_mean, wide_weights) = hop(PARAMS, ASKING, STATES), hop({"query": more}, ASKING, wider)
    np.testing.assert_allclose(wide_weights, weights, atol=1e-6)
    np.testing.assert_allclose(wide_mean[:2], np.concatenate([mean, constant[:, 0]], axis=-1)[:2], atol=1e-6)


@pytest.mark.parametrize("hops", [0, -1])
def test_no_hop_is_refused(hops):
    with pytest.raises(UserError, match=f"'mha' has {hops} hops; give 1 or more, or choose model 'mdre'"):
        check_hops("mha", hops)
