import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from affect_jax.layers.recurrent import GRU, BiGRU, SingleStepGRU

BATCH, STEPS, INPUTS, UNITS = 3, 6, 4, 5
LENGTHS = np.array([6, 3, 0])  # a full sequence, a padded one and one that is nothing but padding
MASK = np.arange(STEPS)[None] < LENGTHS[:, None]
X = np.random.default_rng(0).normal(size=(BATCH, STEPS, INPUTS)).astype(np.float32)


@functools.cache
def variables(kind=BiGRU):
    """Parameters drawn by numpy: jax's initialisers take seconds to compile."""
    draw = np.random.default_rng(0)
    shapes = jax.eval_shape(kind(UNITS).init, jax.random.key(0), X)
    return jax.tree.map(lambda p: draw.uniform(-0.6, 0.6, p.shape).astype(np.float32), shapes)


@jax.jit
def compute(variables, x, mask, segments):
    return BiGRU(UNITS).apply(variables, x, mask, segments)


def bigru(variables, x, mask, segments=None):
    return np.asarray(compute(variables, x, mask, segments))


def loss(variables, x, mask):
    h = BiGRU(UNITS).apply(variables, x, mask)
    return jnp.sum(h**2 * jnp.cos(jnp.arange(h.size).reshape(h.shape)))


differentiate = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))


def loss_and_grads(*arguments):
    return jax.device_get(differentiate(*arguments))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def torch_cell(params, x, h, suffix=""):
    """One step [D], [H] -> [H] in float64, as PyTorch's documentation of nn.GRU writes it."""
    w_ih, w_hh, b_ih, b_hh = (
        np.split(np.asarray(params[f"{name}{suffix}"], np.float64), 3, axis=-1)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    r = sigmoid(x @ w_ih[0] + b_ih[0] + h @ w_hh[0] + b_hh[0])
    z = sigmoid(x @ w_ih[1] + b_ih[1] + h @ w_hh[1] + b_hh[1])
    n = np.tanh(x @ w_ih[2] + b_ih[2] + r * (h @ w_hh[2] + b_hh[2]))
    return (1 - z) * n + z * h


def reference(params, x, suffix=""):
    """States [T, H] of one sequence [T, D]."""
    h, states = np.zeros(UNITS), []
    for step in np.asarray(x, np.float64):
        h = torch_cell(params, step, h, suffix)
        states.append(h)
    return np.array(states).reshape(len(x), UNITS)


def test_bidirectional_states_are_torchs():
    params = variables()["params"]
    out = bigru(variables(), X, MASK)
    for b, length in enumerate(LENGTHS):
        forward = reference(params, X[b, :length])
        backward = reference(params, X[b, :length][::-1], "_reverse")[::-1]
        np.testing.assert_allclose(out[b, :length], np.concatenate([forward, backward], -1), atol=2e-6)
        np.testing.assert_array_equal(out[b, length:], 0)


def test_forward_states_are_torchs_and_no_mask_means_all_valid():
    out = np.asarray(jax.jit(GRU(UNITS).apply)(variables(GRU), X))
    np.testing.assert_allclose(out[0], reference(variables(GRU)["params"], X[0]), atol=2e-6)
    everything = np.ones_like(MASK)
    np.testing.assert_allclose(bigru(variables(), X, None), bigru(variables(), X, everything), atol=1e-6)


def test_single_step_is_the_first_step_from_zero():
    variables_ = variables(SingleStepGRU)

    @jax.jit
    @functools.partial(jax.grad, has_aux=True)
    def graded(variables):
        out = SingleStepGRU(UNITS).apply(variables, X[:, 0])
        return jnp.sum(out**2), out

    grads, out = jax.device_get(graded(variables_))
    expected = [torch_cell(variables_["params"], x, np.zeros(UNITS)) for x in X[:, 0].astype(np.float64)]
    np.testing.assert_allclose(out, np.array(expected), atol=1e-6)
    np.testing.assert_array_equal(grads["params"]["weight_hh"], 0)  # the zero state multiplies it away
    assert np.all(grads["params"]["bias_hh"] != 0)  # but not its bias


def test_parameters_have_torchs_names_shapes_and_range():
    shapes = {"weight_ih": (30, 192), "weight_hh": (64, 192), "bias_ih": (192,), "bias_hh": (192,)}
    both = shapes | {f"{name}_reverse": shape for name, shape in shapes.items()}
    params = jax.eval_shape(BiGRU(64).init, jax.random.key(0), np.zeros((1, 1, 30), np.float32))["params"]
    assert {name: p.shape for name, p in params.items()} == both
    init = jax.jit(SingleStepGRU(64).init)
    params = jax.device_get(init(jax.random.key(0), np.zeros((1, 30), np.float32)))["params"]
    assert {name: p.shape for name, p in params.items()} == shapes
    for name, p in params.items():
        assert np.abs(p).max() <= 1 / 8, name
        assert np.std(p) == pytest.approx(1 / 8 / np.sqrt(3), rel=0.15), name
    assert len({float(p.ravel()[0]) for p in params.values()}) == 4  # no two share a key


def test_long_sequences_keep_the_gradient_right():
    # A wrong carry shows late: 300 steps, float32 against float64.
    draw = np.random.default_rng(3)
    x, mask = draw.normal(size=(2, 300, INPUTS)), np.arange(300)[None] < np.array([[300], [211]])
    with jax.enable_x64(True):
        exact = loss_and_grads(jax.tree.map(np.float64, variables()), x, mask)
    single = loss_and_grads(variables(), x.astype(np.float32), mask)
    scale = {jax.tree_util.keystr(k): np.abs(g).max() for k, g in jax.tree.leaves_with_path(exact)}
    for (path, a), b in zip(jax.tree.leaves_with_path(single), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5 * scale[jax.tree_util.keystr(path)])


def test_masked_is_the_shorter_sequence_in_values_and_gradients():
    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def alone(variables, x):  # with the weights that `loss` gives to these outputs
        weights = jnp.cos(jnp.arange(BATCH * STEPS * 2 * UNITS).reshape(BATCH, STEPS, 2 * UNITS))
        return jnp.sum(BiGRU(UNITS).apply(variables, x) ** 2 * weights[1:2, :3])

    value, (d_params, d_x) = loss_and_grads(variables(), X, MASK & (np.arange(BATCH) == 1)[:, None])
    expected = jax.device_get(alone(variables(), X[1:2, :3]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), (value, (d_params, d_x[1:2, :3])), expected)


@pytest.mark.parametrize("garbage", [1e30, np.inf, np.nan])
def test_padding_reaches_neither_values_nor_gradients(garbage):
    dirty = np.where(MASK[..., None], X, garbage).astype(np.float32)
    clean, dirtied = loss_and_grads(variables(), X, MASK), loss_and_grads(variables(), dirty, MASK)
    jax.tree.map(np.testing.assert_array_equal, clean, dirtied)
    np.testing.assert_array_equal(dirtied[1][1][~MASK], 0)
    np.testing.assert_array_equal(bigru(variables(), X, MASK), bigru(variables(), dirty, MASK))


def test_an_invalid_step_in_the_middle_is_skipped():
    mask = np.zeros((BATCH, STEPS), bool)
    mask[0] = [True, True, False, False, True, True]
    out = bigru(variables(), X, mask)
    params = variables()["params"]
    forward, backward = reference(params, X[mask]), reference(params, X[mask][::-1], "_reverse")[::-1]
    np.testing.assert_allclose(out[mask], np.concatenate([forward, backward], -1), atol=2e-6)
    np.testing.assert_array_equal(out[~mask], 0)


def test_sequences_on_one_line_are_as_alone():
    segments = np.tile(np.array([0, 0, 1, 1, 1, 2]), (BATCH, 1))
    mask = np.ones((BATCH, STEPS), bool)
    mask[0, 4] = False  # padding behind the second one's valid steps
    x = np.where(mask[..., None], X, np.nan)
    out = bigru(variables(), x, mask, segments)
    for part in (slice(0, 2), slice(2, 4), slice(5, 6)):
        params = variables()["params"]
        forward, backward = reference(params, X[0, part]), reference(params, X[0, part][::-1], "_reverse")[::-1]
        np.testing.assert_allclose(out[0, part], np.concatenate([forward, backward], -1), atol=2e-6)
    np.testing.assert_array_equal(out[0, 4], 0)


def test_the_forward_direction_is_causal_and_the_backward_one_anticausal():
    @jax.jit
    @jax.grad
    def of_step(x, weights):
        return jnp.sum(weights * BiGRU(UNITS).apply(variables(), x)[0, 2])

    is_backward = (np.arange(2 * UNITS) >= UNITS).astype(np.float32)
    forward, backward = (np.asarray(of_step(X, weights))[0] for weights in (1 - is_backward, is_backward))
    np.testing.assert_array_equal(forward[3:], 0)
    np.testing.assert_array_equal(backward[:2], 0)
    assert np.all(np.abs(forward[:3]).max(-1) > 0)
    assert np.all(np.abs(backward[2:]).max(-1) > 0)


def test_rows_by_vmap_by_loop_and_over_devices_agree():
    rows = jax.tree.map(lambda p: p[None] * np.arange(1, 5, dtype=np.float32).reshape(-1, *[1] * p.ndim), variables())
    one = functools.partial(jax.value_and_grad(loss), x=X, mask=MASK)
    each = [loss_and_grads(jax.tree.map(lambda p, row=row: p[row], rows), X, MASK) for row in range(4)]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *[(value, d_params) for value, (d_params, _) in each])
    mesh = jax.make_mesh((2,), ("replica",), axis_types=(jax.sharding.AxisType.Auto,), devices=jax.devices()[:2])
    spread = jax.shard_map(
        lambda rows: jax.lax.map(one, rows), mesh=mesh, in_specs=P("replica"), out_specs=P("replica"), check_vma=False
    )
    for ours in (jax.vmap(one), spread):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), expected, jax.jit(ours)(rows))
