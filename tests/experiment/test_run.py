"""Configs become run folders: whole, resumable, honest about where numbers come from."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.data import splits
from affect_jax.datasets.recola import arff_files
from affect_jax.errors import UserError
from affect_jax.experiment import chosen_trial, predictions_file, results_file, run, study
from affect_jax.inference import deployment, export_folder, predictor, split_files
from affect_jax.runtime import files, run_folder
from affect_jax.runtime.signals import Stopped
from configs import fusion_manifest
from tests import own, small
from tests.inference import toys


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture(scope="module")
def sew(corpora, tmp_path_factory):
    """A finished SEW run: (folder, results)."""
    folder = tmp_path_factory.mktemp("runs") / "sew"
    return folder, small.run(small.sew_config(corpora), str(folder), config_arg="configs/sew.py")


@pytest.fixture(scope="module")
def seqsew(corpora, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "seqsew"
    config = small.seqsew_config(corpora)
    return folder, small.run(config, str(folder), config_arg="configs/seqsew.py:mosi,video+text")


def test_every_variant_of_table_5_2_is_there(sew):
    folder, results = sew
    variants = {(c.study, c.variant) for c in results.variants if c.metric == "ccc"}
    assert {variant for _, variant in variants} == {
        "SEW",
        "-S_D2",
        "-CCA",
        "-S_D1",
        "-(CCA & S_D1)",
        "unimodal video_geometric",
        "unimodal audio",
    }
    assert results.corpus.synthetic is True
    assert len(results.corpus.fingerprint) == 64
    assert all(trial.test is None for trial in results.trials)  # RECOLA's test part has no gold standard
    assert results.baselines["validation"]["ccc"] == 0
    assert {"config.json", "metrics.jsonl", "predictions.npz", "results.json", "weights"} <= {
        path.name for path in folder.iterdir()
    }
    assert not (folder / "checkpoints").exists()


def test_validation_scores_are_those_of_the_saved_predictions(sew):
    folder, results = sew
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    for at, number in enumerate(arrays["teachers/trial"]):
        x, y = arrays["teachers/validation/prediction"][at], arrays["teachers/validation/target"]
        ccc = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        assert results.trials[number].validation["ccc"] == pytest.approx(ccc, abs=1e-5)


def test_a_finished_run_is_read_not_trained(sew, corpora):
    folder, results = sew
    before = (folder / "metrics.jsonl").read_bytes()
    with run_folder.lock_run_folder(folder):  # even where a process holds the folder
        again = small.run(small.sew_config(corpora), str(folder), config_arg="configs/sew.py")
    assert again == results
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_another_config_is_refused_and_the_difference_shown(sew, corpora):
    folder, _ = sew
    config = small.sew_config(corpora)
    config.stages.fit.optimizer.learning_rate = 0.5
    with pytest.raises(
        UserError, match=r"another config, by configs/sew.py(.|\n)*learning_rate: 0.001 in the folder, 0.5 now"
    ):
        small.run(config, str(folder), config_arg="configs/sew.py")
    config = small.sew_config(corpora)
    config.engine.checkpoint_seconds = 7.0  # how to run, not what
    small.run(config, str(folder), config_arg="configs/sew.py")


def test_search_selects_on_validation_per_fold_and_the_final_trials_use_it(seqsew):
    _, results = seqsew
    assert results.corpus.synthetic is True
    chosen = {(s.study, s.variant, s.fold): s for s in results.selected}
    assert set(chosen) == {("teachers", "SeqSEW", "draw_0"), ("teachers", "SeqSEW", "draw_1")}
    weight = "stages.teacher_text.losses.prediction.weight"
    assert chosen["teachers", "SeqSEW", "draw_0"].candidates == 2
    for trial in results.trials:
        assert trial.hyper[weight] == chosen["teachers", "SeqSEW", trial.fold].hyper[weight]
        assert 0 <= trial.test["accuracy"] <= 1
        assert 0 <= trial.held_out_cca["alignment_text"] <= 2
    assert len(results.trials) == 4


def test_the_deployed_part_predicts_alone(seqsew, sew, tmp_path):
    import jax

    for (folder, _), variant in ((seqsew, "SeqSEW"), (sew, "SEW")):
        number = chosen_trial.choose_trial(folder, variant).number
        deployed = deployment.load_deployed(folder, number)
        assert set(deployed.params) == set(deployed.model.deployed)
        assert not [name for name in deployed.params if "stronger" in name or "decoder" in name or "translator" in name]
        out = tmp_path / variant
        description = deployment.export_deployed(deployed, out, {})
        assert description["parameters"] == sum(x.size for x in jax.tree.leaves(deployed.params))
        artifact = jax.export.deserialize(bytearray((out / "model.jax").read_bytes()))
        read, predict = (
            predictor.wrap_export(out, export_folder.read_export(out)),
            jax.jit(lambda *sides, model=deployed: deployment.predict_deployed(model, *sides)),
        )
        config = small.seqsew_config("x") if variant == "SeqSEW" else small.sew_config("x")
        config.corpus.data_dir = json.loads((folder / "config.json").read_text())["config"]["corpus"]["data_dir"]
        recordings = splits.load_recordings(load_config(config).corpus).splits
        arrays = run_folder.read_arrays(folder / "predictions.npz")
        split = "test" if variant == "SeqSEW" else "validation"
        at = int(np.flatnonzero(arrays["teachers/trial"] == number)[0])
        for recording in recordings[split]:
            x = recording.features[deployed.modality]
            x, mask = (x[None], np.ones((1, len(x)), bool)) if deployed.steps else (x, np.ones(len(x), bool))
            mine = arrays[f"teachers/{split}/group"] == recording.group
            want = arrays[f"teachers/{split}/prediction"][at][mine]
            np.testing.assert_allclose(np.ravel(artifact.call(x, mask)), want, rtol=1e-4, atol=1e-5)
            np.save(tmp_path / "x.npy", recording.features[deployed.modality])
            said = toys.predict_file(read, tmp_path / "x.npy")[1]
            np.testing.assert_allclose(said, np.ravel(predict(x, mask)), rtol=1e-5, atol=1e-6)


def test_a_recording_cannot_lead_predictions_out_of_their_folder(sew, tmp_path):
    folder, results = sew
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    arrays["teachers/test/group"] = np.full(len(arrays["teachers/test/group"]), "../out")
    run = tmp_path / "run"
    run.mkdir()
    run_folder.write_arrays(run / "predictions.npz", arrays)
    with pytest.raises(UserError, match=r"has a recording '\.\./out', and RECOLA has no such name"):
        split_files.write_split_predictions(run, results, [0], "test", tmp_path / "here")
    others = dataclasses.replace(results, corpus=dataclasses.replace(results.corpus, name="manifest"))
    (path,) = split_files.write_split_predictions(run, others, [0], "test", tmp_path / "here")
    assert path == tmp_path / "here" / "%2E.%2Fout.csv"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here", "run"]


# With a dot in it, a name is refused by ConfigDict.
@pytest.mark.parametrize("name", ["/out", "a/b", "", "a\n", "x" * 300])
def test_a_stage_cannot_lead_out_of_the_run_folder(name, corpora, tmp_path):
    config = small.sew_config(corpora)
    with config.unlocked():
        config.stages = {name: config.stages.fit.to_dict()}
        config.schedule = (name,)
    with pytest.raises(UserError, match="config.stages has the name .* cannot be a folder's"):
        small.run(config, str(tmp_path / "run"), config_arg="x")
    assert not list(tmp_path.rglob("checkpoints"))


@pytest.mark.parametrize("name", ["", "a\0", "x" * 300])
def test_a_study_cannot_lead_out_of_the_run_folder(name, corpora, tmp_path):
    config = small.sew_config(corpora)
    with config.unlocked():
        config.studies = {name: config.studies.teachers.to_dict()}
    with pytest.raises(UserError, match="config.studies has the name .* cannot be a folder's"):
        small.run(config, str(tmp_path / "run"), config_arg="x")


def test_two_studies_cannot_share_a_folder(corpora, tmp_path):
    config = small.sew_config(corpora)
    with config.unlocked():
        config.studies = {name: config.studies.teachers.to_dict() for name in ("a/b", "a_b")}
    with pytest.raises(UserError, match="config.studies has 'a/b' and 'a_b', whose folders are one"):
        small.run(config, str(tmp_path / "run"), config_arg="x")


@pytest.mark.parametrize("name", ["..os", "os.path", "../sew", "sew.py", "__init__", ""])
def test_a_model_is_imported_only_from_those_that_are_here(name, corpora, tmp_path):
    config = small.sew_config(corpora)
    config.model.name = name
    with pytest.raises(UserError, match=r"config.model.name is .* choose one of \w"):
        small.run(config, str(tmp_path / "run"), config_arg="x")
    config = small.sew_config(corpora)
    config.corpus.name = name
    with pytest.raises(UserError, match=r"config.corpus.name is .* choose one of \w"):
        small.run(config, str(tmp_path / "run"), config_arg="x")


def test_predictions_of_the_unlabelled_part_in_the_owners_form(sew, tmp_path):
    folder, results = sew
    files = split_files.write_split_predictions(folder, results, [0], "test", tmp_path)
    assert [path.name for path in files] == ["test_1.arff", "test_2.arff"]
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    table = arff_files.read_arff(files[0])
    want = arrays["teachers/test/prediction"][0][arrays["teachers/test/group"] == "test_1"]
    np.testing.assert_allclose(np.asarray(table.values)[:, -1], want, atol=1e-6)


def test_delay_and_postprocessing_run_and_keep_the_clock(corpora, tmp_path):
    config = small.sew_config(corpora, only=("teachers",))
    config.data.delay = 2
    config.data.postprocess = True
    results = small.run(config, str(tmp_path / "run"), config_arg="configs/sew.py")
    arrays = run_folder.read_arrays(tmp_path / "run" / "predictions.npz")
    assert not np.isnan(arrays["teachers/validation/prediction"]).any()
    assert results.trials[0].validation["ccc"] is not None


def test_a_draw_in_the_test_part_is_refused(corpora, tmp_path):
    config = small.seqsew_config(corpora)
    names = [r.id for r in splits.load_recordings(load_config(config).corpus).splits["test"]]
    config.corpus.validation = (names[0],)
    with pytest.raises(UserError, match=f"{names[0]}.*test split"):
        small.run(config, str(tmp_path / "run"), config_arg="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.model.__setitem__("name", "sewn"), "did you mean 'sew'"),
        (lambda c: c.model.__setitem__("weaker", "audoi"), "audoi"),
        (lambda c: c.stages.fit.losses.alignment_audio.__setitem__("kind", "dca"), "did you mean 'dcca'"),
        (lambda c: c.stages.fit.monitor.__setitem__("metric", "accuracy"), "regression task has"),
        (lambda c: c.stages.fit.optimizer.__setitem__("name", "adan"), "did you mean 'adam'"),
        (lambda c: c.corpus.__setitem__("name", "recolla"), "did you mean 'recola'"),
        (lambda c: c.data.__setitem__("unit", "minute"), "config.data.unit is 'minute'.*set one of"),
        (lambda c: c.__setitem__("schedule", ("fitt",)), "did you mean 'fit'"),
        (lambda c: c.study.__setitem__("only", ("teacher",)), "did you mean 'teachers'"),
        (lambda c: c.search.__setitem__("grid", {"model": {"regressor_width": (1, 2)}}), "cannot differ in"),
    ],
)
def test_bad_values_are_named(change, message, corpora, tmp_path):
    config = small.sew_config(corpora)
    config.unlock()
    change(config)
    with pytest.raises(UserError, match=message):
        small.run(config, str(tmp_path / "run"), config_arg="x")


@pytest.mark.parametrize(
    ("names", "ask", "message"),
    [
        (["weights"], lambda folder: deployment.load_deployed(folder, 0), "is of another run than the folder"),
        (["results.json"], results_file.read_results, "results.json is of another run than config.json"),
        (
            ["predictions.npz"],
            lambda folder: predictions_file.read_study_arrays(folder, "teachers"),
            "predictions.npz has changed since its run had finished",
        ),
        (["results.json", "predictions.npz", "config.json"], lambda folder: deployment.load_deployed(folder, 0), "run"),
    ],
)
def test_files_of_another_run_are_refused(sew, corpora, tmp_path, names, ask, message):
    """The same config and corpus, trained again: only the run differs."""
    folder, _ = sew
    mine = shutil.copytree(folder, tmp_path / "mine")
    other = files.read_json(mine / "config.json")["identity"]["run"]
    for name in names:
        _rename_run(mine / name, other, "0" * 32)
    with pytest.raises(UserError, match=message):
        ask(mine)


def _rename_run(path, old, new):
    """The file or folder as another run would have written it."""
    if path.is_dir():
        for entry in path.rglob("*.json"):
            if entry.parents[2] == path:
                document = json.loads(entry.read_text())
                document["meta"]["identity"]["run"] = new
                document["sha256"]["meta"] = files.hash_json(document["meta"])
                entry.write_text(json.dumps(document))
    elif path.suffix == ".npz":
        run_folder.write_arrays(path, run_folder.read_arrays(path) | {"run": np.array(new)})
    else:
        document = json.loads(path.read_text().replace(old, new))
        if "sha256" in document:
            sums = document.pop("sha256")
            document["sha256"] = sums | {path.name: files.hash_json(document)}
        path.write_text(json.dumps(document))


def test_an_interrupted_run_does_not_go_on_with_a_changed_corpus(tmp_path, monkeypatch):
    def stop(begun, _):
        (begun.workdir / "checkpoints").mkdir(exist_ok=True)
        raise Stopped("before the first epoch")

    monkeypatch.setattr(run, "run_study", stop)
    path = own.write(tmp_path, columns=("face", "text"))

    def train():
        config = own.use(fusion_manifest.get_config(), path, target="mood")
        return small.run(config, tmp_path / "run", config_arg="configs/fusion_manifest.py")

    for _ in range(2):
        with pytest.raises(Stopped):
            train()
    begun = (tmp_path / "run" / "config.json").read_bytes()
    path.write_text(path.read_text().replace("calm", "tense", 1))
    with pytest.raises(UserError, match="was begun with another corpus .* train on the changed corpus in another"):
        train()
    assert (tmp_path / "run" / "config.json").read_bytes() == begun


def test_what_a_kill_at_the_end_left_is_removed(sew, corpora, tmp_path):
    folder = shutil.copytree(sew[0], tmp_path / "mine")
    (folder / "checkpoints").mkdir()
    small.run(small.sew_config(corpora), str(folder), config_arg="configs/sew.py")
    assert not (folder / "checkpoints").exists()


def test_a_refused_command_leaves_no_folder(tmp_path):
    config = small.sew_config(tmp_path)
    config.corpus.manual_dir = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match="nowhere"):
        small.run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_in_which_nothing_was_trained_is_taken_over(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr(run, "_train", lambda experiment, *_: trained.append(experiment))
    for rate in (0.5, 0.25):
        config = small.sew_config(tmp_path)
        config.stages.fit.optimizer.learning_rate = rate
        small.run(config, tmp_path / "run")
        document = files.read_json(tmp_path / "run" / "config.json")["config"]
        assert document["stages"]["fit"]["optimizer"]["learning_rate"] == rate
    (tmp_path / "run" / "metrics.jsonl").touch()
    config.stages.fit.optimizer.learning_rate = 0.125
    with pytest.raises(UserError, match="another config"):
        small.run(config, tmp_path / "run")


def test_predictions_that_were_deleted_are_made_anew_of_the_weights(sew, corpora, tmp_path):
    folder = shutil.copytree(sew[0], tmp_path / "mine")
    before = run_folder.read_arrays(folder / "predictions.npz")
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    (folder / "predictions.npz").unlink()
    with pytest.raises(UserError, match="predictions.npz is missing; the run's command makes it anew of the weights"):
        predictions_file.read_study_arrays(folder, "teachers")
    assert small.run(small.sew_config(corpora), folder, config_arg="configs/sew.py") == sew[1]
    after = run_folder.read_arrays(folder / "predictions.npz")
    assert after.keys() == before.keys()
    for name, array in before.items():
        if array.dtype == np.float32:
            np.testing.assert_allclose(after[name], array, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(after[name], array)
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == names
    predictions_file.read_study_arrays(folder, "teachers")  # whose checksum is that of results.json again


def test_weights_that_do_not_give_the_results_are_refused(sew, corpora, tmp_path, monkeypatch):
    folder = shutil.copytree(sew[0], tmp_path / "mine")
    (folder / "predictions.npz").unlink()
    predict = study.predictor.predict_split
    monkeypatch.setattr(study.predictor, "predict_split", lambda *args, **kwargs: -predict(*args, **kwargs))
    with pytest.raises(UserError, match=r"weights gives ccc .* on validation, .* but results.json has .*; restore"):
        small.run(small.sew_config(corpora), folder, config_arg="configs/sew.py")
    assert not (folder / "predictions.npz").exists()


def test_weights_that_were_deleted_are_told_with_what_makes_them_anew(sew, corpora, tmp_path):
    folder = shutil.copytree(sew[0], tmp_path / "mine")

    def run():
        return small.run(small.sew_config(corpora), folder, config_arg="configs/sew.py")

    shutil.rmtree(sorted((folder / "weights").iterdir())[-1])
    remedy = rf"delete {folder / 'results.json'}, then give the command again: python -m launch.main"
    said = rf"no weights of 2 trials, the first 1[0-9], .*{remedy}"
    with pytest.raises(UserError, match=said):
        run()
    shutil.rmtree(folder / "weights")
    with pytest.raises(UserError, match=r"no weights of [0-9]+ trials, the first 0, \(they were deleted from"):
        run()
    with pytest.raises(UserError, match=r"no weights of trial 1 \(they were deleted"):
        deployment.load_deployed(folder, 1)
    (folder / "results.json").unlink()
    assert [trial.validation for trial in run().trials] == [trial.validation for trial in sew[1].trials]
    deployment.load_deployed(folder, 1)


def test_a_run_without_its_config_is_explained(sew, corpora, tmp_path):
    folder = shutil.copytree(sew[0], tmp_path / "mine")
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"mine holds a run without its config.json, .* restore that file to go on"):
        small.run(small.sew_config(corpora), folder, config_arg="configs/sew.py")
    with pytest.raises(
        UserError, match=r"config.json is missing, and nothing else says what was trained there; restore"
    ):
        deployment.load_deployed(folder, 0)
