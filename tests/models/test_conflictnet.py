import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models.conflictnet import Model
from tests.weights import draw_weights

SMALL = dict(filters=(3, 4), widths=(6, 4), pools=(4, 3), average_pool=2, lstm_units=(4, 3), attention_units=3)
MODEL = Model(**SMALL)
# Behind the first layer nothing differs, so attention, which takes long to compile, is left out.
SINC = MODEL.clone(first_layer="sincnet", sinc_width=17, attention=False)
VARIANTS = {
    "ParaNET": dict(average_pool=0, attention=False),
    "ParaNET+AP": dict(attention=False),
    "ParaNET+Attn": dict(average_pool=0),
    "ConflictNET": {},
    "ParaNET+AP+Attn+GAP": dict(global_average=True),
}
STEPS = 150
draw = np.random.default_rng(0)
SPEECH = draw.normal(size=(4, STEPS, 1)).astype(np.float32)
MASK = np.arange(STEPS)[None] < np.array([[STEPS], [100], [STEPS], [0]])  # a whole clip, a padded one, no clip
SPEECH = np.where(MASK[..., None], SPEECH, 0)


def shapes(model, steps=STEPS):
    x, mask = np.zeros((2, steps, 1), np.float32), np.ones((2, steps), bool)
    return jax.eval_shape(lambda: model.init(jax.random.key(0), {"speech": x}, {"speech": mask}, train=False))


def count(tree):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


@functools.cache
def variables(model=MODEL):
    """Drawn by numpy: jax's initialisers take long to compile."""
    draw = np.random.default_rng(1)
    tree = draw_weights(shapes(model), draw)
    tree["batch_stats"] = jax.tree.map(np.abs, tree["batch_stats"])
    return tree


@functools.cache
def program(model=MODEL, train=False, frozen=()):
    def run(variables, x, mask):
        mutable = ["batch_stats"] if train else False
        return model.apply(variables, {"speech": x}, {"speech": mask}, train=train, frozen=frozen, mutable=mutable)

    return jax.jit(run)


@functools.cache
def step(model):
    """A program of training: (params, x) -> ((loss, (outputs, moved statistics)), gradients of both)."""

    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def run(params, x):
        both = {**variables(model), "params": params}
        out, moved = model.apply(both, {"speech": x}, {"speech": MASK}, train=True, mutable=["batch_stats"])
        return jnp.sum(jnp.where(MASK.any(-1), out["prediction"], 0) ** 2), (out, moved)

    run = jax.jit(run)
    return lambda *arguments: jax.device_get(run(*arguments))


def test_every_layer_has_the_thesis_parameters():
    tree = shapes(Model(), 240000)
    assert {part: count(leaves) for part, leaves in tree["params"].items()} == {
        "conv_0": 448 + 128,
        "conv_1": 32896 + 256,
        "conv_2": 131328 + 512,
        "lstm_0": 197120,
        "attention": 8257,
        "lstm_1": 49408,
        "dense": 65,
    }
    assert {part: count(leaves) for part, leaves in tree["batch_stats"].items()} == {
        "conv_0": 128,
        "conv_1": 256,
        "conv_2": 512,
    }
    assert (count(tree["params"]), count(tree["batch_stats"])) == (420418, 896)


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_variants_have_their_parts_and_one_prediction_a_clip(changes):
    model = Model(**{**SMALL, **changes})
    init = functools.partial(model.init_with_output, train=False)
    out, tree = jax.eval_shape(init, jax.random.key(0), {"speech": SPEECH}, {"speech": MASK})
    assert tree["params"].keys() == set(model.deployed)
    assert ("attention" in tree["params"]) == ("attention" not in changes)
    assert {name: value.shape for name, value in out.items()} == {"prediction": (4,)}


def test_classes_give_logits():
    model = Model(**SMALL, classes=7)
    out = jax.eval_shape(program(model), shapes(model), SPEECH, MASK)
    assert {name: value.shape for name, value in out.items()} == {"prediction": (4, 7), "logits": (4, 7)}


def test_examples_that_fill_up_a_batch_reach_neither_statistics_nor_other_clips():
    (_, (out, moved)), _ = step(MODEL)(variables()["params"], SPEECH)
    (_, again), _ = step(MODEL)(variables()["params"], np.where(MASK[..., None], SPEECH, np.nan))
    jax.tree.map(np.testing.assert_array_equal, (out, moved), again)
    alone, moved_alone = program(train=True)(variables(), SPEECH[:3], MASK[:3])
    np.testing.assert_allclose(out["prediction"][:3], alone["prediction"], atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), moved, moved_alone)


def test_padding_is_silence_that_the_network_reads():
    longer = np.pad(SPEECH[:1], ((0, 0), (0, 50), (0, 0)))
    mask = np.pad(MASK[:1], ((0, 0), (0, 50)))
    short = np.asarray(program()(variables(), SPEECH, MASK)["prediction"])[0]
    assert np.abs(program()(variables(), longer, mask)["prediction"] - short).max() > 1e-4


def test_training_moves_the_statistics_of_what_is_not_frozen():
    _, moved = program(train=True, frozen=("conv_1",))(variables(), SPEECH, MASK)
    before = variables()["batch_stats"]
    for part in before:
        same = all(np.array_equal(moved["batch_stats"][part][name], value) for name, value in before[part].items())
        assert same == (part == "conv_1")


@pytest.mark.parametrize("model", [MODEL, SINC], ids=["convolution", "sincnet"])
def test_every_parameter_and_sample_gets_a_finite_gradient(model):
    params = dict(variables(model)["params"])
    if model.first_layer == "sincnet":
        params["conv_0"] = {**params["conv_0"], "low": np.array([0.01, 0.05, 0.1]), "band": np.array([0.1, 0.02, 0.2])}
        params["conv_0"] = jax.tree.map(np.float32, params["conv_0"])
    _, (d_params, d_x) = step(model)(params, SPEECH)
    for path, grad in jax.tree_util.tree_leaves_with_path(d_params):
        assert np.isfinite(grad).all(), path
        assert np.abs(grad).max() > 0, path
    assert np.isfinite(d_x).all()
    np.testing.assert_array_equal(d_x[~MASK], 0)
    assert np.abs(d_x[0]).max() > 0


def test_deploy_is_the_prediction_without_training():
    deploy = jax.jit(lambda v, x: MODEL.apply(v, {"speech": x}, {"speech": MASK}, method="deploy"))
    np.testing.assert_array_equal(deploy(variables(), SPEECH), program()(variables(), SPEECH, MASK)["prediction"])
    assert MODEL.modality == "speech"


def test_deploy_takes_any_batch_size_and_length():
    batch, steps = jax.export.symbolic_shape("b, t", constraints=[f"t >= {MODEL.shortest}"])
    arguments = jax.ShapeDtypeStruct((batch, steps, 1), jnp.float32), jax.ShapeDtypeStruct((batch, steps), jnp.bool_)
    deploy = jax.jit(lambda x, m: MODEL.apply(variables(), {"speech": x}, {"speech": m}, method="deploy"))
    exported = jax.export.export(deploy)(*arguments)
    expected = program()(variables(), SPEECH, MASK)["prediction"]
    np.testing.assert_allclose(exported.call(SPEECH[:2], MASK[:2]), expected[:2], atol=1e-6)


@pytest.mark.parametrize("arguments", [{}, dict(average_pool=0), dict(first_layer="sincnet")])
def test_a_clip_that_is_too_short_says_the_shortest(arguments):
    model = Model(**arguments)
    shapes(model, model.shortest)
    with pytest.raises(UserError, match=f"clips of {model.shortest - 1:,} samples .* at least {model.shortest:,};"):
        shapes(model, model.shortest - 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(recurrent_activation="hard-sigmoid"), r"has recurrent_activation 'hard-sigmoid' \(did you mean 'hard_s"),
        (dict(first_layer="sinc"), r"has first_layer 'sinc' \(did you mean 'sincnet'\?\)"),
        (dict(classes=1), "has 1 classes; give 0 for a regression"),
        (dict(pools=(8, 6)), r"'pools': 2} entries in its sizes"),
        (dict(lstm_units=(8,)), r"has lstm_units 8; give two numbers"),
        (dict(average_pool=-1), "has average_pool -1"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(UserError, match=message):
        shapes(Model(**arguments), 2000)
