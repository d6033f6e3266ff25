import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models.seqsew import Model
from tests.weights import draw_weights

SMALL = dict(latent=4, feed_forward=5, transformer_layers=1, classifier_width=6, decoder_width=2, decoder_layers=1)
MODEL = Model("a", ("b",), weaker_gru_layers=1, stronger_gru_layers=(1,), **SMALL)
TEACHER = ("stronger_encoder_b", "stronger_classifier_b")
STEPS = 5
VALID = np.arange(STEPS)[None] < np.array([[5], [3], [0]])
MASKS = {"a": VALID, "b": VALID}
draw = np.random.default_rng(0)
INPUTS = {"a": draw.normal(size=(3, STEPS, 3)), "b": draw.normal(size=(3, STEPS, 2))}
INPUTS = {name: np.where(VALID[..., None], x, 0).astype(np.float32) for name, x in INPUTS.items()}


def shapes(model):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]


@functools.cache
def params():
    """Drawn by numpy: jax's initialisers take long to compile."""
    return draw_weights(shapes(MODEL), draw)


@jax.jit
def compute(params, inputs, masks):
    return MODEL.apply({"params": params}, inputs, masks, train=False)


@jax.jit
@functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
def differentiate(params, inputs):
    out = compute(params, inputs, MASKS)
    return sum(jnp.sum(jnp.where(VALID, (x**2).reshape(3, STEPS, -1).sum(-1), 0.0)) for x in out.values()), out


def outputs(params, inputs):
    (_, out), _ = differentiate(params, inputs)
    return jax.device_get(out)


@jax.jit
def student_step(params, key, dropout):
    """As in stage 2: the teacher is frozen."""
    rngs = {"dropout": key}
    return MODEL.apply({"params": params}, INPUTS, MASKS, train=True, dropout=dropout, frozen=TEACHER, rngs=rngs)


def test_outputs_and_parts():
    out = outputs(params(), INPUTS)
    expected = {f"{name}{who}": (3, STEPS) for name in ("prediction", "logits") for who in ("", "/b")}
    expected |= {"latent/weaker": (3, STEPS, 4), "latent/b": (3, STEPS, 4), "translation/b": (3, STEPS, 2)}
    assert {name: value.shape for name, value in out.items()} == expected
    assert params().keys() == {"weaker_encoder", "weaker_classifier", "decoder_b", *TEACHER}
    for who in ("", "/b"):
        np.testing.assert_allclose(out[f"prediction{who}"], 1 / (1 + np.exp(-out[f"logits{who}"])), rtol=1e-6)


def test_valid_outputs_do_not_depend_on_padding():
    longer = {name: np.full((3, STEPS + 3, x.shape[-1]), np.nan, np.float32) for name, x in INPUTS.items()}
    for name, x in INPUTS.items():
        longer[name][:, :STEPS][VALID] = x[VALID]
    valid = np.pad(VALID, ((0, 0), (0, 3)))
    out_longer = jax.device_get(compute(params(), longer, {"a": valid, "b": valid}))
    out = outputs(params(), INPUTS)
    for name, value in out.items():
        np.testing.assert_allclose(value[VALID], out_longer[name][valid], atol=1e-5)
        assert np.isfinite(out_longer[name]).all()


def test_padding_gets_no_gradient_and_gives_none():
    dirty = {name: np.where(VALID[..., None], x, np.nan) for name, x in INPUTS.items()}
    ((loss, _), clean), ((loss_of_dirty, _), dirtied) = (
        jax.device_get(differentiate(params(), x)) for x in (INPUTS, dirty)
    )
    np.testing.assert_array_equal(loss, loss_of_dirty)
    jax.tree.map(np.testing.assert_array_equal, clean, dirtied)
    for grad in dirtied[1].values():
        np.testing.assert_array_equal(grad[~VALID], 0)
        assert np.all(grad[VALID] != 0)


def test_frozen_parts_run_without_dropout_and_the_rate_is_data():
    quiet = outputs(params(), INPUTS)
    one, two = (jax.device_get(student_step(params(), jax.random.key(seed), np.float32(0.3))) for seed in (0, 1))
    for name in ("latent/b", "logits/b", "prediction/b"):
        np.testing.assert_allclose(one[name], quiet[name], atol=1e-6)
    for name in ("latent/weaker", "logits", "translation/b"):
        assert np.abs(one[name] - two[name])[VALID].max() > 1e-3
    no_rate = jax.device_get(student_step(params(), jax.random.key(0), np.float32(0)))
    np.testing.assert_allclose(no_rate["latent/weaker"], quiet["latent/weaker"], atol=1e-6)
    assert np.abs(no_rate["logits"] - quiet["logits"]).max() > 1e-3  # the classifier has its own rate
    assert student_step._cache_size() == 1


def test_nothing_is_drawn_where_every_part_is_frozen():
    everything = tuple(params())
    out = jax.eval_shape(
        lambda: MODEL.apply({"params": params()}, INPUTS, MASKS, train=True, dropout=0.5, frozen=everything)
    )  # no rngs given: a draw would raise
    assert "translation/b" in out


def test_deploy_needs_the_deployed_parts_and_the_weaker_modality_only():
    kept = {part: params()[part] for part in MODEL.deployed}
    assert kept.keys() == {"weaker_encoder", "weaker_classifier"}
    deploy = jax.jit(lambda p, x: MODEL.apply({"params": p}, {"a": x}, {"a": VALID}, method="deploy"))
    prediction = deploy(kept, INPUTS["a"])
    np.testing.assert_allclose(prediction, outputs(params(), INPUTS)["prediction"], atol=1e-6)
    out = jax.eval_shape(lambda: MODEL.apply({"params": kept}, {"a": INPUTS["a"]}, {"a": VALID}, train=False))
    assert out.keys() == {"prediction", "logits", "latent/weaker"}


def test_deploy_takes_any_batch_size_and_length():
    # launch/export writes one artifact for all of them.
    kept = {part: params()[part] for part in MODEL.deployed}
    batch, steps = jax.export.symbolic_shape("b, t")
    arguments = jax.ShapeDtypeStruct((batch, steps, 3), jnp.float32), jax.ShapeDtypeStruct((batch, steps), jnp.bool_)
    deploy = jax.jit(lambda x, m: MODEL.apply({"params": kept}, {"a": x}, {"a": m}, method="deploy"))
    exported = jax.export.export(deploy)(*arguments)
    expected = outputs(params(), INPUTS)["prediction"]
    np.testing.assert_allclose(exported.call(INPUTS["a"][:2], VALID[:2]), expected[:2], atol=1e-6)


@pytest.mark.parametrize(
    ("encoder", "layers"),
    [
        ("none", None),
        ("bigru", {"gru_0", "gru_1", "dense"}),
        ("bigru+te", {"gru_0", "gru_1", "dense", "transformer_0"}),
    ],
)
def test_unimodal_baselines(encoder, layers):
    model = Model("b", encoder=encoder, **SMALL)
    tree = shapes(model)
    assert tree.keys() == set(model.deployed)
    assert tree.get("weaker_encoder", {}).keys() == (layers or set())
    assert tree["weaker_classifier"]["dense_0"]["kernel"].shape == (4 if layers else 2, 6)
    out = jax.eval_shape(lambda p: model.apply({"params": p}, INPUTS, MASKS, train=False), tree)
    assert out.keys() == {"prediction", "logits"} | ({"latent/weaker"} if layers else set())


def test_tanh_keeps_regression_between_minus_one_and_one():
    model = Model("b", encoder="none", activation="tanh", classifier_width=3)
    drawn = jax.tree.map(lambda p: draw.uniform(-2, 2, p.shape).astype(np.float32), shapes(model))
    out = jax.jit(functools.partial(model.apply, train=False))({"params": drawn}, INPUTS, MASKS)
    np.testing.assert_allclose(out["prediction"], np.tanh(out["logits"]), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(encoder="bigru+t"), r"has encoder 'bigru\+t' \(did you mean 'bigru\+te'\?\)"),
        (dict(activation="relu"), r"has activation 'relu'; choose one of sigmoid, tanh, linear"),
        (dict(classes=3), "has 3 classes and the activation 'sigmoid'"),
        (dict(stronger_gru_layers=2), r"has stronger_gru_layers 2 for the stronger modalities b; give a tuple"),
        (dict(heads=3), "has latent 100, which 3 heads cannot share"),
        (dict(encoder="none"), "has encoder 'none' with the stronger modality 'b'"),
        (dict(stronger=("c",)), r"reads modality 'c' but the batch has a, b"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(UserError, match=message):
        shapes(Model("a", **{"stronger": ("b",), "stronger_gru_layers": (2,), **arguments}))
