import functools
import math

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.recurrent import GRU
from affect_jax.models.mdre import Model
from tests.weights import draw_weights

IEMOCAP = {"text": (2, 300), "video": (2, 2048), "audio": (2, 120), "prosody": (1, 35)}


@functools.cache
def counts(model):
    """Parameters of each part at IEMOCAP's sizes; shapes alone, so nothing is computed."""
    inputs = {name: np.zeros((1, *shape), np.float32) for name, shape in IEMOCAP.items()}
    masks = {name: np.ones((1, steps), bool) for name, (steps, _) in IEMOCAP.items()}
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    return {part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(leaves)) for part, leaves in tree.items()}


def gru(inputs, units):
    return 3 * units * (inputs + units) + 2 * 3 * units


def test_every_part_has_its_parameters():
    assert counts(Model()) == {
        "text_gru": gru(300, 200),
        "video_gru": gru(2048, 200),
        "audio_gru": gru(120, 200),
        "text_dense": 200 * 100 + 100,
        "video_dense": 200 * 100 + 100,
        "audio_dense": (200 + 35) * 100 + 100,
        "classifier": 3 * 100 * 7 + 7,
    }
    assert sum(counts(Model()).values()) == 301_200 + 1_350_000 + 193_200 + 20_100 + 20_100 + 23_600 + 2_107


@pytest.mark.parametrize(
    "modalities", [("text",), ("video",), ("audio",), ("text", "video"), ("text", "audio"), ("video", "audio")]
)
def test_any_subset_keeps_its_own_parts(modalities):
    whole = counts(Model())
    parts = [f"{m}_{layer}" for m in modalities for layer in ("gru", "dense")]
    expected = {part: whole[part] for part in parts} | {"classifier": len(modalities) * 100 * 7 + 7}
    assert counts(Model(modalities)) == expected


def test_both_directions_double_the_encoder():
    found = counts(Model(("text",), bidirectional=True))
    assert found == {"text_gru": 2 * gru(300, 200), "text_dense": 400 * 100 + 100, "classifier": 707}


def test_logits_are_the_equation():
    draw = np.random.default_rng(0)
    model = Model(("text", "audio"), 3, units=2, hidden=2, prosody="pitch")
    inputs = {name: draw.normal(size=(1, steps, 2)).astype(np.float32) for name, steps in (("text", 3), ("audio", 2))}
    inputs["pitch"] = draw.normal(size=(1, 1, 4)).astype(np.float32)
    masks = {name: np.ones(x.shape[:2], bool) for name, x in inputs.items()}
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    params = draw_weights(shapes, draw)

    @jax.jit
    def run(params):
        states = {m: GRU(2).apply({"params": params[f"{m}_gru"]}, inputs[m])[0, -1] for m in ("text", "audio")}
        return model.apply({"params": params}, inputs, masks, train=False)["logits"], states

    out, last = jax.device_get(run(params))

    def dense(part, x):
        return x @ params[part]["kernel"] + params[part]["bias"]

    text = dense("text_dense", last["text"])
    audio = dense("audio_dense", np.concatenate([last["audio"], inputs["pitch"][0, 0]]))
    np.testing.assert_allclose(out[0], dense("classifier", np.concatenate([text, audio])), atol=1e-6)


def test_four_modalities_are_too_many():
    with pytest.raises(UserError, match="model 'mdre' takes 1 to 3 modalities but config.model.modalities has 4"):
        counts(Model(("text", "video", "audio", "prosody")))
