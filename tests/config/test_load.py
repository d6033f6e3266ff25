"""A config is read once: what it becomes, what a synthetic corpus changes of it, and all that can be wrong with it."""

import dataclasses
import json

import pytest

from affect_jax.config.load import (
    encode_document,
    format_config,
    load_config,
    read_experiment,
    replace_engine,
    resolve_document,
)
from affect_jax.config.schema import EngineSettings
from affect_jax.errors import UserError
from configs import conflictnet, fusion, seqsew, seqsew_unimodal, sew, sew_unimodal, third_modality
from tests import small


def change(path, value):
    """configs/sew.py as a plain config with another value, or another key, at a dotted path."""
    document = small.forget_synthetic(sew.get_config()).to_dict()
    *parents, last = path.split(".")
    table = document
    for key in parents:
        table = table[key]
    table[last] = value
    return document


def test_a_study_is_what_its_config_says():
    experiment = load_config(small.forget_synthetic(sew.get_config()))
    assert experiment.name == "SEW arousal geo+audio"
    assert experiment.corpus.synthetic
    teachers, *alone = experiment.studies
    assert [study.name for study in alone] == ["unimodal_audio", "unimodal_video_geometric"]
    assert list(teachers.variants)[0] == "SEW"
    assert teachers.variants["-CCA"] == {"stages.fit.losses.alignment_audio.weight": 0.0}
    assert teachers.hyper["fit"].momentum == 0.7
    (stage,) = teachers.stages
    assert (stage.batch, stage.epochs, stage.patience, stage.metric) == (32, 50, 10, "ccc")
    assert [term.name for term in alone[0].stages[0].terms] == ["prediction"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.name = "another"


def test_left_open_is_none():
    experiment = load_config(sew.get_config())
    assert experiment.trials.only is None
    assert experiment.trials.folds is None
    assert experiment.engine == EngineSettings()
    assert experiment.engine.devices is None
    assert experiment.data.window is None
    stage = dict(sew.get_config().stages.fit.to_dict(), patience=None)
    (without,) = load_config(small.forget_synthetic(sew_unimodal.get_config())).studies[:1]
    assert without.stages[0].plateau_patience == 0  # the engine's word for never
    assert load_config(change("stages.fit", stage)).studies[0].stages[0].patience == 0
    assert load_config(change("stages.fit.patience", 0)).studies[0].stages[0].patience == 0  # as a flag can say it


@pytest.mark.parametrize("config", [sew, sew_unimodal, seqsew, seqsew_unimodal])
def test_a_synthetic_corpus_changes_the_schedule_and_says_so(config):
    raw = config.get_config()
    before = raw.to_dict()
    (remark,) = load_config(raw).remarks
    assert raw.to_dict() == before
    assert remark.startswith("for the small synthetic corpus: ")
    release = config.get_config()
    release.corpus.manual_dir = "/a/release"
    experiment = load_config(release)
    assert experiment.remarks == ()
    assert not experiment.corpus.synthetic
    assert "synthetic" not in experiment.document
    published = load_config(small.forget_synthetic(config.get_config()))
    assert experiment.studies == published.studies


def test_what_a_flag_sets_stays_on_a_synthetic_corpus():
    config = sew.get_config()
    config.stages.fit.epochs = 7
    both = load_config(config)
    assert both.studies[0].stages[0].epochs == 15
    experiment = load_config(config, ("stages.fit.epochs",))
    assert experiment.studies[0].stages[0].epochs == 7
    assert experiment.studies[0].hyper["fit"].learning_rate == 0.02
    (remark,) = experiment.remarks
    assert remark == "for the small synthetic corpus: stages.fit.optimizer.learning_rate 0.02 (instead of 0.001)"
    assert load_config(config, ("stages.fit",)).remarks == ()


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("stages.fit.epoch", 3, r"config.stages.fit has no setting 'epoch' \(did you mean 'epochs'\?\)"),
        ("model.regressor_widht", 3, r"takes no 'regressor_widht' \(did you mean 'regressor_width'\?\)"),
        ("corups", {}, r"config has no setting 'corups' \(did you mean 'corpus'\?\)"),
        ("corpus.nonfinit", "refuse", r"config.corpus.nonfinit is not a setting \(did you mean 'nonfinite'\?\)"),
        ("stages.fit.epochs", 3.5, "config.stages.fit.epochs is 3.5; set a whole number at least 1"),
        ("stages.fit.epochs", True, "config.stages.fit.epochs is True; set a whole number"),
        ("stages.fit.dropout", "0.1", "config.stages.fit.dropout is '0.1'; set a number at least 0 and at most 0.99"),
        ("stages.fit.dropout", 1.0, "config.stages.fit.dropout is 1.0; set a number"),
        ("stages.fit.patience", -1, "config.stages.fit.patience is -1; set a whole number at least 0 or None"),
        ("stages.fit.batch", 0, "config.stages.fit.batch is 0; set a whole number at least 1"),
        ("stages.fit.optimizer.learning_rate", float("nan"), "learning_rate is nan; set a number at least 0"),
        ("stages.fit.optimizer.learning_rate", -1.0, "learning_rate is -1.0; set a number at least 0"),
        ("stages.fit.losses.prediction.weight", "1", "prediction.weight is '1'; set a number"),
        ("task", "regresion", "config.task is 'regresion' .did you mean 'regression'..; set one of"),
        ("name", 3, "config.name is 3; set text"),
        ("data.unit", "minute", "config.data.unit is 'minute'.*; set one of"),
        ("data.unit", "window", "set config.data.window and config.data.hop"),
        ("data.modalities", (), "config.data.modalities is empty"),
        ("data.modalities", "audio", "config.data.modalities is 'audio'; set a tuple"),
        ("data.steps", {"audoi": 3}, r"config.data.steps names 'audoi' \(did you mean 'audio'\?\)"),
        ("data.average", {"audio": 0}, "config.data.average.audio is 0; set a whole number at least 1"),
        (
            "data.average",
            {"audio": 2},
            "but config.data.unit is '.*', whose steps have labels; leave it out, or choose items",
        ),
        ("data.standardize", ("audoi",), r"config.data.standardize names 'audoi' \(did you mean 'audio'\?\)"),
        (
            "data.rescale",
            "author",
            "config.data.rescale is 'author' .did you mean 'authors'..; set one of affine, authors, none or None",
        ),
        ("study.seeds", (0, -1), r"config.study.seeds is \(0, -1\); set"),
        ("study.only", ("teacher",), r"config.study.only names 'teacher' \(did you mean 'teachers'\?\)"),
        ("studies.teachers.variants", {}, "config.studies.teachers.variants is empty"),
        ("studies.teachers", 3, "config.studies.teachers is 3; set a table of settings"),
        ("search.grid", {"stages": {"fit": {"dropout": 0.1}}}, "stages.fit.dropout = 0.1; set a tuple of numbers"),
        ("engine.host_megabytes", -1.0, "config.engine.host_megabytes is -1.0; set a number at least 0"),
        ("engine.host_megabytes", float("nan"), "config.engine.host_megabytes is nan; set"),
        ("engine.data", 0, "config.engine.data is 0; set a whole number at least 1"),
        ("stages", 3, "the config has no table 'stages'"),
        # What older commands say.
        ("engine.rows_at_once", 4, "config.engine has no setting 'rows_at_once'; it is now engine.trials_at_once"),
        ("engine.wave_gigabytes", 4.0, "it is now engine.trial_batch_gigabytes"),
        ("studies.teachers.cells", {}, "config.studies.teachers has no setting 'cells'; it is now variants"),
        ("studies.teachers.override", {}, "has no setting 'override'; write the changes of the study directly"),
        ("studies.teachers.drop", (), "has no setting 'drop'; set to None"),
    ],
)
def test_what_is_wrong_is_one_sentence(path, value, sentence):
    with pytest.raises(UserError, match=sentence) as raised:
        load_config(change(path, value))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("stages.fit.optimizer", {}, "config.stages.fit.optimizer lacks 'name'"),
        ("engine", {"devices": "two"}, "config.engine.devices is 'two'; set a whole number at least 1 or None"),
    ],
)
def test_a_wrong_table_is_told(path, value, sentence):
    with pytest.raises(UserError, match=sentence):
        load_config(change(path, value))


def test_several_problems_are_told_at_once():
    document = change("stages.fit.epoch", 3)
    document["engine"]["data"] = 0
    document["study"]["seeds"] = "many"
    with pytest.raises(UserError) as raised:
        load_config(document)
    first, *lines = str(raised.value).splitlines()
    assert first == "the config has 3 problems:"
    assert [line.split()[0] for line in lines] == ["config.study.seeds", "config.engine.data", "config.stages.fit"]


def test_a_missing_table_is_told():
    document = sew.get_config().to_dict()
    for key in ("search", "engine"):
        del document[key]
    with pytest.raises(UserError, match="the config has 2 problems:\n  the config lacks 'search'\n.* lacks 'engine'"):
        load_config(document)
    del document["corpus"]
    with pytest.raises(UserError, match="the config has no table 'corpus'; configs/sew.py shows"):
        load_config(document)


@pytest.mark.parametrize(
    ("config", "argument"),
    [
        (sew, "arousal,geo+audio"),
        (seqsew, "mosi,video+text+audio"),
        (conflictnet, "sspnet_conflict"),
        (fusion, "all,iemocap"),
        (third_modality, "seqsew"),
    ],
)
def test_a_run_folder_gives_its_experiment_back(config, argument, tmp_path):
    experiment = load_config(config.get_config(argument))
    (tmp_path / "config.json").write_text(json.dumps({"config": encode_document(experiment)}))
    again = read_experiment(tmp_path)
    assert again == dataclasses.replace(experiment, remarks=(), document=again.document)
    assert encode_document(again) == encode_document(experiment)
    assert resolve_document(again.document) == again


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "config.json is missing; name the folder of a run"),
        ("{}", "holds no 'config'"),
        ("[]", "holds no 'config'"),
        ('{"config": {"name": "old"}}', "(?s)does not fit this version: .*; train that run again with launch.main"),
    ],
)
def test_a_wrong_run_folder_is_told(text, sentence, tmp_path):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_experiment(tmp_path)


def test_a_run_folder_of_an_older_version_is_told(tmp_path):
    old = encode_document(load_config(sew.get_config()))
    old["engine"]["rows_at_once"] = 0
    (tmp_path / "config.json").write_text(json.dumps({"config": old}))
    with pytest.raises(UserError, match="does not fit this version: .*it is now engine.trials_at_once"):
        read_experiment(tmp_path)


def test_a_resolved_config_is_printed_a_line_a_setting():
    lines = format_config(load_config(sew.get_config())).splitlines()
    assert "config.stages.fit.epochs = 15" in lines
    assert lines[-1].startswith("# for the small synthetic corpus: ")


def test_an_engine_is_replaced_and_nothing_else():
    experiment = load_config(sew.get_config())
    streamed = replace_engine(experiment, stream=True, devices=1)
    assert (streamed.engine.stream, streamed.engine.devices) == (True, 1)
    assert dataclasses.replace(streamed, engine=experiment.engine) == experiment
