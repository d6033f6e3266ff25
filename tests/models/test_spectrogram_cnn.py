"""A spectrogram's valid steps decide everything: padding, whatever it holds and however long, changes nothing."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.attentive_statistics import AttentiveStatistics
from affect_jax.models.spectrogram_cnn import Model

SMALL = Model(modalities=("log_mel", "face"), classes=3, filters=(2, 3), attention=4, vector=3, hidden=5)
DRAW = np.random.default_rng(0)
LENGTHS = np.array([[9], [5], [7], [0]])  # the last has a face alone
MASK = np.arange(9)[None] < LENGTHS
SOUND = DRAW.normal(size=(4, 9, 6)).astype(np.float32)
FACE = DRAW.normal(size=(4, 2)).astype(np.float32)
SEEN = np.array([True, True, False, True])
INPUTS = {"log_mel": SOUND, "face": FACE}


def draw_variables(init, *arguments):
    """By numpy: jax's initialisers take long to compile."""
    shapes = jax.eval_shape(init, jax.random.key(0), *arguments)
    return jax.tree.map(lambda leaf: DRAW.uniform(-0.7, 0.7, leaf.shape).astype(np.float32), shapes)


def test_parts_and_parameters_are_those_of_the_docstring():
    model = Model(modalities=("log_mel", "face"), classes=8)
    inputs = {"log_mel": np.zeros((2, 200, 64), np.float32), "face": np.zeros((2, 1, 35), np.float32)}
    masks = {name: np.ones(x.shape[:2], bool) for name, x in inputs.items()}
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    counts = {part: sum(math.prod(p.shape) for p in jax.tree.leaves(leaves)) for part, leaves in tree.items()}
    blocks = dict(block_0=176, block_1=4672, block_2=18560, block_3=73984)
    assert counts == blocks | dict(pool=32896, face_dense=2304, hidden=(1024 + 64) * 128 + 128, classifier=1032)
    assert counts.keys() == set(model.deployed)


def test_training_and_prediction_ignore_padding():
    masks = {"log_mel": MASK, "face": SEEN}
    tree = draw_variables(functools.partial(SMALL.init, train=False), INPUTS, masks)
    tree["batch_stats"] = jax.tree.map(np.abs, tree["batch_stats"])

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def step(params, inputs, masks):
        both = {**tree, "params": params}
        out, moved = SMALL.apply(
            both, inputs, masks, train=True, rngs={"dropout": jax.random.key(0)}, mutable=["batch_stats"]
        )
        return jnp.sum(out["prediction"] ** 2), (out, moved, SMALL.apply(both, inputs, masks, train=False))

    plain = step(tree["params"], INPUTS, masks)
    spoiled = {"log_mel": np.where(MASK[..., None], SOUND, np.nan), "face": np.where(SEEN[:, None], FACE, np.nan)}
    jax.tree.map(np.testing.assert_array_equal, step(tree["params"], spoiled, masks), plain)
    longer = [np.pad(x, ((0, 0), (0, 4), (0, 0))[: x.ndim], constant_values=0) for x in (SOUND, MASK)]
    padded = step(tree["params"], INPUTS | {"log_mel": longer[0]}, masks | {"log_mel": longer[1]})
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5), padded, plain)
    for path, gradient in jax.tree_util.tree_leaves_with_path(plain[1]):
        assert np.abs(gradient).max() > 0, path


def test_attentive_statistics_by_hand():
    x, mask = DRAW.normal(size=(3, 4, 2)).astype(np.float32), np.arange(4) < np.array([[4], [1], [0]])
    pool = AttentiveStatistics(3)
    variables = draw_variables(pool.init, x, mask)

    @jax.jit
    def run(x):
        result, back = jax.vjp(lambda x: pool.apply(variables, x, mask), x)
        return result, back(jnp.ones((3, 4)))[0]

    result, gradient = jax.device_get(run(np.where(mask[..., None], x, np.nan)))
    params = variables["params"]
    score = np.tanh(x[0] @ params["hidden"]["kernel"] + params["hidden"]["bias"]) @ params["vector"]
    weight = np.exp(score) / np.exp(score).sum()
    mean = weight @ x[0]
    np.testing.assert_allclose(result[0], [*mean, *np.sqrt(weight @ (x[0] - mean) ** 2)], rtol=1e-4)
    np.testing.assert_allclose(result[1], [*x[1, 0], 0, 0], rtol=1e-5)
    np.testing.assert_array_equal(result[2], np.zeros(4))
    assert np.isfinite(gradient).all()
