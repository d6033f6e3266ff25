"""Convolution over time, ReLU, batch norm and max pooling as one operation that never holds the activation.

The activation a = relu(conv(x) + bias) of a 30-s clip at 8 kHz with 64 filters takes 61 MB and as much again in every
temporary beside it, so plain layers spend their time waiting for memory. Here clips are worked through in pieces that
stay in a core's cache: a piece is multiplied out (columns of its steps by the kernel), reduced to what is pooled and to
its share of the statistics, and forgotten. The backward pass multiplies it out again. Kept for it are the input, the
pooled values and one byte for each of them: which step of its window was the extreme one.

Batch norm after ReLU is affine in each channel, so pooling may go before it: the largest normalised value of a window
comes from the largest one where gamma >= 0, from the smallest one where gamma < 0. ReLU is monotone too, so extremes
are sought before it; where a window's extreme value is not positive, the pooled value is 0 and has no derivative.

Statistics are exact for any mean: squares are taken around the mean of a window, windows are put together around the
mean of a piece and pieces around the mean of the batch (Chan, Golub & LeVeque 1983), so nothing cancels.
Where x and the kernel are bfloat16, so are the products' inputs, the pooled values and dx; sums are float32.
Letters in names of arrays are axes: B batch, T steps of x, C channels, F filters, P pooled windows, W windows of a
piece, J steps of a window, N = W J, K = width C.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from affect_jax.layers.spread import map_over_devices
from affect_jax.layers.wide import to_wide, wide_product, wide_type

# Values of the activation in one piece. On a CPU 512 KiB, which stays in a core's cache (from 64 to 1,024 windows of 8
# steps and 64 filters time hardly changes, whole clips take four times as long); elsewhere whole clips, to launch less.
_PIECE_CPU, _PIECE = 1 << 17, 1 << 27


class Statistics(NamedTuple):
    """Of the activation over all steps of all valid examples: `mean` [F] and the biased `variance` [F]."""

    mean: jax.Array
    variance: jax.Array


class _Pieces(NamedTuple):
    """How clips are cut: `count` pieces a clip of `windows` windows; the last one begins early enough to be whole."""

    width: int
    pool: int
    total: int
    windows: int
    count: int

    def place(self, number: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """(example, first window, is new bool [W, 1]: windows that no earlier piece had) of a piece of the batch."""
        example, piece = number // self.count, number % self.count
        first = jnp.minimum(piece * self.windows, self.total - self.windows)
        return example, first, (first + jnp.arange(self.windows) >= piece * self.windows)[:, None]


def conv_pool(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, smallest: jax.Array, valid: jax.Array, *, pool: int
) -> jax.Array:
    """The pooled activation [B, (T - width + 1) // pool, F], to be normalised by known statistics.

    Reverse-mode only. Where x is not differentiated, no time goes into its gradient.

    Args:
      x: [B, T, C], T at least width + pool - 1.
      kernel: [width, C, F]; valid convolution, stride 1.
      bias: [F].
      smallest: bool [F], pool the smallest value of a window in place of the largest one.
      valid: bool [B]. An example that is False is read as zeros and has an exact zero gradient.
      pool: steps of a window; windows do not overlap.
    """
    return _conv_pool(pool, *(jnp.asarray(a) for a in (x, kernel, bias, smallest, valid)))


def conv_norm_pool(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array,
    gamma: jax.Array,
    beta: jax.Array,
    valid: jax.Array,
    *,
    pool: int,
    epsilon: float,
) -> tuple[jax.Array, Statistics]:
    """The activation, normalised by its own statistics and pooled [B, (T - width + 1) // pool, F]; the statistics.

    The statistics are handed out for running averages and carry no gradient; the output's gradient goes through them.

    Args:
      x: as in `conv_pool`; steps that are left over at the end count in the statistics only.
      kernel: as in `conv_pool`.
      bias: as in `conv_pool`.
      gamma: [F], the normalised activation's factor.
      beta: [F], added to it.
      valid: as in `conv_pool`; an example that is False reaches no statistic.
      pool: as in `conv_pool`.
      epsilon: added to the variance.
    """
    arrays = (jnp.asarray(a) for a in (x, kernel, bias, gamma, beta, valid))
    y, *statistics = _conv_norm_pool(pool, epsilon, *arrays)
    return y, Statistics(*map(lax.stop_gradient, statistics))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv_pool(pool, x, kernel, bias, smallest, valid):
    return _run(x, kernel, bias, smallest, valid, pool)[0]


def _conv_pool_forward(pool, x, kernel, bias, smallest, valid):
    needs_dx = _asked(x)
    x, kernel, bias, smallest, valid = (a.value for a in (x, kernel, bias, smallest, valid))
    pooled, extreme, _ = _run(x, kernel, bias, smallest, valid, pool, record=True)
    return pooled, (x, kernel, bias, valid, extreme, needs_dx)


def _conv_pool_backward(pool, residuals, d_pooled):
    x, kernel, bias, valid, extreme, needs_dx = residuals
    d_pooled = _instantiate(d_pooled)
    gradients = _pull(x, kernel, bias, valid, extreme, d_pooled, jnp.ones_like(bias), pool, needs_dx)
    return *gradients, None, None


_conv_pool.defvjp(_conv_pool_forward, _conv_pool_backward, symbolic_zeros=True)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _conv_norm_pool(pool, epsilon, x, kernel, bias, gamma, beta, valid):
    pooled, _, statistics = _run(x, kernel, bias, gamma < 0, valid, pool, measure=True)
    return _normalise(pooled, statistics, gamma, beta, epsilon), *statistics


def _conv_norm_pool_forward(pool, epsilon, x, kernel, bias, gamma, beta, valid):
    needs_dx = _asked(x)
    x, kernel, bias, gamma, beta, valid = (a.value for a in (x, kernel, bias, gamma, beta, valid))
    pooled, extreme, statistics = _run(x, kernel, bias, gamma < 0, valid, pool, measure=True, record=True)
    outputs = _normalise(pooled, statistics, gamma, beta, epsilon), *statistics
    return outputs, (x, kernel, bias, gamma, valid, pooled, extreme, statistics, needs_dx)


def _conv_norm_pool_backward(pool, epsilon, residuals, cotangents):
    x, kernel, bias, gamma, valid, pooled, extreme, (mean, variance), needs_dx = residuals
    dy = _instantiate(cotangents[0])  # the others are zeros
    d_beta, along = _sums(_cut(x, kernel, pool), dy, pooled, mean, valid)
    inverse = lax.rsqrt(variance + epsilon)
    scale, count = gamma * inverse, _count(x, kernel, valid)
    slopes = _Slopes(-scale * d_beta / count, -scale * along * inverse**2 / count, mean)
    gradients = _pull(x, kernel, bias, valid, extreme, dy, scale, pool, needs_dx, slopes)
    return *gradients, (along * inverse).astype(gamma.dtype), d_beta.astype(gamma.dtype), None


_conv_norm_pool.defvjp(_conv_norm_pool_forward, _conv_norm_pool_backward, symbolic_zeros=True)


class _Slopes(NamedTuple):
    """What every activation has of the loss by way of the statistics: `flat` + `tilt` (activation - `mean`), [F]."""

    flat: jax.Array
    tilt: jax.Array
    mean: jax.Array

    def at(self, activation: jax.Array) -> jax.Array:
        """Of activations [..., F]."""
        flat, tilt, mean = (a[(None,) * (activation.ndim - 1)] for a in self)
        return flat + tilt * (activation - mean)


def _sums(
    pieces: _Pieces, dy: jax.Array, pooled: jax.Array, mean: jax.Array, valid: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The sums [F] over all windows of valid examples of dy, and of dy (pooled - mean)."""

    def of_examples(dy, pooled, valid, mean):
        def body(sums, number):
            example, first, new_Wx1 = pieces.place(number)
            dy_WxF, pooled_WxF = (_take(a, example, first, pieces.windows) for a in (dy, pooled))
            dy_WxF = jnp.where(new_Wx1 & valid[example], dy_WxF.astype(mean.dtype), 0)
            return (sums[0] + dy_WxF.sum(0), sums[1] + (dy_WxF * (pooled_WxF - mean[None, :])).sum(0)), None

        zeros = jnp.zeros_like(mean), jnp.zeros_like(mean)
        sums, _ = lax.scan(body, zeros, jnp.arange(dy.shape[0] * pieces.count))
        return _apart(sums)

    return _together(map_over_devices(of_examples, (0, 0, 0, None))(dy, pooled, valid, mean))


def _apart(sums: Any) -> Any:
    """A device's sums over its own examples, with an axis in front for the devices; `_together` adds them up."""
    return jax.tree.map(lambda a: a[None], sums)


def _together(sums: Any) -> Any:
    return jax.tree.map(lambda a: a.sum(0), sums)


def _normalise(pooled, statistics, gamma, beta, epsilon):
    scale = gamma * lax.rsqrt(statistics.variance + epsilon)
    y = (pooled - statistics.mean[None, None, :]) * scale[None, None, :] + beta[None, None, :]
    return y.astype(pooled.dtype)


def _pull(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array,
    valid: jax.Array,
    extreme: jax.Array,
    dy: jax.Array,
    scale: jax.Array,
    pool: int,
    needs_dx: tuple[()] | None,
    slopes: _Slopes | None = None,
) -> tuple[jax.Array | None, jax.Array, jax.Array]:
    """The gradients of x (None where nobody asked), kernel and bias.

    Args:
      x: of the forward pass, and so the other names not below.
      kernel: same.
      bias: same.
      valid: same.
      extreme: of `_run`.
      dy: [B, P, F], times `scale` [F] the pooled values' gradient.
      scale: see `dy`.
      pool: same.
      needs_dx: None where the gradient of x is not needed.
      slopes: the gradient that reaches every valid activation besides.
    """

    def of_examples(x, valid, extreme, dy, kernel, bias, scale, slopes):
        dx, *sums = _pull_examples(x, kernel, bias, valid, extreme, dy, scale, pool, needs_dx, slopes)
        return dx, _apart(sums)

    arguments = x, valid, extreme, dy, kernel, bias, scale, slopes
    dx, sums = map_over_devices(of_examples, (0, 0, 0, 0, None, None, None, None))(*arguments)
    d_kernel, d_bias = _together(sums)
    return dx, d_kernel.astype(kernel.dtype), d_bias.astype(bias.dtype)


def _pull_examples(x, kernel, bias, valid, extreme, dy, scale, pool, needs_dx, slopes):
    """As `_pull`, of the examples that a device has; gradients of weights are float32 at least."""
    pieces = _cut(x, kernel, pool)
    width = kernel.shape[0]
    kernel_KxF = kernel.reshape(-1, kernel.shape[-1])
    steps = pieces.windows * pool

    def body(carry, number):
        d_kernel, d_bias, dx = carry
        example, first, new_Wx1 = pieces.place(number)
        use_Wx1 = new_Wx1 & valid[example]
        columns_NxK = _columns(_slice(x, example, valid, first * pool, steps + width - 1), width)
        extreme_WxF, dy_WxF = (_take(a, example, first, pieces.windows) for a in (extreme, dy))
        d_pooled_WxF = jnp.where(use_Wx1, dy_WxF * scale[None, :], 0)
        is_extreme = extreme_WxF[:, None, :] == jnp.arange(pool, dtype=extreme.dtype)[None, :, None]
        dz_WxJxF = jnp.where(is_extreme, d_pooled_WxF[:, None, :], 0)
        if slopes is not None:
            z_WxJxF = wide_product(columns_NxK, kernel_KxF).reshape(dz_WxJxF.shape) + bias[None, None, :]
            dz_WxJxF += jnp.where((z_WxJxF > 0) & use_Wx1[:, :, None], slopes.at(z_WxJxF), 0)
        # Without the barrier each of the products below would form dz anew.
        dz_NxF = lax.optimization_barrier(dz_WxJxF.reshape(steps, -1).astype(x.dtype))
        d_kernel += wide_product(columns_NxK.T, dz_NxF)
        d_bias += wide_product(jnp.ones((1, steps), x.dtype), dz_NxF)[0]  # a CPU's sum takes longer
        if needs_dx is not None:
            dx = _add_columns(dx, wide_product(dz_NxF, kernel_KxF.T), example, first * pool)
        return (d_kernel, d_bias, dx), None

    sums = (jnp.zeros_like(a, wide_type(x.dtype)) for a in (kernel_KxF, bias))
    zeros = *sums, None if needs_dx is None else jnp.zeros_like(x)
    (d_kernel, d_bias, dx), _ = lax.scan(body, zeros, jnp.arange(x.shape[0] * pieces.count))
    d_kernel = d_kernel.reshape(kernel.shape)
    if slopes is not None:
        begin = pieces.total * pool
        activation, pull = jax.vjp(_activation, _rest(x, valid, begin), to_wide(kernel), to_wide(bias))
        d_rest, *rest = pull(jnp.where(valid[:, None, None], slopes.at(activation), 0))
        d_kernel, d_bias = d_kernel + rest[0], d_bias + rest[1]
        dx = None if needs_dx is None else dx.at[:, begin:].add(d_rest.astype(dx.dtype))
    return dx, d_kernel, d_bias


def _run(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array,
    smallest: jax.Array,
    valid: jax.Array,
    pool: int,
    *,
    measure: bool = False,
    record: bool = False,
) -> tuple[jax.Array, jax.Array | None, Statistics | None]:
    """(pooled activation, its extremes where asked to `record`, the activation's statistics where asked to `measure`).

    Extremes [B, P, F] are numbers of steps in their windows, or `pool` where the pooled value is 0.
    """

    def of_examples(x, valid, kernel, bias, smallest):
        return _run_examples(x, kernel, bias, smallest, valid, pool, measure, record)

    arguments = x, valid, kernel, bias, smallest
    pooled, extreme, shares = map_over_devices(of_examples, (0, 0, None, None, None))(*arguments)
    if shares is None:
        return pooled, extreme, None
    counts, means, squares = shares
    count = _count(x, kernel, valid)
    weights = (counts / count)[:, None]
    mean = (means * weights).sum(0)
    spread = squares / count + jnp.square(means - mean[None, :]) * weights
    return pooled, extreme, Statistics(mean, jnp.where(counts[:, None] > 0, spread, 0).sum(0))


def _run_examples(x, kernel, bias, smallest, valid, pool, measure, record):
    """As `_run`, of the examples that a device has; in place of the statistics (counts [S], means [S, F], sums of
    squares around them [S, F]) of all pieces.
    """
    pieces = _cut(x, kernel, pool)
    width, filters = kernel.shape[0], kernel.shape[-1]
    sign_F = jnp.where(smallest, -1, 1).astype(x.dtype)  # the smallest z is the largest -z
    kernel_KxF, bias_F = kernel.reshape(-1, filters) * sign_F[None, :], bias * sign_F
    byte = np.min_scalar_type(pool)

    def body(carry, number):
        pooled, extreme = carry
        example, first, new_Wx1 = pieces.place(number)
        steps = pieces.windows * pool
        columns_NxK = _columns(_slice(x, example, valid, first * pool, steps + width - 1), width)
        z_WxJxF = wide_product(columns_NxK, kernel_KxF).reshape(pieces.windows, pool, filters)
        # Written out step by step: XLA makes one pass over [W, F] of each of these, and slow loops of reductions.
        z = [z_WxJxF[:, j] + bias_F[None, :] for j in range(pool)]
        best, at = z[0], jnp.zeros(z[0].shape, byte)
        for j in range(1, pool):
            at = jnp.where(z[j] > best, byte.type(j), at)
            best = jnp.maximum(z[j], best)
        best = jax.nn.relu(best * sign_F[None, :])
        pooled = lax.dynamic_update_slice(pooled, best[None].astype(pooled.dtype), (example, first, 0))
        if record:
            at = jnp.where(best > 0, at, byte.type(pool))
            extreme = lax.dynamic_update_slice(extreme, at[None], (example, first, 0))
        share = None
        if measure:
            activations = [jax.nn.relu(step * sign_F[None, :]) for step in z]
            mean_WxF = sum(activations) / pool
            squares_WxF = sum(jnp.square(a - mean_WxF) for a in activations)
            count = new_Wx1.sum()
            mean_F = jnp.where(new_Wx1, mean_WxF, 0).sum(0) / count
            squares_WxF += pool * jnp.square(mean_WxF - mean_F[None, :])
            share = count * pool * valid[example], mean_F, jnp.where(new_Wx1, squares_WxF, 0).sum(0)
        return (pooled, extreme), share

    shape = (x.shape[0], pieces.total, filters)
    zeros = jnp.zeros(shape, x.dtype), jnp.zeros(shape, byte) if record else None
    (pooled, extreme), shares = lax.scan(body, zeros, jnp.arange(x.shape[0] * pieces.count))
    if not measure:
        return pooled, extreme, None
    # Each step that is left over at the end is a share of its own: one value, around which nothing is spread.
    rest_RxF = _activation(_rest(x, valid, pieces.total * pool), to_wide(kernel), bias).reshape(-1, filters)
    rest = (
        jnp.repeat(valid, (x.shape[1] - width + 1) % pool).astype(shares[0].dtype),
        rest_RxF,
        jnp.zeros_like(rest_RxF),
    )
    return pooled, extreme, tuple(jnp.concatenate(pair) for pair in zip(shares, rest, strict=True))


def _cut(x: jax.Array, kernel: jax.Array, pool: int) -> _Pieces:
    width, filters = kernel.shape[0], kernel.shape[-1]
    total = (x.shape[1] - width + 1) // pool
    if not isinstance(total, int):  # a length that is open yet (jax.export): whole clips
        return _Pieces(width, pool, total, total, 1)
    most = max(1, (_PIECE_CPU if jax.default_backend() == "cpu" else _PIECE) // (pool * filters))
    count = -(-total // most)
    return _Pieces(width, pool, total, -(-total // count), count)


def _count(x: jax.Array, kernel: jax.Array, valid: jax.Array) -> jax.Array:
    """How many activations a channel has; 1 where no example is valid."""
    return jnp.maximum(valid.sum() * (x.shape[1] - kernel.shape[0] + 1), 1).astype(wide_type(x.dtype))


def _take(x: jax.Array, example: jax.Array, begin: jax.Array, steps: int) -> jax.Array:
    """[B, T, C] -> [steps, C]."""
    return lax.dynamic_slice(x, (example, begin, 0), (1, steps, x.shape[2]))[0]


def _slice(x: jax.Array, example: jax.Array, valid: jax.Array, begin: jax.Array, steps: int) -> jax.Array:
    """`_take` that reads zeros where the example is padding: NaN * 0 is NaN."""
    return jnp.where(valid[example], _take(x, example, begin, steps), 0)


def _rest(x: jax.Array, valid: jax.Array, begin: int) -> jax.Array:
    """The steps that no window has, with those before them that their filters reach: [B, < pool + width - 1, C], few
    and so in float32 at least.
    """
    return to_wide(jnp.where(valid[:, None, None], x[:, begin:], 0))


def _activation(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The plain layer [B, T, C] -> [B, T - width + 1, F], for a few steps."""
    steps = x.shape[1] - kernel.shape[0] + 1
    return jax.nn.relu(sum(x[:, k : k + steps] @ part for k, part in enumerate(kernel)) + bias[None, None, :])


def _columns(x: jax.Array, width: int) -> jax.Array:
    """[N + width - 1, C] -> [N, width * C]: what the kernel sees at every step."""
    steps = x.shape[0] - width + 1
    return jnp.concatenate([x[k : k + steps] for k in range(width)], axis=-1)


def _add_columns(x: jax.Array, columns: jax.Array, example: jax.Array, begin: jax.Array) -> jax.Array:
    """The transpose of `_columns` of a slice: adds [N, width * C] into x [B, T, C] from (example, begin) on."""
    channels = x.shape[2]
    width = columns.shape[1] // channels
    steps = columns.shape[0]
    part = _take(x, example, begin, steps + width - 1).astype(columns.dtype)
    for k in range(width):
        part = part.at[k : k + steps].add(columns[:, k * channels : (k + 1) * channels])
    return lax.dynamic_update_slice(x, part[None].astype(x.dtype), (example, begin, 0))


def _asked(x: jax.custom_derivatives.CustomVJPPrimal) -> tuple[()] | None:
    """() where x is differentiated, else None: part of the residuals' structure, known while tracing."""
    return () if x.perturbed else None


def _instantiate(cotangent: jax.Array | SymbolicZero) -> jax.Array:
    symbolic = isinstance(cotangent, SymbolicZero)
    return jnp.zeros(cotangent.shape, cotangent.dtype) if symbolic else cotangent
