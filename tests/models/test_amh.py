import functools
import math

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.recurrent import GRU
from affect_jax.models.amh import Model
from tests.weights import draw_weights

IEMOCAP = {"text": (2, 300), "video": (2, 2048), "audio": (2, 120), "prosody": (1, 35)}
QUERIES = {"video": 435 * 128 + 128, "audio": 328 * 200 + 200, "text": 363 * 200 + 200}
NAMES, UNITS = ("text", "video", "audio"), (2, 3, 2)
draw = np.random.default_rng(0)
INPUTS = {m: draw.normal(size=(1, steps, 2)).astype(np.float32) for m, steps in zip(NAMES, (3, 2, 4), strict=True)}
INPUTS["prosody"] = draw.normal(size=(1, 1, 3)).astype(np.float32)
MASKS = {name: np.ones(x.shape[:2], bool) for name, x in INPUTS.items()}


def counts(model):
    """Parameters of each part at IEMOCAP's sizes; shapes alone, so nothing is computed."""
    inputs = {name: np.zeros((1, *shape), np.float32) for name, shape in IEMOCAP.items()}
    masks = {name: np.ones((1, steps), bool) for name, (steps, _) in IEMOCAP.items()}
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    return {part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(leaves)) for part, leaves in tree.items()}


def gru(inputs, units):
    return 3 * units * (inputs + units) + 2 * 3 * units


def tiny(hops):
    return Model(NAMES, 3, units=UNITS, hops=hops)


def draw_params(model):
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))["params"]
    return draw_weights(shapes, draw)


@functools.cache
def run():
    """Parameters, what models of 1, 2 and 3 hops give with them, and the states that they read, [T, D]."""
    params = draw_params(tiny(3))

    @jax.jit
    def compute(params):
        kept = [{part: params[part] for part in tiny(hops).deployed} for hops in (1, 2, 3)]
        outputs = [
            tiny(hops).apply({"params": own}, INPUTS, MASKS, train=False) for hops, own in enumerate(kept, start=1)
        ]
        sides = zip(NAMES, UNITS, strict=True)
        return outputs, {m: GRU(units).apply({"params": params[f"{m}_gru"]}, INPUTS[m])[0] for m, units in sides}

    return params, *jax.device_get(compute(params))


def test_every_part_has_its_parameters():
    found = counts(Model())
    hops = ("video", "audio", "text", "video", "audio", "text", "video")
    assert found == {
        "text_gru": gru(300, 200),
        "video_gru": gru(2048, 128),
        "audio_gru": gru(120, 200),
        **{f"hop_{i}": QUERIES[target] for i, target in enumerate(hops, 1)},
        "classifier": (200 + 128 + 200 + 35) * 7 + 7,
    }
    assert (found["video_gru"], found["classifier"]) == (836_352, 3_948)
    assert [found[f"hop_{i}"] for i in (1, 2, 3)] == [55_808, 65_800, 72_800]


def test_the_order_of_modalities_is_the_order_of_hops():
    assert tiny(4).targets == ("video", "audio", "text", "video")
    assert Model(("a", "b", "c"), hops=2).targets == ("b", "c")


@pytest.mark.parametrize("hops", [1, 2])
def test_hops_are_the_equation(hops):
    params, outputs, states = run()
    out = outputs[hops - 1]
    text, audio, prosody = states["text"][-1], states["audio"][-1], INPUTS["prosody"][0, 0]

    def attend(hop, context, states):
        query = np.concatenate(context) @ params[hop]["query"]["kernel"] + params[hop]["query"]["bias"]
        weights = np.exp(states @ query) / np.exp(states @ query).sum()
        np.testing.assert_allclose(out[f"attention/{hop}"][0], weights, atol=1e-6)
        return weights @ states

    video = attend("hop_1", [text, audio, prosody], states["video"])
    if hops == 2:
        audio = attend("hop_2", [text, video], states["audio"])
    joined = np.concatenate([text, video, audio, prosody])
    expected = joined @ params["classifier"]["kernel"] + params["classifier"]["bias"]
    np.testing.assert_allclose(out["logits"][0], expected, atol=1e-6)


def test_another_number_of_hops_gives_another_output_from_the_same_parameters():
    found = [out["logits"] for out in run()[1]]
    assert min(np.abs(one - two).max() for one, two in zip(found[1:], found[:-1], strict=True)) > 1e-3


@pytest.mark.parametrize("modalities", [("text", "audio"), ("text", "video", "audio", "prosody")])
def test_three_modalities_and_no_other_number(modalities):
    count = len(modalities)
    with pytest.raises(UserError, match=f"'amh' takes exactly 3 modalities but config.model.modalities has {count}"):
        counts(Model(modalities))
