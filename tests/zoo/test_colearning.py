"""What all models of models/colearning have in common: the first modality alone is needed behind training."""

import functools
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.inference import deployment
from affect_jax.models import colearning
from affect_jax.models.colearning import (
    admd,
    crossmodal_transfer,
    dcc_cae,
    emobed,
    hallucination,
    hmtl,
    mctn,
    mctn_multibench,
    modality_distillation,
    mtut,
    multiview,
    mutual_learning,
    seq2seq2sentiment,
)
from tests.weights import draw_weights
from tests.zoo.proof import COMPILED_FAST

ALL = ("text", "video", "audio")
MODELS = {
    "mctn": mctn.Model(ALL, 3, units=3),
    "seq2seq2sentiment": seq2seq2sentiment.Model(ALL, 3, units=3),
    "mtut": mtut.Model(ALL, 3, widths=(4,), positions=3),
    "mctn_multibench": mctn_multibench.Model(ALL, 3, units=3, regressor_units=2, head=6),
    "multiview": multiview.Model(ALL, 3, units=3),
    "crossmodal_transfer": crossmodal_transfer.Model(ALL, 3, widths=(4, 5)),
    "mutual_learning": mutual_learning.Model(ALL, 3, units=3),
    "dcc_cae": dcc_cae.Model(ALL, 3, widths=(4, 3)),
    "emobed": emobed.Model(ALL, 3, units=3),
    "hallucination": hallucination.Model(ALL, 3, width=4),
    "modality_distillation": modality_distillation.Model(ALL, 3, width=4),
    "admd": admd.Model(ALL, 3, width=6, bottleneck=6, judge=12),
    "hmtl": hmtl.Model(ALL, 3, units=6),
}
SIZES = {"text": 3, "video": 4, "audio": 2}
# Whole, padded, without the second modality, without the first.
LENGTHS = {"text": [4, 2, 3, 0], "video": [4, 2, 0, 4], "audio": [4, 2, 3, 4]}
SAID = ("real/", "imitated/", "decoded/")
"""Beside translations, logits and codes: what discriminators and decoders say."""
each = pytest.mark.parametrize("name", MODELS)


@functools.cache
def batch():
    draw = np.random.default_rng(0)
    masks = {m: np.arange(4)[None] < np.array(LENGTHS[m])[:, None] for m in ALL}
    inputs = {m: draw.normal(size=(4, 4, SIZES[m])).astype(np.float32) for m in ALL}
    return {m: np.where(masks[m][..., None], inputs[m], np.nan) for m in ALL}, masks


@functools.cache
def run(name):
    """Variables, outputs and gradients of everything that a loss may name, and what the whole model predicts: one
    program."""
    model, (inputs, masks) = MODELS[name], batch()
    draw = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))
    variables = draw_weights(shapes, draw)

    def compute(params):
        rngs = {"dropout": jax.random.key(0)}
        outputs = model.apply({"params": params}, inputs, masks, train=True, rngs=rngs, dropout=0.1)
        named = [y for key, y in outputs.items() if key.startswith(("translation/", "logits", "latent/", *SAID))]
        return sum(jnp.square(y - 0.3).sum() for y in named), outputs

    @functools.partial(jax.jit, compiler_options=COMPILED_FAST)
    def compute_all(params):
        evaluated = model.apply({"params": params}, inputs, masks, train=False)["prediction"]
        return *jax.value_and_grad(compute, has_aux=True)(params), evaluated

    (_, outputs), gradients, evaluated = jax.device_get(compute_all(variables["params"]))
    return variables, outputs, gradients, evaluated


def test_every_model_has_a_small_one():
    names = {module.name for module in pkgutil.iter_modules(colearning.__path__)}
    assert names == {type(model).__module__.rpartition(".")[2] for model in MODELS.values()}


@each
def test_everything_learns_and_padding_has_no_effect(name):
    _, outputs, gradients, *_ = run(name)
    inputs, masks = batch()
    for key, value in outputs.items():
        assert np.isfinite(value).all(), key
        if key.startswith("translation/"):
            m = key.partition("/")[2]
            assert value.shape == inputs[m].shape
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.isfinite(gradient).all(), path
        assert np.abs(gradient).max() > 0, jax.tree_util.keystr(path)


@each
def test_deployed_parameters_and_the_first_modality_are_enough_at_any_size(name):
    model, (variables, _, _, evaluated) = MODELS[name], run(name)
    assert set(model.deployed) < set(variables["params"])
    assert deployment.list_inputs(model) == ("text",)
    weights = {"params": {key: variables["params"][key] for key in model.deployed}}
    size, steps = jax.export.symbolic_shape("b, t")
    features = {"text": jax.ShapeDtypeStruct((size, steps, 3), jnp.float32)}
    symbolic = {"text": jax.ShapeDtypeStruct((size, steps), bool)}
    deploy = jax.jit(lambda x, m: model.apply(weights, x, m, method="deploy"))
    exported = jax.export.export(deploy)(features, symbolic)
    alone = jax.jit(exported.call)({"text": batch()[0]["text"]}, {"text": batch()[1]["text"]})
    np.testing.assert_allclose(alone, evaluated, atol=1e-6)
    short = jax.jit(exported.call)({"text": batch()[0]["text"][1:2, :2]}, {"text": np.ones((1, 2), bool)})
    np.testing.assert_allclose(short[0], evaluated[1], atol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (mctn.Model(("text",)), "takes 2 or more modalities"),
        (mctn.Model(ALL, 3, fidelity="author"), "did you mean 'authors'"),
        (mctn_multibench.Model((*ALL, "face")), "takes 2 to 3 modalities"),
        (multiview.Model(("text", "text")), "name each of them once"),
        (emobed.Model(("text",)), "takes 2 or more modalities"),
    ],
)
def test_fields_that_do_not_fit_are_told(model, message):
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: model.init(jax.random.key(0), *batch(), train=False))


@pytest.mark.parametrize(
    "name", ["multiview", "mutual_learning", "dcc_cae", "crossmodal_transfer", "hallucination", "admd", "hmtl"]
)
def test_labels_of_steps_need_modalities_that_share_them(name):
    inputs, masks = batch()
    longer = {"text": np.zeros((4, 5, 3), np.float32)}, {"text": np.ones((4, 5), bool)}
    model = MODELS[name].clone(per_step=True)
    with pytest.raises(UserError, match="their steps differ"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), inputs | longer[0], masks | longer[1], train=False))


def test_decoding_freely_is_reading_what_was_said():
    """Of MultiBench's form: a target that is what the free decoder said makes the forced one say it again."""
    variables, (inputs, masks) = run("mctn_multibench")[0], batch()
    whole = dict.fromkeys(masks, np.ones((4, 4), bool))
    given = {m: np.nan_to_num(x) for m, x in inputs.items()}
    model = MODELS["mctn_multibench"].clone(fidelity="authors")

    @functools.partial(jax.jit, static_argnums=0, compiler_options=COMPILED_FAST)
    def translate(share, given):
        return model.clone(forced_share=share).apply(variables, given, whole, train=False)["translation/video"]

    said = translate(0.0, given)
    again, other = translate(1.0, {**given, "video": said}), translate(1.0, given)
    np.testing.assert_allclose(again, said, atol=1e-5)
    assert np.abs(other - said).max() > 1e-3
