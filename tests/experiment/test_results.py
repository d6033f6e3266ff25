"""What results.json says of a trial."""

import numpy as np

from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.experiment import results


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
