import functools
import math

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.recurrent import BiGRU
from affect_jax.models.mha import Model
from tests.weights import draw_weights

IEMOCAP = {"text": (2, 300), "video": (2, 2048), "audio": (2, 120), "prosody": (1, 35)}
draw = np.random.default_rng(0)
INPUTS = {"a": draw.normal(size=(1, 3, 2)).astype(np.float32), "b": draw.normal(size=(1, 4, 2)).astype(np.float32)}
INPUTS["pitch"] = draw.normal(size=(1, 1, 3)).astype(np.float32)
MASKS = {name: np.ones(x.shape[:2], bool) for name, x in INPUTS.items()}


def counts(model):
    """Parameters of each part at IEMOCAP's sizes; shapes alone, so nothing is computed."""
    inputs = {name: np.zeros((1, *shape), np.float32) for name, shape in IEMOCAP.items()}
    masks = {name: np.ones((1, steps), bool) for name, (steps, _) in IEMOCAP.items()}
    tree = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))["params"]
    return {part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(leaves)) for part, leaves in tree.items()}


def bigru(inputs, units):
    return 2 * (3 * units * (inputs + units) + 2 * 3 * units)


def tiny(hops):
    return Model(("a", "b"), 3, units=2, prosody="pitch", audio="b", hops=hops)


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
        return outputs, {m: BiGRU(2).apply({"params": params[f"{m}_gru"]}, INPUTS[m])[0] for m in ("a", "b")}

    return params, *jax.device_get(compute(params))


def test_every_part_has_its_parameters():
    expected = {
        "text_gru": bigru(300, 200),
        "audio_gru": bigru(120, 200),
        "hop_1": (400 + 35) * 400 + 400,  # the audio's last state and prosody ask
        "hop_2": 400 * 400 + 400,
        "classifier": (400 + 400 + 35) * 7 + 7,
    }
    assert counts(Model()) == expected
    assert list(expected.values()) == [602_400, 386_400, 174_400, 160_400, 5_852]


@pytest.mark.parametrize("hops", [1, 2, 3, 4])
def test_each_hop_adds_its_own_query_by_turns(hops):
    found = counts(Model(hops=hops))
    expected = {1: 435 * 400 + 400, 2: 400 * 400 + 400, 3: 435 * 400 + 400, 4: 400 * 400 + 400}
    queries = {part: number for part, number in found.items() if part.startswith("hop")}
    assert queries == {f"hop_{i}": expected[i] for i in range(1, hops + 1)}
    assert Model(hops=hops).targets == ("text", "audio", "text", "audio")[:hops]


def test_without_audio_no_prosody_is_read():
    assert counts(Model(("text", "video")))["classifier"] == 800 * 7 + 7


@pytest.mark.parametrize("hops", [1, 2])
def test_hops_are_the_equation(hops):
    params, outputs, states = run()
    out = outputs[hops - 1]
    # The forward direction ends at the last step, the backward one at the first.
    last = {m: np.concatenate([h[-1, :2], h[0, 2:]]) for m, h in states.items()}
    pitch = INPUTS["pitch"][0, 0]

    def attend(hop, context, states):
        query = context @ params[hop]["query"]["kernel"] + params[hop]["query"]["bias"]
        weights = np.exp(states @ query) / np.exp(states @ query).sum()
        np.testing.assert_allclose(out[f"attention/{hop}"][0], weights, atol=1e-6)
        return weights @ states

    first = attend("hop_1", np.concatenate([last["b"], pitch]), states["a"])
    second = attend("hop_2", first, states["b"]) if hops == 2 else last["b"]
    joined = np.concatenate([first, second, pitch])
    expected = joined @ params["classifier"]["kernel"] + params["classifier"]["bias"]
    np.testing.assert_allclose(out["logits"][0], expected, atol=1e-6)


def test_another_number_of_hops_gives_another_output_from_the_same_parameters():
    found = [out["logits"] for out in run()[1]]
    assert min(np.abs(found[0] - found[1]).max(), np.abs(found[1] - found[2]).max()) > 1e-3


@pytest.mark.parametrize("modalities", [("text",), ("text", "video", "audio")])
def test_two_modalities_and_no_other_number(modalities):
    count = len(modalities)
    with pytest.raises(UserError, match=f"'mha' takes exactly 2 modalities but config.model.modalities has {count}"):
        counts(Model(modalities))
