"""Against a plain layer: convolution, ReLU, moments, batch norm, pool, differentiated by jax or written in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from affect_jax.layers import convolution_pieces
from affect_jax.layers.pooled_convolution import conv_norm_pool, conv_pool, run_plain_block

BATCH, STEPS, CHANNELS, FILTERS, WIDTH, POOL = 3, 26, 2, 4, 4, 3  # 7 windows and 2 steps left over
EPSILON = 1e-3
VALID = np.array([True, False, True])
ALL = np.ones(BATCH, bool)
FIXED = (0.3, 0.8)
NAMES = ("x", "kernel", "bias", "gamma", "beta")


def arguments(batch=BATCH, steps=STEPS, channels=CHANNELS, filters=FILTERS, width=WIDTH, seed=0):
    """(x, kernel, bias, gamma, beta); every other gamma is negative."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(batch, steps, channels))
    kernel = draw.normal(size=(width, channels, filters)) / np.sqrt(width * channels)
    bias, beta = draw.normal(size=(2, filters)) / 3
    gamma = draw.uniform(0.5, 1.5, filters) * (-1.0) ** np.arange(filters)
    return tuple(value.astype(np.float32) for value in (x, kernel, bias, gamma, beta))


def fused(x, kernel, bias, gamma, beta, valid, pool=POOL, train=True):
    """(output [B, P, F], mean [F], variance [F]); not training: batch norm by fixed moments behind the pool."""
    if train:
        y, moments = conv_norm_pool(x, kernel, bias, gamma, beta, valid, pool=pool, epsilon=EPSILON)
        return y, *moments
    pooled = conv_pool(x, kernel, bias, gamma < 0, valid, pool=pool)
    mean, variance = FIXED
    return (pooled - mean) * (gamma / np.sqrt(variance + EPSILON))[None, None, :] + beta[None, None, :], *FIXED


def plain(x, kernel, bias, gamma, beta, valid, pool=POOL, train=True):
    """The same, layer by layer, batch norm before pooling."""
    a = jax.lax.conv_general_dilated(x, kernel, (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))
    a = jax.nn.relu(a + bias[None, None, :])
    mean, variance = (jnp.full_like(bias, value) for value in FIXED)
    if train:
        weight = valid.astype(a.dtype)[:, None, None] / (valid.sum() * a.shape[1])
        mean = (a * weight).sum(axis=(0, 1))
        variance = (jnp.square(a - mean[None, None, :]) * weight).sum(axis=(0, 1))
    y = (a - mean[None, None, :]) * (gamma * jax.lax.rsqrt(variance + EPSILON))[None, None, :] + beta[None, None, :]
    y = jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, (1, pool, 1), (1, pool, 1), "VALID")
    return y, mean, variance


def test_the_plain_block_of_the_module_is_this_one():
    args = arguments()
    ours, wanted = jax.jit(lambda *args: (run_plain_block(*args, pool=POOL, epsilon=EPSILON), plain(*args, ALL)[0]))(
        *args
    )
    np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-5)


def loss_and_outputs(args, valid, layer, train=True, pool=POOL):
    """The loss is of valid examples only, each of which counts in the same way."""
    outputs = layer(*args, valid, train=train, pool=pool)
    y = jnp.where(valid[:, None, None], outputs[0], 0)
    return (y * y * jnp.cos(jnp.arange(y[0].size, dtype=y.dtype)).reshape(1, *y[0].shape)).sum(), outputs


def loss(*args, **options):
    return loss_and_outputs(*args, **options)[0]


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def differentiate(args, valid, layer, train, pieces):
    return jax.value_and_grad(loss_and_outputs, has_aux=True)(args, valid, layer, train)


def run(args, valid, layer, train=True, pieces=""):
    """((loss, outputs), gradients); a program for each way in which `pieces` has clips cut."""
    return jax.device_get(differentiate(args, valid, layer, train, pieces))


def value_and_grads(args, valid, layer):
    (value, _), grads = run(args, valid, layer)
    return value, grads


@pytest.fixture(params=["", "pieces that overlap"], ids=["whole clips", "pieces that overlap"])
def pieces(request, monkeypatch):
    """7 windows in pieces of 4: the last one begins where the one before it has not ended."""
    if request.param:
        monkeypatch.setattr(convolution_pieces, "_PIECE_CPU", 4 * POOL * FILTERS)
    x, kernel = arguments()[:2]
    assert convolution_pieces.cut_clips(x, kernel, POOL).count == (2 if request.param else 1)
    return request.param


def check_grads(found, wanted, tolerance=2e-5):
    for name, ours, theirs in zip(NAMES, found, wanted, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("train", [True, False])
def test_outputs_and_gradients_are_the_plain_layers(pieces, train):
    args = arguments()
    (value, found), grads = run(args, VALID, fused, train, pieces)
    (wanted, expected), reference = run(args, VALID, plain, train)
    for ours, theirs in zip(found, expected, strict=True):
        part = VALID if np.ndim(ours) == 3 else ...
        np.testing.assert_allclose(ours[part], theirs[part], atol=1e-5)
    np.testing.assert_allclose(value, wanted, rtol=1e-5)
    check_grads(grads, reference)
    assert not grads[0][1].any()


@pytest.mark.parametrize(("steps", "width", "pool"), [(12, 1, 4), (14, 3, 1), (9, 4, 6), (23, 6, 8)])
def test_any_width_pool_and_length(steps, width, pool):
    args = arguments(steps=steps, width=width)
    of_loss = [jax.grad(functools.partial(loss, valid=ALL, layer=layer, pool=pool)) for layer in (fused, plain)]
    check_grads(*jax.device_get(jax.jit(lambda args: [grad(args) for grad in of_loss])(args)))


def test_masked_equals_the_subset_and_reads_nothing_of_the_rest():
    args = arguments()
    subset = (args[0][VALID], *args[1:])
    spoiled = (np.where(VALID[:, None, None], args[0], np.nan), *args[1:])
    (value, grads), (wanted, reference) = (
        value_and_grads(args, valid, fused) for args, valid in ((spoiled, VALID), (subset, ALL[VALID]))
    )
    np.testing.assert_allclose(value, wanted, rtol=1e-5)
    check_grads((grads[0][VALID], *grads[1:]), reference)
    assert not grads[0][~VALID].any()


def test_where_relu_is_shut_or_values_tie_gradients_are_finite_and_the_plain_layers():
    x, kernel, bias, gamma, beta = arguments()
    x[0, 5:20] = 0  # silence: every window in it holds ties
    bias[0], bias[1] = -50, -50  # channels that never open, one pooled by its largest, one by its smallest value
    bias[2], bias[3] = -0.5, 0.5  # silence that is shut and silence that is open
    args = (x, kernel, bias, gamma, beta)
    (_, grads), (_, reference) = (value_and_grads(args, ALL, layer) for layer in (fused, plain))
    assert not grads[1][..., :2].any()
    for name, ours, theirs in zip(NAMES, grads, reference, strict=True):
        if name != "x":  # of values that tie any one may have the gradient
            np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max(), err_msg=name)
    assert np.isfinite(grads[0]).all()


def test_moments_lose_nothing_around_a_large_mean():
    x, kernel, bias, _, _ = arguments(batch=1, steps=5000)
    x = 1e-2 * x
    bias = np.full_like(bias, 100.0)  # mean 100, deviation .01: E[a^2] - E[a]^2 in float32 is noise
    _, mean, variance = jax.jit(fused)(x, kernel, bias, bias, bias, np.ones(1, bool))
    a = sum(x[0, k : len(x[0]) - WIDTH + 1 + k].astype(float) @ kernel[k] for k in range(WIDTH)) + 100
    np.testing.assert_allclose(mean, a.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, a.var(axis=0), rtol=2e-3)  # 100 is known to 4e-6 only


def float64_gradients(args, pool, dy):
    """Batch norm's textbook gradient in float64, numpy only: (x, kernel, bias, gamma, beta), and the output."""
    x, kernel, bias, gamma, beta = (a.astype(np.float64) for a in args)
    width, steps = len(kernel), x.shape[1] - len(kernel) + 1
    z = sum(x[:, k : k + steps] @ kernel[k] for k in range(width)) + bias
    a = np.maximum(z, 0)
    mean, deviation = a.mean(axis=(0, 1)), np.sqrt(a.var(axis=(0, 1)) + EPSILON)
    normal = (a - mean) / deviation
    windows = steps // pool
    y = (normal * gamma + beta)[:, : windows * pool].reshape(len(x), windows, pool, -1)
    at = y.argmax(axis=2)[:, :, None]
    d_normal = np.zeros(a.shape)
    inside = d_normal[:, : windows * pool].reshape(y.shape)
    np.put_along_axis(inside, at, dy[:, :, None], axis=2)
    d_normal[:, : windows * pool] = inside.reshape(len(x), windows * pool, -1)
    d_gamma, d_beta = (d_normal * normal).sum(axis=(0, 1)), d_normal.sum(axis=(0, 1))
    d_normal *= gamma
    dz = (d_normal - d_normal.mean(axis=(0, 1)) - normal * (d_normal * normal).mean(axis=(0, 1))) / deviation
    dz *= z > 0
    d_kernel = np.stack([np.einsum("btc,btf->cf", x[:, k : k + steps], dz) for k in range(width)])
    dx = np.zeros(x.shape)
    for k in range(width):
        dx[:, k : k + steps] += dz @ kernel[k].T
    return (dx, d_kernel, dz.sum(axis=(0, 1)), d_gamma, d_beta), np.take_along_axis(y, at, axis=2)[:, :, 0]


def test_gradients_at_full_length():
    """30 s at 8 kHz, through value_and_grad: where a plain two-pass layer was once 31 % off, silently."""
    args = arguments(batch=2, steps=240_000, channels=1, filters=4, width=6)
    dy = np.random.default_rng(1).standard_normal((2, 29_999, 4), np.float32) + np.linspace(-1, 1, 4, dtype=np.float32)
    valid = np.ones(2, bool)

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def run(args):
        y, *_ = fused(*args, valid, pool=8)
        return (y * dy).mean(), y

    (_, y), grads = jax.device_get(run(args))
    wanted, output = float64_gradients(args, 8, dy / dy.size)
    np.testing.assert_allclose(y, output, atol=2e-5)
    check_grads(grads, wanted, tolerance=1e-4)


def test_rows_in_a_loop_under_vmap_and_sharded_have_the_gradients_of_each():
    rows = [arguments(seed=seed) for seed in range(4)]
    stacked = tuple(np.stack(parts) for parts in zip(*rows, strict=True))

    def of_row(args):
        return jax.grad(loss)(args, VALID, fused)

    mesh = jax.make_mesh((4,), ("replica",), axis_types=(jax.sharding.AxisType.Auto,))
    sharded = jax.shard_map(
        lambda rows: jax.lax.map(of_row, rows),
        mesh=mesh,
        in_specs=P("replica"),
        out_specs=P("replica"),
        check_vma=False,
    )
    ways = jax.jit(lambda rows: (jax.vmap(of_row)(rows), jax.lax.map(of_row, rows)))
    for grads in jax.device_get((*ways(stacked), jax.jit(sharded)(stacked))):
        for number, args in enumerate(rows):
            check_grads([part[number] for part in grads], value_and_grads(args, VALID, fused)[1])


def test_twice_the_same_to_the_last_bit():
    args = arguments()
    jax.tree.map(np.testing.assert_array_equal, *(value_and_grads(args, VALID, fused) for _ in range(2)))


def products(function, *args):
    return str(jax.make_jaxpr(function)(*args)).count("dot_general")


def test_a_gradient_that_nobody_asks_for_costs_nothing():
    args = arguments()
    of_all = products(jax.grad(lambda args: loss(args, ALL, fused)), args)
    of_params = products(jax.grad(lambda params: loss((args[0], *params), ALL, fused)), args[1:])
    evaluation = products(jax.grad(lambda params: loss((args[0], *params), ALL, fused, train=False)), args[1:])
    assert evaluation < of_params < of_all


def test_memory_is_that_of_what_is_pooled():
    """The activation of these clips would take 123 MB, and the plain layer needs it several times."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in [(2, 240_000, 1), (6, 1, 64), (64,), (64,), (64,)]]
    valid = np.ones(2, bool)

    def run(x, *params):
        return jax.value_and_grad(lambda params: jnp.square(fused(x, *params, valid, pool=8)[0]).sum())(params)

    pooled = 2 * 29_999 * 64 * 4
    assert jax.jit(run).lower(*shapes).compile().memory_analysis().temp_size_in_bytes < 4 * pooled
