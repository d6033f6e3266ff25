import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.recurrent_fusion import (
    Prosody,
    assign_units,
    check_fields,
    encode_modalities,
    select_last_state,
)
from tests.weights import draw_weights

STEPS = 4
MASK = np.arange(STEPS)[None] < np.array([[4], [2], [0]])
draw = np.random.default_rng(0)


class Joined(nn.Module):
    """Nothing between the encoders and the classifier."""

    modalities: tuple[str, ...]
    classes: int
    units: int | tuple[int, ...] = 200
    prosody: str = "prosody"
    audio: str = "audio"

    @nn.compact
    def __call__(self, inputs, masks, *, train):
        check_fields("joined", self.modalities, (1, 2, 3), self.units, self.classes)
        encoded = encode_modalities(
            assign_units(self.units, self.modalities),
            inputs,
            masks,
            bidirectional=False,
            prosody=Prosody(self.prosody, self.audio),
            train=train,
            dropout=0.0,
            frozen=(),
        )
        joined = jnp.concatenate([states.append_prosody(states.last_BxH) for states in encoded.values()], axis=-1)
        last = {f"last/{modality}": states.last_BxH for modality, states in encoded.items()}
        return {"logits": Dense(self.classes, name="classifier")(joined), **last}


MODEL = Joined(("text", "audio"), 3, units=(2, 3))
INPUTS = {name: draw.normal(size=(3, STEPS, 2)).astype(np.float32) for name in ("text", "audio")}
INPUTS["prosody"] = draw.normal(size=(3, 1, 5)).astype(np.float32)
MASKS = {"text": MASK, "audio": MASK, "prosody": np.ones((3, 1), bool)}


def shapes(model, inputs=INPUTS):
    return jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, MASKS, train=False))["params"]


@jax.jit
def compute(params, masks):
    return MODEL.apply({"params": params}, INPUTS, masks, train=False)


def outputs(params, masks):
    return jax.device_get(compute(params, masks))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_state_is_that_of_each_direction_behind_its_last_valid_step(bidirectional):
    states = draw.normal(size=(3, STEPS, 6)).astype(np.float32)
    select = jax.jit(functools.partial(select_last_state, bidirectional=bidirectional))
    last = select(np.where(MASK[..., None], states, 0), MASK)
    expected = np.stack([states[0, 3], states[1, 1], np.zeros(6)])
    if bidirectional:
        expected[:, 3:] = [states[0, 0, 3:], states[1, 0, 3:], np.zeros(3)]
    np.testing.assert_array_equal(last, expected.astype(np.float32))


def test_prosody_joins_the_audio_as_it_is_and_is_missing_where_the_audio_is():
    params = draw_weights(shapes(MODEL), draw)
    assert params["classifier"]["kernel"].shape == (2 + 3 + 5, 3)
    out = outputs(params, MASKS)
    silent = {**MASKS, "prosody": np.zeros((3, 1), bool)}
    share = out["logits"] - outputs(params, silent)["logits"]
    expected = INPUTS["prosody"][:, 0] @ params["classifier"]["kernel"][5:]
    np.testing.assert_allclose(share[:2], expected[:2], atol=1e-6)
    np.testing.assert_array_equal(share[2], 0)  # no audio
    np.testing.assert_array_equal(out["last/audio"][2], 0)


def test_prosody_is_not_read_without_the_audio_or_without_its_name():
    without = {name: INPUTS[name] for name in ("text", "audio")}
    for model in (Joined(("text",), 3), Joined(("text", "audio"), 3, prosody="")):
        assert shapes(model, without)["classifier"]["kernel"].shape == (200 * len(model.modalities), 3)


def test_audio_may_have_another_name():
    params = shapes(Joined(("text", "audio"), 3, units=(2, 3), audio="text"))
    assert params["classifier"]["kernel"].shape == (10, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(modalities=()), r"'joined' takes 1 to 3 modalities but config.model.modalities has 0, none"),
        (dict(modalities=("a", "b", "c", "d")), "takes 1 to 3 modalities but config.model.modalities has 4"),
        (dict(modalities=("text", "text")), "name each of them once"),
        (
            dict(modalities=("text", "smell")),
            r"reads modality 'smell' but the batch has audio, prosody, text",
        ),
        (dict(units=(2, 3)), r"has units \(2, 3\) for the modalities text"),
        (dict(units=0), "has units 0 for"),
        (dict(classes=1), "has 1 classes; give 2 or more"),
        (dict(modalities=("audio",), prosody="pitch"), "reads modality 'pitch' but the batch has"),
        (dict(modalities=("audio",), prosody="text"), "reads prosody from modality 'text' but that has 4 steps a clip"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(UserError, match=message):
        shapes(Joined(**{"modalities": ("text",), "classes": 3, **arguments}))
