"""Long short-term memory with Keras' equations and names (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i = s(x K_i + h R_i + b_i)        f = s(x K_f + h R_f + b_f)        o = s(x K_o + h R_o + b_o)
    g = tanh(x K_c + h R_c + b_c)     c' = f * c + i * g                h' = o * tanh(c')

Parameters: `kernel` [D, 4H], `recurrent_kernel` [H, 4H], `bias` [4H], gates in the order i, f, c, o; there is one bias,
as in Keras, not torch's two. s is the sigmoid, or the hard sigmoid clip(.2 x + .5, 0, 1), the default before Keras 2.3
(Keras 3 means another one by that name, clip(x / 6 + .5, 0, 1)). At the start the kernel is Glorot uniform, the
recurrent kernel orthogonal, and the bias 0 but for 1 at the forget gate.

As in `gru.py`, the products of the inputs are taken before the scan and the backward pass is written by hand. With
d_c = dLoss/dc' and d_h = dLoss/dh', the gradients of the gates' inputs are d_c or d_h times slopes that need only what
the forward pass has saved. So slopes are formed for all steps at once, the backward scan carries dh and dc alone, and
the gradient of the recurrent kernel is one product after it. `run_plain_lstm` is the same, left to autodiff.
Measured on two CPU cores (gradients, 8 sequences of 208 steps, 128 units): 12 ms, the plain form 18 ms.
Reverse-mode only. Of bfloat16 inputs and weights only the products are in bfloat16, as there.
Letters in names of arrays are axes: T steps, B batch, H units, G = 4H gates.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.products import multiply_rows
from affect_jax.layers.rounds import scan
from affect_jax.layers.step_products import sum_products
from affect_jax.layers.wide import wide_product, wide_type

ACTIVATIONS = ("sigmoid", "hard_sigmoid")
_LARGE = 4_000_000
"""Gates of all steps, above which a CPU forms slopes step by step: all of them at once do not stay in its cache."""


class LSTM(nn.Module):
    """Forward LSTM over the second axis, from the state 0: [B, T, D] -> [B, T, features].

    Attributes:
      features: units H.
      recurrent_activation: of the three gates, one of `ACTIVATIONS`.
    """

    features: int
    recurrent_activation: str = "sigmoid"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        gates = 4 * self.features
        kernel = self.param("kernel", nn.initializers.glorot_uniform(), (x.shape[-1], gates))
        recurrent_kernel = self.param("recurrent_kernel", nn.initializers.orthogonal(), (self.features, gates))
        bias = self.param("bias", _init_unit_forget_bias, (gates,))
        products = multiply_rows(x.swapaxes(0, 1), kernel)
        gates_TxBxG = (products + bias[None, None, :]).astype(products.dtype)
        return lstm_scan(gates_TxBxG, recurrent_kernel, self.recurrent_activation).swapaxes(0, 1)


def _init_unit_forget_bias(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    del key
    units = shape[0] // 4
    return jnp.zeros(shape, dtype).at[units : 2 * units].set(1)


def _apply_gate(x: jax.Array, activation: str) -> jax.Array:
    return jax.nn.sigmoid(x) if activation == "sigmoid" else jnp.clip(0.2 * x + 0.5, 0, 1)


def _slope_gate(y: jax.Array, activation: str) -> jax.Array:
    """Returns the gate's derivative, from its value y."""
    return y * (1 - y) if activation == "sigmoid" else jnp.where((y > 0) & (y < 1), jnp.asarray(0.2, y.dtype), 0)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def lstm_scan(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> jax.Array:
    """Runs the recurrence alone.

    Args:
      gates_TxBxG: the inputs' share of the gates, with the bias.
      weight_HxG: the recurrent kernel.
      activation: of the three gates, one of `ACTIVATIONS`.

    Returns:
      States [T, B, H], from the state 0.
    """

    def body(state, gates_BxG):
        state, _ = _take_step(state, gates_BxG, weight_HxG, activation)
        return state, state.h.astype(gates_BxG.dtype)

    return scan(body, _make_first_state(gates_TxBxG), gates_TxBxG)[1]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def lstm_scan_cells(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> tuple[jax.Array, jax.Array]:
    """Returns what `lstm_scan` does, and the cells c [T, B, H]."""

    def body(state, gates_BxG):
        state, _ = _take_step(state, gates_BxG, weight_HxG, activation)
        return state, tuple(part.astype(gates_BxG.dtype) for part in state)

    return scan(body, _make_first_state(gates_TxBxG), gates_TxBxG)[1]


def run_plain_lstm(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> jax.Array:
    """Returns what `lstm_scan` does, left to autodiff: the reference for tests."""
    squash = jax.nn.sigmoid if activation == "sigmoid" else lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)

    def step(carry, gates):
        h, c = carry
        i, f, g, o = jnp.split(gates + h @ weight_HxG, 4, axis=-1)
        c = squash(f) * c + squash(i) * jnp.tanh(g)
        h = squash(o) * jnp.tanh(c)
        return (h, c), h

    zeros_BxH = jnp.zeros((gates_TxBxG.shape[1], weight_HxG.shape[0]), gates_TxBxG.dtype)
    return jax.lax.scan(step, (zeros_BxH, zeros_BxH), gates_TxBxG)[1]


class _State(NamedTuple):
    """h and c, [B, H] each, float32 at least."""

    h: jax.Array
    c: jax.Array


def _make_first_state(gates_TxBxG: jax.Array) -> _State:
    first_BxH = gates_TxBxG[0, :, : gates_TxBxG.shape[-1] // 4]
    zeros_BxH = jnp.zeros_like(first_BxH, wide_type(first_BxH.dtype))
    return _State(zeros_BxH, zeros_BxH)


def _take_step(state: _State, gates_BxG: jax.Array, weight_HxG: jax.Array, activation: str) -> tuple[_State, jax.Array]:
    """Returns the new state, and the gates' values [B, G], which the backward pass needs."""
    h, c = state
    i, f, g, o = jnp.split(gates_BxG + wide_product(h, weight_HxG), 4, axis=-1)
    i, f, g, o = _apply_gate(i, activation), _apply_gate(f, activation), jnp.tanh(g), _apply_gate(o, activation)
    c = f * c + i * g
    return _State(o * jnp.tanh(c), c), jnp.concatenate([i, f, g, o], axis=-1)


def _forward_cells(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> tuple[Any, Any]:
    def body(state, gates_BxG):
        state, values_BxG = _take_step(state, gates_BxG, weight_HxG, activation)
        return state, (state.h, state.c, values_BxG)

    _, saved = scan(body, _make_first_state(gates_TxBxG), gates_TxBxG)
    return tuple(part.astype(gates_TxBxG.dtype) for part in saved[:2]), (saved, weight_HxG)


def _forward(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> tuple[jax.Array, Any]:
    (h, _), residuals = _forward_cells(gates_TxBxG, weight_HxG, activation)
    return h, residuals


def _backward(activation: str, residuals: Any, dy_TxBxH: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _backward_cells(activation, residuals, (dy_TxBxH, None))


def _backward_cells(
    activation: str, residuals: Any, upstream: tuple[jax.Array, jax.Array | None]
) -> tuple[jax.Array, jax.Array]:
    (h, c, values_TxBxG), weight = residuals
    dy_TxBxH, dc_TxBxH = upstream  # of states and of cells, None where nothing reads these
    factors = c, jnp.concatenate([jnp.zeros_like(c[:1]), c[:-1]]), values_TxBxG
    transposed = weight.T  # once, not at every step
    is_large = jax.default_backend() == "cpu" and values_TxBxG.size > _LARGE
    if not is_large:
        factors = _form_slopes(factors, activation)

    def body(carry, step):
        d_h, d_c = carry
        dy, dc, factors = step
        slopes, through, f = _form_slopes(factors, activation) if is_large else factors
        d_h = d_h + dy
        d_c = d_c + d_h * through
        if dc is not None:
            d_c = d_c + dc
        d_gates = jnp.concatenate([d_c, d_c, d_c, d_h], axis=-1) * slopes
        return (wide_product(d_gates, transposed), d_c * f), d_gates

    steps = dy_TxBxH, dc_TxBxH, factors
    _, d_gates = scan(body, (jnp.zeros_like(h[0]), jnp.zeros_like(h[0])), steps, reverse=True)
    previous_h = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])
    d_weight = sum_products(previous_h, d_gates.astype(weight.dtype))
    return d_gates.astype(dy_TxBxH.dtype), d_weight.astype(weight.dtype)


def _form_slopes(
    factors: tuple[jax.Array, jax.Array, jax.Array], activation: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of the cells, those before and the gates' values [..., G]: slopes, dh'/dc' and the forget gate.

    The gradients of the gates' inputs are d_c times the first three parts of the slopes, and d_h times the last.
    """
    c, previous_c, values = factors
    i, f, g, o = jnp.split(values, 4, axis=-1)
    squashed = jnp.tanh(c)
    slopes = [
        g * _slope_gate(i, activation),
        previous_c * _slope_gate(f, activation),
        i * (1 - g * g),
        squashed * _slope_gate(o, activation),
    ]
    return jnp.concatenate(slopes, axis=-1), o * (1 - squashed * squashed), f


lstm_scan.defvjp(_forward, _backward)
lstm_scan_cells.defvjp(_forward_cells, _backward_cells)
