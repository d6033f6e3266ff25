"""Runs on one's own corpus from start to end, and the pair that a run finds by itself."""

import csv

import numpy as np
import pytest

from affect_jax.config import auto_pair
from affect_jax.config.load import load_config, resolve_document
from affect_jax.config.modalities import map_single_modalities
from affect_jax.errors import UserError
from affect_jax.evaluation import modality_ranking
from affect_jax.evaluation.read import read_run
from affect_jax.experiment import run
from affect_jax.inference import split_files
from affect_jax.reports import report_files
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import read_json
from configs import fusion, rank, seqsew
from tests import own, small


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return own.write(tmp_path_factory.mktemp("own"), columns=own.FEATURES)


def test_fusion_of_one_s_own_classes(path, tmp_path):
    config = own.use(fusion.get_config("trimodal,manifest"), path, target="emotion")
    config.model.update(units=2, heads=2, hidden=3)
    config.stages.fit.epochs = 1
    config.engine.devices = 1
    config.study.update(only=("intra",), seeds=1)
    results = small.run_drawn(config, tmp_path / "run", config_arg="configs/fusion.py:trimodal,manifest")
    assert results.corpus.name == "manifest"
    assert not results.corpus.synthetic
    assert results.corpus.labels == ("emotion0", "emotion1", "emotion2")
    resolved = read_json(tmp_path / "run" / "config.json")["config"]
    assert resolved["data"]["modalities"] == resolved["model"]["modalities"] == ["face", "text"]
    assert resolved["data"]["steps"] == {"face": 5, "text": 1}
    files = split_files.write_split_predictions(tmp_path / "run", results, [0], "test", tmp_path / "predictions")
    assert [file.name for file in files] == ["speaker5.csv"]
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert [row["id"] for row in rows] == ["item5", "item11"]
    for row in rows:
        chances = {name: float(row[name]) for name in results.corpus.labels}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-5)
        assert row["prediction"] == max(chances, key=chances.get)
    assert "emotion2" in report_files.render_runs([tmp_path / "run"], "command")["confusion"]["md"]
    assert modality_ranking.rank_modalities(read_run(tmp_path / "run")) is None


def test_auto_lets_text_teach_on_cmu_mosi(tmp_path, monkeypatch, capsys):
    config = small.forget_synthetic(seqsew.get_config("auto"))
    config.corpus.data_dir = str(tmp_path / "data")
    ranked = config.ranking  # by classifiers alone, of two modalities
    ranked.model.update(classifier_width=8, encoder="none")
    ranked.study.update(only=("audio", "text"), folds=("draw_0",), seeds=2)
    ranked.search.grid = {}
    ranked.stages.fit.epochs = 10
    ranked.stages.fit.optimizer.learning_rate = 0.01
    for study in ranked.studies.values():
        study.model.encoder = "none"
        study.stages.fit.train = ("weaker_classifier",)
    train, trained = run._train, []

    def train_ranking_only(experiment, *rest):
        """Trains what ranks; of SeqSEW, which takes long to compile, only its experiment is wanted."""
        trained.append(experiment)
        return train(experiment, *rest) if not experiment.document["model"]["stronger"] else None

    monkeypatch.setattr(run, "_train", train_ranking_only)
    small.run(config, tmp_path / "run", config_arg="configs/seqsew.py:auto")
    printed = capsys.readouterr().err
    in_report = modality_ranking.rank_modalities(read_run(tmp_path / "run" / auto_pair.FOLDER))
    assert [one.modality for one in in_report.ranked] == ["text", "audio"]
    assert in_report.ranked[0].validation.mean > in_report.ranked[1].validation.mean
    assert "so text, the strongest, teaches audio, the weakest" in printed
    assert "on a synthetic corpus" in printed
    chosen = trained[1]
    (teachers,) = (study for study in chosen.studies if study.name == "teachers")
    assert (teachers.model["weaker"], teachers.model["stronger"]) == ("audio", ("text",))
    assert (teachers.model["weaker_gru_layers"], teachers.model["stronger_gru_layers"]) == (2, (1,))
    terms = {term.name: term for term in teachers.stages[-1].terms}
    assert terms["translation_text"].right == "inputs/text"
    assert [stage.name for stage in teachers.stages] == ["teacher_text", "student"]
    assert chosen.data.modalities == ("audio", "text")
    assert chosen.name.endswith("text teaches audio")
    resolved = read_json(tmp_path / "run" / "config.json")["config"]
    assert "ranking" not in resolved
    small.run(config, tmp_path / "run", config_arg="configs/seqsew.py:auto")
    assert len(trained) == 3  # the ranking, finished, is read


@pytest.mark.parametrize("argument", rank.ARGUMENTS)
def test_a_ranking_has_a_study_of_each_modality(argument):
    config = rank.get_config(argument)
    alone = map_single_modalities(config.to_dict())
    assert alone
    assert set(alone) == set(alone.values()) == set(config.data.modalities)
    assert {name: tuple(study.variants) for name, study in config.studies.items()} == {m: (m,) for m in alone}
    if "manifest" not in argument and "arrays" not in argument:
        assert {s.name: tuple(s.variants) for s in load_config(config).studies} == {m: (m,) for m in alone}
    with pytest.raises(UserError, match="choose one of"):
        rank.get_config("joy")


@pytest.mark.parametrize("argument", seqsew.AUTO)
def test_auto_is_a_pair_of_the_corpus_and_its_ranking(argument):
    config = seqsew.get_config(argument)
    undecided = load_config(config)
    assert isinstance(undecided, auto_pair.Undecided)
    ranking_ = undecided.ranking
    assert ranking_.corpus.name == undecided.document["corpus"]["name"]
    assert ranking_.task == undecided.document["task"] == config.task
    assert ranking_.data.target == config.data.target
    assert {config.model.weaker, *config.model.stronger} <= {study.name for study in ranking_.studies}
    assert undecided.remarks  # the schedule of the small synthetic corpus, of the ranking too
    assert all(study.model["latent"] == 16 for study in ranking_.studies)


def test_what_follows_a_ranking_is_decided_by_mean_scores():
    undecided = load_config(small.forget_synthetic(seqsew.get_config("auto,recola,arousal")))
    means = dict(audio=0.3, video_geometric=0.5, video_appearance=0.1)
    decision = auto_pair.decide_pair(undecided, means, 1.0)
    assert list(decision.scores) == ["video_geometric", "audio", "video_appearance"]
    assert resolve_document(decision.document).data.modalities == ("video_appearance", "video_geometric")
    lower_is_better = auto_pair.decide_pair(undecided, means, -1.0)
    assert resolve_document(lower_is_better.document).data.modalities == ("video_geometric", "video_appearance")


def test_auto_on_one_s_own_corpus_asks_for_the_decided_pair(path):
    config = own.use(seqsew.get_config("auto"), path, target="mood")
    undecided = load_config(config)
    assert undecided.ranking.corpus.settings["manifest"] == str(path)
    means = dict.fromkeys([study.name for study in undecided.ranking.studies], 0.5) | dict(text=0.9, face=0.1)
    decision = auto_pair.decide_pair(undecided, means, 1.0)
    assert decision.document["corpus"]["pair"] == "face+text"
    assert "ranking" not in decision.document
    assert resolve_document(decision.document).data.modalities == ("face", "text")
    config.corpus.pair = "face+text"
    with pytest.raises(UserError, match="this config finds the pair by itself; leave it out"):
        load_config(config)


def test_a_ranking_in_a_run_folder_is_no_stranger(tmp_path):
    (tmp_path / "ranking").mkdir()
    with run_folder.lock_run_folder(tmp_path):
        pass
    np.save(tmp_path / "other.npy", np.zeros(1))
    with pytest.raises(UserError, match="holds 'other.npy' but no config.json"), run_folder.lock_run_folder(tmp_path):
        pass
