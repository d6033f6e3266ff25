"""What a flag gives is used or refused on one's own corpus, and what is adapted is told."""

import pytest

from affect_jax.config import fit_schedule
from affect_jax.config.load import load_config
from affect_jax.errors import UserError
from configs import conflictnet, fusion, rank, seqsew, sew
from tests import own


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return own.write(tmp_path_factory.mktemp("own"))


def load(config, path, given, **corpus):
    """The experiment of a config and flags: `given` are paths and values, beside the manifest."""
    raw = config.get_config()
    flags = {"corpus.manifest": str(path), "corpus.data_dir": str(path.parent / "data")}
    flags |= {f"corpus.{key}": value for key, value in corpus.items()} | given
    with raw.ignore_type():
        raw.update_from_flattened_dict(flags)
    return load_config(raw, set(flags))


LOSS, METRIC = "stages.fit.losses.prediction.kind", "stages.fit.monitor.metric"


@pytest.mark.parametrize(
    ("config", "given", "message"),
    [
        (fusion, {LOSS: "hinge"}, "kind 'hinge'; what fits here is cross_entropy, focal, ordinal, or a function of"),
        (fusion, {LOSS: "mse"}, f"config.{LOSS} is 'mse', but the label 'emotion' has 3 classes; choose cross_entropy"),
        (fusion, {LOSS: "no_module_of_mine:focal"}, "module 'no_module_of_mine' that cannot be imported"),
        (fusion, {LOSS: "math:focal"}, "module 'math' has no function 'focal'"),
        (fusion, {METRIC: "ccc"}, r"monitors 'ccc'.*a multiclass task has accuracy, uar"),
        (fusion, {"task": "regression"}, "config.task was given as regression, but on this corpus it is multiclass"),
        (fusion, {"model.classes": 7}, "config.model.classes was given as 7, but .* it is 3, because the label"),
        (fusion, {"data.standardize": ("video",)}, r"data.standardize names 'video'|data.standardize was given"),
        (fusion, {"data.steps.video": 3}, "config.data.steps.video was given, but on this corpus .* no such setting"),
        (rank, {"studies.text.model.attention": "cross"}, "config.studies.text.model.attention was given"),
        (conflictnet, {"model.rate": 16000.0}, "model.rate was given as 16000, but on this corpus it is 8000"),
        (fusion, {"corpus.path": "x.npz"}, "config.corpus.manifest and config.corpus.path are both given"),
    ],
)
def test_what_a_flag_gives_and_cannot_be_is_refused(config, given, message, path):
    corpus = {"target": "emotion"} | ({} if config is conflictnet else {"modalities": own.FEATURES})
    with pytest.raises(UserError, match=message):
        load(config, path, given, **corpus)


def test_what_a_flag_gives_is_used(path, tmp_path, monkeypatch):
    (tmp_path / "losses_of_mine.py").write_text("def focal(prediction, target):\n    return target\n")
    monkeypatch.syspath_prepend(tmp_path)
    given = {LOSS: "losses_of_mine:focal", METRIC: "macro_f1", "data.target": "emotion", "study.seeds": 5}
    experiment = load(fusion, path, {**given, "model.modalities": ("text", "face"), "model.map_steps": (0, 3)})
    stage = experiment.studies[0].stages[0]
    assert (stage.terms[0].kind, stage.terms[0].left, stage.metric) == ("losses_of_mine:focal", "logits", "macro_f1")
    assert experiment.data.target == experiment.corpus.settings["target"] == "emotion"
    assert experiment.data.modalities == ("face", "text")  # in the order of the file
    assert experiment.studies[0].model["map_steps"] == (0, 3)
    assert experiment.trials.seeds == 5
    numbers = load(fusion, path, {LOSS: "losses_of_mine:focal"}, target="valence", modalities=own.FEATURES)
    assert numbers.studies[0].stages[0].terms[0].left == "prediction"
    seconds = load(fusion, path, {"data.steps.text": 1, "data.modalities": ("face", "text")}, target="valence")
    assert dict(seconds.data.steps) == {"face": 5, "text": 1}


def test_a_manifest_alone_is_the_corpus_and_says_what_it_changes(path):
    experiment = load(sew, path, {}, target="emotion", modalities=own.FEATURES)
    assert experiment.corpus.name == "manifest"
    assert experiment.remarks[0] == f"corpus.name: recola -> manifest, because config.corpus.manifest is {path}"
    assert "stages.fit.monitor.metric: ccc -> uar, because the label 'emotion' has 3 classes" in experiment.remarks
    assert any(remark.startswith("study.seeds: 3 -> 2, because a first try") for remark in experiment.remarks)
    assert any(
        "model.weaker: video_geometric -> face, because face and text are what is read" in one
        for one in experiment.remarks
    )
    assert not any("small synthetic corpus" in remark for remark in experiment.remarks)
    again = load_config(experiment.document)
    assert again.document == experiment.document
    assert not any(" -> " in remark for remark in again.remarks)


def test_flags_of_a_config_that_ranks_first_reach_what_they_are_of(path):
    raw = seqsew.get_config("auto")
    given = {"corpus.manifest": str(path), "corpus.target": "mood", "stages.student.epochs": 3, "study.seeds": 7}
    raw.update_from_flattened_dict({**given, "corpus.modalities": own.FEATURES})
    undecided = load_config(raw, set(given))
    assert undecided.ranking.corpus.name == "manifest"
    assert "study.seeds" in undecided.given
    assert undecided.document["study"]["seeds"] == 7


def test_a_small_corpus_has_several_updates_an_epoch_and_time_to_learn(path):
    experiment = load(fusion, path, {}, target="mood", modalities=own.FEATURES)
    stage = experiment.studies[0].stages[0]
    assert (stage.batch, stage.epochs, stage.patience) == (4, 50, 15)
    assert any(
        remark.startswith("stages.fit.batch: 32 -> 4, because the corpus is small") for remark in experiment.remarks
    )
    flags = {"stages.fit.batch": 16, "stages.fit.epochs": 3, "stages.fit.patience": 1}
    stage = load(fusion, path, flags, target="mood", modalities=own.FEATURES).studies[0].stages[0]
    assert (stage.batch, stage.epochs, stage.patience) == (16, 3, 1)
    assert fit_schedule.count_examples({"unit": "recording", "window": 10, "hop": 5}, 0, (100, 3)) == int(0.6 * 21)
    stages = {"fit": {"batch": None, "epochs": 9, "patience": 0}}
    large = fit_schedule.fit_schedule(stages, 10_000, (), is_for_other=False)
    assert large == {"fit": {"batch": 32, "epochs": 9, "patience": 0}}


@pytest.mark.parametrize(
    ("target", "kind", "output"), [("emotion", "cross_entropy", "logits"), ("valence", "mse", "prediction")]
)
@pytest.mark.parametrize("config", [fusion, rank, conflictnet])
def test_a_loss_that_fits_reads_the_output_that_the_model_then_has(config, target, kind, output, path):
    corpus = {"target": target} | ({} if config is conflictnet else {"modalities": own.FEATURES})
    terms = [study.stages[0].terms[0] for study in load(config, path, {LOSS: kind}, **corpus).studies]
    assert {(term.kind, term.left) for term in terms} == {(kind, output)}


@pytest.mark.parametrize(
    ("table", "value", "message"),
    [
        ("model", {"units": 3}, r"config.model has no name; .* --config.model.NAME=VALUE"),
        ("data", {"target": "emotion"}, "config.data has no modalities and no unit; "),
        ("stages.fit", {"epochs": 3}, "config.stages.fit has no losses and no monitor and no plateau; "),
    ],
)
def test_a_table_that_a_flag_gives_with_parts_left_out_is_refused_by_name(table, value, message, path):
    with pytest.raises(UserError, match=message):
        load(fusion, path, {table: value}, target="emotion", modalities=own.FEATURES)
