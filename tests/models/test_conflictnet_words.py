"""ConflictNET with words: each fusion is made of what it says, and what is missing reaches nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.models import conflictnet
from affect_jax.models.conflictnet_words import FUSIONS, Model
from tests.weights import draw_weights

SIZES = dict(filters=(3, 4), widths=(6, 4), pools=(4, 3), average_pool=2, lstm_units=(4, 3), attention_units=3)
draw = np.random.default_rng(0)
MASKS = {"voice": np.ones((4, 120), bool), "words": np.arange(5)[None] < np.array([[5], [3], [0], [4]])}
MASKS["voice"][3] = False  # the third clip has no words, the last no voice
INPUTS = {m: draw.normal(size=(*mask.shape, 1 if m == "voice" else 6)).astype(np.float32) for m, mask in MASKS.items()}


def make(fusion):
    return Model(**SIZES, heads=2, fusion=fusion)


@functools.cache
def variables(fusion):
    model, draw = make(fusion), np.random.default_rng(1)
    tree = jax.eval_shape(lambda key: model.init(key, INPUTS, MASKS, train=False), jax.random.key(0))
    tree = draw_weights(tree, draw)
    return (
        jax.tree.map(np.abs, tree)
        if "batch_stats" not in tree
        else {**tree, "batch_stats": jax.tree.map(np.abs, tree["batch_stats"])}
    )


@functools.cache
def program(fusion):
    return jax.jit(lambda v, x, masks: make(fusion).apply(v, x, masks, train=False)["prediction"])


def part(fusion, *names):
    """Variables of `late`, of which the other models are made."""
    return {kind: {n: tree[n] for n in names if n in tree} for kind, tree in variables(fusion).items()}


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_submodule_is_deployed_and_missing_or_padded_input_is_not_read(fusion):
    assert set(variables(fusion)["params"]) == set(make(fusion).deployed)
    said = program(fusion)(variables(fusion), INPUTS, MASKS)
    assert said.shape == (4,)
    spoiled = {m: np.where(MASKS[m][..., None], x, np.nan) for m, x in INPUTS.items()}
    np.testing.assert_array_equal(said, program(fusion)(variables(fusion), spoiled, MASKS))
    changed = {**INPUTS, "words": INPUTS["words"] + 1}
    moved = np.abs(program(fusion)(variables(fusion), changed, MASKS) - said) > 1e-6
    # Cross-attention has nothing to ask, or nobody to answer, where one of the two is missing.
    assert moved.tolist() == [fusion != "speech"] * 2 + [False, fusion not in ("speech", "cross")]


def test_speech_is_conflictnet_and_late_adds_up_both_answers():
    whole = variables("late")
    alone = conflictnet.Model(modality="voice", **SIZES)
    inner = {kind: tree["speech"] for kind, tree in whole.items() if "speech" in tree}
    heard = jax.jit(lambda v: alone.apply(v, INPUTS, MASKS, train=False)["prediction"])(inner)
    np.testing.assert_allclose(program("speech")(part("late", "speech"), INPUTS, MASKS), heard, rtol=1e-6)
    read = program("words")(part("late", "words_lstm", "words_dense"), INPUTS, MASKS)
    np.testing.assert_allclose(program("late")(whole, INPUTS, MASKS), heard + read, rtol=1e-5)


def test_cross_attention_trains_everything_but_what_is_frozen():
    model, whole = make("cross"), variables("cross")

    @jax.jit
    def run(params):
        options = dict(train=True, dropout=0.1, frozen=("speech",), mutable=["batch_stats"])
        rngs = {"dropout": jax.random.key(0)}
        out, moved = model.apply({**whole, "params": params}, INPUTS, MASKS, rngs=rngs, **options)
        return jnp.sum(jnp.square(out["prediction"])), moved

    grads, moved = jax.jit(jax.grad(run, has_aux=True))(whole["params"])
    jax.tree.map(np.testing.assert_array_equal, moved["batch_stats"], whole["batch_stats"])
    for path, grad in jax.tree_util.tree_leaves_with_path(grads):
        assert np.isfinite(grad).all(), path
        assert np.abs(grad).max() > 0, path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(fusion="crossed"), r"has fusion 'crossed' \(did you mean 'cross'\?\); choose one of speech, words, late"),
        (dict(modalities=("voice",)), "has modalities voice; give it a column of recordings and one of vectors"),
        (dict(heads=3), "has 4 units in its first LSTM, which two directions and 3 heads must divide"),
        (dict(classes=1), "has 1 classes"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    model = Model(**{**SIZES, "heads": 2, **arguments})
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda key: model.init(key, INPUTS, MASKS, train=False), jax.random.key(0))
