"""Tuples of names on a command line."""

import ml_collections
import pytest
from absl import flags
from ml_collections import config_dict, config_flags

from affect_jax.config.load import load_config
from affect_jax.data import splits
from configs import fusion_iemocap
from launch import changes, tuples

SPELLINGS = ["voice,face", "voice, face", "(voice,face)", "('voice','face')", "['voice', 'face']", '"voice","face"']


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling_is_the_same_tuple(text, monkeypatch):
    words = ["program", f"--config.corpus.modalities={text}", f"--modalities={text}"]
    monkeypatch.setattr("sys.argv", words)  # where ml_collections looks for overrides
    config = ml_collections.ConfigDict({"corpus": {"modalities": config_dict.placeholder(tuple)}})
    tuples.accept_both_spellings()
    values = flags.FlagValues()
    config_flags.DEFINE_config_dict("config", config, flag_values=values)
    tuples.define_names("modalities", None, "Names.", values)
    values(words)
    changes.assign_keys(config_set := config.copy_and_resolve_references(), [f"corpus.modalities={text}"], "a config")
    assert values.config.corpus.modalities == values.modalities == config_set.corpus.modalities == ("voice", "face")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, ("voice", "face")) for text in SPELLINGS),
        ("audio", ("audio",)),
        ("('audio',)", ("audio",)),
        ("()", ()),
        ("True", True),
        ("false", False),
    ],
)
def test_all_none_or_some_modalities_are_standardised(text, expected, monkeypatch):
    """The thesis standardises audio alone, which the shipped config takes from a flag and from --set."""
    words = ["program", f"--config.data.standardize={text}"]
    monkeypatch.setattr("sys.argv", words)
    tuples.accept_both_spellings()
    values = flags.FlagValues()
    config_flags.DEFINE_config_dict("config", fusion_iemocap.get_config(), flag_values=values)
    values(words)
    changes.assign_keys(config_set := fusion_iemocap.get_config(), [f"data.standardize={text}"], "a config")
    assert values.config.data.standardize == config_set.data.standardize == expected
    if expected in (True, False, ("audio",)):
        chosen = splits.choose_standardized(load_config(values.config).data)
        assert chosen == {m: expected is True or m == "audio" and bool(expected) for m in chosen}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("voice", ("voice",)), ("", ()), ("()", ()), ("('a',)", ("a",)), ("0,2", (0, 2)), ("3", (3,)), ("*", ("*",))],
)
def test_one_name_none_and_numbers(text, expected):
    assert tuples.parse_tuple(text) == expected
