import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers import gru as core
from affect_jax.layers.gru import gru, run_plain_gru
from tests.layers.slopes import check_slope

BATCH, STEPS, UNITS = 3, 6, 5


def plain(x, weight_ih, weight_hh, bias, new_bias, mask_TxKxB=None, keep_TxKxB=None):
    """What `gru` computes, one direction and one step after the other, left to autodiff."""
    everything = np.ones((STEPS, len(weight_ih), BATCH), bool)
    mask, keep = (everything if flags is None else flags for flags in (mask_TxKxB, keep_TxKxB))

    def run_direction(k):
        def step(h, now):
            x, mask, keep = now
            h = h * keep[:, None]
            gates_r, gates_z, gates_n = jnp.split(x @ weight_ih[k] + bias[k][None], 3, axis=1)
            hidden_r, hidden_z, hidden_n = jnp.split(h @ weight_hh[k], 3, axis=1)
            r, z = jax.nn.sigmoid(gates_r + hidden_r), jax.nn.sigmoid(gates_z + hidden_z)
            n = jnp.tanh(gates_n + r * (hidden_n + new_bias[k][None]))
            h = jnp.where(mask[:, None], (1 - z) * n + z * h, h)
            return h, h

        order = slice(None, None, -1 if k else 1)  # in which flags stand already
        states = jax.lax.scan(
            step, jnp.zeros((BATCH, UNITS), x.dtype), (x.swapaxes(0, 1)[order], mask[:, k], keep[:, k])
        )
        return states[1][order].swapaxes(0, 1)

    return jnp.concatenate([run_direction(k) for k in range(len(weight_ih))], axis=-1)


def arguments(inputs, directions=2):
    draw = np.random.default_rng(1)
    gates = 3 * UNITS
    shapes = ((directions, inputs, gates), (directions, UNITS, gates), (directions, gates), (directions, UNITS))
    return tuple(draw.normal(size=shape) for shape in ((BATCH, STEPS, inputs), *shapes))


# More inputs than gates and fewer are turned around in different places.
@pytest.mark.parametrize(("inputs", "directions", "masked"), [(4, 2, True), (20, 2, True), (4, 1, False)])
def test_handwritten_gradient_is_autodiffs(inputs, directions, masked):
    with jax.enable_x64(True):
        draw = np.random.default_rng(2)
        flags = draw.integers(0, 2, (2, STEPS, directions, BATCH)).astype(bool) if masked else (None, None)
        weights = draw.normal(size=(BATCH, STEPS, directions * UNITS))

        def loss(layer, *arguments):
            h = layer(*arguments, mask_TxKxB=flags[0], keep_TxKxB=flags[1])
            return jnp.sum(weights * h), h

        @jax.jit
        def run(*arguments):
            graded = [
                jax.value_and_grad(functools.partial(loss, layer), argnums=range(5), has_aux=True)(*arguments)
                for layer in (gru, plain)
            ]
            return *graded, loss(gru, *arguments)[1]  # without a gradient it takes another path

        ours, expected, alone = jax.device_get(run(*arguments(inputs, directions)))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), ours, expected)
        np.testing.assert_allclose(alone, expected[0][1], atol=1e-12)


@pytest.mark.parametrize("directions", [1, 2])
def test_the_plain_form_is_the_same(directions):
    with jax.enable_x64(True):
        both = jax.jit(lambda *given: (gru(*given), run_plain_gru(*given)))
        np.testing.assert_allclose(*both(*arguments(4, directions)), atol=1e-12)


def test_gradient_is_the_finite_difference():
    check_slope(gru, arguments(4))


@pytest.mark.parametrize("inputs", [4, 20])
def test_steps_and_batch_as_two_axes_give_the_same_as_one(inputs, monkeypatch):
    def loss(*arguments):
        return jnp.sum(jnp.sin(gru(*arguments)))

    graded = jax.value_and_grad(loss, argnums=range(5))
    with jax.enable_x64(True):
        with_n = jax.jit(graded).trace(*arguments(inputs))
        merged = with_n.lower().compile()(*arguments(inputs))
        monkeypatch.setattr(core, "_should_merge", lambda: False)
        without = jax.jit(lambda *arguments: graded(*arguments)).trace(*arguments(inputs))
        apart = without.lower().compile()(*arguments(inputs))
    kgn = f"[2,{3 * UNITS},{STEPS * BATCH}]"
    assert kgn in str(with_n.jaxpr)
    assert kgn not in str(without.jaxpr)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), merged, apart)
