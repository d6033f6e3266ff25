import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from affect_jax.layers import gru as core
from affect_jax.layers.gru import gru, run_plain_gru

BATCH, STEPS, UNITS = 3, 6, 5


def plain(x, weight_ih, weight_hh, bias, new_bias, mask_TxKxB=None, keep_TxKxB=None):
    """What `gru` computes, one direction and one step after the other, left to autodiff."""
    out, mask, keep = [], mask_TxKxB, keep_TxKxB
    for k, order in enumerate([range(STEPS), range(STEPS)[::-1]][: len(weight_ih)]):
        h, states = jnp.zeros((BATCH, UNITS), x.dtype), {}
        for number, t in enumerate(order):
            h = h if keep is None else h * keep[number, k][:, None]
            gates_r, gates_z, gates_n = jnp.split(x[:, t] @ weight_ih[k] + bias[k][None], 3, axis=1)
            hidden_r, hidden_z, hidden_n = jnp.split(h @ weight_hh[k], 3, axis=1)
            r, z = jax.nn.sigmoid(gates_r + hidden_r), jax.nn.sigmoid(gates_z + hidden_z)
            n = jnp.tanh(gates_n + r * (hidden_n + new_bias[k][None]))
            new = (1 - z) * n + z * h
            h = states[t] = new if mask is None else jnp.where(mask[number, k][:, None], new, h)
        out.append(jnp.stack([states[t] for t in range(STEPS)], axis=1))
    return jnp.concatenate(out, axis=-1)


def arguments(inputs, directions=2):
    draw = np.random.default_rng(1)
    gates = 3 * UNITS
    shapes = ((directions, inputs, gates), (directions, UNITS, gates), (directions, gates), (directions, UNITS))
    return tuple(jnp.asarray(draw.normal(size=shape)) for shape in ((BATCH, STEPS, inputs), *shapes))


# More inputs than gates and fewer are turned around in different places.
@pytest.mark.parametrize(("inputs", "directions", "masked"), [(4, 2, True), (20, 2, True), (4, 1, False)])
def test_handwritten_gradient_is_autodiffs(inputs, directions, masked):
    with jax.enable_x64(True):
        draw = np.random.default_rng(2)
        flags = draw.integers(0, 2, (2, STEPS, directions, BATCH)).astype(bool) if masked else (None, None)
        weights = jnp.asarray(draw.normal(size=(BATCH, STEPS, directions * UNITS)))

        def graded(layer):
            def loss(*arguments):
                h = layer(*arguments, mask_TxKxB=flags[0], keep_TxKxB=flags[1])
                return jnp.sum(weights * h), h

            return jax.jit(jax.value_and_grad(loss, argnums=range(5), has_aux=True))(*arguments(inputs, directions))

        ours, expected = graded(gru), graded(plain)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), ours, expected)
        alone = jax.jit(gru)(
            *arguments(inputs, directions), mask_TxKxB=flags[0], keep_TxKxB=flags[1]
        )  # without a gradient it takes another path
        np.testing.assert_allclose(alone, expected[0][1], atol=1e-12)


@pytest.mark.parametrize("directions", [1, 2])
def test_the_plain_form_is_the_same(directions):
    with jax.enable_x64(True):
        ours, plainly = (jax.jit(layer)(*arguments(4, directions)) for layer in (gru, run_plain_gru))
        np.testing.assert_allclose(ours, plainly, atol=1e-12)


def test_gradient_is_the_finite_difference():
    with jax.enable_x64(True):
        check_grads(jax.jit(gru), arguments(4), order=1, modes=["rev"])


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
