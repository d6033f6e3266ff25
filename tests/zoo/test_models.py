"""What all models of models/fusion have in common, each at a tiny size."""

import functools
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax import models
from affect_jax.config.models import list_models, make_model
from affect_jax.errors import UserError
from affect_jax.models import fusion
from tests.weights import draw_weights
from tests.zoo.proof import COMPILED_FAST
from tests.zoo.small_models import ALIGNED, ALL, EXACT_WITHOUT_PADDING, MODELS, UNUSED

each = pytest.mark.parametrize("name", MODELS)
SIZES = {"text": 3, "video": 4, "audio": 2}
STEPS = {"text": 4, "video": 3, "audio": 5}
# A whole example, a padded one, one example without each modality, and two more.
LENGTHS = {"text": [4, 2, 0, 4, 3, 1], "video": [3, 1, 2, 0, 3, 2], "audio": [5, 3, 5, 2, 0, 4]}
SHARED = [4, 2, 3, 4, 3, 1]
BATCH = len(SHARED)


@functools.cache
def batch(name):
    """Inputs and masks; of an aligned model, every modality has the same steps."""
    draw = np.random.default_rng(0)
    inputs, masks = {}, {}
    for m in ALL:
        steps, lengths = (4, SHARED) if name in ALIGNED else (STEPS[m], LENGTHS[m])
        masks[m] = np.arange(steps)[None] < np.array(lengths)[:, None]
        inputs[m] = np.where(masks[m][..., None], draw.normal(size=(BATCH, steps, SIZES[m])), 0).astype(np.float32)
    return inputs, masks


@functools.cache
def variables(name):
    """Drawn by numpy: jax's initialisers take long to compile."""
    draw = np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: MODELS[name].init(jax.random.key(0), *batch(name), train=False))
    params = draw_weights(shapes["params"], draw)
    moments = {kind: tree for kind, tree in shapes.items() if kind != "params"}
    # Moments of batch norm, and MCB's places and signs, for which whole numbers will do.
    drawn = jax.tree.map(lambda p: (1 + np.arange(p.size) % 3).reshape(p.shape).astype("f4"), moments)
    return {"params": params, **drawn}


@functools.partial(jax.jit, static_argnums=0, compiler_options=COMPILED_FAST)
def run(name, variables, inputs, masks):
    """(outputs, gradients by parameters and inputs, outputs in training): one program, as most of the time goes into
    tracing and compiling."""

    def compute(params, inputs, train):
        rngs = {"dropout": jax.random.key(0)}
        outputs, _ = MODELS[name].apply(
            {**variables, "params": params}, inputs, masks, train=train, rngs=rngs, mutable=["batch_stats"]
        )
        return jnp.sum(jnp.sin(jnp.arange(3.0))[None] * outputs["logits"] ** 2), outputs

    graded = jax.value_and_grad(compute, argnums=(0, 1), has_aux=True)
    (_, outputs), gradients = graded(variables["params"], inputs, False)
    _, trained = compute(variables["params"], inputs, True)
    return outputs, gradients, trained


@functools.cache
def export(name):
    """What launch.export writes: the deployed part, for any number of examples and steps."""
    scope = jax.export.SymbolicScope()
    size, *steps = jax.export.symbolic_shape("b, t, v, a", scope=scope)
    if name in ALIGNED:
        steps = steps[:1] * 3
    features = {m: jax.ShapeDtypeStruct((size, at, SIZES[m]), jnp.float32) for m, at in zip(ALL, steps, strict=True)}
    symbolic = {m: jax.ShapeDtypeStruct(x.shape[:-1], bool) for m, x in features.items()}
    model, weights = MODELS[name], variables(name)
    weights = {**weights, "params": {part: weights["params"][part] for part in model.deployed}}
    deploy = jax.jit(lambda x, m: model.apply(weights, x, m, method="deploy"))
    return jax.export.export(deploy)(features, symbolic)


def cut(inputs, masks):
    """The second example alone, without its padding."""
    steps = {m: int(mask[1].sum()) for m, mask in masks.items()}
    return ({m: x[1:2, : steps[m]] for m, x in one.items()} for one in (inputs, masks))


def spoil(inputs, masks):
    return {m: np.where(masks[m][..., None], x, np.nan) for m, x in inputs.items()}


def test_every_model_has_a_small_one():
    names = {module.name for module in pkgutil.iter_modules(fusion.__path__)}
    assert names == {type(model).__module__.rpartition(".")[2] for model in MODELS.values()}


def test_models_are_found_by_names_that_are_unique():
    names = [m.name.rpartition(".")[2] for m in pkgutil.walk_packages(models.__path__, "affect_jax.models.")]
    assert {"sew", "tfn"} < set(names)
    assert len(set(names)) == len(names)
    assert list_models()["tfn"] == "affect_jax.models.fusion.tfn"
    assert make_model({"name": "tfn", "interval": (-3.0, 3.0)}).interval == (-3.0, 3.0)
    with pytest.raises(UserError, match="'tnf' \\(did you mean 'tfn'"):
        make_model({"name": "tnf"})


@each
def test_outputs_gradients_and_padding(name):
    inputs, masks = batch(name)
    outputs, (d_params, d_inputs), trained = jax.device_get(run(name, variables(name), spoil(inputs, masks), masks))
    assert outputs["logits"].shape == (BATCH, 3)
    np.testing.assert_array_equal(outputs["logits"], outputs["prediction"])
    for out in (outputs, trained):
        for key, value in out.items():
            assert np.isfinite(value).all(), key
    extra = variables(name)["params"].keys() ^ set(MODELS[name].deployed)
    assert extra <= variables(name)["params"].keys() & set(UNUSED.get(name, ()))
    assert len(set(MODELS[name].deployed)) == len(MODELS[name].deployed)
    for path, gradient in jax.tree_util.tree_leaves_with_path(d_params):
        assert np.isfinite(gradient).all(), path
        if path[0].key not in UNUSED.get(name, ()):
            assert np.abs(gradient).max() > 0, jax.tree_util.keystr(path)
    for m in MODELS[name].modalities:
        np.testing.assert_array_equal(d_inputs[m][~masks[m]], 0)
        assert np.abs(d_inputs[m][masks[m]]).max() > 0, m
    if name not in EXACT_WITHOUT_PADDING:
        (alone,) = jax.tree.leaves(export(name).call(*cut(inputs, masks)))
        np.testing.assert_allclose(alone[0], outputs["prediction"][1], atol=1e-5)


@each
def test_deploy_takes_any_size(name):
    assert [str(size) for size in export(name).out_avals[0].shape] == ["b", "3"]


@pytest.mark.parametrize("combine", ["average", "vote", "product", "learned"])
def test_late_fusion_of_numbers_and_of_vectors(combine):
    inputs, masks = batch("late")
    model = MODELS["late"].clone(classes=0, combine=combine, hidden=())
    vectors = {m: x[:, 0] for m, x in inputs.items()}
    lone = {m: mask[:, 0] for m, mask in masks.items()}
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), vectors, lone, train=False))
    draw = np.random.default_rng(2)
    weights = jax.tree.map(lambda p: draw.normal(size=p.shape).astype(np.float32), shapes)
    apply = jax.jit(lambda w: model.apply(w, vectors, lone, train=False), compiler_options=COMPILED_FAST)
    out = apply(weights)
    each = np.stack([out[f"prediction/{m}"] for m in ALL], axis=1)
    there = np.stack([lone[m] for m in ALL], axis=1)
    if combine == "average":
        np.testing.assert_allclose(out["prediction"], (each * there).sum(1) / there.sum(1), atol=1e-6)
    elif combine == "vote":
        medians = [np.median(row[mask]) for row, mask in zip(each, there, strict=True)]
        np.testing.assert_allclose(out["prediction"], medians, atol=1e-6)
    else:
        y = np.where(there, each, 0)
        if combine == "product":
            one = [np.stack([np.ones(BATCH), y[:, i]], axis=1) for i in range(3)]
            y = np.einsum("ba,bc,bd->bacd", *one).reshape(BATCH, -1)
        head = weights["params"]["combiner"]
        np.testing.assert_allclose(out["prediction"], (y @ head["kernel"] + head["bias"])[:, 0], atol=1e-5)


def test_a_vote_goes_to_the_class_that_most_modalities_choose():
    from affect_jax.models.fusion.late import _vote

    says = {
        "text": np.array([[0.4, 0.35, 0.25], [0.6, 0.3, 0.1]], np.float32),
        "video": np.array([[0.0, 0.9, 0.1], [0.2, 0.5, 0.3]], np.float32),
        "audio": np.array([[0.4, 0.3, 0.3], [0.3, 0.3, 0.4]], np.float32),
    }
    present = {"text": np.array([True, True]), "video": np.array([True, True]), "audio": np.array([True, False])}
    shares = np.exp(_vote(says, present))
    # Two against one, though the one is surer; then one each, and the surer one has it.
    assert list(shares.argmax(axis=1)) == [0, 0]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(name="tfn", modalities=("text",)), "takes 2 or more modalities but config.model.modalities has 1"),
        (dict(name="gmu", modalities=("text", "text")), "name each of them once"),
        (dict(name="lmf", hidden=(3,)), "1 widths `hidden` for 3 modalities"),
        (dict(name="tfn", sequences=("speech",)), "sequences speech, but its modalities"),
        (dict(name="tfn", classes=2, interval=(-1.0, 1.0)), "has interval"),
        (dict(name="tfn", dropouts=(0.1,)), "has 1 dropouts, but needs 4"),
        (dict(name="mmtm", fidelity="author"), "did you mean 'authors'"),
        (dict(name="late", combine="mean"), "has combine 'mean'"),
        (dict(name="early", summary="mode"), "config.model.summary is 'mode'"),
    ],
)
def test_fields_that_do_not_fit_are_told(arguments, message):
    inputs, masks = batch("tfn")
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: make_model(arguments).init(jax.random.key(0), inputs, masks, train=False))
