"""Every encoder equals its authors' code, in a padded batch, in outputs of every layer, gradients and training."""

import jax
import numpy as np
import pytest

from affect_jax.encoders import families, published, speech
from affect_jax.encoders.settings import ConfigFile
from affect_jax.errors import UserError
from tests.encoders import proof

TRAINED = ("bert", "clip_images", "resnet_bottleneck", "wavlm_large")
"""A family each: of these gradients and three steps of training, too; `python -m tests.encoders.proof` has all."""


@pytest.mark.parametrize("name", [name for name in proof.list_cases() if name != "resnet_basic"])
def test_equals_the_authors_code(name):
    errors = proof.compare(name, trains=name in TRAINED)
    # ResNet's are within 1e-5 where they were last measured (docs/encoders.md); batch norm in training, over the 36
    # numbers that a channel of small images has left, doubles what another processor rounds otherwise.
    allowed = 2e-5 if "resnet" in name else 1e-5
    assert max(errors) < allowed, errors


def test_weights_that_are_loaded_again_trace_nothing(monkeypatch):
    load = proof.build.__wrapped__
    first = load("bert")
    monkeypatch.delattr(type(first.model), "__call__")
    again = load("bert")
    jax.tree.map(np.testing.assert_array_equal, again.variables, first.variables)


def test_names_and_layouts_go_back_to_the_published_ones():
    kinds, _ = proof.read_case("wavlm_base")
    written = published.write_arrays(proof.build("wavlm_base").variables)
    theirs = published.spell_names(kinds["param"], speech.PREFIXES)
    assert written.keys() == theirs.keys() - {"masked_spec_embed"}
    for name, value in written.items():
        np.testing.assert_array_equal(value, theirs[name])


def test_the_prefix_and_the_heads_of_a_whole_model_are_left_out():
    kinds, config = proof.read_case("bert")
    arrays = {f"bert.{name}": value for name, value in kinds["param"].items() if not name.startswith("pooler")}
    arrays["cls.predictions.bias"] = np.zeros(3, np.float32)
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): value for name, value in arrays.items()}
    encoder = families.build_encoder(ConfigFile(config, "config.json"), old, "model.safetensors")
    assert not encoder.model.sizes.pooler
    np.testing.assert_array_equal(
        encoder.variables["params"]["embeddings"]["LayerNorm"]["scale"], kinds["param"]["embeddings.LayerNorm.weight"]
    )


def test_steps_are_counted_as_the_convolutions_make_them():
    sizes = speech.Sizes(width=8, layers=1, heads=1, feed_forward=8)
    assert [speech.count_steps(sizes, n) for n in (0, 399, 400, 719, 720, 16000)] == [0, 0, 1, 1, 2, 49]


def change(arrays, name, value):
    return arrays | {name: value}


WRONG = {
    "groups that do not divide": (lambda c, a: (c | {"model_type": "hubert"}, a), "groups of channels cannot share"),
    "another family": (
        lambda c, a: (c | {"model_type": "hubert", "num_conv_pos_embedding_groups": 2}, a),
        "none of the arrays of this model",
    ),
    "an unknown family": (lambda c, a: (c | {"model_type": "brt"}, a), "did you mean 'bert'"),
    "no family": (lambda c, a: ({}, a), "model_type = ''"),
    "a missing array": (
        lambda c, a: (c, {k: v for k, v in a.items() if "layer.1.output.dense.bias" not in k}),
        "lacks",
    ),
    "another shape": (
        lambda c, a: (c | {"intermediate_size": 13}, a),
        r"as \[12\], but the config asks for \[13\]",
    ),
    "more layers": (lambda c, a: (c | {"num_hidden_layers": 1}, a), "a model of these sizes does not have"),
    "NaN": (lambda c, a: (c, change(a, "pooler.dense.bias", np.full(8, np.nan, np.float32))), "NaN or infinite"),
    "an unknown activation": (lambda c, a: (c | {"hidden_act": "gelo"}, a), "did you mean 'gelu'"),
    "a text for a size": (lambda c, a: (c | {"hidden_size": "8"}, a), "a whole number is expected"),
    "heads that do not divide": (lambda c, a: (c | {"num_attention_heads": 3}, a), "cannot share"),
    "relative positions": (lambda c, a: (c | {"position_embedding_type": "relative_key"}, a), "not built here"),
    "no layers": (lambda c, a: (c | {"num_hidden_layers": 0}, a), "at least 1"),
}


@pytest.mark.parametrize(("change_both", "says"), WRONG.values(), ids=WRONG)
def test_wrong_weights_and_configs_are_told(change_both, says):
    kinds, config = proof.read_case("bert")
    config, arrays = change_both(config, kinds["param"])
    with pytest.raises(UserError, match=says):
        families.build_encoder(ConfigFile(config, "config.json"), arrays, "model.safetensors")
