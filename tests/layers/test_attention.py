import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers.attention import ROWS, AdditiveSelfAttention

BATCH, SIZE, UNITS = 2, 3, 4
LAYER = AdditiveSelfAttention(UNITS)
draw = np.random.default_rng(0)
SHAPES = {"Wt": (SIZE, UNITS), "Wx": (SIZE, UNITS), "bh": (UNITS,), "Wa": (UNITS, 1), "ba": (1,)}
PARAMS = {name: draw.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def inputs(steps):
    return np.random.default_rng(steps).normal(size=(BATCH, steps, SIZE)).astype(np.float32)


def reference(params, x, epsilon=0.0):
    """One pair of steps after another, in float64; `epsilon` as older versions of the Keras package add it."""
    p = {name: np.asarray(value, np.float64) for name, value in params.items()}
    out = np.zeros(x.shape)
    for b, t in np.ndindex(x.shape[:2]):
        e = np.array(
            [
                np.tanh(np.tanh(x[b, t] @ p["Wt"] + other @ p["Wx"] + p["bh"]) @ p["Wa"][:, 0] + p["ba"][0])
                for other in x[b]
            ]
        )
        weights = np.exp(e - e.max())
        out[b, t] = weights / (weights.sum() + epsilon) @ x[b]
    return out


@jax.jit
def apply(params, x):
    return LAYER.apply({"params": params}, x)


# Fewer steps than a group, whole groups, and a rest.
@pytest.mark.parametrize("steps", [1, 2 * ROWS, ROWS + 3])
def test_output_is_the_equation_whatever_the_groups(steps):
    x = inputs(steps)
    out = apply(PARAMS, x)
    np.testing.assert_allclose(out, reference(PARAMS, x), atol=1e-6)
    np.testing.assert_allclose(out, reference(PARAMS, x, epsilon=1e-7), atol=1e-6)


def test_parameters_have_their_names_shapes_and_count():
    init = jax.jit(AdditiveSelfAttention().init)
    params = jax.device_get(init(jax.random.key(0), np.zeros((1, 2, 128), np.float32)))["params"]
    shapes = {"Wt": (128, 32), "Wx": (128, 32), "bh": (32,), "Wa": (32, 1), "ba": (1,)}
    assert {name: p.shape for name, p in params.items()} == shapes
    assert sum(p.size for p in params.values()) == 8257
    np.testing.assert_array_equal(params["bh"], 0)
    np.testing.assert_allclose(np.std(params["Wt"]), (2 / 160) ** 0.5, rtol=0.1)


def test_gradient_is_that_of_the_plain_equation():
    def plain(params, x):
        g = jnp.tanh((x @ params["Wt"] + params["bh"][None, None, :])[:, :, None] + (x @ params["Wx"])[:, None])
        e = jnp.tanh((g @ params["Wa"])[..., 0] + params["ba"][None, None, :])
        return jax.nn.softmax(e, axis=-1) @ x

    def loss(attend, params, x):
        out = attend(params, x)
        return jnp.sum(jnp.cos(jnp.arange(out.size).reshape(out.shape)) * out)

    with jax.enable_x64(True):
        given = jax.tree.map(np.float64, (PARAMS, inputs(ROWS + 3)))
        both = [
            jax.value_and_grad(functools.partial(loss, attend), argnums=(0, 1))
            for attend in (lambda p, x: LAYER.apply({"params": p}, x), plain)
        ]
        ours, theirs = jax.jit(lambda *given: [grad(*given) for grad in both])(*given)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), ours, theirs)


def test_memory_does_not_hold_every_pair_of_steps():
    steps, units = 20 * ROWS, 32
    layer = AdditiveSelfAttention(units)
    x = jax.ShapeDtypeStruct((4, steps, SIZE), jnp.float32)
    params = jax.eval_shape(layer.init, jax.random.key(0), x)
    compiled = jax.jit(jax.grad(lambda p, x: jnp.sum(layer.apply(p, x) ** 2))).lower(params, x).compile()
    whole = 4 * steps * steps * units * 4
    assert compiled.memory_analysis().temp_size_in_bytes < whole / 4
