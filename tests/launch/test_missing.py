"""`launch.missing` on a finished run, from its folder to the tables."""

import csv
import dataclasses
import json
import shutil
import sys

import jax
import numpy as np
import pytest
from absl import flags

from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.evaluation.missing import checked_run, masked_scores, missing_file
from affect_jax.experiment.results_file import ClassicalDetails, read_results, write_results
from affect_jax.inference import deployment
from launch import missing as launcher
from tests import fusion_run, small
from tests.inference import toys

MASKS = ("A", "V", "A+V")


@pytest.fixture(scope="module", autouse=True)
def corpus():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "load_recordings", lambda config, **_: fusion_run.corpus())
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpus):
    """A run of intra and the same with Moddrop; two folds, three seeds."""
    folder = tmp_path_factory.mktemp("runs") / "fusion"
    small.run_drawn(fusion_run.config("intra", "intra+moddrop"), folder, "configs/fusion.py:all,ravdess")
    return folder


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the run, to be spoilt."""
    return shutil.copytree(run, tmp_path / "fusion", ignore=shutil.ignore_patterns("missing"))


@pytest.fixture
def main(monkeypatch):
    def call(*arguments):
        values = flags.FlagValues()
        launcher.define_flags(values)
        argv = ["missing", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        rest = values(argv)
        monkeypatch.setattr(launcher, "FLAGS", values)
        launcher.main(rest)

    return call


@pytest.fixture(scope="module")
def tested(run):
    """The entry of `intra` in missing.json, and all of it."""
    values, before = flags.FlagValues(), launcher.FLAGS
    launcher.define_flags(values)
    values(["missing", f"--run={run}", "--k=1,3", "--svg"])
    try:
        launcher.FLAGS = values
        launcher.main(["missing"])
    finally:
        launcher.FLAGS = before
    document = json.loads((run / "missing" / "missing.json").read_text())
    return document["studies"]["intra"], document


def test_nothing_missing_gives_the_scores_of_the_run_itself(tested, run):
    trials = read_results(run).trials
    for name, entry in tested[1]["studies"].items():
        mine = [trial for trial in trials if trial.study == name]
        assert [(trial.fold, trial.seed) for trial in mine] == [(r["fold"], r["seed"]) for r in entry["trials"]]
        for scores in entry["masks"]["A+V"]["scores"].values():
            for metric in missing_file.METRICS:
                assert scores[metric]["values"] == [trial.test[metric] for trial in mine]


def test_every_mask_and_imputation_is_in_the_record(tested):
    entry, document = tested
    assert set(document["studies"]) == {"intra", "intra+moddrop"}
    assert set(entry["masks"]) == set(MASKS)
    imputations = ["zeros", "mean", *(f"knn {k} {metric}" for metric in ("euclidean", "cosine") for k in (1, 3))]
    for mask in entry["masks"].values():
        assert sorted(mask["scores"]) == sorted(imputations)
        for scores in mask["scores"].values():
            figure = scores["uar"]
            assert (len(figure["values"]), figure["n"]) == (6, 6)
            assert figure["mean"] == pytest.approx(np.mean(figure["values"]), abs=1e-6)
            assert figure["std"] == pytest.approx(np.std(figure["values"], ddof=1), abs=1e-6)
    assert document["studies"]["intra+moddrop"]["moddrop"] == [["mfcc", "action_units"], ["mfcc"], ["action_units"]]
    assert document["corpus"]["synthetic"] is True
    assert document["classes"] == 8


def test_the_model_of_the_present_modality_stands_beside(tested, run, copied, main, tmp_path):
    results = read_results(copied)
    names = {"intra": "intra V", "intra+moddrop": "intra A+V"}
    summaries = [dataclasses.replace(s, study=names[s.study], variant=names[s.study]) for s in results.variants]
    write_results(copied, dataclasses.replace(results, variants=tuple(summaries)))
    shutil.copytree(run / "missing", tmp_path / "out")
    main(f"--run={run}", "--k=1,3", f"--also={copied}", f"--out={tmp_path / 'out'}")
    studies = json.loads((tmp_path / "out" / "missing.json").read_text())["studies"]
    for entry in studies.values():
        assert set(entry["orig"]) == {"V"}
        assert (entry["orig"]["V"]["study"], entry["orig"]["V"]["run"]) == ("intra V", "fusion")
        whole = studies["intra"]["masks"]["A+V"]["scores"]["zeros"]
        for metric in missing_file.METRICS:
            assert entry["orig"]["V"][metric] == {key: whole[metric][key] for key in ("mean", "std", "n")}


def test_what_is_scored_needs_no_weights_to_be_shown_again(tested, run, main, tmp_path):
    kept = shutil.copytree(run, tmp_path / "fusion", ignore=shutil.ignore_patterns("weights", "*.md"))
    main(f"--run={kept}", "--k=1,3", f"--out={tmp_path / 'out'}")
    assert json.loads((tmp_path / "out" / "missing.json").read_text())["studies"] == tested[1]["studies"]
    first, again = ((folder / "missing_uar.csv").read_text() for folder in (run / "missing", tmp_path / "out"))
    assert first.splitlines()[:-1] == again.splitlines()[:-1], "all but the command"
    with pytest.raises(UserError, match="weights"):
        main(f"--run={kept}", "--k=2", f"--out={tmp_path / 'other'}")


def test_tables_and_figures_are_written(tested, run):
    names = {path.name for path in (run / "missing").iterdir()}
    tables = {f"missing_{what}.{kind}" for what in ("zeros", "accuracy", "uar") for kind in ("md", "csv", "tex")}
    figures = {f"{what}_intra.{kind}" for what in ("moddrop", "knn") for kind in ("png", "svg")}
    assert names == {"missing.json", *tables, *figures}
    with open(run / "missing" / "missing_uar.csv") as file:
        trials = [trial for trial in csv.reader(file) if not trial[0].startswith("#")]
    assert len(trials) == 1 + 2 * len(MASKS) + 1
    assert trials[1][:3] == ["intra (synthetic)", "●", "○"]


def test_what_is_there_is_not_asked_again(tested, run, main, monkeypatch, capsys):
    monkeypatch.setattr(masked_scores, "score_study", lambda *_: pytest.fail("scored again"))
    monkeypatch.setattr(checked_run, "load_corpus", lambda *_: pytest.fail("loaded again"))
    main(f"--run={run}", "--k=3,1", "--study=intra")
    assert "majority class (synthetic)" in capsys.readouterr().out


def test_studies_of_another_run_stand_beside(tested, run, copied, main, tmp_path):
    shutil.copytree(run / "missing", copied / "missing")
    document = json.loads((copied / "missing" / "missing.json").read_text())
    document["studies"]["other"] = document["studies"].pop("intra+moddrop")
    (copied / "missing" / "missing.json").write_text(json.dumps(document))
    main(f"--run={run}", "--k=1,3", f"--also={copied}", f"--out={run / 'missing'}")
    assert "other (synthetic)" in (run / "missing" / "missing_zeros.md").read_text()
    assert "other" not in json.loads((run / "missing" / "missing.json").read_text())["studies"]
    document["made_of"]["counts"] = [1, 4]
    (copied / "missing" / "missing.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match="make both with the same --k"):
        main(f"--run={run}", "--k=1,3", f"--also={copied}", f"--out={run / 'missing'}")
    # Of a run that was trained again since, nothing is taken.
    document["made_of"]["results_sha256"] = "another"
    (copied / "missing" / "missing.json").write_text(json.dumps(document))
    main(f"--run={run}", "--k=1,3", f"--also={copied}", f"--out={run / 'missing'}")
    assert "other (synthetic)" not in (run / "missing" / "missing_zeros.md").read_text()


def test_a_run_of_another_corpus_is_refused(run, copied, main):
    results = read_results(copied)
    corpus = dataclasses.replace(results.corpus, fingerprint="another")
    write_results(copied, dataclasses.replace(results, corpus=corpus))
    document = json.loads((copied / "config.json").read_text())
    document["identity"]["corpus"] = "another"
    (copied / "config.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match="has another corpus or target"):
        main(f"--run={run}", f"--also={copied}")
    with pytest.raises(UserError, match="has changed since .* was trained"):
        main(f"--run={copied}")


def test_more_neighbours_than_training_examples_are_refused(run, main, tmp_path):
    with pytest.raises(UserError, match="--k has 100 neighbours but a fold trains on 36 examples"):
        main(f"--run={run}", "--k=100", f"--out={tmp_path}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--k=5,x"], "--k has 'x', which is no number of neighbours"),
        (["--k=0"], "--k has '0', which is no number of neighbours"),
        (["--k="], "--k is empty"),
        (["--metric=cosin"], "did you mean 'cosine'"),
        (["--metric="], "--metric has ''"),
        (["--study=intr"], "did you mean 'intra'"),
        (["extra"], "'extra' is not a flag"),
    ],
)
def test_wrong_flags_are_told_what_is_right(run, main, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        main(f"--run={run}", *arguments)


def test_folders_that_cannot_be_tested_are_refused(copied, main, tmp_path):
    with pytest.raises(UserError, match="has no results.json"):
        main(f"--run={tmp_path / 'nowhere'}")
    results = read_results(copied)
    classical = ClassicalDetails("MFCC statistics", 120, "train")
    trials = tuple(dataclasses.replace(trial, classical=classical) for trial in results.trials)
    write_results(copied, dataclasses.replace(results, trials=trials))
    with pytest.raises(UserError, match="is not a run of networks"):
        main(f"--run={copied}")
    write_results(copied, results)
    shutil.move(copied / "weights", tmp_path / "weights")
    with pytest.raises(UserError, match=r"no weights of \d+ trials, the first 0, .*only training makes them: delete"):
        main(f"--run={copied}")
    (tmp_path / "weights" / "intra" / "000").rename(tmp_path / "batch")
    shutil.move(tmp_path / "weights", copied / "weights")
    with pytest.raises(UserError, match=r"has no weights of trial 0 .*only training makes them"):
        main(f"--run={copied}", "--study=intra", "--k=1")
    (copied / "results.json").unlink()
    with pytest.raises(UserError, match="its run is not finished"):
        main(f"--run={copied}")


def _read_config_without_identity(folder):
    """What config.json of a run of an older version has, which may be edited unnoticed."""
    document = json.loads((folder / "config.json").read_text())
    return {"config_arg": document["config_arg"], "config": document["config"]}


@pytest.mark.parametrize(
    ("only", "model", "asked", "sentence"),
    [
        (["intra V"], None, (), "models of one modality alone"),
        (["intra", "intra V"], None, ("intra V",), r"no attention_fusion of two or more modalities; .* intra"),
        ([], {"name": "mdre", "modalities": ["mfcc", "action_units"]}, (), "has models mdre; this test also imputes"),
    ],
)
def test_models_that_cannot_miss_a_modality_are_refused(run, tmp_path, only, model, asked, sentence):
    document = _read_config_without_identity(run)
    document["config"]["study"]["only"] = only
    if model:
        document["config"]["model"], document["config"]["studies"] = model, {"x": {"variants": {"x": {}}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    shutil.copy(run / "results.json", tmp_path)
    (tmp_path / "weights").mkdir()
    with pytest.raises(UserError, match=sentence):
        checked_run.check_run(tmp_path, asked)


def test_runs_without_test_labels_or_with_several_variants_are_refused(copied):
    document, results = _read_config_without_identity(copied), read_results(copied)
    document["config"]["studies"]["intra"]["variants"]["dropped"] = {"stages": {"fit": {"dropout": 0.5}}}
    (copied / "config.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match=r"has the variants dropped, intra"):
        checked_run.check_run(copied, ("intra",))
    trials = (dataclasses.replace(results.trials[0], test=None), *results.trials[1:])
    write_results(copied, dataclasses.replace(results, trials=trials))
    with pytest.raises(UserError, match="has no test scores"):
        checked_run.check_run(copied)


def test_an_export_says_what_the_trial_says_of_items_with_modalities_missing(run, tmp_path):
    deployed, clip = deployment.load_deployed(run, 1), fusion_run.corpus().splits["train"][7]
    read, predict = (
        toys.open_export(deployed, tmp_path),
        jax.jit(lambda *sides: deployment.predict_deployed(deployed, *sides)),
    )
    for absent in ((), ("mfcc",), ("action_units",)):
        np.savez(tmp_path / "clip.npz", **{m: x for m, x in clip.features.items() if m not in absent})
        (name,), said = toys.predict_file(read, tmp_path / "clip.npz")
        features, mask = {}, {}
        for modality, (_, _, steps) in deployed.inputs.items():
            x = clip.features[modality][:steps]
            shown = np.arange(steps) < len(x) if steps else np.array(True)
            features[modality] = np.pad(x, ((0, steps - len(x)), (0, 0)))[None] if steps else x
            mask[modality] = (shown & (modality not in absent))[None]
        assert name == "clip"
        np.testing.assert_allclose(said, predict(features, mask), rtol=1e-5, atol=1e-5)
