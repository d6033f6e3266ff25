"""Several corpora as one: folds by name, a map of labels, what is refused, and the matrix of a run."""

import csv
import dataclasses
from pathlib import Path

import jax
import ml_collections
import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.datasets import joined, manifest, prepare_corpus, ravdess
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from affect_jax.evaluation import across
from affect_jax.evaluation.group_gaps import ValueScore
from affect_jax.evaluation.read import read_run
from affect_jax.evaluation.significance import Sample
from affect_jax.experiment.predictions_file import read_predictions
from affect_jax.inference import as_trained, deployment, export_folder, predictor
from affect_jax.inference.output import Output
from affect_jax.inference.predict_inputs import predict_inputs
from affect_jax.reports import report_files
from affect_jax.runtime import run_identity
from affect_jax.runtime.files import read_json
from configs.recipes import ravdess_face
from tests import small

MAP = {"told": {"joyful": "happy", "neutral": "neutral", "sorrowful": "sad"}}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Settings of the two synthetic manifests, read by their words alone."""
    folder = tmp_path_factory.mktemp("joined")
    joined.synthesize(folder / "twins", items=3)
    parts = {name: str(folder / "twins" / name / "manifest.csv") for name in ("acted", "told")}
    return dict(
        name="joined", parts=parts, label_map=MAP, modalities=("words",), data_dir=str(folder / "data"), folds=3
    )


@pytest.fixture(scope="module")
def whole(twins):
    return joined.load(twins)


def test_recordings_are_those_of_the_parts_under_the_joint_labels(twins, whole):
    own = dict(manifest=twins["parts"]["told"], data_dir=twins["data_dir"], modalities=("words",))
    told = {r.id: r for r in manifest.load(own).splits["train"]}
    assert whole.labels == ("happy", "neutral", "sad")
    assert whole.synthetic
    assert len(whole.splits["train"]) == 2 * len(told) == 36
    names = manifest.load(own).labels
    for recording in whole.splits["train"]:
        part, _, name = recording.id.partition("/")
        if part == "told":
            assert recording.group == f"told/{told[name].group}"
            np.testing.assert_array_equal(recording.features["words"], told[name].features["words"])
            mine, theirs = recording.targets["emotion"][0], told[name].targets["emotion"][0]
            assert whole.labels[int(mine)] == MAP["told"][names[int(theirs)]]


def list_parts(ids):
    return {name.partition("/")[0] for name in ids}


def test_folds_say_what_is_trained_and_tested(twins, whole):
    assert list(whole.folds) == [f"acted+told->acted+told.{n}" for n in (1, 2, 3)]
    alone = joined.load({**twins, "train": ("acted",)})
    assert list(alone.folds) == [f"acted->acted+told.{n}" for n in (1, 2, 3)]
    tested = []
    for both, one in zip(whole.folds.values(), alone.folds.values(), strict=True):
        assert list_parts(one.train) == list_parts(one.validation) == {"acted"}
        assert one.test == both.test, "a column is of the same recordings in every line"
        assert set(one.train) <= set(both.train)
        assert not {*both.train, *both.validation} & {*both.test}
        tested += both.test
    assert sorted(tested) == sorted(r.id for r in whole.splits["train"]), "every recording is tested once"
    across = joined.load({**twins, "train": ("acted",), "test": ("told",)})
    assert list(across.folds) == [f"acted->told.{n}" for n in (1, 2, 3)]
    assert len({whole.fingerprint, alone.fingerprint, across.fingerprint}) == 3


def test_leaving_one_out_tests_all_of_it_and_trains_on_none_of_it(twins, whole):
    folds = joined.load({**twins, "train": ("others",)}).folds
    assert list(folds) == ["told->acted", "acted->told"]
    for name, fold in folds.items():
        other, _, one = name.partition("->")
        assert list_parts(fold.train) == list_parts(fold.validation) == {other}
        assert list_parts(fold.test) == {one}
        assert len({*fold.train, *fold.validation, *fold.test}) == len(whole.splits["train"])


def test_a_label_that_is_mapped_to_nothing_is_left_out(twins):
    some = joined.load(
        {**twins, "label_map": {**MAP, "acted": {"happy": "happy", "neutral": "", "sad": "sad"}}, "train": ("told",)}
    )
    assert some.labels == ("happy", "sad", "neutral")
    assert sum(r.id.startswith("acted/") for r in some.splits["train"]) == 12
    with pytest.raises(UserError, match=r"fold 'acted->told.1' tests the label 'neutral', which none of its training"):
        joined.load(
            {
                **twins,
                "label_map": {**MAP, "acted": {"happy": "happy", "neutral": "", "sad": "sad"}},
                "train": ("acted",),
                "test": ("told",),
            }
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(parts=None), "^config.corpus.parts names none; name two corpora or more"),
        (dict(parts=3), "^config.corpus.parts is 3, expected a table"),
        (dict(parts={"acted": "x"}), "^config.corpus.parts names acted; name two corpora or more"),
        (dict(parts={"a": {"name": "joined"}, "b": "x"}), "^config.corpus.parts.a is itself 'joined'"),
        (dict(parts={"a+b": "x", "c": "x"}), r"called 'a\+b'; call it by letters"),
        (dict(parts={"a": {"manifest": "x"}, "c": "x"}), "^config.corpus.parts.a is {'manifest': 'x'}; give the csv"),
        (dict(parts={"a": {"name": "manifest", "rat": 1}, "c": "x"}), r"parts.a.rat is no setting of manifest \(did"),
        (dict(parts={"a": {"name": "manifst"}, "c": "x"}), r"parts.a.name is 'manifst' \(did you mean 'manifest'"),
        (dict(label_map={"told": {"joyful": "happy"}}), "label_map.told does not name the label 'neutral'; map it"),
        (
            dict(label_map={"told": {**MAP["told"], "sorow": "sad"}}),
            r"label_map.told names 'sorow'.*; its labels are joy",
        ),
        (dict(label_map={"told": 3}), "label_map.told is 3; give a table"),
        (dict(label_map={"tld": {}}), r"^config.corpus.label_map names 'tld' \(did you mean 'told'\?\)"),
        (
            dict(train=("actd",)),
            r"^config.corpus.train names 'actd' \(did you mean 'acted'\?\); config.corpus.parts has",
        ),
        (dict(label_map={}, train=("acted",)), "fold 'acted->acted.told.1' tests the label 'joyful', which none"),
        (dict(layout="group"), "^config.corpus.layout is 'group'; choose item$"),
    ],
)
def test_refuses(twins, change, message):
    with pytest.raises(UserError, match=message):
        joined.load({**twins, **change})


def test_parts_must_have_the_same_modalities_of_one_make(twins):
    acted, told = twins["parts"].values()

    def load(one, other, **change):
        parts = {"acted": {"name": "manifest", "manifest": acted, **one}}
        parts |= {"told": {"name": "manifest", "manifest": told, **other}}
        return joined.load({**twins, "parts": parts, **change})

    with pytest.raises(UserError, match="acted has the modality 'face' and told has words; give all corpora"):
        load(dict(modalities=("face", "words")), {})
    with pytest.raises(UserError, match="told has the modality 'face' and acted has words; give all corpora"):
        load({}, dict(modalities=("face", "words")))
    with pytest.raises(UserError, match="'voice' is mfcc at 8000 Hz in acted and mfcc at 16000 Hz in told; give all"):
        load({}, dict(rate=16000), modalities=("voice",))
    with pytest.raises(UserError, match="'voice' has 120 columns in acted and 64 columns in told; make its features"):
        load({}, dict(sound="log_mel"), modalities=("voice",))
    with pytest.raises(UserError, match="the labels of told are numbers, those of the others are classes; name labels"):
        load({}, dict(target="valence"))
    numbers = load(dict(target="valence"), dict(target="valence"), label_map=None)
    assert numbers.labels == ()
    with pytest.raises(UserError, match="^config.corpus.label_map is of classes, and these labels are numbers"):
        load(dict(target="valence"), dict(target="valence"))


def test_the_place_of_a_part_is_no_part_of_a_run_s_identity():
    def digest(**part):
        config = {"corpus": {"name": "joined", "parts": {"a": {"name": "manifest", **part}, "b": "x.csv"}}}
        return run_identity._hash_config(config)

    assert digest(manifest="x.csv") == digest(manifest="y.csv") != digest(manifest="x.csv", target="z")


@pytest.fixture(scope="module")
def trained(twins, tmp_path_factory):
    """The folder of a run on one corpus, of drawn weights, and its experiment."""
    config = ravdess_face.get_config()
    tables = {key: ml_collections.ConfigDict(twins[key]) for key in ("parts", "label_map")}  # as flags give them
    config.corpus.update({**twins, **tables}, train=("acted",))
    config.data.standardize_within = "group"
    config.study.seeds = 2
    folder = tmp_path_factory.mktemp("run") / "acted"
    small.run_drawn(config, folder, config_arg="configs/recipes/ravdess_face.py")
    return folder, load_config(config)


def test_any_config_of_items_is_fitted_to_them(trained):
    experiment = trained[1]
    assert experiment.document["model"]["modalities"] == ("words",)
    assert experiment.document["model"]["classes"] == 3
    assert experiment.document["name"] == "early on acted and told: emotion from words"
    assert not experiment.corpus.synthetic, "what stands in for a release is no business of a joined corpus"


def test_the_report_has_the_matrix_of_corpora(trained):
    files = report_files.render_runs([trained[0]], "command", has_page=False)
    rows = [row for row in csv.DictReader(files["across"]["csv"].splitlines()) if not row["variant"].startswith("#")]
    single = [row for row in rows if "ensemble" not in row["variant"]]
    assert [(row["trained on"], row["tested on"]) for row in single] == [("acted", "acted"), ("acted", "told")]
    assert [(int(row["n"]), row["groups"]) for row in single] == [(6, "6"), (6, "6")]
    # A fold scores as many recordings of each corpus, so the mean of the cells is its score.
    trials = read_run(trained[0]).results.trials
    means = [float(row["mean"]) for row in single]
    assert np.mean(means) == pytest.approx(np.mean([trial.test["accuracy"] for trial in trials]), abs=1e-5)
    assert "tested on: told" in files["across"]["md"]
    assert b"Across corpora" in report_files.render_runs([trained[0]], "command")["index"]["html"]


def test_a_run_that_leaves_one_out_has_a_line_a_fold(trained, monkeypatch):
    run = read_run(trained[0])
    folds = dict.fromkeys(["a+b->c", "a+c->b", "b+c->a"], next(iter(run.results.corpus.folds.values())))
    corpus = dataclasses.replace(run.results.corpus, folds=folds)
    run = run._replace(results=dataclasses.replace(run.results, corpus=corpus))
    values = tuple(ValueScore(name, 6, 18, Sample(0.5, 0.1, 2), None) for name in "abc")
    monkeypatch.setattr(across, "describe_values", lambda *_: [("variant", values)])
    lines = across.score_across(run, "test", "accuracy")
    assert [(line.trained, *(value.value for value in line.tested)) for line in lines] == [
        ("a+b", "c"),
        ("a+c", "b"),
        ("b+c", "a"),
    ]


def test_that_tested_speakers_were_looked_at_is_said(trained):
    told = "standardised by the mean and deviation of their own speaker or video, tested ones included"
    assert told in read_json(trained[0] / "config.json")["remarks"][-1]
    assert told in report_files.render_runs([trained[0]], "command", has_page=False)["comparison"]["md"]


def test_new_recordings_lose_their_speakers_level_as_in_training(trained, twins, tmp_path, capsys):
    """All recordings of a speaker, listed by group, get the answers that the run gave them; a vector that is all there
    is of its speaker is refused."""
    model = predictor.wrap_deployed(deployment.load_deployed(trained[0], 0))
    predictions = read_predictions(trained[0], "face", "test")
    run = {name: row for name, row in zip(predictions.id, predictions.prediction[0], strict=True) if row[0] == row[0]}
    told = {name.partition("/")[2]: row for name, row in run.items() if name.startswith("told/")}
    listing = Path(twins["parts"]["told"])

    def predict(path):
        skipped = predict_inputs(model, [path], Output("csv", tmp_path / "out.csv"))
        with (tmp_path / "out.csv").open(newline="") as file:
            return skipped, {row["id"]: float(row["happy"]) for row in csv.DictReader(file)}

    skipped, probabilities = predict(listing)
    expected = {name: float(jax.nn.softmax(row)[0]) for name, row in told.items()}
    assert skipped == 0
    assert {name: probabilities[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert "standardised by the mean and deviation of their own speaker" in capsys.readouterr().err
    header, first, *_ = listing.read_text().splitlines()
    few = listing.with_name("few.csv")
    few.write_text(f"{header}\n{first}\n")
    assert predict(few)[0] == 1
    assert "few.csv row 2: group 'speaker1' has one step of 'words'" in capsys.readouterr().err
    deployment.export_deployed(deployment.load_deployed(trained[0], 0), tmp_path / "export", {})
    model = predictor.wrap_export(tmp_path / "export", export_folder.read_export(tmp_path / "export"))
    exported = predict(listing)[1]
    assert {name: exported[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    vectors = [
        Recording(f"r{n}", "g" if n else "lonely", ("s",), {"words": np.full((1, 3), n, "f4")}, {}) for n in range(3)
    ]
    lonely, *others = as_trained.remove_levels(model, vectors)
    assert "group 'lonely' has one step of 'words'" in str(lonely)
    np.testing.assert_allclose([r.features["words"][0, 0] for r in others], [-1, 1], atol=1e-5)


def test_the_twins_can_be_written_to_look_at(tmp_path):
    said = prepare_corpus.write_synthetic("joined", str(tmp_path / "twins"), {})
    assert f"'told': '{tmp_path}/twins/told/manifest.csv'" in said
    with pytest.raises(UserError, match="^config.corpus.parts names none; name two corpora or more"):
        list(prepare_corpus.prepare_corpus("joined", {}))


def test_eight_emotions_of_ravdess_count_as_the_four_of_a_manifest(tmp_path):
    ravdess.synthesize(tmp_path / "ravdess", actors=6, statements=1, repetitions=1, rate=8000, seed=1)
    lines, draw = ["id,group,label:mood,action_units"], np.random.default_rng(0)
    for number in range(24):
        np.save(tmp_path / f"{number}.npy", draw.normal(size=(1, 35)).astype(np.float32))
        mood = ("anger", "joy", "neutral", "sadness")[number % 4]
        lines.append(f"m{number},s{number // 4},{mood},{number}.npy")
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    told = dict(neutral="neutral", calm="neutral", happy="joy", sad="sadness", angry="anger")
    settings = dict(
        parts={
            "own": str(tmp_path / "own.csv"),
            "ravdess": {"name": "ravdess", "manual_dir": str(tmp_path / "ravdess")},
        },
        label_map={"ravdess": told | dict.fromkeys(("fearful", "disgust", "surprised"), "")},
        modalities=("action_units",),
        data_dir=str(tmp_path / "data"),
        folds=5,
    )
    whole = joined.load(settings | dict(train=("ravdess",), test=("own",)))
    assert whole.labels == ("anger", "joy", "neutral", "sadness")
    emotions = {"01": 2, "02": 2, "03": 1, "04": 3, "05": 0}
    mine = [recording for recording in whole.splits["train"] if recording.id.startswith("ravdess/")]
    assert {recording.id.split("-")[2] for recording in mine} == set(emotions)
    for recording in mine:
        assert recording.targets["mood"] == emotions[recording.id.split("-")[2]]
    # RAVDESS' published folds keep their actors, and the manifest's drawn ones their speakers.
    assert list(whole.folds) == [f"ravdess->own.{number}" for number in range(1, 6)]
    tested = [name for fold in whole.folds.values() for name in fold.test]
    assert sorted(tested) == sorted(f"own/m{number}" for number in range(24))
