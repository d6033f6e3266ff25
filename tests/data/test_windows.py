"""Windows of long recordings: training shows every step equally often, evaluation scores every step once."""

import jax
import numpy as np
import pytest

from affect_jax.data import corpus as corpora
from affect_jax.data import streaming, windows
from affect_jax.errors import UserError
from tests import toy
from tests.data.batches import take_batch

LENGTHS = (1, 2, 7, 10, 11, 19, 20, 21, 100, 137)
WINDOWS = ((10, 5), (10, 10), (10, 2), (9, 3), (2, 1), (1, 1))


@pytest.mark.parametrize(("window", "hop"), WINDOWS)
@pytest.mark.parametrize("length", LENGTHS)
def test_training_shows_every_step_equally_often(length, window, hop):
    count = np.zeros(length, int)
    for start, size in windows.cover_evenly(length, window, hop):
        assert 0 < size <= window
        count[start : start + size] += 1
    assert (count == window // hop).all()


@pytest.mark.parametrize(("window", "hop"), [*WINDOWS, (10, 3), (10, 7)])
@pytest.mark.parametrize("length", LENGTHS)
def test_evaluation_scores_every_step_once_with_context(length, window, hop):
    scored = []
    for start, size, first, last in windows.cover_once(length, window, hop):
        assert 0 <= start
        assert start + size <= length
        assert size == min(window, length)
        scored += range(start + first, start + last)
        context = (window - hop) // 2  # on both sides, but at the recording's own ends
        assert first >= context or start == 0
        assert size - last >= context or start + size == length
    assert scored == list(range(length))


MADE = toy.recordings(count=3, length=23)  # of 23, 22 and 21 steps


def build(resident=True, made=MADE, window=10, hop=5):
    where = dict(modalities=("a", "b"), target="y", unit="recording", window=window, hop=hop, resident=resident)
    return corpora.build_corpus(made, **where)


def test_cut_and_stitched_recordings_are_the_recordings():
    corpus, index = build()
    numbers = np.flatnonzero(index.evaluation)
    batch, frames = take_batch(corpus, [*numbers, -1]), corpora.locate_frames(corpus, numbers)
    assert batch["inputs"]["a"].shape[1] == 10
    mask = batch["mask"]
    assert not mask[-1].any()
    np.testing.assert_array_equal(mask[:-1], frames >= 0)
    np.testing.assert_array_equal(np.sort(frames[frames >= 0]), np.arange(23 + 22 + 21))
    whole = {m: np.concatenate([r.features[m] for r in MADE]) for m in ("a", "b")}
    for m, values in whole.items():
        stitched = np.zeros_like(values)
        stitched[frames[frames >= 0]] = batch["inputs"][m][:-1][frames >= 0]
        np.testing.assert_array_equal(stitched, values)
        assert batch["masks"][m][:-1].all()  # what is not scored is context, and read
    gold = np.concatenate([r.targets["y"] for r in MADE])
    np.testing.assert_array_equal(batch["target"][:-1][frames >= 0], gold[frames[frames >= 0]])


def test_training_windows_count_whole_and_show_their_recording():
    corpus, index = build()
    numbers = np.flatnonzero(index.training)
    batch = take_batch(corpus, numbers)
    length = np.asarray(corpus.target.length)[numbers]
    np.testing.assert_array_equal(batch["mask"].sum(1), length)
    np.testing.assert_array_equal(batch["mask"], batch["masks"]["a"])
    frames = corpora.locate_frames(corpus, numbers)
    np.testing.assert_array_equal(np.bincount(frames[frames >= 0]), np.full(23 + 22 + 21, 2))


def test_streamed_windows_are_the_resident_ones():
    corpus, index = build()
    numbers = np.flatnonzero(index.evaluation)[[4, 0, 7]]
    laid, streamed_index = build(resident=False)
    source = streaming.make_source(laid, streamed_index, MADE)
    chunk = streaming.cut_features(source, numbers, streaming.measure_capacity(source, numbers[None], 4))
    batches = take_batch(corpus, numbers), take_batch(chunk, np.arange(3))
    for one, other in zip(*(jax.tree.leaves(dict(batch)) for batch in batches), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_window_means_whole_recordings():
    corpus, index = build(window=0, hop=0)
    assert corpus.target.scored is None
    assert index.training.all()
    assert index.evaluation.all()
    with pytest.raises(UserError, match="choose recording"):
        windows.list_examples([3], "month", 0, 0)


@pytest.mark.parametrize("length", [3, 7, 8, 20])
@pytest.mark.parametrize("unit", ["recording", "window"])
def test_windows_of_one_recording_are_those_of_its_evaluation(length, unit):
    plan = windows.WindowPlan(unit, 7, 3 if unit == "recording" else 7)
    scored = [
        t
        for _, start, _, first, last in windows.list_evaluated(length, plan)
        for t in range(start + first, start + last)
    ]
    assert scored == list(range(length))
    if length > 7:
        assert windows.list_evaluated(length, plan) == windows.list_examples([length], *plan)[1]
    assert windows.list_evaluated(length, None) == [windows.Example(0, 0, length, 0, length)]
