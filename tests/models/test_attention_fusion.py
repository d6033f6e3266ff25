"""Attention fusion: published sizes, masks, missing modalities, ablations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.config.models import make_model
from affect_jax.errors import UserError
from affect_jax.models.attention_fusion import Model
from configs import fusion_iemocap

WIDTHS = {"text": 300, "video": 2048, "audio": 120}
STEPS = {"text": 128, "video": 32, "audio": 1000}
SMALL = {"text": (6, 5), "video": (4, 3), "audio": (9, 4)}
TINY = dict(map_steps=(0, 2, 3), units=4, heads=2, hidden=5, classes=3)
CROSS = dict(attention="cross", modalities=("text", "audio"), map_steps=(0, 3), input_dropout=(0.0, 0.0))
"""Of three modalities, six attentions take three times as long to compile (tests/convert/test_fusion.py runs them)."""


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def published(attention):
    inputs = {m: np.zeros((1, STEPS[m], WIDTHS[m]), np.float32) for m in WIDTHS}
    masks = {m: np.ones((1, STEPS[m]), bool) for m in WIDTHS}
    model = Model(attention=attention)
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    return model, params


@pytest.mark.parametrize(("attention", "count"), [("intra", 1_645_892), ("cross", 1_820_132)])
def test_published_sizes(attention, count):
    model, params = published(attention)
    assert size(params) == count
    assert set(params) == set(model.deployed)
    parts = {name: size(tree) for name, tree in params.items()}
    expected = {"text_gru": 130_320, "video_map": 825, "video_gru": 759_600, "audio_map": 500_500, "audio_gru": 65_520}
    assert {name: parts[name] for name in expected} == expected
    attentions = [name for name in parts if name.startswith(("intra", "cross"))]
    assert [parts[name] for name in attentions] == [58_080] * (3 if attention == "intra" else 6)
    assert (parts["concat"], parts["classifier"]) == (14_460, 427)


def batch(lengths=((6, 3), (4, 2), (9, 5)), seed=0):
    draw = np.random.default_rng(seed)
    inputs, masks = {}, {}
    for (name, (steps, width)), valid in zip(SMALL.items(), lengths, strict=True):
        masks[name] = np.arange(steps)[None, :] < np.array(valid)[:, None]
        x = draw.normal(size=(2, steps, width)).astype(np.float32)
        inputs[name] = np.where(masks[name][..., None], x, np.float32(0))
    return inputs, masks


def draw_variables(model, inputs, masks):
    """By numpy: jax's initialisers take long to compile."""
    draw = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))
    return jax.tree.map(lambda p: draw.uniform(-0.5, 0.5, p.shape).astype(np.float32), shapes)


@functools.cache
def made(**changes):
    model = Model(**{**TINY, **changes})
    return model, draw_variables(model, *batch())


@functools.partial(jax.jit, static_argnums=0)
def compute(model, variables, inputs, masks):
    return model.apply(variables, inputs, masks, train=False)


def outputs(*arguments):
    return jax.device_get(compute(*arguments))


def logits(*arguments):
    return outputs(*arguments)["logits"]


def test_what_padding_holds_reaches_nothing():
    model, variables = made(**CROSS)
    inputs, masks = batch()
    dirty = {m: np.where(masks[m][..., None], x, np.nan) for m, x in inputs.items()}
    np.testing.assert_array_equal(logits(model, variables, dirty, masks), logits(model, variables, inputs, masks))


def test_text_may_be_padded_further():
    model, variables = made(**CROSS)
    inputs, masks = batch()
    longer = {**inputs, "text": np.pad(inputs["text"], ((0, 0), (0, 3), (0, 0)))}
    longer_masks = {**masks, "text": np.pad(masks["text"], ((0, 0), (0, 3)))}
    found = logits(model, variables, longer, longer_masks)
    np.testing.assert_allclose(found, logits(model, variables, inputs, masks), atol=1e-6)


def test_the_authors_model_reads_padding():
    model, variables = made(fidelity="authors")
    inputs, masks = batch()
    ones = {m: np.ones_like(mask) for m, mask in masks.items()}
    np.testing.assert_array_equal(logits(model, variables, inputs, masks), logits(model, variables, inputs, ones))


def test_the_authors_put_the_deviation_first():
    inputs, masks = batch(((6, 6), (4, 4), (9, 9)))
    model, variables = made()
    kernel = variables["params"]["concat"]["kernel"]
    swapped = {"params": {**variables["params"], "concat": {**variables["params"]["concat"]}}}
    swapped["params"]["concat"]["kernel"] = np.concatenate([kernel[8:], kernel[:8]])
    authors = logits(Model(**TINY, fidelity="authors"), swapped, inputs, masks)
    np.testing.assert_allclose(authors, logits(model, variables, inputs, masks), atol=1e-6)


@pytest.mark.parametrize(("fidelity", "text"), [("thesis", 0.0), ("authors", 0.25)])
def test_the_authors_drop_a_quarter_of_the_text(fidelity, text):
    """Of the config's flag alone, in every study that reads text; a rate that is given stands."""
    config = fusion_iemocap.get_config("all")
    config.model.fidelity = fidelity
    for study in load_config(config).studies:
        if study.model["name"] == "attention_fusion":
            rates = {one.modality: one.dropout for one in make_model(study.model)._inputs}
            assert rates == {modality: text if modality == "text" else 0.0 for modality in rates}
    given = Model(**TINY, fidelity=fidelity, input_dropout=(0.1, 0.2, 0.3))
    assert [one.dropout for one in given._inputs] == [0.1, 0.2, 0.3]


def test_dropped_text_changes_what_the_authors_model_trains_on():
    (inputs, masks), (model, variables) = batch(), made(fidelity="authors")
    run = jax.jit(lambda key: model.apply(variables, inputs, masks, train=True, rngs={"dropout": key})["pooled"])
    first, second = (np.asarray(run(jax.random.key(seed))) for seed in (0, 1))
    changed = np.abs(first - second).max((0, 2))
    assert changed[0] > 0
    np.testing.assert_array_equal(changed[1:], 0)


def test_a_missing_modality_leaves_finite_gradients_and_its_values_reach_nothing():
    model, variables = made(**CROSS)
    inputs, masks = batch()
    masks = {**masks, "audio": np.zeros_like(masks["audio"])}
    other = {**inputs, "audio": inputs["audio"] + 7}
    np.testing.assert_array_equal(logits(model, variables, inputs, masks), logits(model, variables, other, masks))

    @jax.jit
    @jax.grad
    def gradient(params):
        rngs = {"dropout": jax.random.key(1)}
        out = model.apply({"params": params}, inputs, masks, train=True, dropout=0.1, rngs=rngs)
        return jnp.square(out["logits"]).sum()

    grads = jax.device_get(gradient(variables["params"]))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
    assert not grads["audio_map"]["kernel"].any()
    assert grads["audio_map"]["bias"].any()
    zeros = {**inputs, "audio": np.zeros_like(inputs["audio"])}
    whole = {**masks, "audio": np.ones_like(masks["audio"])}
    np.testing.assert_array_equal(logits(model, variables, inputs, masks), logits(model, variables, zeros, whole))


@pytest.mark.parametrize(
    ("changes", "vectors", "width"),
    [
        (dict(attention="intra"), 3, 16),
        (dict(attention="cross"), 6, 16),
        (dict(attention="cross+intra"), 9, 32),
        (dict(attention="intra", statistical_pooling=False), 3, 24),
        (dict(attention="cross", statistical_pooling=False), 6, 48),
        (dict(attention="cross", pairs=("text->video",)), 1, 8),
        (dict(attention="cross", pairs=("video->text", "audio->text")), 2, 16),
        (dict(modalities=("audio",), map_steps=(3,), input_dropout=(0.0,)), 1, 8),
    ],
)
def test_ablations(changes, vectors, width):
    model = Model(**{**TINY, **changes})
    out, variables = jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), *batch(), train=False))
    assert len(model.vectors) == vectors
    assert out["pooled"].shape == (2, vectors, 8)
    assert variables["params"]["concat"]["kernel"].shape == (width, 5)
    assert set(variables["params"]) == set(model.deployed)


def test_logits_follow_from_the_vectors_before_pooling():
    model, variables = made(**CROSS)
    out = outputs(model, variables, *batch())
    again = jax.jit(functools.partial(model.apply, method="classify"))(variables, out["pooled"])
    np.testing.assert_allclose(again, out["logits"], atol=1e-6)


def test_a_pair_has_its_two_modalities_and_the_target_asks():
    """With one valid step in the source, what the target holds is nothing to the answer."""
    model, variables = made(attention="cross", pairs=("text->video",))
    assert set(variables["params"]) == {
        "text_gru",
        "video_map",
        "video_gru",
        "cross_text_video",
        "concat",
        "classifier",
    }
    inputs, masks = batch(((1, 1), (4, 2), (9, 5)))
    other = {**inputs, "video": inputs["video"] * 3 + 1}
    np.testing.assert_allclose(
        logits(model, variables, other, masks), logits(model, variables, inputs, masks), atol=1e-6
    )


def test_attention_over_one_step_is_no_attention():
    """What RAVDESS' action units, one vector a clip, give: the weights are 1 whatever the query and key."""
    model = Model(**{**TINY, "modalities": ("text",), "map_steps": (0,), "input_dropout": (0.0,)})
    inputs, masks = {"text": batch()[0]["text"][:, :1]}, {"text": np.ones((2, 1), bool)}
    params = draw_variables(model, inputs, masks)["params"]
    grads = jax.jit(jax.grad(lambda p: model.apply({"params": p}, inputs, masks, train=False)["logits"].sum()))(params)
    kernel = np.asarray(grads["intra_text"]["in_proj"]["kernel"])  # of query and key, then of value
    assert np.abs(kernel[:, :16]).max() < 1e-7 < np.abs(kernel[:, 16:]).max()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(attention="inter"), "attention 'inter'.*choose"),
        (dict(fidelity="author"), "did you mean 'authors'"),
        (dict(map_steps=(0, 2)), "2 map_steps for 3 modalities"),
        (dict(heads=3), "8 features a step, which 3 heads"),
        (dict(attention="cross", pairs=("text->smell",)), "'text->smell'; write two of"),
        (dict(attention="cross", modalities=("text",), map_steps=(0,), input_dropout=(0.0,)), "give two modalities"),
    ],
)
def test_arguments_that_do_not_fit(changes, says):
    model = Model(**{**TINY, **changes})
    with pytest.raises(UserError, match=says):
        jax.eval_shape(lambda: model.init(jax.random.key(0), *batch(), train=False))


def test_attentive_pooling_weighs_valid_steps_and_makes_vectors_twice_as_wide():
    model, variables = made(attention="intra", pooling="attentive")
    inputs, masks = batch()
    whole = outputs(model, variables, inputs, masks)
    assert whole["pooled"].shape == (2, 3, 4 * TINY["units"])
    dirty = {m: np.where(masks[m][..., None], x, np.nan) for m, x in inputs.items()}
    np.testing.assert_array_equal(logits(model, variables, dirty, masks), whole["logits"])
    longer = {**inputs, "text": np.pad(inputs["text"], ((0, 0), (0, 3), (0, 0)))}
    longer_masks = {**masks, "text": np.pad(masks["text"], ((0, 0), (0, 3)))}
    np.testing.assert_allclose(logits(model, variables, longer, longer_masks), whole["logits"], atol=1e-5)
    # Where all queries weigh alike, the first half is the mean that the thesis' pooling has.
    plain, of_plain = made(attention="intra")
    flat, shared = {}, dict(of_plain["params"])
    for name, tree in variables["params"].items():
        flat[name] = tree
        if "pool" in tree:
            pool = {**tree["pool"], "vector": np.zeros_like(tree["pool"]["vector"])}
            flat[name], shared[name] = {**tree, "pool": pool}, {k: v for k, v in tree.items() if k != "pool"}
        elif name.endswith(("_gru", "_map")):
            shared[name] = tree
    means, alike = (
        outputs(one, {"params": of}, inputs, masks)["pooled"] for one, of in ((plain, shared), (model, flat))
    )
    np.testing.assert_allclose(alike[..., : 2 * TINY["units"]], means, atol=1e-5)


def test_unknown_pooling_is_refused():
    with pytest.raises(UserError, match=r"has pooling 'atentive' \(did you mean 'attentive'\?\); choose mean"):
        made(pooling="atentive")
