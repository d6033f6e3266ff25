"""Examples are starts and lengths into flat frames; batches show exactly those frames."""

import numpy as np
import pytest

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data import windows
from affect_jax.data.normalize import compute_moments
from affect_jax.errors import UserError
from tests import toy
from tests.compiled import list_compiled
from tests.data.batches import take_batch

MADE = toy.recordings(count=4, length=9)  # of 9, 8, 7 and 9 steps


def build(unit, **kwargs):
    return corpora.build_corpus(MADE, modalities=("a",), target="y", unit=unit, **kwargs)


def test_recordings_as_examples_are_padded_at_the_end():
    corpus, _ = build("recording")
    batch = take_batch(corpus, [2, -1, 0])
    assert batch["inputs"]["a"].shape == (3, 9, 3)
    np.testing.assert_array_equal(batch["mask"].sum(1), [7, 0, 9])
    np.testing.assert_array_equal(batch["inputs"]["a"][0, :7], MADE[2].features["a"])
    np.testing.assert_array_equal(batch["inputs"]["a"][0, 7:], 0)
    np.testing.assert_array_equal(batch["target"][2], MADE[0].targets["y"])


@pytest.mark.parametrize("unit", ["recording", "item"])
def test_laying_a_corpus_out_compiles_nothing(unit):
    """Every corpus has shapes of its own, so a program here would be compiled for each, before each first epoch."""
    count = 1 if unit == "item" else 11  # which no other test has
    made = [
        recording._replace(steps=recording.steps[:count], targets={"y": np.zeros(count)})
        for recording in toy.recordings(count=5, length=13, seed=1)
    ]
    if unit == "recording":
        made = [one._replace(features={"a": one.features["a"][:count].astype(np.float64)}) for one in made]
    with list_compiled() as compiled:
        corpora.build_corpus(made, modalities=("a",), target="y", unit=unit)
    assert not compiled


def test_training_windows_overlap_and_evaluation_windows_show_every_frame_once():
    corpus, index = build("window", window=4, hop=2)
    train = corpora.locate_frames(corpus, np.flatnonzero(index.training))
    assert (train >= 0).all()
    assert [tuple(w) for w in train[:3] % 9] == [(0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6, 7)]
    evaluation = corpora.locate_frames(corpus, np.flatnonzero(index.evaluation))
    np.testing.assert_array_equal(np.sort(evaluation[evaluation >= 0]), np.arange(9 + 8 + 7 + 9))


def test_avec_recordings_have_298_windows():
    assert len(windows.cut_windows(7501, 75, 25, remainder=False)) == 298
    assert len(windows.cut_windows(7501, 75, 75, remainder=True)) == 101


def test_frames_have_no_time_axis():
    corpus, _ = build("frame")
    batch = take_batch(corpus, [10, -1])
    np.testing.assert_array_equal(batch["inputs"]["a"][0], MADE[1].features["a"][1])
    np.testing.assert_array_equal(batch["mask"], [True, False])


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match="window of at most 7"):
        build("window", window=8, hop=2)
    with pytest.raises(UserError, match="no modality 'c'"):
        corpora.build_corpus(MADE, modalities=("c",), target="y", unit="frame")
    with pytest.raises(UserError, match="no recordings"):
        corpora.build_corpus([], modalities=("a",), target="y", unit="frame")


def split(train, validation):
    return folding.FoldMembers("f", tuple(train), tuple(validation))


def test_folds_standardise_by_their_own_training_frames():
    corpus, index = build("recording")
    folds = folding.build_folds(corpus, index, [split(["r0", "r1"], ["r2"]), split(["r2"], ["r0", "r3"])], {"a": True})
    np.testing.assert_array_equal(folds.train, [[0, 1], [2, -1]])
    np.testing.assert_array_equal(folds.validation, [[2, -1], [0, 3]])
    frames = np.concatenate([MADE[0].features["a"], MADE[1].features["a"]])
    np.testing.assert_allclose(folds.mean["a"][0], frames.mean(0), rtol=1e-5)
    np.testing.assert_allclose(folds.scale["a"][0], frames.std(0), rtol=1e-5)


def test_a_constant_column_becomes_zero():
    mean, scale = compute_moments(np.full((5, 1), 1000.1, np.float32))
    assert scale[0] == 1
    assert abs(1000.1 - mean[0]) < 1e-3


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ((["r0"], []), "no validation recordings"),
        ((["r0"], ["r9"]), "r9.*lacks"),
        ((["r0", "r1"], ["r1"]), "group 'g1' in both"),
    ],
)
def test_bad_folds_are_refused(sides, message):
    corpus, index = build("recording")
    with pytest.raises(UserError, match=message):
        folding.build_folds(corpus, index, [split(*sides)], {"a": True})
