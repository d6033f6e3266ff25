"""The recurrence of GRUs, forward and backward in time at once, with a hand-written gradient (`recurrent.py` has the
equations and the parameters).

What makes it fast: the input's products for all steps are taken before the scan, both directions advance in one scan,
and the backward pass carries nothing but dh: what a gate's derivative needs is formed for all steps at once before the
backward scan, and dW is one product after it. States are columns, [H, B]: on a CPU the product W h of a few columns is
faster than h W of as many rows. Reverse-mode only.
Of bfloat16 inputs and weights only the products are in bfloat16: what a scan carries, and what is summed over time,
is float32.
Letters in names of arrays are axes: T steps, K directions, B batch, N = T B, D inputs, H units, G = 3H gates.
"""

import jax
import jax.numpy as jnp

from affect_jax.layers.rounds import scan
from affect_jax.layers.spread import is_left_to_xla, map_over_devices
from affect_jax.layers.wide import wide_product, wide_type


def gru(
    x_BxTxD: jax.Array,
    weight_ih_KxDxG: jax.Array,
    weight_hh_KxHxG: jax.Array,
    bias_KxG: jax.Array,
    new_bias_KxH: jax.Array,
    mask_TxKxB: jax.Array | None = None,
    keep_TxKxB: jax.Array | None = None,
) -> jax.Array:
    """States [B, T, K * H] of K = 1 or 2 GRUs from the state 0; the second reads the steps backward.

    `bias` holds every bias but b_hn, which is `new_bias`. A step whose `mask` is False holds the state, one whose
    `keep` is False starts from 0 again; both are in the order in which their direction reads the steps.
    """
    of_examples = map_over_devices(_gru, (0, None, None, None, None, 2, 2))
    return of_examples(x_BxTxD, weight_ih_KxDxG, weight_hh_KxHxG, bias_KxG, new_bias_KxH, mask_TxKxB, keep_TxKxB)


@jax.custom_vjp
def _gru(x, weight_ih, weight_hh, bias, new_bias, mask, keep):
    cell, state, steps = _prepared(x, weight_ih, weight_hh, bias, new_bias, mask, keep)

    # A round of this scan ends a step and opens the next. A CPU gets one kernel for all that stands between
    # two products, and one with several transcendental functions is slower than one for each of them.
    def body(opened, step):
        h, _ = _closed(*opened)
        return cell(h, step), h

    zero = jnp.zeros_like(state)
    opened, before = scan(body, (state, zero, jnp.ones_like(state), zero, zero), steps)
    h_TxKxHxB = jnp.concatenate([before[1:], _closed(*opened)[0][None]])
    return _side_by_side(h_TxKxHxB).astype(x.dtype)


def _prepared(x, weight_ih, weight_hh, bias, new_bias, mask, keep):
    """(opens a step: state [K, H, B] and the scan's step -> arguments of `_closed`; the first state; the scan's steps).

    The inputs' gates [K, G, T, B] stay as their product leaves them: the scan reads a column of each.
    """
    gates_KxGxTxB = _input_gates(x, weight_ih)
    weight_KxGxH = weight_hh.swapaxes(1, 2)

    def cell(h, step):
        t, mask, keep = step
        h = _kept(h, keep)
        gates = jax.lax.dynamic_index_in_dim(gates_KxGxTxB, t, 2, keepdims=False) + bias[:, :, None]
        gates_r, gates_z, gates_n = jnp.split(gates, 3, axis=1)
        hidden_r, hidden_z, hidden_n = jnp.split(_product("khb,kgh->kgb", h, weight_KxGxH), 3, axis=1)
        z = jax.nn.sigmoid(gates_z + hidden_z)
        if mask is not None:
            z = jnp.where(mask[:, None, :], z, 1.0)  # holds the state; every derivative of the step is exactly 0
        return h, jax.nn.sigmoid(gates_r + hidden_r), z, hidden_n + new_bias[:, :, None], gates_n

    directions, units, _ = weight_hh.shape
    state = jnp.zeros((directions, units, x.shape[0]), wide_type(x.dtype))
    return cell, state, (jnp.arange(x.shape[1]), mask, keep)


def _closed(h, r, z, q, gates_n):
    """(the step's state, n)."""
    n = jnp.tanh(gates_n + r * q)
    return (1 - z) * n + z * h, n


def _kept(h: jax.Array, keep: jax.Array | None) -> jax.Array:
    return h if keep is None else h * keep[..., None, :]


def _product(subscripts: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product in the second factor's precision, its sums and the result in float32 at least.

    `n` stands for all steps of a batch, see `_merged`.
    """
    subscripts = subscripts if _merges() else subscripts.replace("n", "tb")
    return wide_product(a, b, subscripts)


def _merged(a: jax.Array, axis: int) -> jax.Array:
    """The axes T, B at `axis` as one, N: a product over two axes copies both factors on a CPU.

    On an accelerator they stay two, and where XLA splits a batch among devices, as N could not be split.
    """
    return a.reshape(*a.shape[:axis], -1, *a.shape[axis + 2 :]) if _merges() else a


def _merges() -> bool:
    return jax.default_backend() == "cpu" and not is_left_to_xla()


def _turned(a: jax.Array, axis: int) -> jax.Array:
    """[K, ...] with the second direction's steps, along `axis`, in the opposite order."""
    return a if a.shape[0] == 1 else jnp.stack([a[0], jnp.flip(a[1], axis - 1)])


def _input_gates(x_BxTxD: jax.Array, weight_KxDxG: jax.Array) -> jax.Array:
    """The inputs' products [K, G, T, B], steps in the order of their direction."""
    batch, steps, _ = x_BxTxD.shape
    directions, _, gates = weight_KxDxG.shape
    if _turns_inputs(weight_KxDxG):
        gates_KxGxN = _product("kdg,knd->kgn", weight_KxDxG, _merged(_turned_inputs(x_BxTxD, directions), 1))
        return gates_KxGxN.reshape(directions, gates, steps, batch).astype(x_BxTxD.dtype)
    gates_KxGxN = _product("kdg,nd->kgn", weight_KxDxG, _merged(x_BxTxD.swapaxes(0, 1), 0))
    return _turned(gates_KxGxN.reshape(directions, gates, steps, batch), 2).astype(x_BxTxD.dtype)


def _input_gradients(d_KxGxN: jax.Array, x_BxTxD: jax.Array, weight_KxDxG: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What `d`, the derivatives of `_input_gates`, mean for x [B, T, D] and for the weight [K, D, G]."""
    batch, steps, _ = x_BxTxD.shape
    directions, _, gates = weight_KxDxG.shape
    if _turns_inputs(weight_KxDxG):
        d_weight_KxGxD = _product("kgn,knd->kgd", d_KxGxN, _merged(_turned_inputs(x_BxTxD, directions), 1))
        d_x_KxNxD = _product("kgn,kdg->knd", d_KxGxN, weight_KxDxG)
        d_x_TxBxD = _turned(d_x_KxNxD.reshape(directions, steps, batch, -1), 1).sum(axis=0)
    else:
        d_KxGxN = _merged(_turned(d_KxGxN.reshape(directions, gates, steps, batch), 2), 2)
        d_weight_KxGxD = _product("kgn,nd->kgd", d_KxGxN, _merged(x_BxTxD.swapaxes(0, 1), 0))
        d_x_TxBxD = _product("kgn,kdg->nd", d_KxGxN, weight_KxDxG).reshape(steps, batch, -1)
    return d_x_TxBxD.swapaxes(0, 1), d_weight_KxGxD.swapaxes(1, 2)


def _turns_inputs(weight_KxDxG: jax.Array) -> bool:
    """Whether inputs are brought into the order of their direction, or else their products: the smaller of the two."""
    return weight_KxDxG.shape[1] <= weight_KxDxG.shape[2]


def _turned_inputs(x_BxTxD: jax.Array, directions: int) -> jax.Array:
    x_TxBxD = x_BxTxD.swapaxes(0, 1)
    return _turned(jnp.broadcast_to(x_TxBxD[None], (directions, *x_TxBxD.shape)), 1)


def _side_by_side(h_TxKxHxB: jax.Array) -> jax.Array:
    """What both directions know at the same step, [B, T, K * H]."""
    h_TxBxKxH = _turned(h_TxKxHxB.swapaxes(0, 1), 1).transpose(1, 3, 0, 2)
    return h_TxBxKxH.reshape(*h_TxBxKxH.shape[:2], -1).swapaxes(0, 1)


def _forward(x, weight_ih, weight_hh, bias, new_bias, mask, keep):
    cell, state, steps = _prepared(x, weight_ih, weight_hh, bias, new_bias, mask, keep)

    def body(h, step):
        _, r, z, q, gates_n = opened = cell(h, step)
        h, n = _closed(*opened)
        return h, (h, r, z, n, q)

    _, saved = scan(body, state, steps)
    return _side_by_side(saved[0]).astype(x.dtype), (x, saved, weight_ih, weight_hh, bias, new_bias, keep)


def _backward(residuals, dy_BxTxKH):
    x, (h, r, z, n, q), weight_ih, weight_hh, bias, new_bias, keep = residuals
    directions, units, _ = weight_hh.shape
    dy_TxBxKxH = dy_BxTxKH.swapaxes(0, 1).reshape(h.shape[0], h.shape[3], directions, units)
    dy = _turned(dy_TxBxKxH.transpose(2, 0, 3, 1), 1).swapaxes(0, 1).astype(h.dtype)
    previous = _kept(jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]]), keep)
    # With d = dLoss/dh', the derivatives with respect to the gates' inputs are d times these, for all steps at once.
    slope_n = (1 - z) * (1 - n * n)
    slope_z = (previous - n) * z * (1 - z)
    slope_r = slope_n * q * r * (1 - r)
    # Of h W_hn (behind the reset gate), of the other gates, of the new gate: the first three are the hidden state's
    # share and the last three the inputs', so that neither has to be put together.
    slopes_TxKx4xHxB = jnp.stack([slope_n * r, slope_r, slope_z, slope_n], axis=2)
    newest_first_KxHxG = jnp.roll(weight_hh, units, axis=2)

    def body(carry, step):
        dy, slopes, z, keep = step
        d = carry + dy
        d_gates = d[:, None] * slopes
        d_hidden = d_gates[:, :3].reshape(directions, 3 * units, -1)
        return _kept(d * z + _product("kgb,khg->khb", d_hidden, newest_first_KxHxG), keep), d_gates

    _, d_TxKx4xHxB = scan(body, jnp.zeros_like(h[0]), (dy, slopes_TxKx4xHxB, z, keep), reverse=True)
    d_Kx4xHxN = _merged(d_TxKx4xHxB.transpose(1, 2, 3, 0, 4), 3)
    parts = d_Kx4xHxN[:, :3], d_Kx4xHxN[:, 1:]
    d_hidden, d_inputs = (part.reshape(directions, 3 * units, *part.shape[3:]) for part in parts)
    ones_N = _merged(jnp.ones((len(h), h.shape[-1]), h.dtype), 0)  # a CPU's sums of such axes are slower than products
    d_bias, d_new_bias = (_product("kgn,n->kg", of, ones_N) for of in (d_inputs, d_hidden[:, :units]))
    previous_KxHxN = _merged(previous.transpose(1, 2, 0, 3), 2)
    d_weight_hh = jnp.roll(_product("khn,kgn->khg", previous_KxHxN, d_hidden.astype(weight_hh.dtype)), -units, axis=2)
    d_x, d_weight_ih = _input_gradients(d_inputs, x, weight_ih)
    grads = d_x, d_weight_ih, d_weight_hh, d_bias, d_new_bias
    primals = x, weight_ih, weight_hh, bias, new_bias
    return *(grad.astype(primal.dtype) for grad, primal in zip(grads, primals, strict=True)), None, None


_gru.defvjp(_forward, _backward)
