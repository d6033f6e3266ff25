"""Batches of similar lengths: which examples are together, and that padding changes nothing but the time it takes."""

import numpy as np
import pytest

from affect_jax.data import buckets
from affect_jax.data import corpus as corpora
from affect_jax.data.buckets import arrange_examples, list_narrowed, list_segments, spread_evenly
from tests import toy
from tests.data.batches import take_batch

MANY = {"voice": np.random.default_rng(0).lognormal(5, 0.8, 300).astype(int), "face": np.arange(300) % 7}


def draw_rows(folds=3, count=250):
    rows = np.stack([np.random.default_rng(k).permutation(300)[:count] for k in range(folds)]).astype(np.int32)
    rows[1, -9:] = -1
    return rows


@pytest.mark.parametrize("most", [2, 3, 4])
def test_every_fold_keeps_its_examples_and_they_fit(most):
    rows = draw_rows()
    arranged, chosen = arrange_examples(MANY, rows, most, has_steps=False)
    assert 1 < len(chosen) <= most
    for row, again in zip(rows, arranged, strict=True):
        np.testing.assert_array_equal(np.sort(row[row >= 0]), np.sort(again[again >= 0]))
    padded = 0
    for columns, bucket in zip(list_segments(chosen), chosen, strict=True):
        for row in arranged[:, columns]:
            assert (np.flatnonzero(row >= 0) == np.arange((row >= 0).sum())).all()  # padding is behind them
        members = arranged[:, columns][arranged[:, columns] >= 0]
        assert {m: max(lengths[members].max(), 1) for m, lengths in MANY.items()} == dict(bucket.steps)
        padded += bucket.examples * dict(bucket.steps)["voice"]
    assert padded < 0.6 * rows.shape[1] * MANY["voice"].max()


def test_lengths_that_are_alike_and_small_corpora_stay_in_one():
    rows = draw_rows()
    for lengths in ({"voice": 180 + MANY["face"]}, {"face": MANY["face"]}, {}):
        arranged, chosen = arrange_examples(lengths, rows, 3, has_steps=False)
        assert chosen == ()
        assert arranged is rows
    assert arrange_examples(MANY, rows, 1, has_steps=False)[1] == ()


@pytest.mark.parametrize("seconds", [19, 300])
def test_one_long_clip_costs_its_own_length_and_no_more(seconds):
    lengths = {"voice": np.array([100] * 399 + [100 * seconds])}
    _, chosen = arrange_examples(lengths, np.arange(400, dtype=np.int32)[None], 3, has_steps=False)
    assert sum(bucket.examples * dict(bucket.steps)["voice"] for bucket in chosen) == lengths["voice"].sum()


def test_buckets_take_turns():
    assert spread_evenly([3]) == [0, 0, 0]
    assert sorted(spread_evenly([6, 2])) == [0] * 6 + [1] * 2
    order = np.array(spread_evenly([40, 8, 1]))
    assert max(np.diff(np.flatnonzero(order == 1))) <= 8


def test_a_modality_whose_padding_counts_keeps_its_length():
    steps = {"voice": 300, "face": 20, "vector": None}
    assert list_narrowed(steps, (), has_steps=False) == ("voice", "face")
    assert list_narrowed(steps, ("face",), has_steps=False) == ("voice",)
    assert list_narrowed({"a": 9, "b": 9}, ("a",), has_steps=True) == ()


def test_a_batch_of_a_bucket_is_the_padded_batch_without_its_padding(monkeypatch):
    monkeypatch.setattr(buckets, "LEAST", 0)
    made = [*toy.recordings(count=6, length=6), toy.recordings(count=1, length=40)[0]._replace(id="long", group="l")]
    corpus, _ = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit="recording")
    lengths = {m: np.asarray(stream.length) for m, stream in corpus.inputs.items()}
    rows, chosen = arrange_examples(lengths, np.arange(7, dtype=np.int32)[None], 2, has_steps=True)
    assert [(bucket.examples, bucket.target) for bucket in chosen] == [(6, 6), (1, 40)]
    for columns, bucket in zip(list_segments(chosen), chosen, strict=True):
        short, padded = take_batch(corpus, rows[0, columns], bucket=bucket), take_batch(corpus, rows[0, columns])
        steps = short["mask"].shape[1]
        assert not padded["mask"][:, steps:].any()
        np.testing.assert_array_equal(short["mask"], padded["mask"][:, :steps])
        np.testing.assert_array_equal(short["target"], padded["target"][:, :steps])
        np.testing.assert_array_equal(short["inputs"]["a"], padded["inputs"]["a"][:, :steps])
