"""SEW and SeqSEW with several stronger modalities, `b` and `c`, of which `b` alone is the model of the thesis."""

import functools
import re

import jax
import numpy as np
import pytest

from affect_jax.config.losses import parse_losses
from affect_jax.errors import UserError
from affect_jax.models import seqsew, sew
from affect_jax.training import objective
from tests.weights import draw_weights

STEPS = 4
VALID = np.arange(STEPS)[None] < np.array([[4], [3], [4]])
draw = np.random.default_rng(0)
WIDTHS = {"a": 3, "b": 2, "c": 4}
INPUTS = {
    m: np.where(VALID[..., None], draw.normal(size=(3, STEPS, d)), 0).astype(np.float32) for m, d in WIDTHS.items()
}
MASKS = dict.fromkeys(WIDTHS, VALID)
BATCH = dict(inputs=INPUTS, masks=MASKS, target=np.float32(VALID), mask=VALID)

SEQSEW = dict(encoder="bigru", latent=3, heads=1, classifier_width=3, decoder_width=2, decoder_layers=1)
SEQSEW |= dict(weaker_gru_layers=1, classifier_dropout=0.0)
SEW = dict(weaker_layers=(4, 3), regressor_width=2, regressor_layers=1)
MODELS = {
    "seqsew": (
        seqsew.Model("a", ("b",), stronger_gru_layers=(1,), **SEQSEW),
        seqsew.Model("a", ("b", "c"), stronger_gru_layers=(1, 1), **SEQSEW),
    ),
    "sew": (
        sew.Model("a", ("b",), stronger_layers=((3,),), stronger_decoder_layers=((2,),), **SEW),
        sew.Model("a", ("b", "c"), stronger_layers=((3,), (5, 3)), stronger_decoder_layers=((2,), (3, 4)), **SEW),
    ),
}
KINDS = {"seqsew": ("stronger_encoder", "stronger_classifier", "decoder")}
KINDS["sew"] = ("stronger_encoder", "translator", "reconstructor")
KEPT = {"seqsew": {"weaker_encoder", "weaker_classifier"}, "sew": {"weaker_encoder", "regressor"}}


@functools.cache
def shapes(model):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]


@functools.cache
def params(name):
    """Of the model with two teachers; drawn by numpy: jax's initialisers take long to compile."""
    return draw_weights(shapes(MODELS[name][1]), draw)


def losses(ends):
    """Prediction, translation and alignment losses of the teachers with these endings."""
    found = {"prediction": dict(kind="mse", prediction="prediction", target="target", weight=1.0)}
    for modality, (part, output) in ends.items():
        found[f"translation{part}"] = dict(
            kind="mse", prediction=f"translation{output}", target=f"inputs/{modality}", weight=1.0
        )
        found[f"alignment{part}"] = dict(
            kind="dcca", a="latent/weaker", b=f"latent{output}", k=1, ridge=1e-1, weight=1.0
        )
    return parse_losses(found)


BOTH = losses({"b": ("_b", "/b"), "c": ("_c", "/c")})
ALONE = losses({"b": ("_b", "/b")})


def total(model, terms):
    """(params, weights by loss) -> sum of the losses."""

    def value(params, weights):
        outputs = model.apply({"params": params}, INPUTS, MASKS, train=False)
        return objective.total_loss(terms, weights, outputs, BATCH, {}).total

    return value


@functools.cache
def both(name):
    """(params, weights by loss) -> (sum of the losses, gradients), of the model with two teachers."""
    program = jax.jit(jax.value_and_grad(total(MODELS[name][1], BOTH)))
    return lambda *arguments: jax.device_get(program(*arguments))


def weights(terms, **ones):
    return {term.name: np.float32(ones.get(term.name, 0.0)) for term in terms}


def moved(grads):
    return {part for part, tree in grads.items() if any(np.any(leaf) for leaf in jax.tree.leaves(tree))}


@pytest.mark.parametrize("name", MODELS)
def test_parts_and_outputs_are_named_by_modality(name):
    for model, teachers in zip(MODELS[name], ("b", "bc"), strict=True):
        assert set(shapes(model)) == KEPT[name] | {f"{kind}_{m}" for kind in KINDS[name] for m in teachers}
    out = jax.eval_shape(lambda p: model.apply({"params": p}, INPUTS, MASKS, train=False), shapes(model))
    each = ("prediction", "logits") if name == "seqsew" else ("reconstruction",)
    each += ("latent", "translation")
    assert set(out) == {"prediction", "logits", "latent/weaker"} | {f"{kind}/{m}" for kind in each for m in "bc"}
    for m in "bc":
        assert out[f"translation/{m}"].shape == INPUTS[m].shape
    fewer = {m: INPUTS[m] for m in "ac"}
    out = jax.eval_shape(lambda p: model.apply({"params": p}, fewer, MASKS, train=False), shapes(model))
    assert "translation/c" in out
    assert "translation/b" not in out


@pytest.mark.parametrize("name", MODELS)
def test_a_teacher_without_weight_is_as_if_not_there(name):
    ones = dict(prediction=1.0, translation_b=0.5, alignment_b=0.5)
    value, grads = both(name)(params(name), weights(BOTH, **ones))
    assert moved(grads) == KEPT[name] | {f"{kind}_b" for kind in _taught(name)}
    one = {part: tree for part, tree in params(name).items() if not part.endswith("_c")}
    alone = weights(ALONE, **ones)
    if name == "seqsew":  # whose gradients take ten seconds to compile; the sum of the same losses has the same ones
        np.testing.assert_allclose(value, jax.jit(total(MODELS[name][0], ALONE))(one, alone), rtol=1e-6)
        return
    value_alone, grads_alone = jax.jit(jax.value_and_grad(total(MODELS[name][0], ALONE)))(one, alone)
    np.testing.assert_allclose(value, value_alone, rtol=1e-6)
    for part, tree in grads_alone.items():
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), grads[part], tree)


def _taught(name):
    """Parts of a teacher that its translation and alignment reach; stages keep the encoder of SeqSEW's still."""
    return ("stronger_encoder", "decoder" if name == "seqsew" else "translator")


@pytest.mark.parametrize("name", MODELS)
def test_a_loss_reaches_its_own_teacher(name):
    translator = "decoder_c" if name == "seqsew" else "translator_c"
    for loss, reached in (
        ("translation_c", {"weaker_encoder", translator}),
        ("alignment_c", {"weaker_encoder", "stronger_encoder_c"}),
        ("prediction", KEPT[name]),
    ):
        assert moved(both(name)(params(name), weights(BOTH, **{loss: 1.0}))[1]) == reached


@pytest.mark.parametrize("name", MODELS)
def test_what_is_deployed_knows_of_no_teacher(name):
    model, tree = MODELS[name][1], shapes(MODELS[name][1])
    assert set(model.deployed) == KEPT[name]
    kept = {part: tree[part] for part in model.deployed}
    deploy = jax.make_jaxpr(
        lambda p, given: model.apply({"params": p}, given, {m: MASKS[m] for m in given}, method="deploy")
    )
    alone, among = (str(deploy(kept, {m: INPUTS[m] for m in given}).eqns) for given in ("a", "abc"))
    assert re.sub("0x[0-9a-f]+", "", alone) == re.sub("0x[0-9a-f]+", "", among)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (seqsew.Model("a", ("b", "a")), "'a' as its weaker modality and among the stronger ones"),
        (seqsew.Model("a", ("b", "b")), "stronger modality 'b' twice"),
        (seqsew.Model("a", "b"), r"seqsew' has stronger 'b', but it takes a tuple of names.*write \('b',\)"),
        (seqsew.Model("a", None), r"seqsew' has stronger None, but it takes a tuple of names.*write \(\)"),
        (seqsew.Model("a", ("weaker",)), "called 'weaker'"),
        (
            seqsew.Model("a", ("b", "d"), stronger_gru_layers=(1, 1)),
            r"reads modality 'd' but the batch has a, b, c",
        ),
        (
            seqsew.Model("a", ("b", "c"), encoder="none", stronger_gru_layers=(1, 1)),
            "encoder 'none' with the stronger modality 'b'",
        ),
        (
            seqsew.Model("a", ("b", "c"), stronger_gru_layers=(1,)),
            r"has stronger_gru_layers \[1\] for the stronger modalities b, c; give a tuple with one number",
        ),
        (sew.Model("a", "b", (3,), ((3,),), ((2,),)), "sew' has stronger 'b', but it takes a tuple of names"),
        (sew.Model("a", None, (3,), ((3,),), ((2,),)), "sew' has stronger None"),
        (
            sew.Model("a", ("b",), (3,), (3,), (2,)),
            r"stronger_layers \[3\] for the stronger modalities b",
        ),
        (sew.Model("a", ("b", "a"), (3,), ((3,), (3,)), ((2,), (4,))), "'a' as its weaker modality"),
        (sew.Model("a", ("b", "d"), (3,), ((3,), (3,)), ((2,), (4,))), "reads modality 'd'"),
        (sew.Model("a", ("b", "c"), (3,), ((3,), (3,)), ((2,), (5,))), "ends in 5 but 'c' has 4 features"),
        (
            sew.Model("a", ("b", "c"), (3,), (3,), ((2,), (4,))),
            r"has stronger_layers \[3\] for the stronger modalities b, c; give one tuple of widths for each",
        ),
        (sew.Model("a", ("b", "c"), (3,), ((3,), (3,)), ((2,),)), "give one tuple of widths for each"),
        (sew.Model("a", ("b", "c"), (3,), ((3,), (3,))), "stronger modality 'b' but no stronger_decoder_layers"),
    ],
)
def test_arguments_that_do_not_fit(model, message):
    with pytest.raises(UserError, match=message):
        shapes(model)
