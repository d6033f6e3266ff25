"""Baselines on made-up clips, up to the folder that reports read."""

import json

import numpy as np
import pytest

from affect_jax.baselines import descriptors, fit_folds, fit_trial, functionals
from affect_jax.baselines.methods import NAMES, REFITTED, STUDY
from affect_jax.baselines.plan import Plan
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError
from affect_jax.experiment import terminal
from affect_jax.experiment.results_file import read_results
from affect_jax.runtime import run_folder

RATE = 100


def read_split(folder, split):
    """The arrays of predictions.npz of one split, by their last names."""
    arrays = run_folder.read_arrays(folder / "predictions.npz")
    prefix = f"{STUDY}/{split}/"
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """The mean and the spread of 8 pieces of a clip take the place of MFCC statistics; openSMILE is not there."""

    def row(x, rate):
        pieces = x.reshape(8, -1)
        return np.concatenate([pieces.mean(1), pieces.std(1)])

    made = descriptors.Extractor("MFCC statistics", "1", tuple(f"c{n}" for n in range(16)), row)
    monkeypatch.setattr(descriptors, "make_mfcc_extractor", lambda: made)
    monkeypatch.setattr(functionals, "is_opensmile_installed", lambda: False)


def clip(number, target, y, actor):
    random = np.random.default_rng(number)
    speech = random.normal(size=80) * 3000
    speech[:10] += 6000 * y
    units = (random.normal(size=(1, 3)) + 2 * y).astype(np.float32)
    features = {"speech": speech.astype(np.int16), "action_units": units}
    name = f"clip_{number:02d}"
    return Recording(name, f"actor_{actor}", (name,), features, {target: np.array([y], np.float32)})


def crossed(classes=3, clips=48):
    """A corpus of 4 actors whose folds are actors; each validates on the next."""
    members = [clip(n, "emotion", n % classes, n // classes % 4) for n in range(clips)]
    labels = ("calm", "angry", "sad")[:classes]
    corpus = Recordings("ravdess", "speech", False, {"train": members}, {}, {"f": None}, "0" * 64, labels)
    ids = [tuple(r.id for r in members if r.group == f"actor_{a}") for a in range(4)]
    splits = [FoldMembers(f"fold_{a}", ids[(a + 2) % 4] + ids[(a + 3) % 4], ids[(a + 1) % 4], ids[a]) for a in range(4)]
    return corpus, splits


def parted(clips=60):
    """A corpus with a part for each purpose, and values in [-1, 1]."""
    values = np.random.default_rng(9).uniform(-1, 1, clips)
    members = [clip(n, "conflict", values[n], n // 3) for n in range(clips)]
    parts = {"train": members[:30], "validation": members[30:45], "test": members[45:]}
    corpus = Recordings("sspnet_conflict", "speech", True, parts, {}, {}, "1" * 64)
    ids = {name: tuple(r.id for r in part) for name, part in parts.items()}
    return corpus, [FoldMembers("dev", ids["train"], ids["validation"])]


@pytest.fixture
def make(tmp_path):
    def call(plan, corpus, splits, name="run", **settings):
        folder = tmp_path / name
        run_folder.open_run_folder(folder, {"corpus": {"rate": RATE}}, "configs/x.py:baseline")
        fit_folds.fit_folds(
            plan,
            corpus,
            splits,
            RATE,
            tmp_path / "cache",
            folder,
            name="x",
            config_arg="configs/x.py:baseline",
            **settings,
        )
        return folder, read_results(folder)

    return call


def test_a_cross_validation(make):
    corpus, splits = crossed()
    plan = Plan("multiclass", "emotion", ("mfcc_statistics", "action_units", "both"))
    folder, results = make(plan, corpus, splits)
    plain = [NAMES[m] for m in plan.methods for _ in splits]
    assert [trial.variant for trial in results.trials] == [*plain, *(name + REFITTED for name in plain)]
    assert [trial.classical.fitted_on for trial in results.trials] == ["train"] * 12 + ["train+validation"] * 12
    found = read_split(folder, "test")
    assert found["prediction"].shape == (24, 48, 3)
    # Every clip is tested by one trial of each variant, and a trial's score is that of its own clips.
    shown = found["asked"]
    np.testing.assert_array_equal(shown, ~np.isnan(found["prediction"]).any(2))
    assert (shown[:4].sum(0) == 1).all()
    right = found["prediction"][5].argmax(1) == found["target"]
    assert results.trials[5].test["accuracy"] == pytest.approx(right[shown[5]].mean(), abs=1e-6)
    assert {g for g, s in zip(found["group"], shown[5], strict=True) if s} == {"actor_1"}
    accuracy = {s.variant: s.mean for s in results.variants if (s.split, s.metric) == ("test", "accuracy")}
    assert min(accuracy.values()) > 0.5
    assert accuracy["MFCC statistics + action units"] > accuracy["MFCC statistics"]
    assert results.baselines["test"]["accuracy"] == pytest.approx(1 / 3)
    assert results.corpus.labels == ("calm", "angry", "sad")


def test_parts_of_the_release(make, monkeypatch):
    corpus, splits = parted()
    methods = ("mfcc_statistics", "random_subset")
    plan = Plan("signed_regression", "conflict", methods, seeds=2, iterations=300, refit=False)
    told = []
    folder, results = make(plan, corpus, splits, progress=lambda *words: told.append(words))
    linear, *chosen = results.trials
    assert [trial.seed for trial in chosen] == [0, 1]
    for trial in results.trials:
        assert trial.classical.fitted_on == "train"
        assert trial.test["pcc"] > 0.5
        assert trial.validation["pcc"] == max(candidate["score"] for candidate in trial.classical.tried)
        assert {"uar", "accuracy"} <= trial.test.keys()
    assert linear.hyper.keys() == {"alpha"}
    assert linear.classical.significant is None
    kept = json.loads((folder / "kept_features.json").read_text())
    assert kept.keys() == {"dev/0", "dev/1"}
    assert kept["dev/0"][0] == "c0", "the piece of the clip that was planted"
    assert chosen[0].classical.columns == len(kept["dev/0"])
    assert list(read_split(folder, "test")["id"]) == [r.id for r in corpus.splits["test"]]
    assert ("Random subset feature selection, dev, seed 1", 300, 300) in told


def test_the_test_part_decides_nothing(make):
    corpus, splits = parted()
    plan = Plan("regression", "conflict", ("mfcc_statistics", "random_subset"), iterations=200)
    before, results = make(plan, corpus, splits, "before")
    shuffled = [r._replace(targets={"conflict": -r.targets["conflict"]}) for r in corpus.splits["test"]]
    after, _ = make(plan, corpus._replace(splits={**corpus.splits, "test": shuffled}), splits, "after")
    values = [read_split(folder, "test")["prediction"] for folder in (before, after)]
    np.testing.assert_array_equal(*values)
    assert "pcc_per_recording" not in results.trials[0].test, "a recording is one value"


@pytest.mark.parametrize("make_corpus", [parted, crossed])
def test_both_ways_are_shown_and_a_name_without_a_remark_learned_what_a_network_does(make, make_corpus):
    """The same in a cross-validation and with a release's own splits; refitting moves the test split alone."""
    corpus, splits = make_corpus()
    task, target = ("multiclass", "emotion") if corpus.folds else ("regression", "conflict")
    plan = Plan(task, target, ("mfcc_statistics",))
    folder, results = make(plan, corpus, splits)
    count = len(splits)
    assert [trial.classical.fitted_on for trial in results.trials] == ["train"] * count + ["train+validation"] * count
    assert [trial.variant.endswith(REFITTED) for trial in results.trials] == [False] * count + [True] * count
    validation, test = (read_split(folder, split)["prediction"] for split in ("validation", "test"))
    np.testing.assert_array_equal(validation[:count], validation[count:])
    assert (test[:count] != test[count:]).any()
    assert "learned from the training and validation splits together" in terminal.format_results(results)
    alone, without = make(plan._replace(refit=False), corpus, splits, "alone")
    assert {trial.classical.fitted_on for trial in without.trials} == {"train"}
    np.testing.assert_array_equal(read_split(alone, "test")["prediction"], test[:count])


def test_a_candidate_that_answers_nan_is_not_the_best():
    scores = [{"pcc": value} for value in (None, 0.2, None, 0.5)]
    candidates = [fit_trial._Candidate({}, None, np.zeros(1), of_one) for of_one in scores]
    assert fit_trial.choose_candidate(candidates, "pcc") is candidates[3]
    assert fit_trial.choose_candidate(candidates[:1], "pcc") is candidates[0]


def test_a_test_part_without_labels_is_left_out(make):
    corpus, splits = parted()
    bare = [r._replace(targets={}) for r in corpus.splits["test"]]
    plan = Plan("regression", "conflict", ("mfcc_statistics",))
    _, results = make(plan, corpus._replace(splits={**corpus.splits, "test": bare}), splits)
    assert results.trials[0].test is None
    assert results.baselines.keys() == {"validation"}


def test_is13_is_a_machine_on_functionals(make, monkeypatch):
    corpus, splits = crossed(classes=2)
    monkeypatch.setattr(functionals, "is_opensmile_installed", lambda: True)
    made = descriptors.make_mfcc_extractor()._replace(name="ComParE_2016", version="2.6.0")
    monkeypatch.setattr(functionals, "make_extractor", lambda: made)
    plan = Plan("binary", "emotion", ("is13", "random_subset"), iterations=200)
    _, results = make(plan, corpus, splits)
    machine, subset = results.trials[0], results.trials[-1]
    assert machine.classical.features == subset.classical.features == "ComParE_2016"
    assert [candidate["hyper"] for candidate in machine.classical.tried] == [{"C": c} for c in (0.01, 0.1, 1.0, 10.0)]
    assert machine.test["log_loss"] is None, "its scores are no probabilities"
    assert subset.test["log_loss"] is not None
    assert results.provenance.packages["opensmile"] == "2.6.0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(methods=("action_unit",)), r"--methods names 'action_unit' \(did you mean 'action_units'\?\)"),
        (dict(methods=()), "no method is left"),
        (dict(methods=("is13",)), "needs openSMILE"),
        (dict(task="regresion"), r"config.task is 'regresion' \(did you mean 'regression'\?\)"),
        (dict(seeds=0), "--seeds is 0; give 1 or more"),
        (dict(iterations=0), "--iterations is 0; give 1 or more"),
        (dict(target="arousal"), "recording clip_00 has no target 'arousal'"),
        (dict(task="multiclass"), "which is no class; correct config.task"),
    ],
)
def test_plans_that_cannot_be(make, change, said):
    corpus, splits = parted()
    plan = Plan("signed_regression", "conflict", ("mfcc_statistics",))
    with pytest.raises(UserError, match=said):
        make(plan._replace(**change), corpus, splits)


def test_corpora_that_cannot_be(make):
    corpus, splits = parted()
    plan = Plan("signed_regression", "conflict", ("mfcc_statistics",))
    first = corpus.splits["train"][0]
    many = first._replace(steps=("a", "b"))
    with pytest.raises(UserError, match="clip_00 has 2 labels, expected one"):
        make(plan, corpus._replace(splits={**corpus.splits, "train": [many]}), splits)
    with pytest.raises(UserError, match="fold 'dev' has no validation split"):
        make(plan, corpus, [splits[0]._replace(validation=())])
    corpus, splits = crossed()
    one_class = splits[0]._replace(train=tuple(r.id for r in corpus.splits["train"] if r.targets["emotion"][0] == 1))
    with pytest.raises(UserError, match="trains on clips of one class only"):
        make(Plan("multiclass", "emotion", ("action_units",)), corpus, [one_class])
