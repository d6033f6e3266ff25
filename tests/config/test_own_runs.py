"""Runs on one's own corpus from start to end, and the pair that a run finds by itself."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.config import auto_pair, studies
from affect_jax.config.modalities import map_single_modalities
from affect_jax.errors import UserError
from affect_jax.experiment import run
from affect_jax.experiment.run import run_experiment
from affect_jax.inference import split_files
from affect_jax.reports import ranking, report_files
from affect_jax.reports.read import read_run
from affect_jax.runtime import run_folder
from configs import fusion, rank, seqsew
from tests import own

MEAN = SimpleNamespace(mean=0.5)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return own.write(tmp_path_factory.mktemp("own"), columns=own.FEATURES)


def test_fusion_of_one_s_own_classes(path, tmp_path):
    config = own.use(fusion.get_config("trimodal,manifest"), path, target="emotion")
    config.model.update(units=2, heads=2, hidden=3)
    config.stages.fit.epochs = 1
    config.engine.devices = 1
    config.study.update(only=("intra",), seeds=1)
    results = run_experiment(config, str(tmp_path / "run"), config_arg="configs/fusion.py:trimodal,manifest")
    assert results["corpus"]["name"] == "manifest"
    assert not results["corpus"]["synthetic"]
    assert results["corpus"]["labels"] == ["emotion0", "emotion1", "emotion2"]
    resolved = run_folder.read_json(tmp_path / "run" / "config.json")["config"]
    assert resolved["data"]["modalities"] == resolved["model"]["modalities"] == ["face", "text"]
    assert resolved["data"]["steps"] == {"face": 5, "text": 1}
    files = split_files.write_split_predictions(tmp_path / "run", results, 0, "test", tmp_path / "predictions")
    assert [file.name for file in files] == ["speaker5.csv"]
    trials = list(csv.DictReader(files[0].read_text().splitlines()))
    assert [trial["id"] for trial in trials] == ["item5", "item11"]
    for trial in trials:
        chances = {name: float(trial[name]) for name in results["corpus"]["labels"]}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-5)
        assert trial["prediction"] == max(chances, key=chances.get)
    assert "emotion2" in report_files.render_runs([tmp_path / "run"], "command")["confusion"]["md"]
    assert ranking.rank_modalities(read_run(tmp_path / "run")) is None


def test_auto_lets_text_teach_on_cmu_mosi(tmp_path, monkeypatch, capsys):
    config = seqsew.get_config("auto")
    config.corpus.data_dir = str(tmp_path / "data")
    ranked = config.ranking  # by classifiers alone, of two modalities
    ranked.model.classifier_width = 8
    ranked.study.update(only=("audio", "text"), folds=("draw_0",), seeds=2)
    ranked.stages.fit.epochs = 10
    ranked.stages.fit.optimizer.learning_rate = 0.01
    for one in ranked.studies.values():
        one.override.update(model=dict(one.override.model, encoder="none"))
        one.override.stages.fit.train = ("weaker_classifier",)
    train, trained = run._train, []

    def ranks_only(config, *rest):
        """Trains what ranks; of SeqSEW, which takes long to compile, only its config is wanted."""
        trained.append(config)
        return train(config, *rest) if not config.model.stronger else {}

    monkeypatch.setattr(run, "_train", ranks_only)
    run_experiment(config, str(tmp_path / "run"), config_arg="configs/seqsew.py:auto")
    said = capsys.readouterr().err
    found = ranking.read_ranking(tmp_path / "run" / auto_pair.FOLDER)
    assert (found.stronger, found.weaker) == ("text", "audio")
    assert found.ranked[0].validation.mean > found.ranked[1].validation.mean
    assert "so text, the strongest, teaches audio, the weakest" in said
    assert "on a synthetic corpus" in said
    model = trained[1].model
    assert (model.weaker, model.stronger) == ("audio", ("text",))
    assert (model.weaker_gru_layers, model.stronger_gru_layers) == (2, (1,))
    assert trained[1].stages.student.losses.translation.target == "inputs/text"
    assert trained[1].data.modalities == ("audio", "text")
    resolved = run_folder.read_json(tmp_path / "run" / "config.json")["config"]
    assert "ranking" not in resolved
    run_experiment(config, str(tmp_path / "run"), config_arg="configs/seqsew.py:auto")
    assert len(trained) == 3  # the ranking, finished, is read


@pytest.mark.parametrize("argument", rank.ARGUMENTS)
def test_a_ranking_has_a_study_of_each_modality(argument):
    config = rank.get_config(argument)
    alone = map_single_modalities(config.to_dict())
    assert alone
    assert set(alone) == set(alone.values()) == set(config.data.modalities)
    assert {spec.name: tuple(spec.variants) for spec in studies.parse_studies(config)} == {m: (m,) for m in alone}
    with pytest.raises(ValueError, match="choose one of"):
        rank.get_config("joy")


@pytest.mark.parametrize("argument", seqsew.AUTO)
def test_auto_is_a_pair_of_the_corpus_and_its_ranking(argument):
    config = seqsew.get_config(argument)
    ranked = auto_pair.make_ranking_config(config)
    assert ranked.corpus == config.corpus
    assert ranked.task == config.task
    assert ranked.data.target == config.data.target
    assert {config.model.weaker, *config.model.stronger} <= {spec.name for spec in studies.parse_studies(ranked)}


def test_auto_on_one_s_own_corpus_asks_for_the_found_pair(path, tmp_path, monkeypatch):
    config = own.use(seqsew.get_config("auto"), path, target="mood")
    trained, said = [], []

    def read(folder):
        run = SimpleNamespace(config={"studies": trained[0].studies.to_dict()}, synthetic=False)
        one = [SimpleNamespace(modality=m, source=SimpleNamespace(study=m), validation=MEAN) for m in ("text", "audio")]
        return ranking.Ranking(run, "accuracy", tuple(one), ())

    monkeypatch.setattr(ranking, "read", read)
    found = auto_pair.choose_pair_by_ranking(config, tmp_path, lambda c, folder: trained.append(c), said.append)
    assert trained[0].corpus.to_dict() == config.corpus.to_dict()
    assert found.corpus.pair == "audio+text"
    assert "ranking" not in found
    config.corpus.pair = "face+text"
    with pytest.raises(UserError, match="this config finds the pair by itself; leave it out"):
        auto_pair.choose_pair_by_ranking(config, tmp_path, trained.append, said.append)


def test_a_ranking_in_a_run_folder_is_no_stranger(tmp_path):
    (tmp_path / "ranking").mkdir()
    with run_folder.lock_run_folder(tmp_path):
        pass
    np.save(tmp_path / "other.npy", np.zeros(1))
    with pytest.raises(UserError, match="holds 'other.npy' but no config.json"), run_folder.lock_run_folder(tmp_path):
        pass
