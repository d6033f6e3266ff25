"""Every config on one's own corpus: what it becomes, that the models take it, and what cannot be."""

import dataclasses

import pytest

from affect_jax.config.changes import merge_changes
from affect_jax.config.load import load_config, resolve_document
from affect_jax.config.modalities import rename_modalities
from affect_jax.config.models import make_model
from affect_jax.data import folds as folding
from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.training import loop
from configs import (
    conflictnet,
    conflictnet_words,
    fusion,
    rank,
    seqsew,
    seqsew_unimodal,
    sew,
    sew_unimodal,
    speech_emotion,
)
from tests import own


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return own.write(tmp_path_factory.mktemp("own"))


def fit(config, argument, path, **corpus):
    """The experiment on one's own corpus; without `modalities`, of the features alone, which need no sound to be
    read."""
    raw = config.get_config(argument) if argument else config.get_config()
    if config is seqsew:
        raw.model.encoder = "bigru"  # which is traced sooner
    if config not in (conflictnet, conflictnet_words, speech_emotion):
        corpus = {"modalities": own.FEATURES, **corpus}
    return load_config(own.use(raw, path, **corpus))


SEW_STUDIES = {"teachers", "unimodal_face", "unimodal_text"}
# Config, argument, settings of the corpus, and the task, unit, layout and studies that come of them.
CASES = [
    (conflictnet, "", dict(target="valence"), ("regression", "item", "item", {*conflictnet.NETWORKS, "raw_cnn"})),
    (
        conflictnet_words,
        "",
        dict(target="valence", modalities=("text", "voice")),
        ("regression", "item", "item", set(conflictnet_words.NAMES)),
    ),
    (speech_emotion, "", dict(target="emotion"), ("multiclass", "item", "item", {"trunk"})),
    (fusion, "", dict(target="valence"), ("regression", "item", "item", {"intra", "cross"})),
    (rank, "manifest", dict(target="mood"), ("multiclass", "item", "item", {"face", "text"})),
    (rank, "manifest,sequence", dict(target="mood"), ("binary", "recording", "group", {"face", "text"})),
    (sew, "", dict(target="emotion"), ("multiclass", "frame", "group", SEW_STUDIES)),
    (sew, "", dict(target="trace"), ("regression", "frame", "steps", SEW_STUDIES)),
    (sew_unimodal, "", dict(target="valence"), ("regression", "frame", "group", {"face", "text"})),
    (seqsew, "", dict(target="emotion"), ("multiclass", "recording", "group", {"teachers", "no_decoder"})),
    (
        seqsew,
        "mosi,video+text+audio",
        dict(target="valence", modalities=("face", "text", "gaze"), pair="text+face+gaze"),
        ("regression", "recording", "group", {"all", "only_face", "only_gaze", "none"}),
    ),
    (
        seqsew_unimodal,
        "",
        dict(target="trace"),
        ("regression", "recording", "steps", {f"{m}/{e}" for m in own.FEATURES for e in seqsew_unimodal.ENCODERS}),
    ),
]


@pytest.mark.parametrize(
    ("config", "argument", "corpus", "expected"), CASES, ids=lambda x: getattr(x, "__name__", None)
)
def test_every_config_fits_a_manifest(config, argument, corpus, expected, path):
    experiment = fit(config, argument, path, **corpus)
    settings, data = experiment.corpus.settings, experiment.data
    names = set(experiment.document["studies"])
    assert (experiment.task, data.unit, settings["layout"], names) == expected
    assert {study.name for study in experiment.studies} == set(experiment.trials.only or names)
    assert data.target == settings["target"] == corpus["target"]
    assert not experiment.corpus.synthetic
    again = resolve_document(experiment.document)
    assert again == dataclasses.replace(experiment, remarks=again.remarks)
    recordings = splits.load_recordings(experiment.corpus)
    split = splits.build_split(recordings.splits["train"] + recordings.splits["validation"], data)
    members = splits.make_folds(recordings, experiment.trials.folds)
    folds = folding.build_folds(split.corpus, split.index, members, splits.choose_standardized(data))
    study = experiment.studies[0]
    model = make_model(study.model)
    loop.check_stages(model, study.stages, split.corpus, folds)
    outputs = loop.trace_shapes(model, split.corpus, folds)[1]
    shape = outputs[study.stages[-1].prediction].shape
    classes = {"emotion": 3, "mood": 2}.get(corpus["target"]) if experiment.task == "multiclass" else None
    assert shape[1 if data.unit == "recording" else 0 :][1:] == ((classes,) if classes else ())


def test_a_config_is_left_alone_and_a_release_gets_its_own_settings(path):
    for config in (fusion, seqsew, sew, conflictnet):
        raw = config.get_config()
        before = raw.to_dict()
        plain = load_config(raw).document
        assert raw.to_dict() == before
        assert not {"manifest", "layout", "sound", "pair"} & set(plain["corpus"])
        whole = merge_changes(before, before.pop("synthetic", {}))
        assert {k: v for k, v in plain.items() if k != "corpus"} == {k: v for k, v in whole.items() if k != "corpus"}
    assert load_config(sew.get_config("valence,app+geo")).corpus.settings["target"] == "valence"
    ravdess = load_config(fusion.get_config("all,ravdess")).corpus
    assert ravdess.settings["modalities"] == ("mfcc", "action_units")


def test_losses_and_scores_follow_the_labels(path):
    def said(config, target, argument=""):
        stage = list(fit(config, argument, path, target=target).document["stages"].values())[-1]
        loss = stage["losses"]["prediction"]
        return loss["kind"], loss["prediction"], stage["monitor"]["metric"], stage["plateau"]["metric"]

    assert said(conflictnet, "valence") == ("pcc", "prediction", "pcc", None)  # what fits stays
    assert said(conflictnet, "mood") == ("cross_entropy", "logits", "uar", None)
    assert said(speech_emotion, "valence") == ("ccc", "prediction", "ccc", None)
    assert said(fusion, "mood") == ("cross_entropy", "logits", "accuracy", "log_loss")
    assert said(fusion, "valence") == ("ccc", "prediction", "ccc", None)
    assert said(sew, "mood") == ("cross_entropy", "logits", "uar", None)
    experiment = fit(seqsew, "", path, target="emotion")
    assert experiment.document["stages"]["teacher_text"]["losses"]["prediction"] == dict(
        kind="cross_entropy", prediction="logits/text", target="target", weight=1.0
    )
    model = experiment.studies[0].model
    assert (model["activation"], model["classes"]) == ("linear", 3)
    assert fit(seqsew, "", path, target="mood").studies[0].model["activation"] == "sigmoid"
    (remark,) = fit(speech_emotion, "", path, target="valence").remarks[:1]
    assert remark.startswith("stages.fit.losses.prediction.kind: cross_entropy -> ccc, because the label 'valence'")


def test_the_pair_is_the_asked_one_or_the_config_s_or_the_first_two(path, tmp_path):
    def pair(config, path, **corpus):
        experiment = fit(config, "", path, target="valence", **corpus)
        model = experiment.studies[0].model
        modalities = (model["weaker"], *model["stronger"])
        assert experiment.data.modalities == experiment.corpus.settings["modalities"] == modalities
        return modalities

    assert pair(seqsew, path) == ("face", "text")
    assert pair(sew, path, pair="text+face") == ("text", "face")
    turned = fit(sew, "", path, target="valence", pair="text+face").studies[0]
    assert turned.model["stronger_decoder_layers"][0][-1] == 2 * 3
    teachers, *alone = fit(sew, "", path, target="valence", pair="face+text").studies
    assert teachers.model["stronger_decoder_layers"] == ((108, 4),)
    (stage,) = teachers.stages
    terms = {term.name: term for term in stage.terms}
    translation = terms["translation_text"]
    assert (translation.left, translation.right) == ("translation/text", "inputs/text")
    assert terms["alignment_text"].right == "latent/text"
    assert "stronger_encoder_text" in stage.train
    assert {study.name: (study.model["weaker"], *study.variants) for study in alone} == {
        "unimodal_face": ("face", "unimodal face"),
        "unimodal_text": ("text", "unimodal text"),
    }
    (tmp_path / "more").mkdir()
    text = path.read_text().replace("face,text", "text,video", 1)
    renamed = path.with_name("renamed.csv")
    renamed.write_text(text)
    assert pair(seqsew, renamed, modalities=("text", "video")) == ("video", "text")


def test_sizes_follow_the_data(path):
    experiment = fit(fusion, "all", path, target="emotion")
    model = experiment.document["model"]
    assert (model["modalities"], model["map_steps"], model["classes"]) == (own.FEATURES, (0, 0), 3)
    assert experiment.data.steps == {"face": 5, "text": 1}
    raw = own.use(speech_emotion.get_config(), path, target="mood", rate=4000)
    assert load_config(raw).data.steps == {"voice": 800}
    raw.data.steps.speech = 500
    assert load_config(raw).data.steps == {"voice": 500}


def test_folds_of_cmu_mosi_are_not_asked_of_others(path):
    assert fit(seqsew, "", path).trials.folds is None
    raw = own.use(seqsew.get_config(), path, modalities=own.FEATURES)
    raw.study.folds = ("mine",)
    assert load_config(raw).trials.folds == ("mine",)


def test_names_are_replaced_where_they_are_names():
    names = {"audio": "voice", "text": "audio"}
    assert rename_modalities(
        {"a_text": ("inputs/audio", "text alone", "stages.s.losses.translation_audio", 3)}, names
    ) == {"a_audio": ("inputs/voice", "audio alone", "stages.s.losses.translation_voice", 3)}
    assert rename_modalities(["context", "audio_2", "texts", "audio->text"], names) == [
        "context",
        "audio_2",
        "texts",
        "voice->audio",
    ]


@pytest.mark.parametrize(
    ("config", "corpus", "message"),
    [
        (
            conflictnet,
            dict(modalities=own.FEATURES),
            r"hears raw speech, but of the modalities face, text none",
        ),
        (conflictnet_words, dict(modalities=("voice",)), "reads 1 column beside .* 'voice', but there are none; name"),
        (speech_emotion, dict(sound="mfcc"), "none are recordings read as waveforms; add a column of .wav"),
        (seqsew, dict(modalities=("face",)), r"seqsew needs 2 modalities.*has face; add a column"),
        (sew, dict(modalities=("face",)), "sew needs 2 modalities"),
        (fusion, dict(modalities=("face",)), "has one modality, 'face', and fusion joins two or more"),
        (seqsew, dict(pair="fcae+text"), r"no modality 'fcae' \(did you mean 'face'\?\)"),
        (seqsew, dict(pair="face+text+gaze", modalities=("face", "text", "gaze")), "teaches with 1; write 2 different"),
        (seqsew, dict(pair="face+face"), "write 2 different"),
        (fusion, dict(pair="face+text"), "which SEW and SeqSEW alone read; leave it out"),
        (rank, dict(pair="face+text"), "which SEW and SeqSEW alone read; leave it out"),
        (fusion, dict(layout="group"), "items with one label each, but config.corpus.layout is 'group'"),
        (sew, dict(layout="item"), "learns from steps, but config.corpus.layout is 'item'"),
        (fusion, dict(target="trace"), "items with one label each, but the labels are per step; set"),
        (fusion, dict(modalities=("face", "voice"), sound="waveform"), "config.corpus.sound is 'waveform' and 'voice'"),
        (fusion, dict(target="moood"), r"config.corpus.target is 'moood' \(did you mean 'mood'\?\)"),
        (fusion, dict(manual_dir="x"), "config.corpus.manual_dir is not a setting"),
        (fusion, dict(manifest=""), "config.corpus.manifest is not set"),
        (fusion, dict(name="iemocap", layout="group"), "config.corpus.layout is not a setting"),
    ],
)
def test_what_cannot_be_is_one_sentence(config, corpus, message, path):
    settings = {"name": "manifest", "manifest": str(path), "data_dir": str(path.parent / "data")}
    raw = config.get_config()
    if config not in (conflictnet, speech_emotion):
        settings["modalities"] = own.FEATURES
    raw.corpus.update({**settings, **corpus})
    if raw.corpus.name != "manifest":
        raw.corpus.update(manifest="", modalities=())
    with pytest.raises(UserError, match=message):
        splits.load_recordings(load_config(raw).corpus)


def test_of_several_recordings_one_must_be_named(path):
    lines = path.read_text().splitlines()
    twice = path.with_name("twice.csv")
    twice.write_text("\n".join([f"{lines[0]},other", *(f"{x},{x.rpartition(',')[2]}" for x in lines[1:])]) + "\n")
    with pytest.raises(UserError, match=r"there are voice, other; name one of them"):
        fit(speech_emotion, "", twice, target="mood")
    (study,) = fit(speech_emotion, "", twice, target="mood", modalities=("other",)).studies
    assert study.model["modality"] == "other"


def test_a_delay_in_seconds_is_config_data_delay(path):
    experiment = fit(rank, "manifest,sequence", path, target="trace", label_rate=10.0, annotation_delay=0.2)
    assert experiment.data.delay == 2
    with pytest.raises(UserError, match=r"config.corpus.annotation_delay is 0.2 s, but there are no labels per step"):
        fit(rank, "manifest,sequence", path, target="mood", annotation_delay=0.2)
