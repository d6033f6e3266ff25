import functools
import itertools

import jax
import numpy as np
import pytest

from affect_jax.convert.folder import trace_variables
from affect_jax.convert.fusion import export_torch_fusion, import_torch_fusion, list_fusion_inputs
from affect_jax.errors import UserError
from affect_jax.models.attention_fusion import Model

LETTERS = {"text": "t", "video": "v", "audio": "a"}
FEATURES = {"text": 5, "video": 7, "audio": 4}
MAPS = {"video": (6, 5), "audio": (11, 8)}
STEPS = {"text": 9, "video": 6, "audio": 11}
ALL = tuple(LETTERS)
UNITS, HIDDEN, CLASSES, HEADS = 6, 5, 3, 6


@functools.cache
def torch_arrays(attention="intra", modalities=ALL):
    """Weights by the names of the authors' PyTorch model, drawn at random."""
    draw = np.random.default_rng(0)
    width, arrays = 2 * UNITS, {}

    def add(layer, **named):
        for name, shape in named.items():
            arrays[f"{layer}.{name}"] = draw.normal(size=shape, scale=0.5).astype(np.float32)

    for m in modalities:
        for way in ("", "_reverse"):
            weights = {f"weight_ih_l0{way}": (3 * UNITS, FEATURES[m]), f"weight_hh_l0{way}": (3 * UNITS, UNITS)}
            add(f"{m}_encoder", **weights, **{f"bias_ih_l0{way}": (3 * UNITS,), f"bias_hh_l0{way}": (3 * UNITS,)})
        if m in MAPS:
            add(f"{m}_conv", weight=(*MAPS[m][::-1], 1), bias=MAPS[m][1:])
    for name in attentions(attention, modalities):
        add(name, in_proj_weight=(3 * width, width), in_proj_bias=(3 * width,))
        add(f"{name}.out_proj", weight=(width, width), bias=(width,))
    add("concat_linear", weight=(HIDDEN, 2 * width), bias=(HIDDEN,))
    add("classifier", weight=(CLASSES, HIDDEN), bias=(CLASSES,))
    return arrays


def attentions(attention, modalities):
    """Name of each attention -> (source, target)."""
    if attention == "intra":
        return {f"mha_{LETTERS[m]}": (m, m) for m in modalities}
    return {f"mha_{LETTERS[s]}_{LETTERS[t]}": (s, t) for s, t in itertools.permutations(modalities, 2)}


@functools.cache
def import_of_three():
    return import_torch_fusion(torch_arrays(), "intra")


def examples(modalities=ALL, count=2):
    draw = np.random.default_rng(1)
    return {m: draw.normal(size=(count, STEPS[m], FEATURES[m])).astype(np.float32) for m in modalities}


def torch_model(arrays, example, attention, modalities=ALL, heads=HEADS):
    """Logits of one example {modality: [T, D]} in float64, layer by layer as PyTorch documents them."""
    w = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    encoded = {}
    for m in modalities:
        x = np.asarray(example[m], np.float64)
        if m in MAPS:
            x = w[f"{m}_conv.weight"][..., 0] @ x + w[f"{m}_conv.bias"][:, None]
        forward, backward = (gru(w, f"{m}_encoder", x[::way], end) for way, end in ((1, ""), (-1, "_reverse")))
        encoded[m] = np.concatenate([forward, backward[::-1]], axis=1)
    vectors = np.stack(
        [
            attend(w, name, encoded[target], encoded[source], heads).mean(axis=0)
            for name, (source, target) in attentions(attention, modalities).items()
        ]
    )
    pooled = np.concatenate([vectors.std(axis=0, ddof=1), vectors.mean(axis=0)])
    hidden = w["concat_linear.weight"] @ pooled + w["concat_linear.bias"]
    return w["classifier.weight"] @ hidden + w["classifier.bias"]


def gru(w, layer, x, way):
    def gates(name, z):
        return np.split(w[f"{layer}.weight_{name}_l0{way}"] @ z + w[f"{layer}.bias_{name}_l0{way}"], 3)

    h, states = np.zeros(UNITS), []
    for step in x:
        (xr, xz, xn), (hr, hz, hn) = gates("ih", step), gates("hh", h)
        r, z = (1 / (1 + np.exp(-gate)) for gate in (xr + hr, xz + hz))
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        states.append(h)
    return np.array(states)


def attend(w, name, asks, answers, heads):
    kernels, biases = np.split(w[f"{name}.in_proj_weight"], 3), np.split(w[f"{name}.in_proj_bias"], 3)
    sides = zip((asks, answers, answers), kernels, biases, strict=True)
    q, k, v = (np.split(x @ kernel.T + bias, heads, axis=1) for x, kernel, bias in sides)
    found = []
    for of_q, of_k, of_v in zip(q, k, v, strict=True):
        weights = np.exp(of_q @ of_k.T / np.sqrt(of_q.shape[1]))
        found.append(weights / weights.sum(axis=1, keepdims=True) @ of_v)
    return np.concatenate(found, axis=1) @ w[f"{name}.out_proj.weight"].T + w[f"{name}.out_proj.bias"]


def logits(model, variables, inputs):
    masks = {m: np.ones(x.shape[:2], bool) for m, x in inputs.items()}
    return jax.jit(lambda v, x, m: model.apply(v, x, m, method="deploy"))(variables, inputs, masks)


@pytest.mark.parametrize(
    ("attention", "modalities", "heads"),
    [("intra", ALL, HEADS), ("cross", ALL, HEADS), ("cross", ("text", "audio"), 3)],
)
def test_outputs_are_the_torch_models(attention, modalities, heads):
    arrays, inputs = torch_arrays(attention, modalities), examples(modalities)
    found = logits(*import_torch_fusion(arrays, attention, heads), inputs)
    for at in range(2):
        example = {m: x[at] for m, x in inputs.items()}
        np.testing.assert_allclose(found[at], torch_model(arrays, example, attention, modalities, heads), atol=1e-5)
    assert np.abs(np.diff(found, axis=0)).max() > 1e-2


@pytest.mark.parametrize(
    ("attention", "modalities"), [("intra", ALL), ("cross", ALL), ("intra", ("video", "audio")), ("cross", ALL[:2])]
)
def test_the_way_there_and_back_is_exact(attention, modalities):
    arrays = torch_arrays(attention, modalities)
    model, variables = import_torch_fusion(arrays, attention)
    back = export_torch_fusion(model, variables)
    assert back.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(back[name], value)
        assert back[name].dtype == np.float32
    assert model.modalities == modalities
    assert list_fusion_inputs(model, variables) == {
        m: {"steps": STEPS[m] if m in MAPS else 128, "features": FEATURES[m]} for m in modalities
    }


def test_sizes_are_read_off_the_arrays():
    model, variables = import_torch_fusion(torch_arrays("cross"), "cross", heads=4)
    assert (model.units, model.hidden, model.classes, model.heads) == (UNITS, HIDDEN, CLASSES, 4)
    assert (model.attention, model.fidelity, model.map_steps) == ("cross", "authors", (0, 5, 8))
    assert model.input_dropout == (0.25, 0, 0)
    wide = {name: value.astype(np.float64) for name, value in torch_arrays("cross").items()}
    jax.tree.map(np.testing.assert_array_equal, import_torch_fusion(wide, "cross", heads=4)[1], variables)


@pytest.mark.parametrize(("attention", "parameters"), [("intra", 1_645_892), ("cross", 1_820_132)])
def test_at_the_authors_sizes(attention, parameters):
    model = Model(attention=attention, fidelity="authors", input_dropout=(0.25, 0.0, 0.0))
    sizes = {"text": (128, 300), "video": (32, 2048), "audio": (1000, 120)}
    inputs = {m: {"steps": steps, "features": width} for m, (steps, width) in sizes.items()}
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), trace_variables(model, inputs))
    arrays = export_torch_fusion(model, variables)
    assert sum(value.size for value in arrays.values()) == parameters
    assert arrays["audio_conv.weight"].shape == (500, 1000, 1)
    assert {v.shape for name, v in arrays.items() if name.endswith("in_proj_weight")} == {(360, 120)}
    again, read = import_torch_fusion(arrays, attention)
    assert again == model
    assert list_fusion_inputs(again, read) == inputs


def test_the_thesis_model_says_the_same_in_torch_of_whole_examples():
    model, variables = import_of_three()
    thesis, inputs = model.clone(fidelity="thesis"), examples()
    arrays = export_torch_fusion(thesis, variables)
    assert [name for name in arrays if (arrays[name] != torch_arrays()[name]).any()] == ["concat_linear.weight"]
    wanted = [torch_model(arrays, {m: x[at] for m, x in inputs.items()}, "intra") for at in range(2)]
    np.testing.assert_allclose(logits(thesis, variables, inputs), wanted, atol=1e-5)


def without(*names):
    return lambda arrays: {k: v for k, v in arrays.items() if not k.startswith(names)}


def with_array(name, value):
    return lambda arrays: arrays | {name: np.asarray(value)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("mha_v.in_proj_bias"), "the array 'mha_v.in_proj_bias' is missing; add it"),
        (without("video_encoder"), "'video_encoder.weight_ih_l0' is missing"),
        (without("audio_conv"), "'audio_conv.weight' is missing"),
        (without("classifier"), "'classifier.weight' is missing"),
        (
            without("audio", "video", "mha_a", "mha_v"),
            r"of 1 of the modalities text, video, audio, but .* two",
        ),
        (lambda arrays: {}, "arrays of 0 of the modalities"),
        (
            with_array("concat_linaer.bias", np.zeros(5)),
            r"an array 'concat_linaer.bias' \(did you mean 'concat_linear.bias'\?\), which .* does not have",
        ),
        (with_array("other", np.zeros(5)), "an array 'other', which the authors' model"),
        (
            with_array("mha_v_t.in_proj_bias", np.zeros(36)),
            "'mha_v_t.in_proj_bias', which the model with attention 'intra' does not have but .* 'cross' does",
        ),
        (with_array("mha_t.in_proj_weight", np.zeros((12, 36))), r"\[12, 36\], but \[36, 12\] fits the other arrays"),
        (with_array("audio_conv.weight", np.zeros((9, 11, 1))), r"\[9, 11, 1\], but \[8, 11, 1\] fits"),
        (with_array("audio_conv.weight", np.zeros((8, 11))), r"\[8, 11\], but needs \[steps behind, steps before, 1\]"),
        (with_array("audio_conv.weight", np.zeros((8, 11, 3))), r"\[8, 11, 3\], but needs \[steps behind"),
        (with_array("classifier.weight", np.zeros(5)), r"'classifier.weight' has shape \[5\], but needs 2 axes"),
        (with_array("classifier.bias", np.zeros((3, 1))), r"'classifier.bias' has shape \[3, 1\], but needs 1 axis"),
        (with_array("classifier.weight", np.zeros((4, 5))), r"'classifier.weight' has shape \[4, 5\], but \[3, 5\]"),
        (with_array("classifier.bias", [0, np.nan, 0]), "'classifier.bias' holds float64 that are not all finite"),
        (with_array("classifier.bias", [0, 1e300, 0]), "holds float64 that are not all finite numbers in float32"),
        (with_array("classifier.bias", [1, 2, 3]), "'classifier.bias' holds int64 that are not"),
        (with_array("classifier.bias", list("abc")), "'classifier.bias' holds <U1 that are not"),
    ],
)
def test_arrays_that_are_not_the_authors_models(change, message):
    with pytest.raises(UserError, match=message):
        import_torch_fusion(change(torch_arrays()), "intra")


def test_another_attention_or_number_of_heads():
    with pytest.raises(UserError, match=r"attention is 'inter' \(did you mean 'intra'\?\); choose 'intra' or 'cross'"):
        import_torch_fusion(torch_arrays(), "inter")
    with pytest.raises(UserError, match="12 features a step, which 5 heads cannot share"):
        import_torch_fusion(torch_arrays(), "intra", heads=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(modalities=("text", "video", "mfcc")), r"reads text, video, mfcc, but the authors'"),
        (dict(modalities=("text",), map_steps=(0,)), r"reads text, but the authors'"),
        (dict(attention="cross+intra"), r"has attention 'cross\+intra', but"),
        (dict(attention="cross", pairs=("video->text",)), "has some of the pairs, but the authors' model has all"),
        (dict(statistical_pooling=False), "has no statistical pooling"),
        (dict(map_steps=(0, 0, 8)), r"has map_steps 0, 0, 8, but"),
    ],
)
def test_models_that_the_authors_code_has_no_layers_for(change, message):
    model, variables = import_of_three()
    with pytest.raises(UserError, match=message):
        export_torch_fusion(model.clone(**change), variables)
