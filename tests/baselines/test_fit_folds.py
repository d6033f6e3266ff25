"""Baselines on made-up clips, up to the reports that read their folder."""

import json

import numpy as np
import pytest

from affect_jax.baselines import descriptors, fit_folds, functionals
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError
from affect_jax.reports import comparison_grid, folders
from affect_jax.runtime import run_folder

RATE = 100


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """The mean and the spread of 8 pieces of a clip take the place of MFCC statistics; openSMILE is not there."""

    def row(x, rate):
        pieces = x.reshape(8, -1)
        return np.concatenate([pieces.mean(1), pieces.std(1)])

    made = descriptors.Extractor("MFCC statistics", "1", tuple(f"c{n}" for n in range(16)), row)
    monkeypatch.setattr(descriptors, "mfcc_statistics", lambda: made)
    monkeypatch.setattr(functionals, "installed", lambda: False)


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
        return folders.read_run(folder)

    return call


def test_a_cross_validation(make):
    corpus, splits = crossed()
    plan = fit_folds.Plan("multiclass", "emotion", ("mfcc_statistics", "action_units", "both"))
    run = make(plan, corpus, splits)
    cells = [row["cell"] for row in run.results["rows"]]
    assert cells == [fit_folds.NAMES[m] for m in plan.methods for _ in splits]
    assert {row["fitted_on"] for row in run.results["rows"]} == {"train+validation"}
    found = folders.predictions(folders.read_arrays(run), fit_folds.STUDY, "test")
    assert found.prediction.shape == (12, 48, 3)
    # Every clip is tested by one row of each cell, and a row's score is that of its own clips.
    shown = ~np.isnan(found.prediction).any(2)
    assert (shown[:4].sum(0) == 1).all()
    right = found.prediction[5].argmax(1) == found.target
    assert run.results["rows"][5]["test"]["accuracy"] == pytest.approx(right[shown[5]].mean(), abs=1e-6)
    assert {g for g, s in zip(found.group, shown[5], strict=True) if s} == {"actor_1"}
    accuracy = {c["cell"]: c["mean"] for c in run.results["cells"] if (c["split"], c["metric"]) == ("test", "accuracy")}
    assert min(accuracy.values()) > 0.5
    assert accuracy["MFCC statistics + action units"] > accuracy["MFCC statistics"]
    assert run.results["baselines"]["test"]["accuracy"] == pytest.approx(1 / 3)
    assert run.results["corpus"]["labels"] == ["calm", "angry", "sad"]
    assert "MFCC statistics" in comparison_grid.summary(run.results)


def test_parts_of_the_release(make, monkeypatch):
    corpus, splits = parted()
    plan = fit_folds.Plan(
        "signed_regression", "conflict", ("mfcc_statistics", "random_subset"), seeds=2, iterations=300
    )
    told = []
    run = make(plan, corpus, splits, progress=lambda *words: told.append(words))
    linear, *chosen = run.results["rows"]
    assert [row["seed"] for row in chosen] == [0, 1]
    for row in run.results["rows"]:
        assert row["fitted_on"] == "train"
        assert row["test"]["pcc"] > 0.5
        assert row["validation"]["pcc"] == max(one["score"] for one in row["tried"])
        assert {"uar", "accuracy"} <= row["test"].keys()
    assert linear["hyper"].keys() == {"alpha"}
    kept = json.loads((run.path / "kept_features.json").read_text())
    assert kept.keys() == {"dev/0", "dev/1"}
    assert kept["dev/0"][0] == "c0", "the piece of the clip that was planted"
    assert chosen[0]["columns"] == len(kept["dev/0"])
    found = folders.predictions(folders.read_arrays(run), fit_folds.STUDY, "test")
    assert list(found.id) == [r.id for r in corpus.splits["test"]]
    assert ("Random subset feature selection, dev, seed 1", 300, 300) in told


def test_the_test_part_decides_nothing(make):
    corpus, splits = parted()
    plan = fit_folds.Plan("regression", "conflict", ("mfcc_statistics", "random_subset"), iterations=200)
    before = make(plan, corpus, splits, "before")
    shuffled = [r._replace(targets={"conflict": -r.targets["conflict"]}) for r in corpus.splits["test"]]
    after = make(plan, corpus._replace(splits={**corpus.splits, "test": shuffled}), splits, "after")
    values = [folders.read_arrays(run)["baseline/test/prediction"] for run in (before, after)]
    np.testing.assert_array_equal(*values)
    assert "pcc_per_recording" not in before.results["rows"][0]["test"], "a recording is one value"


def test_refit_moves_the_test_part_alone(make):
    corpus, splits = parted()
    plan = fit_folds.Plan("regression", "conflict", ("mfcc_statistics",))
    one, other = (make(plan._replace(refit=refit), corpus, splits, f"refit_{refit}") for refit in (False, True))
    assert [run.results["rows"][0]["fitted_on"] for run in (one, other)] == ["train", "train+validation"]
    a, b = (folders.read_arrays(run) for run in (one, other))
    np.testing.assert_array_equal(a["baseline/validation/prediction"], b["baseline/validation/prediction"])
    assert (a["baseline/test/prediction"] != b["baseline/test/prediction"]).any()


def test_a_test_part_without_labels_is_left_out(make):
    corpus, splits = parted()
    bare = [r._replace(targets={}) for r in corpus.splits["test"]]
    plan = fit_folds.Plan("regression", "conflict", ("mfcc_statistics",))
    run = make(plan, corpus._replace(splits={**corpus.splits, "test": bare}), splits)
    assert run.results["rows"][0]["test"] is None
    assert run.results["baselines"].keys() == {"validation"}


def test_is13_is_a_machine_on_functionals(make, monkeypatch):
    corpus, splits = crossed(classes=2)
    monkeypatch.setattr(functionals, "installed", lambda: True)
    made = descriptors.make_mfcc_extractor()._replace(name="ComParE_2016", version="2.6.0")
    monkeypatch.setattr(functionals, "extractor", lambda: made)
    plan = fit_folds.Plan("binary", "emotion", ("is13", "random_subset"), iterations=200)
    run = make(plan, corpus, splits)
    machine, subset = run.results["rows"][0], run.results["rows"][-1]
    assert machine["features"] == subset["features"] == "ComParE_2016"
    assert [one["hyper"] for one in machine["tried"]] == [{"C": c} for c in (0.01, 0.1, 1.0, 10.0)]
    assert machine["test"]["log_loss"] is None, "its scores are no probabilities"
    assert subset["test"]["log_loss"] is not None
    assert run.results["provenance"]["packages"]["opensmile"] == "2.6.0"


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
    plan = fit_folds.Plan("signed_regression", "conflict", ("mfcc_statistics",))
    with pytest.raises(UserError, match=said):
        make(plan._replace(**change), corpus, splits)


def test_corpora_that_cannot_be(make):
    corpus, splits = parted()
    plan = fit_folds.Plan("signed_regression", "conflict", ("mfcc_statistics",))
    first = corpus.splits["train"][0]
    many = first._replace(steps=("a", "b"))
    with pytest.raises(UserError, match="clip_00 has 2 labels, expected one"):
        make(plan, corpus._replace(splits={**corpus.splits, "train": [many]}), splits)
    with pytest.raises(UserError, match="fold 'dev' has no validation part"):
        make(plan, corpus, [splits[0]._replace(validation=())])
    corpus, splits = crossed()
    one_class = splits[0]._replace(train=tuple(r.id for r in corpus.splits["train"] if r.targets["emotion"][0] == 1))
    with pytest.raises(UserError, match="trains on clips of one class only"):
        make(fit_folds.Plan("multiclass", "emotion", ("action_units",)), corpus, [one_class])
