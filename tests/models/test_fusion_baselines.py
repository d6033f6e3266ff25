"""What MDRE, MHA and AMH have in common, each at a tiny size."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.models import amh, mdre, mha
from tests.weights import draw_weights

ALL = ("text", "video", "audio")
MODELS = {
    "mdre": mdre.Model(ALL, 3, units=(2, 3, 2), hidden=2),
    "mha": mha.Model(("text", "audio"), 3, units=2, hops=3),
    "amh": amh.Model(ALL, 3, units=(2, 3, 2), hops=3),
}
each = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
SIZES = {"text": 3, "video": 4, "audio": 2}
STEPS = {"text": 4, "video": 3, "audio": 5}
BATCH = 5
draw = np.random.default_rng(0)
# A whole example, a padded one, and one example without each modality.
LENGTHS = {"text": [4, 2, 0, 4, 3], "video": [3, 1, 2, 0, 3], "audio": [5, 3, 5, 2, 0]}
MASKS = {m: np.arange(STEPS[m])[None] < np.array(LENGTHS[m])[:, None] for m in ALL}
INPUTS = {m: np.where(MASKS[m][..., None], draw.normal(size=(BATCH, STEPS[m], SIZES[m])), 0) for m in ALL}
MASKS["prosody"] = np.array([[True], [True], [True], [True], [False]])
INPUTS["prosody"] = np.where(MASKS["prosody"][..., None], draw.normal(size=(BATCH, 1, 3)), 0)
INPUTS = jax.tree.map(np.float32, INPUTS)


@functools.cache
def params(model):
    """Drawn by numpy: jax's initialisers take long to compile."""
    draw = np.random.default_rng(1)
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]
    return draw_weights(tree, draw)


@functools.partial(jax.jit, static_argnums=0)
def differentiate(model, params, inputs):
    def loss(params, inputs):
        out = model.apply({"params": params}, inputs, MASKS, train=False)
        return jnp.sum(jnp.sin(jnp.arange(3.0))[None] * out["logits"] ** 2), out

    return jax.grad(loss, argnums=(0, 1), has_aux=True)(params, inputs)


def run(model, inputs=INPUTS):
    """(gradients of the parameters, of the inputs), outputs."""
    return jax.device_get(differentiate(model, params(model), inputs))


def outputs(model, inputs=INPUTS):
    return run(model, inputs)[1]


@functools.partial(jax.jit, static_argnums=(0, 4))
def noisy(model, params, key, dropout, frozen=()):
    rngs = {"dropout": key}
    applied = model.apply({"params": params}, INPUTS, MASKS, train=True, dropout=dropout, frozen=frozen, rngs=rngs)
    return applied["logits"]


@each
def test_outputs_and_parts(model):
    out = outputs(model)
    assert out["logits"].shape == (BATCH, 3)
    np.testing.assert_array_equal(out["logits"], out["prediction"])
    assert params(model).keys() == set(model.deployed)
    assert len(set(model.deployed)) == len(model.deployed)


@each
def test_what_padding_holds_has_no_effect_and_gets_no_attention(model):
    dirty = {name: np.where(MASKS[name][..., None], x, np.nan) for name, x in INPUTS.items()}
    out = outputs(model)
    jax.tree.map(np.testing.assert_array_equal, out, outputs(model, dirty))
    for hop, target in enumerate(getattr(model, "targets", ()), 1):
        weights = out[f"attention/hop_{hop}"]
        np.testing.assert_array_equal(weights[~MASKS[target]], 0)
        np.testing.assert_allclose(weights.sum(axis=1), MASKS[target].any(axis=1), atol=1e-6)


@each
def test_gradients_are_finite_with_missing_modalities_and_reach_everything_that_is_there(model):
    dirty = {name: np.where(MASKS[name][..., None], x, np.nan) for name, x in INPUTS.items()}
    (d_params, d_inputs), _ = run(model, dirty)
    for path, grad in jax.tree_util.tree_leaves_with_path(d_params):
        assert np.isfinite(grad).all(), path
        assert np.abs(grad).max() > 0, path
    for name in (*model.modalities, "prosody"):
        np.testing.assert_array_equal(d_inputs[name][~MASKS[name]], 0)
        assert np.all(np.abs(d_inputs[name][MASKS[name]]).max(axis=-1) > 0), name


@each
def test_dropout_is_data_and_frozen_parts_have_none(model):
    quiet = outputs(model)["logits"]
    key, other = jax.random.key(0), jax.random.key(1)
    np.testing.assert_allclose(noisy(model, params(model), key, np.float32(0)), quiet, atol=1e-6)
    first, second = (np.asarray(noisy(model, params(model), k, np.float32(0.5))) for k in (key, other))
    assert np.abs(first - second).max() > 1e-3
    jax.eval_shape(  # no rngs given: a draw would raise
        lambda: model.apply({"params": params(model)}, INPUTS, MASKS, train=True, dropout=0.5, frozen=model.deployed)
    )


@each
def test_deploy_takes_any_size_and_an_example_cut_to_its_length_gives_the_same(model):
    # launch/export writes one artifact for all sizes.
    names = (*model.modalities, "prosody")
    batch, *lengths = jax.export.symbolic_shape("b, " + ", ".join(f"t{i}" for i in range(len(names) - 1)))
    sizes = dict(zip(names, (*lengths, 1), strict=True))
    features = {n: jax.ShapeDtypeStruct((batch, sizes[n], INPUTS[n].shape[-1]), jnp.float32) for n in names}
    masks = {n: jax.ShapeDtypeStruct((batch, sizes[n]), jnp.bool_) for n in names}
    deploy = jax.jit(lambda x, m: model.apply({"params": params(model)}, x, m, method="deploy"))
    exported = jax.export.export(deploy)(features, masks)
    cut = {n: INPUTS[n][1:2, : LENGTHS.get(n, [1, 1])[1]] for n in names}
    alone = exported.call(cut, {n: np.ones(x.shape[:2], bool) for n, x in cut.items()})
    np.testing.assert_allclose(np.asarray(alone)[0], outputs(model)["logits"][1], atol=1e-6)
