import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models.raw_cnn import Model
from tests.weights import draw_weights

SMALL = dict(filters=(3, 4), widths=(6, 3), pools=(4, 2), hidden=5)
STEPS = 60
SPEECH = np.random.default_rng(0).normal(size=(3, STEPS, 1)).astype(np.float32)
MASK = np.arange(STEPS)[None] < np.array([[STEPS], [40], [0]])


def shapes(model, steps=STEPS):
    x, mask = np.zeros((2, steps, 1), np.float32), np.ones((2, steps), bool)
    return jax.eval_shape(lambda: model.init(jax.random.key(0), {"speech": x}, {"speech": mask}, train=False))


def test_parts_and_parameters_are_those_of_the_docstring():
    tree = shapes(Model(), 240000)
    counts = {part: sum(math.prod(p.shape) for p in leaves.values()) for part, leaves in tree["params"].items()}
    assert counts == {
        "conv_0": 576,
        "conv_1": 33152,
        "conv_2": 131840,
        "conv_3": 197376,
        "conv_4": 197376,
        "dense_0": 65664,
        "dense": 129,
    }
    assert counts.keys() == set(Model().deployed)


@pytest.mark.parametrize(("classes", "shape"), [(0, (3,)), (3, (3, 3))])
def test_a_number_or_classes_are_said_of_each_clip(classes, shape):
    model = Model(**SMALL, classes=classes)
    given = {"speech": SPEECH}, {"speech": MASK}
    out, tree = jax.eval_shape(functools.partial(model.init_with_output, train=False), jax.random.key(0), *given)
    names = ["logits", "prediction"] if classes else ["prediction"]
    assert {name: value.shape for name, value in out.items()} == dict.fromkeys(names, shape)
    assert jax.eval_shape(functools.partial(model.apply, method="deploy"), tree, *given).shape == shape


def test_outputs_and_gradients_of_a_training_step():
    model = Model(**SMALL, classes=3)
    draw = np.random.default_rng(1)
    tree = draw_weights(shapes(model), draw)
    tree["batch_stats"] = jax.tree.map(np.abs, tree["batch_stats"])
    spoiled = np.where(MASK[..., None], SPEECH, np.nan)

    train = functools.partial(model.apply, train=True, mutable=["batch_stats"])

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def step(params, x, mask):
        both = {**tree, "params": params}
        out, moved = train(both, {"speech": x}, {"speech": mask})
        predicted = model.apply(both, {"speech": x}, {"speech": mask}, train=False)["prediction"]
        deployed = model.apply(both, {"speech": x}, {"speech": mask}, method="deploy")
        return jnp.sum(out["prediction"][:2] ** 2), (out, moved, predicted, deployed)

    (_, (out, moved, predicted, deployed)), grads = jax.device_get(step(tree["params"], spoiled, MASK))
    for path, grad in jax.tree_util.tree_leaves_with_path(grads):
        assert np.isfinite(grad).all(), path
        assert np.abs(grad).max() > 0, path
    alone, moved_alone = jax.jit(train)(tree, {"speech": SPEECH[:2] * MASK[:2, :, None]}, {"speech": MASK[:2]})
    np.testing.assert_allclose(out["prediction"][:2], alone["prediction"], atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), moved, moved_alone)
    np.testing.assert_array_equal(deployed, predicted)


def test_what_does_not_fit():
    model = Model()
    with pytest.raises(UserError, match=f"'raw_cnn' got clips of {model.shortest - 1:,} samples"):
        shapes(model, model.shortest - 1)
    with pytest.raises(UserError, match="entries in its sizes"):
        shapes(Model(widths=(3,)))
    with pytest.raises(UserError, match="has 1 classes"):
        shapes(Model(classes=1))
