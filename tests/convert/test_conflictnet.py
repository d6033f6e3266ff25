import functools

import jax
import numpy as np
import pytest

from affect_jax.convert import export_keras_conflictnet, import_keras_conflictnet
from affect_jax.errors import UserError

FILTERS, WIDTHS, POOLS, LSTM, UNITS = (4, 5, 6), (6, 4, 4), (8, 6, 6), (5, 3), 4
STEPS = 1900  # of a clip: 6 steps behind the pools, one group of the average pool and a rest
VARIANTS = {
    "ParaNET": dict(attention=False),
    "ParaNET+AP": dict(attention=False, average_pool=4),
    "ParaNET+Attn": dict(average_pool=0),
    "ConflictNET": {},
    "ParaNET+AP+Attn+GAP": dict(global_average=True),
    "sigmoid": dict(recurrent_activation="sigmoid"),
}


@functools.cache
def keras_arrays(outputs=1, attention=True):
    """Weights by the names of the authors' Keras model, drawn at random."""
    draw = np.random.default_rng(0)

    def normal(*shape):
        return draw.normal(size=shape).astype(np.float32)

    arrays, channels = {}, 1
    for at, (width, filters) in enumerate(zip(WIDTHS, FILTERS, strict=True)):
        suffix = f"_{at}" if at else ""
        arrays[f"conv1d{suffix}/kernel"] = normal(width, channels, filters)
        arrays[f"conv1d{suffix}/bias"] = normal(filters)
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            arrays[f"batch_normalization{suffix}/{name}"] = normal(filters)
        arrays[f"batch_normalization{suffix}/moving_variance"] **= 2
        channels = filters
    for at, units in enumerate(LSTM):
        layer = "lstm_1/lstm_cell" if at else "lstm/lstm_cell"
        arrays[f"{layer}/kernel"] = normal(channels, 4 * units)
        arrays[f"{layer}/recurrent_kernel"] = normal(units, 4 * units)
        arrays[f"{layer}/bias"] = normal(4 * units)
        channels = units
    if attention:
        shapes = {"Wt": (LSTM[0], UNITS), "Wx": (LSTM[0], UNITS), "bh": (UNITS,), "Wa": (UNITS, 1), "ba": (1,)}
        for name, shape in shapes.items():
            arrays[f"seq_self_attention/seq_self_attention_Add_{name}"] = normal(*shape)
    arrays["dense/kernel"], arrays["dense/bias"] = normal(channels, outputs), normal(outputs)
    return arrays


def keras_model(arrays, clip, average_pool, global_average, hard):
    """The Keras network on one clip [T] in float64, layer by layer as Keras documents them."""
    w = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    x = np.asarray(clip, np.float64)[:, None]
    for at, pool in enumerate(POOLS):
        suffix = f"_{at}" if at else ""
        kernel, norm = w[f"conv1d{suffix}/kernel"], f"batch_normalization{suffix}/"
        windows = np.lib.stride_tricks.sliding_window_view(x, len(kernel), axis=0)  # [steps, channels, width]
        x = np.maximum(np.einsum("tcw,wcf->tf", windows, kernel) + w[f"conv1d{suffix}/bias"], 0)
        x = (x - w[norm + "moving_mean"]) / np.sqrt(w[norm + "moving_variance"] + 1e-3)
        x = x * w[norm + "gamma"] + w[norm + "beta"]
        x = np.array([x[start : start + pool].max(axis=0) for start in range(0, len(x) - pool + 1, pool)])
    if average_pool:
        starts = range(0, len(x) - average_pool + 1, average_pool)
        x = np.array([x[start : start + average_pool].mean(axis=0) for start in starts])
    x = keras_lstm(w, "lstm/lstm_cell/", x, hard)
    if "seq_self_attention/seq_self_attention_Add_Wt" in w:
        wt, wx, bh, wa, ba = (
            w[f"seq_self_attention/seq_self_attention_Add_{name}"] for name in ("Wt", "Wx", "bh", "Wa", "ba")
        )
        e = np.array([[np.tanh(np.tanh(t @ wt + other @ wx + bh) @ wa + ba)[0] for other in x] for t in x])
        e = np.exp(e - e.max(axis=1, keepdims=True))
        x = e / (e.sum(axis=1, keepdims=True) + 1e-7) @ x
    x = keras_lstm(w, "lstm_1/lstm_cell/", x, hard)
    return (x.mean(axis=0) if global_average else x[-1]) @ w["dense/kernel"] + w["dense/bias"]


def keras_lstm(w, layer, x, hard):
    kernel, recurrent, bias = (w[layer + name] for name in ("kernel", "recurrent_kernel", "bias"))
    units = len(recurrent)
    h, c, states = np.zeros(units), np.zeros(units), []
    for step in x:
        z = step @ kernel + h @ recurrent + bias
        i, f, g, o = (z[gate * units : (gate + 1) * units] for gate in range(4))
        i, f, o = (np.clip(0.2 * gate + 0.5, 0, 1) if hard else 1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        states.append(h)
    return np.array(states)


@pytest.fixture(scope="module")
def deployed():
    """Clips, and by variant the model and what it says of them; in one program, as variants have most in common."""
    clips = np.random.default_rng(1).normal(size=(2, STEPS)).astype(np.float32)
    clips[1, 1000:] = 0
    mask = np.arange(STEPS)[None] < np.array([[STEPS], [1000]])
    models, variables = {}, {}
    for name, options in VARIANTS.items():
        attention, others = options.get("attention", True), {k: v for k, v in options.items() if k != "attention"}
        models[name], own = import_keras_conflictnet(keras_arrays(attention=attention), **others)
        jax.tree.map(np.testing.assert_array_equal, own, variables.setdefault(attention, own))

    @jax.jit
    def deploy(variables, x):
        given = {"speech": x}, {"speech": mask}
        return {name: one.apply(variables[one.attention], *given, method="deploy") for name, one in models.items()}

    return clips, models, jax.device_get(deploy(variables, clips[..., None]))


@pytest.mark.parametrize("name", VARIANTS)
def test_outputs_are_the_keras_models(name, deployed):
    options, (clips, models, found) = VARIANTS[name], deployed
    arrays = keras_arrays(attention=options.get("attention", True))
    hard = options.get("recurrent_activation", "hard_sigmoid") == "hard_sigmoid"
    average_pool, global_average = models[name].average_pool, options.get("global_average", False)
    expected = [keras_model(arrays, clip, average_pool, global_average, hard)[0] for clip in clips]
    np.testing.assert_allclose(found[name], expected, atol=1e-5)
    assert np.abs(np.diff(expected)) > 1e-2


def test_sizes_and_parts_are_read_off_the_arrays():
    model, _ = import_keras_conflictnet(keras_arrays())
    assert (model.filters, model.widths, model.pools, model.lstm_units) == (FILTERS, WIDTHS, POOLS, LSTM)
    assert (model.attention, model.attention_units, model.average_pool, model.classes) == (True, UNITS, 4, 0)
    assert model.recurrent_activation == "hard_sigmoid"
    paranet, _ = import_keras_conflictnet(keras_arrays(attention=False))
    assert (paranet.attention, paranet.average_pool) == (False, 0)
    assert import_keras_conflictnet(keras_arrays(outputs=7))[0].classes == 7


@pytest.mark.parametrize("attention", [True, False])
def test_the_way_there_and_back_is_exact(attention):
    arrays = keras_arrays(attention=attention)
    back = export_keras_conflictnet(*import_keras_conflictnet(arrays))
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value)
        assert back[name].dtype == np.float32


@functools.cache
def read_plain_names():
    return import_keras_conflictnet(keras_arrays())[1]


def numbered_from(start):
    def rename(name):
        layer, *rest = name.split("/")
        kind, _, number = layer.rpartition("_")
        kind, number = (kind, int(number)) if number.isdigit() else (layer, 0)
        return "/".join([f"{kind}_{number + start}", *rest]).replace(
            "seq_self_attention_Add", f"seq_self_attention_{start}_Add"
        )

    return rename


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"{name}:0",
        lambda name: f"{name.split('/')[0]}/{name}:0",
        lambda name: f"model_weights/{name.split('/')[0]}/{name}:0",
        lambda name: name.replace("lstm_1/lstm_cell", "lstm_1/lstm_cell_1"),
        lambda name: name.replace("/lstm_cell", ""),
        lambda name: name.rpartition("/")[2] if "Add" in name else name,
        lambda name: name.replace("batch_normalization", "batch_normalization_v1"),
        numbered_from(1),
        numbered_from(9),  # 9, 10, 11: ordered as numbers, not as text
    ],
)
def test_names_as_keras_versions_write_them(rename):
    arrays = keras_arrays()
    renamed = {rename(name): value for name, value in arrays.items()}
    assert renamed.keys() != arrays.keys()
    shuffled = dict(sorted(renamed.items(), reverse=True))
    jax.tree.map(np.testing.assert_array_equal, import_keras_conflictnet(shuffled)[1], read_plain_names())


def without(name):
    return lambda arrays: {k: v for k, v in arrays.items() if k != name}


def with_array(name, value):
    return lambda arrays: arrays | {name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("conv1d_1/bias"), "the array 'conv1d_1/bias' is missing; add it"),
        (without("seq_self_attention/seq_self_attention_Add_ba"), "seq_self_attention_Add_ba' is missing"),
        (
            lambda arrays: {k: v for k, v in arrays.items() if not k.startswith("lstm_1")},
            r"arrays of 1 'lstm' layers, but a Keras ConflictNET has 2; .* like 'lstm/lstm_cell/kernel'",
        ),
        (lambda arrays: {}, "arrays of 0 'conv1d' layers"),
        (with_array("dense_1/kernel", np.zeros((3, 1))), "arrays of 2 'dense' layers"),
        (with_array("densee/kernel", np.zeros(1)), r"an array 'densee/kernel' \(did you mean 'dense/kernel'\?\)"),
        (with_array("iterations:0", np.zeros(1)), "an array 'iterations:0', which a Keras ConflictNET does not have"),
        (with_array("dense/kernel:0", np.zeros((3, 1))), "'dense/kernel' and 'dense/kernel:0' are the same weight"),
        (with_array("dense/kernel", np.zeros((4, 1), np.float32)), r"'dense/kernel' has shape \[4, 1\], but \[3, 1\]"),
        (with_array("dense/kernel", np.zeros(3)), r"'dense/kernel' has shape \[3\], but needs 2 axes"),
        (with_array("lstm/lstm_cell/bias", np.zeros(40)), r"'lstm/lstm_cell/bias' has shape \[40\], but \[20\] fits"),
        (with_array("conv1d/bias", np.array([0, 1, 2, np.nan])), "'conv1d/bias' holds float64 that are not all finite"),
        (with_array("conv1d/bias", np.array(list("abcd"))), "'conv1d/bias' holds <U1 that are not all finite"),
    ],
)
def test_arrays_that_are_not_a_keras_conflictnets(change, message):
    with pytest.raises(UserError, match=message):
        import_keras_conflictnet(change(keras_arrays()))


def test_a_model_without_a_keras_form():
    model, variables = import_keras_conflictnet(keras_arrays())
    with pytest.raises(UserError, match="first_layer 'sincnet', but the Keras ConflictNET has 3 plain ones"):
        export_keras_conflictnet(model.clone(first_layer="sincnet"), variables)
