"""The zoo on one's own corpus: modalities, sequences and losses are those of the files."""

import pytest

from affect_jax.config.fit import _fit_joint, _leave_out, fit_to_corpus
from affect_jax.config.fit_labels import Target, fit_to_label
from affect_jax.config.models import read_fields
from affect_jax.datasets.manifest import Column
from affect_jax.errors import UserError
from configs import zoo
from tests import own


def fit(names, classes=3, family="fusion"):
    columns = {name: Column(name, "features", 3, 9 if name != "face" else 1) for name in names}
    return fit_to_label(_fit_joint(zoo.get_config(f"{family},manifest").to_dict(), columns), Target("mood", classes))


@pytest.mark.parametrize("names", [("face", "voice"), ("face", "voice", "words", "hands")])
def test_every_study_reads_what_there_is(names):
    document = fit(names)
    assert set(document["studies"]) == set(zoo.list_methods("manifest"))
    for name, study in document["studies"].items():
        order = sorted if name == "raven" else tuple  # which puts words first
        assert order(study["model"]["modalities"]) == order(names)
        assert study["model"]["classes"] == 3
    assert document["studies"]["tfn"]["model"]["sequences"] == tuple(n for n in names if n != "face")


def test_losses_of_one_modality_become_one_for_each_and_fit_the_label():
    losses = fit(("face", "voice"))["studies"]["late-average"]["stages"]["fit"]["losses"]
    assert losses.keys() == {"prediction", "branch_face", "branch_voice"}
    assert losses["prediction"] is None
    assert losses["branch_voice"] == dict(kind="cross_entropy", prediction="logits/voice", target="target", weight=1.0)
    numbers = fit(("face", "voice"), classes=0)
    assert numbers["task"] == "regression"
    loss = numbers["studies"]["late-average"]["stages"]["fit"]["losses"]["branch_face"]
    assert (loss["kind"], loss["prediction"]) == ("ccc", "prediction/face")


def test_losses_of_two_modalities_become_one_for_each_pair():
    losses = fit(("face", "voice", "words", "hands"))["studies"]["misa"]["stages"]["fit"]["losses"]
    pairs = [name for name in losses if name.startswith("alike_")]
    assert len(pairs) == 6
    assert losses["alike_voice+hands"]["a"] == "shared/voice"
    assert losses["alike_voice+hands"]["b"] == "shared/hands"
    assert len([name for name in losses if name.startswith("own_")]) == 4
    assert set(fit(("face", "voice"))["studies"]["misa"]["stages"]["fit"]["losses"]) == {
        *("own_face", "own_voice", "again_face", "again_voice", "apart_face+voice", "alike_face+voice")
    }


def test_the_first_modality_of_ones_own_is_taught_by_the_others_and_a_control_is_not():
    studies = fit(("voice", "face"), family="colearning")["studies"]
    assert studies["alone"]["model"]["modalities"] == ("voice",)
    study = studies["mctn"]
    assert study["model"]["modalities"] == ("voice", "face")
    losses = study["stages"]["fit"]["losses"]
    assert losses.keys() == {"translation_voice", "translation_face"}
    assert losses["translation_face"]["target"] == "inputs/face"
    control = study["variants"]["control"]["stages"]["fit"]["losses"]
    assert control == {"translation_voice": {"weight": 0.0}, "translation_face": {"weight": 0.0}}


def test_losses_of_all_but_the_first_modality_are_so_of_ones_own():
    study = fit(("voice", "face", "words"), family="colearning")["studies"]["seq2seq2sentiment"]
    assert set(study["stages"]["fit"]["losses"]) == {"translation_face", "translation_words"}
    control = study["variants"]["control"]["stages"]["fit"]["losses"]
    assert set(control) == {"translation_face", "translation_words"}


def test_lessons_of_a_teacher_fit_ones_own_modalities_and_numbers():
    names = ("voice", "face", "words")
    study = fit(names, family="colearning")["studies"]["crossmodal_transfer"]
    assert study["schedule"] == ("teachers", "fit")
    assert set(study["stages"]["teachers"]["losses"]) == {"taught_face", "taught_words"}
    soft = study["stages"]["fit"]["losses"]["soft_words"]
    assert (soft["kind"], soft["prediction"], soft["target"]) == ("kl", "logits", "logits/words")
    control = study["variants"]["control"]["stages"]["fit"]["losses"]
    assert control == {"soft_face": {"weight": 0.0}, "soft_words": {"weight": 0.0}, "prediction": {"weight": 1.0}}
    numbers = fit(names, 0, "colearning")["studies"]
    soft = numbers["crossmodal_transfer"]["stages"]["fit"]["losses"]["soft_words"]
    assert soft == dict(kind="mse", prediction="prediction", target="prediction/words", weight=0.5)
    assert numbers["multiview"]["stages"]["fit"]["losses"]["soft"]["target"] == "prediction/teacher"
    assert numbers["crossmodal_transfer"]["stages"]["teachers"]["monitor"]["metric"] == "ccc"
    codes = numbers["dcc_cae"]["stages"]["codes"]["losses"]
    assert set(codes) == {
        *("correlated_voice+face", "correlated_voice+words", "correlated_face+words", "made_face", "made_words")
    }
    assert set(numbers["emobed"]["variants"]["control"]["stages"]["fit"]["losses"]) == {
        *("beside_face", "beside_words", "near_voice+face", "near_voice+words", "near_face+words")
    }


def test_turns_have_the_losses_of_ones_own_modalities_and_stages_of_a_study_scores_of_the_label():
    study = fit(("voice", "face", "words"), classes=0, family="colearning")["studies"]["hmtl"]
    turns = study["stages"]["fit"]["turns"]
    assert turns["judge"]["losses"] == ("judging_face", "judging_words")
    assert turns["classify"]["losses"] == ("prediction",)
    assert study["stages"]["fit"]["losses"]["fooling_words"]["kind"] == "fool"
    assert study["stages"]["teachers"]["monitor"] == dict(metric="ccc", prediction="prediction/teachers")


def leave_out(family, **lengths):
    columns = {name: Column(name, "features", 3, length) for name, length in lengths.items()}
    document = zoo.get_config(f"{family},manifest").to_dict()
    left, told = _leave_out(document, columns, has_classes=True)
    return set(document["studies"]) - set(left["studies"]), told


def test_methods_that_do_not_fit_the_files_are_left_out_and_told_why():
    gone, told = leave_out("fusion", voice=9, face=9)
    assert not gone
    gone, told = leave_out("fusion", voice=9, face=1)
    assert gone == (set(zoo.ALIGNED) & set(zoo.FUSION))
    assert told[0].startswith("left out: ")
    assert told[0].endswith("; they read all modalities step by step, and steps differ (voice 9, face 1)")
    gone, told = leave_out("colearning", voice=9, face=1)
    assert gone == {"mctn_multibench"}
    gone, told = leave_out("colearning", voice=1, face=1, words=1, hands=1)
    assert told == [
        "left out: mtut; they compare the steps of an example with one another, and vectors have one",
        "left out: mctn_multibench; they take fewer than 4 modalities",
    ]
    assert "graph_mfn" in leave_out("fusion", **dict.fromkeys("abcdef", 2))[0]


def test_a_method_that_is_asked_for_among_others_and_does_not_fit_is_refused_with_the_reason():
    document = zoo.get_config("colearning,manifest").to_dict()
    document["study"]["only"] = ("alone", "mtut")
    columns = {name: Column(name, "features", 3, 1) for name in ("face", "words")}
    with pytest.raises(UserError, match="only names mtut, which do not fit this corpus: they compare the steps"):
        _leave_out(document, columns, has_classes=True)


def test_one_modality_is_taught_by_none():
    for argument in ("colearning,manifest", "colearning,arrays,mctn"):
        columns = {"face": Column("face", "features", 3, 9)}
        with pytest.raises(
            UserError, match="the corpus has one modality, 'face', and this config teaches one by others"
        ):
            _leave_out(zoo.get_config(argument).to_dict(), columns, has_classes=True)


def test_batches_of_all_stages_leave_an_epoch_of_few_files_several_updates(tmp_path):
    path = own.write(tmp_path)
    config = own.use(zoo.get_config("colearning,manifest,multiview"), path, modalities=own.FEATURES, target="emotion")
    fitted, _ = fit_to_corpus(config.to_dict())
    stages = fitted["studies"]["multiview"]["stages"]
    assert (fitted["stages"]["fit"]["batch"], stages["teacher"]["batch"], stages["fit"].get("batch")) == (4, 4, None)


def test_the_argument_is_checked():
    assert set(zoo.get_config("fusion,ravdess,tfn").studies) == {"tfn"}
    for argument, message in (
        ("fusion,synthetic,tnf", "the method is 'tnf'"),
        ("fusion,mosi", "the corpus is 'mosi'"),
        ("fission", "the family is 'fission'"),
        ("fusion,planted", "is of co-learning alone"),
        ("fusion,ravdess,tfn,lmf", "has more than a family, a corpus and a method"),
    ):
        with pytest.raises(UserError, match=message):
            zoo.get_config(argument)


@pytest.mark.parametrize("corpus", zoo.CORPORA)
@pytest.mark.parametrize("family", zoo.METHODS)
def test_every_model_has_the_fields_that_its_study_sets(corpus, family):
    for name in zoo.list_methods(corpus, family):
        model = zoo.get_config(f"{family},{corpus},{name}").to_dict()["model"]
        assert set(model) - {"name"} <= set(read_fields(model)), name


@pytest.mark.parametrize("method", [name for name in zoo.FUSION if name not in zoo.OF_RAVDESS])
def test_a_method_that_is_named_alone_is_the_one_that_ones_own_corpus_trains(method, tmp_path):
    path = own.write(tmp_path)
    config = zoo.get_config(f"fusion,manifest,{method}").to_dict()
    settings = dict(manifest=str(path), data_dir=str(tmp_path / "data"), modalities=own.FEATURES, target="emotion")
    fitted, _ = fit_to_corpus({**config, "corpus": {**config["corpus"], **settings}})
    assert tuple(fitted["studies"]) == (method,)
