"""Batches of an epoch: equal, or cut as predictions are where nothing small is left over."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.data.buckets import Bucket, arrange_examples
from affect_jax.data.folds import Folds
from affect_jax.data.packing import plan_packing
from affect_jax.training import batching, objective
from affect_jax.training.trials import TrialArrays
from tests import toy

spread_batches = jax.jit(batching.spread_batches, static_argnums=1)  # one program, not one of each operation


@functools.cache
def spread(present, size, padding=0):
    """Numbers of examples in each batch, and the batches."""
    batches = np.asarray(spread_batches(np.r_[np.arange(present), np.full(padding, -1)].astype(np.int32), size))
    return (batches >= 0).sum(1), batches


@pytest.mark.parametrize(
    ("present", "size", "padding"),
    [
        (1025, 32, 0),
        (1025, 32, 40),
        (33, 32, 0),
        (900, 32, 0),
        (52, 32, 0),
        (9, 8, 3),
        (5, 4, 0),
        (3, 2, 2),
        (65, 64, 1),
    ],
)
def test_no_batch_is_a_remainder_of_a_few(present, size, padding):
    counts, batches = spread(present, size, padding)
    filled = counts[counts > 0]
    least = batching.count_few(batches.shape[1])
    assert filled.min() >= least
    assert filled.max() <= size
    np.testing.assert_array_equal(batches[batches >= 0], np.arange(present))
    for row, count in zip(batches, counts, strict=True):
        assert (row[count:] == -1).all()  # padding is behind the examples of a batch


def test_the_docstring_s_example():
    assert sorted(spread(1025, 32)[0].tolist()) == [31] * 31 + [32] * 2


def test_batches_without_a_small_remainder_are_those_of_before():
    """CMU-MOSI's 52 videos, RECOLA's windows and frames, SSPNet's clips: their numbers stay."""
    for present, size in [(52, 32), (2682, 32), (67509, 32), (793, 32), (1500, 32), (160, 16), (48, 8), (64, 32)]:
        index = np.arange(present, dtype=np.int32)
        expected = jax.jit(batching.cut_batches, static_argnums=1)(index, size)
        np.testing.assert_array_equal(spread_batches(index, size), expected)


def make_folds(rows, buckets=()):
    return Folds(jnp.asarray(rows, jnp.int32), jnp.asarray(rows[:, :1]), {}, {}, tuple(buckets))


def make_stage(batch, **changes):
    (stage,), _ = toy.stages(fit=toy.stage_config(train=("*",), batch=batch, **changes))
    return stage


def order(stage, folds, fold=0):
    trial = TrialArrays(jnp.int32(fold), jnp.int32(0), {})
    return np.asarray(jax.jit(functools.partial(batching.order_epoch, stage, folds))(trial, jnp.int32(0)))


def test_a_shorter_fold_beside_longer_ones_has_no_remainder_either():
    rows = np.stack([np.arange(96), np.r_[np.arange(65), np.full(31, -1)]])
    counts = (order(make_stage(32), make_folds(rows), fold=1) >= 0).sum(1)
    assert counts.tolist() == [22, 22, 21]


def test_a_bucket_s_batches_have_no_remainder():
    buckets = Bucket(65, (("a", 5),), 5), Bucket(33, (("a", 25),), 25)
    stage = make_stage(32)
    counts = (order(stage, make_folds(np.arange(98)[None], buckets)) >= 0).sum(1)
    assert counts.min() >= 16
    assert counts.sum() == 98


def test_a_bucket_has_several_examples_of_each_fold_where_a_loss_needs_them():
    """One clip that is far longer than all others would be a batch of its own, with a correlation of nothing."""
    lengths = {"voice": np.array([100] * 399 + [30_000])}
    rows = np.arange(400, dtype=np.int32)[None]
    assert [bucket.examples for bucket in arrange_examples(lengths, rows, 2, has_steps=False)[1]] == [399, 1]
    _, chosen = arrange_examples(lengths, rows, 2, has_steps=False, least=8)
    assert [bucket.examples for bucket in chosen] == [392, 8]
    two = np.stack([np.arange(200), np.arange(200, 400)]).astype(np.int32)
    for of_fold in two:
        arranged, chosen = arrange_examples(lengths, two, 2, has_steps=False, least=8)
        long = arranged[:, -chosen[-1].examples :]
        assert all((row >= 0).sum() in (0, *range(8, 201)) for row in long), of_fold
    assert not objective.needs_several(make_stage(4).terms)
    pcc = dict(prediction=dict(kind="pcc", prediction="prediction", target="target", weight=1.0))
    assert objective.needs_several(make_stage(4, losses=pcc).terms)


def test_packed_sequences_have_room_for_equal_batches():
    lengths = np.random.default_rng(0).integers(1, 20, 65)
    batches = spread(65, 32)[1]
    packing = plan_packing([lengths], batches.shape[1])
    profile = np.sort(lengths)[::-1]
    for row in batches:
        of_batch = np.sort(lengths[row[row >= 0]])[::-1]
        assert (of_batch <= profile[: len(of_batch)]).all()
    assert packing is None or len(np.unique(np.array(packing.rank))) - 1 == batches.shape[1]
