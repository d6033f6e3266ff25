"""What results.json says of a trial."""

from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.experiment import results, study
from affect_jax.experiment.results_file import TrialResult
from affect_jax.runtime import run_identity


def test_scores_per_recording_are_of_recordings_that_have_several_steps():
    y = np.array([0.1, 0.4, 0.2, 0.9], np.float32)
    one, several = (results.score_trial("regression", y, y, np.array(of)) for of in ([0, 1, 2, 3], [0, 0, 1, 1]))
    assert set(several) - set(one) == {f"{metric}_per_recording" for metric in ("ccc", "pcc", "rmse")}
    assert one["ccc"] == several["ccc"] == several["ccc_per_recording"] == 1


def _make_recordings(splits):
    """split -> {recording: group}."""
    members = {split: [Recording(r, group, (r,), {}, {}) for r, group in of.items()] for split, of in splits.items()}
    return Recordings("c", "v", True, members, {}, {}, "0" * 64)


def test_a_fold_is_recorded_as_the_groups_that_it_really_has():
    groups = {f"r{n}": f"speaker {n // 2}" for n in range(12)}  # two recordings of each of six speakers
    names = [tuple(groups)[n : n + 2] for n in range(0, 12, 2)]
    crossed = _make_recordings({"train": groups})
    folds = results.describe_folds(
        crossed,
        [
            FoldMembers("a", names[0] + names[1] + names[2], names[3], names[4] + names[5]),
            FoldMembers("b", names[2] + names[3] + names[4] + names[5], names[0], names[1]),
        ],
    )
    assert folds["a"].groups == {"train": 3, "validation": 1, "test": 2}
    assert folds["b"].groups == {"train": 4, "validation": 1, "test": 1}
    assert folds["a"].shared == {"train": round(1 / 3, 6), "validation": 0, "test": 0}


def test_folds_with_training_recordings_of_their_own_share_nothing():
    groups = {f"r{n}": f"r{n}" for n in range(6)}
    members = [FoldMembers("a", ("r0",), ("r1",), ("r2",)), FoldMembers("b", ("r3",), ("r4",), ("r5",))]
    folds = results.describe_folds(_make_recordings({"train": groups}), members)
    assert {count for fold in folds.values() for count in fold.groups.values()} == {1}
    assert {share for fold in folds.values() for share in fold.shared.values()} == {0}


def test_draws_of_validation_share_the_test_split_of_the_release():
    recordings = _make_recordings({"train": {f"r{n}": f"v{n}" for n in range(4)}, "test": {"t0": "w0", "t1": "w1"}})
    draws = [FoldMembers("draw_0", ("r0", "r1", "r2"), ("r3",)), FoldMembers("draw_1", ("r1", "r2", "r3"), ("r0",))]
    for fold in results.describe_folds(recordings, draws).values():
        assert fold.groups == {"train": 3, "validation": 1, "test": 2}
        assert fold.shared["test"] == 1
        assert 0 < fold.shared["train"] < 1
    alone = results.describe_folds(recordings, draws[:1])["draw_0"]
    assert set(alone.shared.values()) == {0}


# Six clips, of which a model that always says 1 has three right; then it answers its wrong ones with NaN.
TRUTH = np.array([1, 1, 1, 0, 0, 0], np.float32)
ONES, SILENT = np.full(6, 0.9, np.float32), np.array([0.9, 0.9, 0.9, np.nan, np.nan, np.nan], np.float32)


def _stack(values):
    """Logits of two classes, NaN where the value is."""
    return np.stack([1 - values, values], -1)


@pytest.mark.parametrize(
    ("task", "answers"),
    [("binary", np.copy), ("signed_regression", np.copy), ("regression", np.copy), ("multiclass", _stack)],
)
@pytest.mark.parametrize("recording", [np.arange(6), np.array([0, 0, 0, 1, 1, 1])])
def test_an_answer_of_nan_raises_no_score(task, answers, recording):
    asked = np.array([True] * 5 + [False])  # a clip of another fold, whose answer does not matter
    for of_asked in (None, asked):
        scored = results.score_trial(task, answers(ONES), TRUTH, recording, of_asked)
        silent = results.score_trial(task, answers(SILENT), TRUTH, recording, of_asked)
        assert scored.keys() == silent.keys()
        assert set(silent.values()) == {None}
    elsewhere = answers(np.where(asked, ONES, np.nan).astype(np.float32))
    assert results.score_trial(task, elsewhere, TRUTH, recording, asked) == results.score_trial(
        task, answers(ONES), TRUTH, recording, asked
    )


def make_trials(*tests):
    return [TrialResult("s", "v", f"f{n}", 0, {}, None, test) for n, test in enumerate(tests)]


def test_a_variant_has_no_mean_where_one_of_its_trials_has_no_score():
    """The mean of the others would be better than what the trials earned; a trial that was not asked does not count."""
    summaries = results.summarize_variants(make_trials(None, {"accuracy": 0.9, "uar": 0.8}, {"accuracy": None}))
    (accuracy, uar) = summaries
    assert (accuracy.mean, accuracy.std, accuracy.n) == (None, None, 1)
    assert accuracy.folds == {"f1": 0.9, "f2": None}
    assert (uar.mean, uar.n) == (None, 1)
    (whole,) = results.summarize_variants(make_trials(None, {"accuracy": 0.9}, {"accuracy": 0.5}))
    assert (whole.mean, whole.n) == (pytest.approx(0.7), 2)
    assert results.summarize_variants(make_trials({"log_loss": None}, {"log_loss": None})) == ()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_searched_trial_without_a_finite_score_is_read_again_as_the_worst(tmp_path, monkeypatch, sign):
    scores = np.array([-sign * np.inf, 0.3], np.float32)
    monkeypatch.setattr(study, "_fit", lambda *_: SimpleNamespace(score=scores))
    experiment = SimpleNamespace(search=SimpleNamespace(halving=None))
    run = SimpleNamespace(workdir=tmp_path, identity=run_identity.RunIdentity(*"abcd"), experiment=experiment)
    searched = SimpleNamespace(stages=(SimpleNamespace(name="fit", sign=sign),))
    (tmp_path / "checkpoints" / "s" / "fit").mkdir(parents=True)
    assert [study._fit_search(run, searched, None, "s", []) for _ in range(2)] == [scores.tolist()] * 2
