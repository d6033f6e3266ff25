"""Gated recurrent units with PyTorch's equations (Cho et al. 2014, with the reset gate inside the candidate's product).

    r = sigmoid(x W_ir + b_ir + h W_hr + b_hr)
    z = sigmoid(x W_iz + b_iz + h W_hz + b_hz)
    n = tanh(x W_in + b_in + r * (h W_hn + b_hn))
    h' = (1 - z) * n + z * h

Parameters carry torch's names and gate order (reset, update, new), with transposed weights: `weight_ih` [D, 3H],
`weight_hh` [H, 3H], `bias_ih` [3H], `bias_hh` [3H], and the same with `_reverse` for the backward direction. All start
as U(+-1/sqrt(H)).

What makes it fast, on a CPU and on a GPU alike: the input's products for all steps are taken before the scan, both
directions advance in one scan, and a hand-written backward pass carries nothing but dh: what a gate's derivative needs
is formed for all steps at once before the backward scan, and dW is one product after it. Reverse-mode only.
Of bfloat16 inputs and weights only the products are in bfloat16: what a scan carries, and what is summed over time,
is float32.
Letters in names of arrays are axes: T steps, K directions, B batch, H units, G = 3H gates.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.wide import product, wide_type

# Added to nothing but put in place of the update gate's input at padded steps: sigmoid gives exactly 1 there, so the
# state is held and every derivative of the step is exactly 0, at no cost inside the scan.
_HOLD = 1e9


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
        products = x @ weight_ih
        gates = products + gates_bias.reshape((1,) * (x.ndim - 1) + (-1,))
        reset, update, new = jnp.split(gates, 3, axis=-1)
        update = jax.nn.sigmoid(update)
        new = jnp.tanh(new + jax.nn.sigmoid(reset) * new_bias.reshape((1,) * (x.ndim - 1) + (-1,)))
        return ((1 - update) * new).astype(products.dtype)


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
    x_TxBxD = x.swapaxes(0, 1)
    gates, weights, biases = [], [], []
    for flip, (weight_ih, weight_hh, bias_ih, bias_hh) in zip(flips, directions, strict=True):
        gates_bias, new_bias = _split_bias(bias_ih, bias_hh)
        products = x_TxBxD[::flip] @ weight_ih
        gates.append((products + gates_bias[None, None, :]).astype(products.dtype))
        weights.append(weight_hh)
        biases.append(new_bias)
    gates_TxKxBxG = jnp.stack(gates, axis=1)
    if mask is not None:
        units = weights[0].shape[0]
        hold_G = jnp.pad(jnp.full((units,), _HOLD, x.dtype), units)  # of the update gate; the others do not matter
        mask_TxKxB = jnp.stack([mask.T[::flip] for flip in flips], axis=1)
        gates_TxKxBxG = jnp.where(mask_TxKxB[..., None], gates_TxKxBxG, hold_G[None, None, None, :])
    keep_TxKxB = None
    if segments is not None:
        same = segments.T[1:] == segments.T[:-1]
        first = jnp.zeros_like(same[:1])
        forward_TxB, backward_TxB = jnp.concatenate([first, same]), jnp.concatenate([same, first])
        keep_TxKxB = jnp.stack([forward_TxB, backward_TxB[::-1]][: len(directions)], axis=1).astype(x.dtype)
    h_TxKxBxH = gru_scan(gates_TxKxBxG, jnp.stack(weights), jnp.stack(biases), keep_TxKxB)
    h_TxBxKH = jnp.concatenate([h_TxKxBxH[::flip, k] for k, flip in enumerate(flips)], axis=-1)
    h = h_TxBxKH.swapaxes(0, 1)
    return h if mask is None else zero_padding(h, mask)


@jax.custom_vjp
def gru_scan(
    gates_TxKxBxG: jax.Array, weight_KxHxG: jax.Array, bias_KxH: jax.Array, keep_TxKxB: jax.Array | None = None
) -> jax.Array:
    """The recurrence alone: states [T, K, B, H] of K independent GRUs, from the state 0.

    `gates` are the inputs' share of the gates with every bias but b_hn, `weight` is weight_hh and `bias` is b_hn.
    `keep` is 0 where a step starts from the state 0 again, 1 elsewhere.
    """

    def body(h, step):
        h, _ = _step(h, *step, weight_KxHxG, bias_KxH)
        return h, h.astype(gates_TxKxBxG.dtype)

    return jax.lax.scan(body, _initial(gates_TxKxBxG), (gates_TxKxBxG, keep_TxKxB))[1]


def _initial(gates_TxKxBxG: jax.Array) -> jax.Array:
    first = gates_TxKxBxG[0, ..., : gates_TxKxBxG.shape[-1] // 3]
    return jnp.zeros_like(first, wide_type(first.dtype))


def _kept(h: jax.Array, keep: jax.Array | None) -> jax.Array:
    return h if keep is None else h * keep[..., None]


def _step(h, gates, keep, weight, bias):
    """One step; returns the new state and what the backward pass needs: r, z, n and q = h W_hn + b_hn."""
    h = _kept(h, keep)
    gates_r, gates_z, gates_n = jnp.split(gates, 3, axis=-1)
    hidden_r, hidden_z, hidden_n = jnp.split(product(h, weight, "kbh,khg->kbg"), 3, axis=-1)
    r = jax.nn.sigmoid(gates_r + hidden_r)
    z = jax.nn.sigmoid(gates_z + hidden_z)
    q = hidden_n + bias[:, None, :]
    n = jnp.tanh(gates_n + r * q)
    return (1 - z) * n + z * h, (r, z, n, q)


def _forward(gates, weight, bias, keep):
    def body(h, step):
        h, saved = _step(h, *step, weight, bias)
        return h, (h, *saved)

    _, saved = jax.lax.scan(body, _initial(gates), (gates, keep))
    return saved[0].astype(gates.dtype), (saved, weight, bias, keep)


def _backward(residuals, dy):
    (h, r, z, n, q), weight, bias, keep = residuals
    previous = _kept(jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]]), keep)
    # With d = dLoss/dh', the derivatives with respect to the gates' inputs are d times these, for all steps at once.
    slope_n = (1 - z) * (1 - n * n)
    slope_z = (previous - n) * z * (1 - z)
    slope_r = slope_n * q * r * (1 - r)
    slopes = jnp.concatenate([slope_r, slope_z, slope_n * r], axis=-1)  # of the hidden state's share: q is behind r

    def body(carry, step):
        dy, slopes, z, keep = step
        d = carry + dy
        d_hidden = jnp.concatenate([d, d, d], axis=-1) * slopes
        return _kept(d * z + product(d_hidden, weight, "kbg,khg->kbh"), keep), d

    _, d = jax.lax.scan(body, jnp.zeros_like(h[0]), (dy, slopes, z, keep), reverse=True)
    d_hidden = jnp.concatenate([d, d, d], axis=-1) * slopes
    units = h.shape[-1]
    d_gates = jnp.concatenate([d_hidden[..., : 2 * units], d * slope_n], axis=-1)
    d_weight = product(previous, d_hidden.astype(weight.dtype), "tkbh,tkbg->khg").astype(weight.dtype)
    d_bias = d_hidden[..., 2 * units :].sum(axis=(0, 2)).astype(bias.dtype)
    d_keep = None if keep is None else jnp.zeros_like(keep)  # a constant of the batch, never trained
    return d_gates.astype(dy.dtype), d_weight, d_bias, d_keep


gru_scan.defvjp(_forward, _backward)
