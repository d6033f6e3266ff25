"""Convolution over time, ReLU, batch norm and max pooling as one operation that never holds the activation.

`run_plain_block` below is the block in plain layers, which this computes: a = relu(conv(x) + bias), batch norm, pool.
For a 30-s clip at 8 kHz and 64 filters, `a` takes 61 MB and as much again in every temporary beside it, so plain layers
spend their time waiting for memory. Here a clip is worked through in pieces that stay in a core's cache. A piece is
multiplied out (columns of its steps by the kernel), reduced to what is pooled and to its share of the statistics, and
forgotten; the backward pass multiplies it out again. It keeps the input, the pooled values and one byte for each of
them: which step of its window was the extreme one. Measured on two CPU cores (kernel width 6, 64 filters, pools of 8, a
training step of 4 such clips): 247 ms and 69 MB of temporaries, plain layers 1,577 ms and 1,628 MB.

Why pooling may go first: batch norm after ReLU is affine in each channel, so the largest normalised value of a window
comes from its largest activation where gamma >= 0 and from its smallest one where gamma < 0. ReLU is monotone too, so
extremes are sought before it; where the extreme value of a window is not positive, the pooled value is 0 and has no
derivative.

The gradient: with y = gamma (a - mean) r + beta, r = (variance + epsilon)^-1/2 and n activations a channel,

    dL/da = gamma r dL/dy - gamma r (sum of dL/dy) / n - gamma r^3 (a - mean) (sum of dL/dy (a - mean)) / n

The first term stands at extreme steps only. The other two, which come by way of the statistics, are affine in a
(`_Slopes`), so the backward pass adds them to every activation while it multiplies the piece out.

Statistics are exact for any mean: squares are taken around the mean of a window, windows are merged around the mean of
a piece and pieces around the mean of the batch (Chan, Golub & LeVeque 1983), so nothing cancels.
Where x and the kernel are bfloat16, so are the factors of products, the pooled values and dx; sums are float32.
Letters in names of arrays are axes: B batch, T steps of x, C channels, F filters, P pooled windows, W windows of a
piece, J steps of a window, N = W J, K = width C, S shares of the statistics.
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
    """Statistics of the activation over all steps of all valid examples.

    Attributes:
      mean: [F].
      variance: [F], the biased one.
    """

    mean: jax.Array
    variance: jax.Array


class _Clips(NamedTuple):
    """What a layer reads: x [B, T, C], and valid bool [B]; an example that is False is read as zeros."""

    x: jax.Array
    valid: jax.Array


class _Filters(NamedTuple):
    """A convolution's parameters: kernel [width, C, F] and bias [F]."""

    kernel: jax.Array
    bias: jax.Array


class _Norm(NamedTuple):
    """A batch norm's parameters, gamma and beta [F]."""

    gamma: jax.Array
    beta: jax.Array


class _Settings(NamedTuple):
    """What is known while tracing: steps of a window, and what is added to the variance."""

    pool: int
    epsilon: float = 0.0


class _Slopes(NamedTuple):
    """What the statistics add to every activation's gradient: `flat` + `tilt` (activation - `mean`), all [F]."""

    flat: jax.Array
    tilt: jax.Array
    mean: jax.Array

    def evaluate(self, activation: jax.Array) -> jax.Array:
        """Returns the gradient that activations [..., F] have by way of the statistics."""
        flat, tilt, mean = (a[(None,) * (activation.ndim - 1)] for a in self)
        return flat + tilt * (activation - mean)


class _Upstream(NamedTuple):
    """What the backward pass gets from above.

    Attributes:
      dy: [B, P, F].
      extreme: [B, P, F], numbers of the extreme steps in their windows, `pool` where the pooled value is 0.
      scale: [F]; dy times it is the gradient of the pooled values.
      slopes: None where the statistics are constants.
    """

    dy: jax.Array
    extreme: jax.Array
    scale: jax.Array
    slopes: _Slopes | None


class _Piece(NamedTuple):
    """A piece of a batch: its example, its first window, and is_new bool [W, 1]: windows that no earlier piece had."""

    example: jax.Array
    first: jax.Array
    is_new_Wx1: jax.Array


class _Cut(NamedTuple):
    """How clips are cut.

    Attributes:
      total: pooled windows of a clip.
      windows: those of a piece. The last piece of a clip begins early enough to be whole.
      count: pieces of a clip.
    """

    total: int
    windows: int
    count: int

    def place(self, number: jax.Array) -> _Piece:
        """Returns a piece of the batch by its number."""
        example, piece = number // self.count, number % self.count
        first = jnp.minimum(piece * self.windows, self.total - self.windows)
        return _Piece(example, first, (first + jnp.arange(self.windows) >= piece * self.windows)[:, None])


def conv_pool(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, smallest: jax.Array, valid: jax.Array, *, pool: int
) -> jax.Array:
    """Returns the pooled activation [B, (T - width + 1) // pool, F], to be normalised by known statistics.

    Reverse-mode only. Where x is not differentiated, no time goes into its gradient.

    Args:
      x: [B, T, C], T at least width + pool - 1.
      kernel: [width, C, F]; valid convolution, stride 1.
      bias: [F].
      smallest: bool [F], pool the smallest value of a window in place of the largest one.
      valid: bool [B]. An example that is False is read as zeros and has an exact zero gradient.
      pool: steps of a window; windows do not overlap.
    """
    x, kernel, bias, smallest, valid = (jnp.asarray(a) for a in (x, kernel, bias, smallest, valid))
    return _conv_pool(_Settings(pool), _Clips(x, valid), _Filters(kernel, bias), smallest)


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
    """Returns the activation, normalised by its own statistics and pooled, and these statistics.

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

    Returns:
      [B, (T - width + 1) // pool, F], and the statistics.
    """
    x, kernel, bias, gamma, beta, valid = (jnp.asarray(a) for a in (x, kernel, bias, gamma, beta, valid))
    settings, clips = _Settings(pool, epsilon), _Clips(x, valid)
    y, *statistics = _conv_norm_pool(settings, clips, _Filters(kernel, bias), _Norm(gamma, beta))
    return y, Statistics(*map(lax.stop_gradient, statistics))


def run_plain_block(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, gamma: jax.Array, beta: jax.Array, *, pool: int, epsilon: float
) -> jax.Array:
    """Returns what `conv_norm_pool` does where all examples are valid, in plain layers: the reference for tests."""
    a = lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))
    a = jax.nn.relu(a + bias[None, None, :])
    mean, variance = a.mean(axis=(0, 1), keepdims=True), a.var(axis=(0, 1), keepdims=True)
    y = (a - mean) * lax.rsqrt(variance + epsilon) * gamma[None, None, :] + beta[None, None, :]
    return lax.reduce_window(y, -jnp.inf, lax.max, (1, pool, 1), (1, pool, 1), "VALID")


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv_pool(settings: _Settings, clips: _Clips, filters: _Filters, smallest: jax.Array) -> jax.Array:
    return _run(clips, filters, smallest, settings.pool).pooled


def _conv_pool_forward(settings: _Settings, *arguments: Any) -> tuple[jax.Array, Any]:
    needs_dx = _find_whether_needed(arguments[0].x)
    clips, filters, smallest = _read_values(arguments)
    result = _run(clips, filters, smallest, settings.pool, record=True)
    return result.pooled, (clips, filters, result.extreme, needs_dx)


def _conv_pool_backward(settings: _Settings, residuals: Any, d_pooled: Any) -> tuple[_Clips, _Filters, None]:
    clips, filters, extreme, needs_dx = residuals
    upstream = _Upstream(_instantiate(d_pooled), extreme, jnp.ones_like(filters.bias), None)
    dx, d_filters = _pull(clips, filters, upstream, settings.pool, needs_dx)
    return _Clips(dx, None), d_filters, None


_conv_pool.defvjp(_conv_pool_forward, _conv_pool_backward, symbolic_zeros=True)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _conv_norm_pool(
    settings: _Settings, clips: _Clips, filters: _Filters, norm: _Norm
) -> tuple[jax.Array, jax.Array, jax.Array]:
    result = _run(clips, filters, norm.gamma < 0, settings.pool, measure=True)
    return _normalize(result.pooled, result.statistics, norm, settings.epsilon), *result.statistics


def _conv_norm_pool_forward(settings: _Settings, *arguments: Any) -> tuple[Any, Any]:
    needs_dx = _find_whether_needed(arguments[0].x)
    clips, filters, norm = _read_values(arguments)
    result = _run(clips, filters, norm.gamma < 0, settings.pool, measure=True, record=True)
    outputs = _normalize(result.pooled, result.statistics, norm, settings.epsilon), *result.statistics
    return outputs, (clips, filters, norm.gamma, result, needs_dx)


def _conv_norm_pool_backward(settings: _Settings, residuals: Any, cotangents: Any) -> tuple[_Clips, _Filters, _Norm]:
    clips, filters, gamma, (pooled, extreme, (mean, variance)), needs_dx = residuals
    dy = _instantiate(cotangents[0])  # those of the statistics are zeros
    cut = _cut_clips(clips.x, filters.kernel, settings.pool)
    d_beta, along = _sum_over_windows(cut, dy, pooled, mean, clips.valid)
    inverse = lax.rsqrt(variance + settings.epsilon)
    scale, count = gamma * inverse, _count_activations(clips, filters)
    slopes = _Slopes(-scale * d_beta / count, -scale * along * inverse**2 / count, mean)
    dx, d_filters = _pull(clips, filters, _Upstream(dy, extreme, scale, slopes), settings.pool, needs_dx)
    d_norm = _Norm((along * inverse).astype(gamma.dtype), d_beta.astype(gamma.dtype))
    return _Clips(dx, None), d_filters, d_norm


_conv_norm_pool.defvjp(_conv_norm_pool_forward, _conv_norm_pool_backward, symbolic_zeros=True)


def _sum_over_windows(
    cut: _Cut, dy_BxPxF: jax.Array, pooled_BxPxF: jax.Array, mean_F: jax.Array, valid_B: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns the sums [F] over all windows of valid examples of dy, and of dy (pooled - mean)."""

    def sum_examples(dy, pooled, valid, mean):
        def body(sums, number):
            piece = cut.place(number)
            dy_WxF, pooled_WxF = (_take(a, piece, cut.windows) for a in (dy, pooled))
            dy_WxF = jnp.where(piece.is_new_Wx1 & valid[piece.example], dy_WxF.astype(mean.dtype), 0)
            return (sums[0] + dy_WxF.sum(0), sums[1] + (dy_WxF * (pooled_WxF - mean[None, :])).sum(0)), None

        zeros = jnp.zeros_like(mean), jnp.zeros_like(mean)
        sums, _ = lax.scan(body, zeros, jnp.arange(dy.shape[0] * cut.count))
        return _add_device_axis(sums)

    sums = map_over_devices(sum_examples, (0, 0, 0, None))(dy_BxPxF, pooled_BxPxF, valid_B, mean_F)
    return _sum_over_devices(sums)


def _add_device_axis(sums: Any) -> Any:
    """Returns a device's sums over its own examples with an axis in front, for `_sum_over_devices` to add them up."""
    return jax.tree.map(lambda a: a[None], sums)


def _sum_over_devices(sums: Any) -> Any:
    return jax.tree.map(lambda a: a.sum(0), sums)


def _normalize(pooled_BxPxF: jax.Array, statistics: Statistics, norm: _Norm, epsilon: float) -> jax.Array:
    scale = norm.gamma * lax.rsqrt(statistics.variance + epsilon)
    y = (pooled_BxPxF - statistics.mean[None, None, :]) * scale[None, None, :] + norm.beta[None, None, :]
    return y.astype(pooled_BxPxF.dtype)


def _pull(
    clips: _Clips, filters: _Filters, upstream: _Upstream, pool: int, needs_dx: tuple[()] | None
) -> tuple[jax.Array | None, _Filters]:
    """Returns the gradients of x (None where `needs_dx` is None), and of kernel and bias."""

    def pull_examples(clips, dy, extreme, filters, scale, slopes):
        local = _Upstream(dy, extreme, scale, slopes)
        dx, sums = _pull_examples(clips, filters, local, pool, needs_dx)
        return dx, _add_device_axis(sums)

    dy, extreme, scale, slopes = upstream
    run = map_over_devices(pull_examples, (0, 0, 0, None, None, None))
    dx, sums = run(clips, dy, extreme, filters, scale, slopes)
    d_kernel, d_bias = _sum_over_devices(sums)
    return dx, _Filters(d_kernel.astype(filters.kernel.dtype), d_bias.astype(filters.bias.dtype))


def _pull_examples(
    clips: _Clips, filters: _Filters, upstream: _Upstream, pool: int, needs_dx: tuple[()] | None
) -> tuple[jax.Array | None, _Filters]:
    """Does what `_pull` does for the examples of one device; gradients of weights are float32 at least."""
    x, (kernel, bias) = clips.x, filters
    cut = _cut_clips(x, kernel, pool)
    width, steps = kernel.shape[0], cut.windows * pool
    kernel_KxF = kernel.reshape(-1, kernel.shape[-1])
    slopes = upstream.slopes

    def body(carry, number):
        d_kernel, d_bias, dx = carry
        piece = cut.place(number)
        use_Wx1 = piece.is_new_Wx1 & clips.valid[piece.example]
        columns_NxK = _make_columns(_slice(clips, piece, pool, steps + width - 1), width)
        extreme_WxF, dy_WxF = (_take(a, piece, cut.windows) for a in (upstream.extreme, upstream.dy))
        d_pooled_WxF = jnp.where(use_Wx1, dy_WxF * upstream.scale[None, :], 0)
        is_extreme = extreme_WxF[:, None, :] == jnp.arange(pool, dtype=extreme_WxF.dtype)[None, :, None]
        dz_WxJxF = jnp.where(is_extreme, d_pooled_WxF[:, None, :], 0)
        if slopes is not None:
            z_WxJxF = wide_product(columns_NxK, kernel_KxF).reshape(dz_WxJxF.shape) + bias[None, None, :]
            dz_WxJxF += jnp.where((z_WxJxF > 0) & use_Wx1[:, :, None], slopes.evaluate(z_WxJxF), 0)
        # Without the barrier each of the products below would form dz anew.
        dz_NxF = lax.optimization_barrier(dz_WxJxF.reshape(steps, -1).astype(x.dtype))
        d_kernel += wide_product(columns_NxK.T, dz_NxF)
        d_bias += wide_product(jnp.ones((1, steps), x.dtype), dz_NxF)[0]  # a CPU's sum takes longer
        if needs_dx is not None:
            dx = _add_columns(dx, wide_product(dz_NxF, kernel_KxF.T), piece, pool)
        return (d_kernel, d_bias, dx), None

    sums = (jnp.zeros_like(a, wide_type(x.dtype)) for a in (kernel_KxF, bias))
    zeros = *sums, None if needs_dx is None else jnp.zeros_like(x)
    (d_kernel, d_bias, dx), _ = lax.scan(body, zeros, jnp.arange(x.shape[0] * cut.count))
    d_filters = _Filters(d_kernel.reshape(kernel.shape), d_bias)
    if slopes is None:
        return dx, d_filters
    # Steps behind the last window are pooled nowhere, but the statistics have seen them.
    begin = cut.total * pool
    d_rest, rest = _pull_rest(clips, filters, slopes, begin)
    dx = None if needs_dx is None else dx.at[:, begin:].add(d_rest.astype(dx.dtype))
    return dx, jax.tree.map(jnp.add, d_filters, rest)


def _pull_rest(clips: _Clips, filters: _Filters, slopes: _Slopes, begin: int) -> tuple[jax.Array, _Filters]:
    """Returns the gradients of x[:, begin:], kernel and bias by way of the steps that no window has."""
    arguments = _read_rest(clips, begin), to_wide(filters.kernel), to_wide(filters.bias)
    activation, pull = jax.vjp(_activate, *arguments)
    d_rest, *d_filters = pull(jnp.where(clips.valid[:, None, None], slopes.evaluate(activation), 0))
    return d_rest, _Filters(*d_filters)


class _Result(NamedTuple):
    """What a forward pass gives.

    Attributes:
      pooled: [B, P, F], the pooled activation.
      extreme: [B, P, F], see `_Upstream`; None where it was not recorded.
      statistics: None where they were not measured.
    """

    pooled: jax.Array
    extreme: jax.Array | None
    statistics: Statistics | None


class _Shares(NamedTuple):
    """Statistics of S parts of a batch: counts [S], means [S, F], and sums of squares around them [S, F]."""

    counts: jax.Array
    means: jax.Array
    squares: jax.Array


def _run(
    clips: _Clips, filters: _Filters, smallest: jax.Array, pool: int, *, measure: bool = False, record: bool = False
) -> _Result:
    """Pools the activation; measures its statistics and records the extreme steps where asked to."""

    def run_examples(clips, filters, smallest):
        return _run_examples(clips, filters, smallest, pool, measure=measure, record=record)

    pooled, extreme, shares = map_over_devices(run_examples, (0, None, None))(clips, filters, smallest)
    if shares is None:
        return _Result(pooled, extreme, None)
    counts, means, squares = shares
    count = _count_activations(clips, filters)
    weights = (counts / count)[:, None]
    mean = (means * weights).sum(0)
    spread = squares / count + jnp.square(means - mean[None, :]) * weights
    return _Result(pooled, extreme, Statistics(mean, jnp.where(counts[:, None] > 0, spread, 0).sum(0)))


def _run_examples(
    clips: _Clips, filters: _Filters, smallest: jax.Array, pool: int, *, measure: bool, record: bool
) -> tuple[jax.Array, jax.Array | None, _Shares | None]:
    """Does what `_run` does for the examples of one device; returns shares in place of the statistics."""
    x, (kernel, bias) = clips.x, filters
    cut = _cut_clips(x, kernel, pool)
    width, steps, count_F = kernel.shape[0], cut.windows * pool, kernel.shape[-1]
    sign_F = jnp.where(smallest, -1, 1).astype(x.dtype)  # the smallest z is the largest -z
    kernel_KxF, bias_F = kernel.reshape(-1, count_F) * sign_F[None, :], bias * sign_F
    byte = np.min_scalar_type(pool)

    def body(carry, number):
        pooled, extreme = carry
        piece = cut.place(number)
        columns_NxK = _make_columns(_slice(clips, piece, pool, steps + width - 1), width)
        z_WxJxF = wide_product(columns_NxK, kernel_KxF).reshape(cut.windows, pool, count_F)
        # Written out step by step: XLA makes one pass over [W, F] of each of these, and slow loops of reductions.
        z = [z_WxJxF[:, j] + bias_F[None, :] for j in range(pool)]
        largest_WxF, step_WxF = _find_largest(z, byte)
        best_WxF = jax.nn.relu(largest_WxF * sign_F[None, :])
        position = piece.example, piece.first, 0
        pooled = lax.dynamic_update_slice(pooled, best_WxF[None].astype(pooled.dtype), position)
        if record:
            step_WxF = jnp.where(best_WxF > 0, step_WxF, byte.type(pool))
            extreme = lax.dynamic_update_slice(extreme, step_WxF[None], position)
        share = _measure_piece([jax.nn.relu(one * sign_F[None, :]) for one in z], piece, clips) if measure else None
        return (pooled, extreme), share

    shape = (x.shape[0], cut.total, count_F)
    zeros = jnp.zeros(shape, x.dtype), jnp.zeros(shape, byte) if record else None
    (pooled, extreme), shares = lax.scan(body, zeros, jnp.arange(x.shape[0] * cut.count))
    if not measure:
        return pooled, extreme, None
    # Each step that is left over at the end is a share of its own: one value, with no spread around it.
    rest_RxF = _activate(_read_rest(clips, cut.total * pool), to_wide(kernel), bias).reshape(-1, count_F)
    counts_R = jnp.repeat(clips.valid, (x.shape[1] - width + 1) % pool).astype(shares.counts.dtype)
    rest = _Shares(counts_R, rest_RxF, jnp.zeros_like(rest_RxF))
    return pooled, extreme, _Shares(*(jnp.concatenate(pair) for pair in zip(shares, rest, strict=True)))


def _find_largest(z: list[jax.Array], byte: np.dtype) -> tuple[jax.Array, jax.Array]:
    """Returns the largest of J arrays [W, F] at each place, and the number of the first one that has it."""
    largest_WxF, step_WxF = z[0], jnp.zeros(z[0].shape, byte)
    for j in range(1, len(z)):
        step_WxF = jnp.where(z[j] > largest_WxF, byte.type(j), step_WxF)
        largest_WxF = jnp.maximum(z[j], largest_WxF)
    return largest_WxF, step_WxF


def _measure_piece(activations: list[jax.Array], piece: _Piece, clips: _Clips) -> _Shares:
    """Returns the share of one piece, from its J activations [W, F]: S is no axis yet."""
    pool = len(activations)
    mean_WxF = sum(activations) / pool
    squares_WxF = sum(jnp.square(a - mean_WxF) for a in activations)
    count = piece.is_new_Wx1.sum()
    mean_F = jnp.where(piece.is_new_Wx1, mean_WxF, 0).sum(0) / count
    squares_WxF += pool * jnp.square(mean_WxF - mean_F[None, :])
    counts = count * pool * clips.valid[piece.example]
    return _Shares(counts, mean_F, jnp.where(piece.is_new_Wx1, squares_WxF, 0).sum(0))


def _cut_clips(x: jax.Array, kernel: jax.Array, pool: int) -> _Cut:
    """Decides how clips x [B, T, C] are cut for a kernel [width, C, F]."""
    width, filters = kernel.shape[0], kernel.shape[-1]
    total = (x.shape[1] - width + 1) // pool
    if not isinstance(total, int):  # jax.export traces with a symbolic length: whole clips
        return _Cut(total, total, 1)
    most = max(1, (_PIECE_CPU if jax.default_backend() == "cpu" else _PIECE) // (pool * filters))
    count = -(-total // most)
    return _Cut(total, -(-total // count), count)


def _count_activations(clips: _Clips, filters: _Filters) -> jax.Array:
    """Returns how many activations a channel has; 1 where no example is valid, as it divides."""
    steps = clips.x.shape[1] - filters.kernel.shape[0] + 1
    return jnp.maximum(clips.valid.sum() * steps, 1).astype(wide_type(clips.x.dtype))


def _take(a_BxPxF: jax.Array, piece: _Piece, windows: int) -> jax.Array:
    """Returns a piece's windows [W, F]."""
    return lax.dynamic_slice(a_BxPxF, (piece.example, piece.first, 0), (1, windows, a_BxPxF.shape[2]))[0]


def _slice(clips: _Clips, piece: _Piece, pool: int, steps: int) -> jax.Array:
    """Returns a piece's steps [steps, C]; zeros where the example is padding, as NaN * 0 is NaN."""
    begin = piece.example, piece.first * pool, 0
    return jnp.where(clips.valid[piece.example], lax.dynamic_slice(clips.x, begin, (1, steps, clips.x.shape[2]))[0], 0)


def _read_rest(clips: _Clips, begin: int) -> jax.Array:
    """Returns the steps that no window has, with those before them that their filters reach.

    They are [B, < pool + width - 1, C], few and so in float32 at least.
    """
    return to_wide(jnp.where(clips.valid[:, None, None], clips.x[:, begin:], 0))


def _activate(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """Runs the plain layer, [B, T, C] -> [B, T - width + 1, F], for a few steps."""
    steps = x.shape[1] - kernel.shape[0] + 1
    return jax.nn.relu(sum(x[:, k : k + steps] @ tap for k, tap in enumerate(kernel)) + bias[None, None, :])


def _make_columns(x: jax.Array, width: int) -> jax.Array:
    """Returns what the kernel sees at every step, [N + width - 1, C] -> [N, width * C]."""
    steps = x.shape[0] - width + 1
    return jnp.concatenate([x[k : k + steps] for k in range(width)], axis=-1)


def _add_columns(x_BxTxC: jax.Array, columns_NxK: jax.Array, piece: _Piece, pool: int) -> jax.Array:
    """Adds columns to the steps of x that they were made of: the transpose of `_make_columns` of a `_slice`."""
    steps, channels = columns_NxK.shape[0], x_BxTxC.shape[2]
    width = columns_NxK.shape[1] // channels
    begin = piece.example, piece.first * pool, 0
    slice_SxC = lax.dynamic_slice(x_BxTxC, begin, (1, steps + width - 1, channels))[0].astype(columns_NxK.dtype)
    for k in range(width):
        slice_SxC = slice_SxC.at[k : k + steps].add(columns_NxK[:, k * channels : (k + 1) * channels])
    return lax.dynamic_update_slice(x_BxTxC, slice_SxC[None].astype(x_BxTxC.dtype), begin)


def _find_whether_needed(x: jax.custom_derivatives.CustomVJPPrimal) -> tuple[()] | None:
    """Returns () where x is differentiated, else None: part of the residuals' structure, known while tracing."""
    return () if x.perturbed else None


def _read_values(arguments: Any) -> Any:
    """Returns the arguments of a forward rule without the marks that `symbolic_zeros` puts around arrays."""
    return jax.tree.map(lambda a: a.value, arguments)


def _instantiate(cotangent: jax.Array | SymbolicZero) -> jax.Array:
    is_symbolic = isinstance(cotangent, SymbolicZero)
    return jnp.zeros(cotangent.shape, cotangent.dtype) if is_symbolic else cotangent
