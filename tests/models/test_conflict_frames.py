"""Models of chapter 3 that read frames: what they say of overlap, what learns, and that padding changes nothing."""

import functools

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models import encoder_decoder, overlap_blstm
from tests.zoo.proof import COMPILED_FAST

DRAW = np.random.default_rng(0)
MASK = np.arange(9)[None] < np.array([[9], [6], [0]])
X = DRAW.normal(size=(3, 9, 5)).astype(np.float32)
MODELS = {
    "ratio": overlap_blstm.Model(pool=2, units=3),
    "hierarchical": overlap_blstm.Model(pool=2, units=3, hidden=(4,)),
    "attention": encoder_decoder.Model(pool=2, units=4, steps=2),
}


@functools.cache
def draw(model):
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), {"log_mel": X}, {"log_mel": MASK}, train=False))
    return jax.tree.map(lambda p: DRAW.uniform(-0.7, 0.7, p.shape).astype("f4"), shapes["params"])


@functools.cache
def make_program(model):
    """Params, x, mask -> ((loss, outputs), gradients)."""

    def compute(params, x, mask):
        outputs = model.apply({"params": params}, {"log_mel": x}, {"log_mel": mask}, train=False)
        return (outputs["prediction"][:2] ** 2).sum(), outputs

    run = jax.jit(jax.value_and_grad(compute, has_aux=True), compiler_options=COMPILED_FAST)
    return lambda *arguments: jax.device_get(run(*arguments))


@pytest.mark.parametrize("name", MODELS)
def test_padding_changes_nothing_and_everything_deployed_is_there(name):
    model = MODELS[name]
    params = draw(model)
    assert set(model.deployed) == set(params)
    run = make_program(model)
    (_, outputs), gradients = run(params, X, MASK)
    (_, spoiled), _ = run(params, np.where(MASK[..., None], X, np.nan), MASK)
    jax.tree.map(np.testing.assert_array_equal, outputs, spoiled)
    assert outputs["prediction"].shape == (3,)
    assert np.isfinite(outputs["prediction"]).all()
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradients["head"]))
    # A shorter clip alone is the clip in a batch of longer ones.
    apply = jax.jit(functools.partial(model.apply, train=False))
    alone = apply({"params": params}, {"log_mel": X[1:2, :6]}, {"log_mel": MASK[1:2, :6]})
    np.testing.assert_allclose(alone["prediction"], outputs["prediction"][1:2], atol=1e-5)


def test_the_ratio_is_overlap_over_speech_and_its_line_reads_nothing_else():
    model = MODELS["ratio"]
    params = draw(model)
    (_, outputs), _ = make_program(model)(params, X, MASK)
    turns, ratio = outputs["turns"], outputs["ratio"]
    assert turns.shape == (3, 9, 2)
    assert (turns >= 0).all()
    assert (turns <= 1).all()
    np.testing.assert_array_equal(turns[:, 0:8:2], turns[:, 1:8:2])  # frames that were averaged are told one thing
    np.testing.assert_array_equal(turns[:, 8], turns[:, 7])  # the odd one out is told the last
    np.testing.assert_allclose(ratio[0], turns[0, :8, 1].sum() / turns[0, :8, 0].sum(), rtol=1e-5)
    assert ratio[2] == 0  # nothing was heard
    line = params["head"]
    np.testing.assert_allclose(outputs["prediction"], ratio * line["kernel"][0, 0] + line["bias"][0], rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (overlap_blstm.Model(pool=10), "averages 10 frames, but its sequences have 9; set config.model.pool"),
        (encoder_decoder.Model(pool=0), "averages 0 frames"),
        (encoder_decoder.Model(steps=0), "has 0 steps; give its decoder 1 or more"),
        (overlap_blstm.Model(classes=1), "has 1 classes"),
    ],
)
def test_fields_that_do_not_fit(model, message):
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: model.init(jax.random.key(0), {"log_mel": X}, {"log_mel": MASK}, train=False))
