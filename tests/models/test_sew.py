import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models.sew import Model
from tests.weights import draw_weights

R = dict(regressor_width=3, regressor_layers=1)
MODEL = Model("a", ("b",), weaker_layers=(5, 4), stronger_layers=((4,),), stronger_decoder_layers=((6, 2),), **R)
draw = np.random.default_rng(0)
INPUTS = {"a": draw.normal(size=(4, 3)).astype(np.float32), "b": draw.normal(size=(4, 2)).astype(np.float32)}
VALID = np.array([True, True, True, False])
MASKS = {"a": VALID, "b": VALID}


@functools.cache
def params():
    """Drawn by numpy: jax's initialisers take long to compile."""
    shapes = jax.eval_shape(lambda: MODEL.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]
    return draw_weights(shapes, draw)


@jax.jit
def outputs(params, inputs):
    return MODEL.apply({"params": params}, inputs, MASKS, train=True, dropout=0.5, frozen=("regressor",))


def test_outputs_and_parts():
    out = outputs(params(), INPUTS)
    assert {name: value.shape for name, value in out.items()} == {
        "prediction": (4,),
        "logits": (4,),
        "latent/weaker": (4, 4),
        "latent/b": (4, 4),
        "translation/b": (4, 2),
        "reconstruction/b": (4, 2),
    }
    parts = ("weaker_encoder", "regressor", "stronger_encoder_b", "translator_b", "reconstructor_b")
    assert params().keys() == set(parts)
    assert MODEL.deployed == parts[:2]


def mlp(params, x):
    """Tanh between the layers and not after the last."""
    layers = [params[name] for name in sorted(params)]
    for index, layer in enumerate(layers):
        x = np.tanh(x) if index else x
        x = x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"])
    return x


def test_the_two_paths_to_the_stronger_modality():
    out, p = jax.device_get(outputs(params(), INPUTS)), params()
    weaker, stronger = mlp(p["weaker_encoder"], INPUTS["a"]), mlp(p["stronger_encoder_b"], INPUTS["b"])
    expected = {
        "latent/weaker": weaker,
        "latent/b": stronger,
        "translation/b": mlp(p["translator_b"], weaker),
        "reconstruction/b": mlp(p["reconstructor_b"], stronger),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(out[name][VALID], value[VALID], atol=1e-6)


def test_invalid_examples_reach_nothing():
    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1))
    def graded(params, inputs):
        return sum(jnp.sum(value[:3] ** 2) for value in outputs(params, inputs).values())

    dirty = {name: np.where(VALID[:, None], x, np.nan) for name, x in INPUTS.items()}
    clean, dirtied = (jax.device_get(graded(params(), x)) for x in (INPUTS, dirty))
    jax.tree.map(np.testing.assert_array_equal, clean, dirtied)
    for grad in dirtied[1][1].values():
        np.testing.assert_array_equal(grad[~VALID], 0)


def test_deploy_needs_the_deployed_parts_and_the_weaker_modality_only():
    kept = {part: params()[part] for part in MODEL.deployed}
    alone, mask = {"a": INPUTS["a"]}, {"a": VALID}
    prediction = jax.jit(functools.partial(MODEL.apply, method="deploy"))({"params": kept}, alone, mask)
    np.testing.assert_allclose(prediction, outputs(params(), INPUTS)["prediction"], atol=1e-6)
    out = jax.eval_shape(lambda: MODEL.apply({"params": kept}, alone, mask, train=False))
    assert out.keys() == {"prediction", "logits", "latent/weaker"}


def test_unimodal_is_the_regressor_on_the_features():
    model = Model("a", **R)
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]
    assert tree.keys() == {"regressor"} == set(model.deployed)
    assert tree["regressor"]["gru_0"]["weight_ih"].shape == (3, 9)
    out = jax.eval_shape(lambda p: model.apply({"params": p}, INPUTS, MASKS, train=True), tree)
    assert out.keys() == {"prediction", "logits"}
    deployed = jax.eval_shape(lambda p: model.apply({"params": p}, INPUTS, MASKS, method="deploy"), tree)
    assert deployed == out["prediction"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Model("a", weaker_layers=[3]), r"has weaker_layers \[3\] but no stronger modality"),
        (Model("a", ("b",), (3,), ((3,),)), "has the stronger modality 'b' but no stronger_decoder_layers"),
        (Model("a", ("b",), (3,), ((3,),), ((5,),)), "stronger_decoder_layers ends in 5 but 'b' has 2 features"),
        (Model("a", ("c",), (3,), ((3,),), ((5,),)), r"reads modality 'c' but the batch has a, b"),
    ],
)
def test_arguments_that_do_not_fit(model, message):
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))
