"""Chapter 4's studies over any modalities."""

import itertools

import pytest

from affect_jax.config.changes import merge_changes
from affect_jax.config.fit_fusion import choose_letters, fit_fusion
from affect_jax.config.models import make_model
from affect_jax.datasets.manifest import Column
from configs import fusion, fusion_sets


def columns(*names, longest=9):
    return {name: Column(name, "features", 3, longest) for name in names}


def fit(which, names, classes=True):
    return fit_fusion(fusion.get_config(which).to_dict(), columns(*names), classes=classes)


@pytest.mark.parametrize("names", [("face", "voice"), ("face", "voice", "words"), tuple("abcde")])
def test_sets_make_sense_of_any_number_of_modalities(names):
    made = {which: fit(f"{which},manifest", names)["studies"] for which in fusion_sets.SETS}
    assert set(made["trimodal"]) == {"intra", "cross"}
    assert set(made["ablations"]) == {"intra-nosp", "cross-nosp", "cross+intra"}
    moddrop = made["moddrop"]["intra+moddrop"]["stages"]["fit"]["moddrop"]
    assert moddrop[0] == "+".join(names)
    assert len(moddrop) == 1 + len(names)
    n = len(names)
    assert len(made["pairs"]) == n * (n - 1) + (2 * n if n > 2 else 0)
    attention = [name for name in made["modalities"] if name.startswith(("intra", "cross"))]
    subsets = [s for size in range(1, n) for s in itertools.combinations(names, size)]
    assert len(attention) == len(subsets) + sum(len(s) > 1 for s in subsets)
    assert ("amh" in made["modalities"]) == (n == 3)


def test_three_known_modalities_have_the_studies_and_names_of_the_thesis():
    mine = fit("all,iemocap_release", ("text", "video", "audio"))["studies"]
    theirs = fusion.get_config("all,iemocap_release").studies.to_dict()
    assert {frozenset(name.split("+")) for name in mine} == {frozenset(name.split("+")) for name in theirs}
    assert mine["T2V"]["model"]["pairs"] == theirs["T2V"]["model"]["pairs"] == ("text->video",)
    for name in ("mdre T+A", "amh", "cross T+V"):
        mine_model, model = (dict(s[name]["model"]) for s in (mine, theirs))
        for changed in ("map_steps", "prosody"):
            mine_model.pop(changed, None), model.pop(changed, None)
        assert mine_model == model


def test_every_study_is_a_model_and_long_sequences_are_mapped():
    long = columns("face", "voice", "words", longest=101)
    long["face"] = long["face"]._replace(longest=100)
    plain = fit_fusion(fusion.get_config("all,manifest").to_dict(), long, classes=True)
    assert plain["model"]["map_steps"] == (0, 50, 50)
    for study in plain["studies"].values():
        model = merge_changes({"model": plain["model"]}, {"model": study["model"]})["model"]
        assert set(make_model(model).modalities) <= set(long)
        assert model["classes"] == plain["model"]["classes"]


def test_the_compared_methods_know_classes_alone():
    assert not [name for name in fit("all", ("a", "b", "c"), classes=False)["studies"] if name[:3] in ("mdr", "mha")]


def test_letters_are_the_thesis_s_where_all_have_one():
    assert choose_letters(("text", "audio")) == ("T", "A")
    assert choose_letters(("text", "face")) == ("text", "face")
    assert choose_letters(("audio", "mfcc")) == ("audio", "mfcc")
