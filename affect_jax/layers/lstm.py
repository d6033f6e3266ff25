"""Long short-term memory with Keras' equations and names (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i = s(x K_i + h R_i + b_i)        f = s(x K_f + h R_f + b_f)        o = s(x K_o + h R_o + b_o)
    g = tanh(x K_c + h R_c + b_c)     c' = f * c + i * g                h' = o * tanh(c')

Parameters: `kernel` [D, 4H], `recurrent_kernel` [H, 4H], `bias` [4H], gates in the order i, f, c, o; there is one bias,
as in Keras, not torch's two. s is the sigmoid, or the hard sigmoid clip(.2 x + .5, 0, 1), the default before Keras 2.3
(Keras 3 means another one by that name, clip(x / 6 + .5, 0, 1)). At the start the kernel is Glorot uniform, the
recurrent kernel orthogonal, and the bias 0 but for 1 at the forget gate.

As in `gru.py`, the input's products are taken before the scan and the backward pass is written by hand: its scan
carries dh and dc alone, and every weight's gradient is one product after it. Reverse-mode only. Of bfloat16 inputs and
weights only the products are in bfloat16, as there.
Letters in names of arrays are axes: T steps, B batch, H units, G = 4H gates.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.rounds import scan
from affect_jax.layers.wide import wide_product, wide_type

ACTIVATIONS = ("sigmoid", "hard_sigmoid")


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
        bias = self.param("bias", _unit_forget_bias, (gates,))
        products = x.swapaxes(0, 1) @ kernel
        gates_TxBxG = (products + bias[None, None, :]).astype(products.dtype)
        return lstm_scan(gates_TxBxG, recurrent_kernel, self.recurrent_activation).swapaxes(0, 1)


def _unit_forget_bias(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    del key
    units = shape[0] // 4
    return jnp.zeros(shape, dtype).at[units : 2 * units].set(1)


def _gate(x: jax.Array, activation: str) -> jax.Array:
    return jax.nn.sigmoid(x) if activation == "sigmoid" else jnp.clip(0.2 * x + 0.5, 0, 1)


def _gate_slope(y: jax.Array, activation: str) -> jax.Array:
    """The gate's derivative, from its value."""
    return y * (1 - y) if activation == "sigmoid" else jnp.where((y > 0) & (y < 1), jnp.asarray(0.2, y.dtype), 0)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def lstm_scan(gates_TxBxG: jax.Array, weight_HxG: jax.Array, activation: str) -> jax.Array:
    """The recurrence alone: states [T, B, H] from the state 0.

    `gates` are the inputs' share of the gates with the bias, `weight` is the recurrent kernel.
    """

    def body(carry, gates):
        h, c, _ = _step(*carry, gates, weight_HxG, activation)
        return (h, c), h.astype(gates.dtype)

    return scan(body, _initial(gates_TxBxG), gates_TxBxG)[1]


def _initial(gates_TxBxG: jax.Array) -> tuple[jax.Array, jax.Array]:
    first = gates_TxBxG[0, :, : gates_TxBxG.shape[-1] // 4]
    zeros_BxH = jnp.zeros_like(first, wide_type(first.dtype))
    return zeros_BxH, zeros_BxH


def _step(h, c, gates, weight, activation):
    """One step; returns the new h and c, and the gates' values [B, G], which the backward pass needs."""
    i, f, g, o = jnp.split(gates + wide_product(h, weight), 4, axis=-1)
    i, f, g, o = _gate(i, activation), _gate(f, activation), jnp.tanh(g), _gate(o, activation)
    c = f * c + i * g
    return o * jnp.tanh(c), c, jnp.concatenate([i, f, g, o], axis=-1)


def _forward(gates, weight, activation):
    def body(carry, gates):
        h, c, values = _step(*carry, gates, weight, activation)
        return (h, c), (h, c, values)

    _, saved = scan(body, _initial(gates), gates)
    return saved[0].astype(gates.dtype), (saved, weight)


def _backward(activation, residuals, dy):
    (h, c, values), weight = residuals
    i, f, g, o = jnp.split(values, 4, axis=-1)
    before = jnp.concatenate([jnp.zeros_like(c[:1]), c[:-1]])
    squashed = jnp.tanh(c)
    # With d_c = dLoss/dc' and d_h = dLoss/dh', the derivatives with respect to the gates' inputs are d_c times the
    # first three of these and d_h times the last, for all steps at once.
    slopes = [
        g * _gate_slope(i, activation),
        before * _gate_slope(f, activation),
        i * (1 - g * g),
        squashed * _gate_slope(o, activation),
    ]
    through = o * (1 - squashed * squashed)  # dh'/dc'

    def body(carry, step):
        d_h, d_c = carry
        dy, slopes, through, f = step
        d_h = d_h + dy
        d_c = d_c + d_h * through
        d_gates = jnp.concatenate([d_c, d_c, d_c, d_h], axis=-1) * slopes
        return (wide_product(d_gates, weight.T), d_c * f), d_gates

    steps = dy, jnp.concatenate(slopes, axis=-1), through, f
    _, d_gates = scan(body, (jnp.zeros_like(h[0]), jnp.zeros_like(h[0])), steps, reverse=True)
    # The first step's state is 0.
    d_weight = wide_product(h[:-1], d_gates[1:].astype(weight.dtype), "tbh,tbg->hg")
    return d_gates.astype(dy.dtype), d_weight.astype(weight.dtype)


lstm_scan.defvjp(_forward, _backward)
