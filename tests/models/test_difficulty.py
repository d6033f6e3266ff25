"""The error of the autoencoder is what the network reads, and gives it no gradient; padding has no effect."""

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models.difficulty import Model
from tests.zoo.proof import COMPILED_FAST

DRAW = np.random.default_rng(0)
MASK = np.arange(4)[None] < np.array([[4], [2], [0]])
X = DRAW.normal(size=(3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("per_step", [False, True])
def test_what_is_read_and_what_learns(per_step):
    model = Model(widths=(4, 2), units=3, per_step=per_step)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), {"audio": X}, {"audio": MASK}, train=False))
    params = jax.tree.map(lambda p: DRAW.uniform(-0.7, 0.7, p.shape).astype("f4"), shapes["params"])

    def compute(params, x):
        outputs = model.apply({"params": params}, {"audio": x}, {"audio": MASK}, train=False)
        deployed = {"params": {name: params[name] for name in model.deployed}}
        alone = model.apply(deployed, {"audio": x}, {"audio": MASK}, method="deploy")
        return (outputs["prediction"] ** 2).sum(), (outputs, alone)

    run = jax.jit(jax.value_and_grad(compute, has_aux=True), compiler_options=COMPILED_FAST)
    (_, (outputs, alone)), gradients = jax.device_get(run(params, X))
    (_, (spoiled, _)), _ = run(params, np.where(MASK[..., None], X, np.nan))
    jax.tree.map(np.testing.assert_array_equal, outputs, spoiled)
    again = outputs["reconstruction/audio"]
    expected = np.where(MASK, np.sqrt(np.square(again - X).mean(axis=-1)), 0)
    np.testing.assert_allclose(outputs["difficulty"], expected, rtol=1e-4)
    assert outputs["prediction"].shape == ((3, 4) if per_step else (3,))
    for name in ("autoencoder", "first"):
        jax.tree.map(lambda g: np.testing.assert_array_equal(g, 0), gradients[name])
    for leaf in jax.tree.leaves([gradients["network"], gradients["head"]]):
        assert np.abs(leaf).max() > 0
    np.testing.assert_allclose(alone, outputs["prediction"], atol=1e-6)


@pytest.mark.parametrize("measure", ["predicted", "shared"])
def test_raters_disagreement_is_learned_and_needs_no_rating(measure):
    """DDAT's network is told what a first stage says and moves it not; of MTL both are learned from the same states."""
    model = Model(widths=(4, 2), units=3, measure=measure)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), {"audio": X}, {"audio": MASK}, train=False))
    params = jax.tree.map(lambda p: DRAW.uniform(-0.7, 0.7, p.shape).astype("f4"), shapes["params"])

    def compute(params, output):
        outputs = model.apply({"params": params}, {"audio": X}, {"audio": MASK}, train=False)
        return (outputs[output] ** 2).sum(), outputs

    def differentiate(params):
        gradients = [jax.grad(compute, has_aux=True)(params, output) for output in ("prediction", "disagreement")]
        deployed = {"params": {name: params[name] for name in model.deployed}}
        return gradients, model.apply(deployed, {"audio": X}, {"audio": MASK}, method="deploy")

    run = jax.jit(differentiate, compiler_options=COMPILED_FAST)
    ((of_label, outputs), (of_spread, _)), alone = jax.device_get(run(params))
    assert outputs["disagreement"].shape == (3, 1)
    first = ("encoder", "spread") if measure == "predicted" else ("spread",)
    moved = {name: any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(of_label[name])) for name in params}
    assert moved == {name: name not in (*first, "first") for name in params}
    learns = ("encoder", "spread") if measure == "predicted" else ("network", "spread")
    assert all(np.abs(leaf).max() > 0 for name in learns for leaf in jax.tree.leaves(of_spread[name]))
    np.testing.assert_allclose(alone, outputs["prediction"], atol=1e-6)


def test_an_unknown_measure():
    with pytest.raises(UserError, match=r"has measure 'share' \(did you mean 'shared'\?\)"):
        jax.eval_shape(
            lambda: Model(measure="share").init(jax.random.key(0), {"audio": X}, {"audio": MASK}, train=False)
        )
