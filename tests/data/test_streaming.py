"""What is cut from a source gives the same batches as the corpus that lies on the device whole."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data import packing, streaming
from affect_jax.datasets import stored_array
from affect_jax.datasets.cache import Cache
from affect_jax.datasets.recordings import Recording
from tests import toy

UNITS = ("recording", "window", "frame")


def clips(count=6):
    """Items with a waveform of any length, a matrix of another and one label."""
    draw = np.random.default_rng(1)
    return [
        Recording(
            id=f"c{n}",
            group=f"g{n}",
            steps=(f"c{n}",),
            features={
                "speech": draw.integers(-900, 900, 40 + 7 * (n % 4)).astype(np.int16),
                "m": draw.normal(size=(3 + n % 3, 2)).astype(np.float32),
            },
            targets={"y": np.float32([n / count])},
        )
        for n in range(count)
    ]


def both(made, unit, modalities, **kwargs):
    """(corpus on the device, source over features in files) of the same recordings, and their index."""
    settings = dict(modalities=modalities, target="y", unit=unit, window=4, hop=2, **kwargs)
    corpus, index = corpora.build_corpus(made, **settings)
    lazy = toy.left_in_files(made)
    laid, same = corpora.build_corpus(lazy, **settings, resident=False)
    np.testing.assert_array_equal(index.recording_of, same.recording_of)
    return corpus, streaming.make_source(laid, index, lazy), index


def standard(corpus):
    """Some mean and scale of every modality."""
    mean = {m: jnp.full(1 if s.gain is not None else s.values.shape[1], 0.3) for m, s in corpus.inputs.items()}
    return mean, {m: x + 1.1 for m, x in mean.items()}


def same_batches(corpus, source, lines, ways=1, packed=None):
    fold = np.unique(lines[lines >= 0] // ways)[None]
    capacity = streaming.measure_capacity(source, fold, lines.size)
    chunk, mine = streaming.make_chunk(source, lines, len(lines) + 1, ways, capacity)
    assert (mine[len(lines) :] == -1).all()
    np.testing.assert_array_equal(lines % ways, mine[: len(lines)] % ways)
    batch = jax.jit(lambda corpus, index: corpora.take_batch(corpus, index, *standard(corpus), packed))
    for line, index in zip(lines, mine[: len(lines)], strict=True):
        wanted, found = (
            batch(of, np.where(numbers < 0, -1, numbers // ways)) for of, numbers in ((corpus, line), (chunk, index))
        )
        toy.trees_equal(found, wanted)


@pytest.mark.parametrize("unit", UNITS)
def test_batches_of_a_chunk_are_those_of_the_corpus_to_the_last_bit(unit):
    corpus, source, index = both(toy.recordings(), unit, ("a", "b"))
    examples = np.random.default_rng(0).permutation(len(index.recording_of))[:7]
    same_batches(corpus, source, np.append(examples, -1).reshape(2, 4).astype(np.int32))


def test_items_of_any_length_and_waveforms_too():
    corpus, source, _ = both(clips(), "item", ("speech", "m"), steps={"speech": 50})
    same_batches(corpus, source, np.int32([[5, 0, 3], [2, 4, -1]]))


def test_items_that_lack_a_modality_too():
    made = [r if n % 2 else r._replace(features={"speech": r.features["speech"]}) for n, r in enumerate(clips())]
    corpus, source, _ = both(made, "item", ("speech", "m"))
    same_batches(corpus, source, np.int32([[5, 0, 3], [2, 4, -1]]))
    same_batches(corpus, source, np.int32([[0, 2]]))


def test_moddrop_and_packed_sequences_too():
    corpus, source, _ = both(toy.recordings(), "recording", ("a", "b"))
    same_batches(corpus, source, np.int32([[9, 0, 8], [3, 12, -1]]), ways=2)
    made = [toy.recordings(length=n)[0]._replace(id=f"r{n}") for n in (3, 9, 4, 2)]
    corpus, source, _ = both(made, "recording", ("a", "b"))
    plan = packing.plan_packing([np.array([3, 9, 4, 2])], 4)
    assert plan is not None
    same_batches(corpus, source, np.int32([[1, 3, 0, 2]]), packed=plan)


def test_a_chunk_is_never_larger_than_its_capacity_and_all_chunks_of_a_capacity_have_one_shape():
    _, source, index = both(clips(12), "item", ("speech", "m"))
    capacity = streaming.measure_capacity(source, np.arange(12)[None], 4)
    shapes = set()
    for draw in range(5):
        cut = streaming.cut_features(source, np.random.default_rng(draw).permutation(12)[: 1 + draw % 4], capacity)
        assert sum(x.nbytes for x in (cut.inputs["speech"].values, cut.inputs["m"].values)) <= streaming.count_bytes(
            source, capacity
        )
        for laid in cut.inputs.values():
            assert not laid.values[int((laid.start + laid.length).max()) :].any()  # what is left over is clear
            assert laid.values.ctypes.data % 64 == 0
        shapes.add(tuple(s.values.shape for s in (*cut.inputs.values(), cut.target)))
    assert len(shapes) == 1
    assert len(index.recordings) == 12


def test_fold_statistics_are_those_of_all_frames():
    made = toy.recordings()
    corpus, source, index = both(made, "recording", ("a", "b"))
    splits = [folding.FoldMembers("f", tuple(f"r{n}" for n in range(5)), ("r5", "r6"))]
    whole, parts = (folding.build_folds(c, index, splits, {"a": True, "b": False}) for c in (corpus, source))
    toy.trees_equal(parts, whole, rtol=1e-6)


def test_features_are_read_from_their_files_again_and_never_kept():
    made = toy.recordings()
    counted = toy.Counted({"id": r.id, "features": r.features} for r in made)
    examples = stored_array.store_features(counted, Cache(0))
    assert [e["id"] for e in examples] == [r.id for r in made]
    assert counted.read == list(range(len(made)))
    features = examples[2]["features"]
    np.testing.assert_array_equal(np.asarray(features["a"]), made[2].features["a"])
    np.testing.assert_array_equal(np.asarray(features["b"], np.float64), made[2].features["b"])
    assert counted.read[len(made) :] == [2]  # once for both modalities
    assert (len(features["a"]), features["a"].shape, features["a"].ndim) == (7, (7, 3), 2)


def counted_source(made, limit):
    """(source of frames, what was read of it, its recordings) with a cache of so many bytes."""
    kept = []
    lazy = toy.left_in_files(made, limit, lambda examples: kept.append(toy.Counted(examples)) or kept[0])
    laid, index = corpora.build_corpus(lazy, modalities=("a", "b"), target="y", unit="frame", resident=False)
    return streaming.make_source(laid, index, lazy), index, kept[0].read


def test_a_chunk_reads_each_of_its_recordings_once():
    source, index, read = counted_source(toy.recordings(), 0)
    np.asarray(source.recordings[5].features["a"])
    read.clear()
    frames = np.random.default_rng(0).permutation(30)
    streaming.cut_features(source, frames, streaming.measure_capacity(source, np.arange(30)[None], 30))
    assert read == [0, 1, 2, 3]
    assert index.recording_of[:30].max() == 3


def test_what_the_cache_has_is_not_read_and_what_it_lacks_is_read_once_a_chunk():
    made = toy.recordings(count=9, length=9)
    size = sum(r.features["a"].nbytes + r.features["b"].nbytes for r in made)
    every = np.arange(sum(len(r.steps) for r in made))
    plain, _, _ = counted_source(made, 0)
    capacity = streaming.measure_capacity(plain, every[None], len(every))
    whole = streaming.cut_features(plain, every, capacity)
    for share in (1.0, 0.6, 0.1):
        source, _, read = counted_source(made, share * size)
        for _ in range(4):
            read.clear()
            toy.trees_equal(streaming.cut_features(source, every, capacity), whole)
            assert len(read) == len(set(read)) <= 9 - int(9 * share) + 1, share
        assert share < 1 or not read


def test_work_is_done_ahead_in_order_and_no_further_than_asked():
    begun, lock = [], threading.Lock()

    def work(number):
        with lock:
            begun.append(number)
        return number * number

    stream = streaming.read_ahead(work, range(6), threads=2, depth=2)
    assert next(stream) == 0
    time.sleep(0.05)
    assert sorted(begun) == [0, 1, 2]
    assert list(stream) == [1, 4, 9, 16, 25]


def test_what_goes_wrong_in_a_thread_is_raised_where_it_is_asked_for():
    def work(number):
        if number == 2:
            raise OSError("the disk is gone")
        return number

    stream = streaming.read_ahead(work, range(9), threads=2, depth=2)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)
