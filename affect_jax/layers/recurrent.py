"""Gated recurrent units with PyTorch's equations (Cho et al. 2014, with the reset gate inside the candidate's product).

    r = sigmoid(x W_ir + b_ir + h W_hr + b_hr)
    z = sigmoid(x W_iz + b_iz + h W_hz + b_hz)
    n = tanh(x W_in + b_in + r * (h W_hn + b_hn))
    h' = (1 - z) * n + z * h

Parameters carry torch's names and gate order (reset, update, new), with transposed weights: `weight_ih` [D, 3H],
`weight_hh` [H, 3H], `bias_ih` [3H], `bias_hh` [3H], and the same with `_reverse` for the backward direction. All start
as U(+-1/sqrt(H)).

The recurrence is in `gru.py`.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.gru import gru
from affect_jax.layers.masking import zero_padding


class GRU(nn.Module):
    """Forward GRU over the second axis: [B, T, D] -> [B, T, features].

    `mask` [B, T] is True at valid steps, None where all are. A padded step holds the state and outputs 0, so padding
    never changes a valid output and whatever the input holds there (NaN too) has no effect and an exact zero gradient.
    `segments` [B, T] numbers the sequences where a line holds several (each in one piece, padding behind its valid
    steps): the state starts from 0 in each.
    """

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None, segments: jax.Array | None = None) -> jax.Array:
        return _run(x, mask, segments, [_parameters(self, x.shape[-1], self.features)])


class BiGRU(nn.Module):
    """A forward and a backward GRU over the second axis, concatenated: [B, T, D] -> [B, T, 2 * features].

    `mask` and `segments` as in `GRU`. The backward direction starts at each sequence's last valid step.
    """

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array | None = None, segments: jax.Array | None = None) -> jax.Array:
        directions = [_parameters(self, x.shape[-1], self.features, suffix) for suffix in ("", "_reverse")]
        return _run(x, mask, segments, directions)


class SingleStepGRU(nn.Module):
    """One step of a GRU from the state 0: [..., D] -> [..., features].

    `weight_hh` is one of the parameters, as in torch, though the zero state multiplies it away: its gradient is 0.
    """

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        weight_ih, _, bias_ih, bias_hh = _parameters(self, x.shape[-1], self.features)
        gates_bias, new_bias = _split_bias(bias_ih, bias_hh)
        product = x @ weight_ih
        gates = product + gates_bias.reshape((1,) * (x.ndim - 1) + (-1,))
        reset, update, new = jnp.split(gates, 3, axis=-1)
        update = jax.nn.sigmoid(update)
        new = jnp.tanh(new + jax.nn.sigmoid(reset) * new_bias.reshape((1,) * (x.ndim - 1) + (-1,)))
        return ((1 - update) * new).astype(product.dtype)


def _parameters(module: nn.Module, inputs: int, units: int, suffix: str = "") -> tuple[jax.Array, ...]:
    shapes = {
        "weight_ih": (inputs, 3 * units),
        "weight_hh": (units, 3 * units),
        "bias_ih": (3 * units,),
        "bias_hh": (3 * units,),
    }
    return tuple(module.param(name + suffix, uniform(units**-0.5), shape) for name, shape in shapes.items())


def _split_bias(bias_ih: jax.Array, bias_hh: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The bias that may be added to the inputs beforehand [3H], and b_hn [H], which the reset gate multiplies."""
    units = bias_hh.shape[0] // 3
    return bias_ih + jnp.pad(bias_hh[: 2 * units], (0, units)), bias_hh[2 * units :]


def _run(
    x: jax.Array, mask: jax.Array | None, segments: jax.Array | None, directions: list[tuple[jax.Array, ...]]
) -> jax.Array:
    """Runs the directions (the second one, if any, backward in time) over x [B, T, D]; returns [B, T, K * H]."""
    if mask is not None:
        x = zero_padding(x, mask)  # before any product: NaN * 0 is NaN
    flips = [1, -1][: len(directions)]
    mask_TxKxB = None if mask is None else jnp.stack([mask.T[::flip] for flip in flips], axis=1)
    keep_TxKxB = None
    if segments is not None:
        same = segments.T[1:] == segments.T[:-1]
        first = jnp.zeros_like(same[:1])
        forward_TxB, backward_TxB = jnp.concatenate([first, same]), jnp.concatenate([same, first])
        keep_TxKxB = jnp.stack([forward_TxB, backward_TxB[::-1]][: len(directions)], axis=1)
    weights_ih, weights_hh, biases_ih, biases_hh = zip(*directions, strict=True)
    biases, new_biases = zip(*map(_split_bias, biases_ih, biases_hh), strict=True)
    parameters = (jnp.stack(of_each) for of_each in (weights_ih, weights_hh, biases, new_biases))
    h = gru(x, *parameters, mask_TxKxB=mask_TxKxB, keep_TxKxB=keep_TxKxB)
    return h if mask is None else zero_padding(h, mask)
