"""A streamed study is the resident one: the same batches, updates, scores and weights, with any interruption."""

import jax
import numpy as np
import pytest

from affect_jax.config.losses import parse_losses
from affect_jax.data import corpus as corpora
from affect_jax.data import streaming
from affect_jax.errors import UserError
from affect_jax.runtime.signals import Stopped
from affect_jax.training import checkpoint, chunks, loop, predictor
from tests import toy

SMALL = 0.004  # megabytes: two of five batches at a time
TINY = 1e-6  # one


def sources(unit="recording", limit=0.0, kind=list, **kwargs):
    """(corpus, source, folds) of the toy corpus; the features of the source are read when they are asked for."""
    corpus, index, folds = toy.development(unit=unit, **kwargs)
    lazy = toy.left_in_files(toy.recordings(**kwargs), limit, kind)
    sizes = dict(window=4, hop=2) if unit == "window" else {}
    laid, _ = corpora.build_corpus(lazy, modalities=("a", "b"), target="y", unit=unit, resident=False, **sizes)
    return corpus, streaming.make_source(laid, index, lazy), folds


CORPUS, SOURCE, FOLDS = sources(count=12)


def fit(corpus, trials, parsed, *, folds=FOLDS, listener=None, folder=None, megabytes=SMALL, **engine):
    engine = toy.engine(devices=2, **engine)._replace(stream_megabytes=megabytes)
    return loop.fit_study(
        toy.Model(), parsed, "regression", corpus, folds, trials, engine, folder=folder, listener=listener
    )


@pytest.fixture(scope="module")
def plain():
    """Resident: 2 folds x 2 seeds x 2 learning rates, with one of which the loss is not finite at once."""
    parsed, traced = toy.stages(fit=toy.stage_config(train=("*",), epochs=3, batch=4, moddrop=("a+b", "b")))
    rate = "stages.fit.optimizer.learning_rate"
    trials = toy.trials(traced, axes={rate: (0.02, 1e30)})
    return parsed, trials, fit(CORPUS, trials, parsed)


def test_streamed_equals_resident_to_the_last_bit(plain):
    parsed, trials, whole = plain
    seen = []
    listener = loop.Listener(lambda p: seen.append(len(p.trials)), lambda *_: None)
    toy.trees_equal(fit(SOURCE, trials, parsed, listener=listener), whole)  # reasons of what is not finite among them
    assert seen == [8, 4, 4]  # trials that stopped have made room, as there
    assert len(whole.stopped) == 4


def test_windows_too_and_their_recordings_are_read_once_where_there_is_room():
    parsed, traced = toy.stages(fit=toy.stage_config(train=("*",), epochs=2, batch=4))
    trials, times = toy.trials(traced, folds=1, seeds=(0,)), []
    corpus, _, folds = sources("window", count=5)
    whole = fit(corpus, trials, parsed, folds=folds, megabytes=TINY)
    for limit in (0.0, 1e9):
        made = []
        _, source, _ = sources("window", limit, lambda x, made=made: made.append(toy.Counted(x)) or made[0], count=5)
        toy.trees_equal(fit(source, trials, parsed, folds=folds, megabytes=TINY), whole)
        times.append(max(map(made[0].read.count, range(5))))
    assert times[0] > 4
    assert times[1] == 1  # when it was laid out, and never again


def test_stopped_inside_an_epoch_and_resumed_equals_continued(plain, tmp_path, monkeypatch):
    # An engine with other `checkpoint_seconds` would compile anew.
    monkeypatch.setattr(checkpoint.CheckpointTimer, "is_due", lambda _: False)
    parsed, trials, whole = plain
    for call, where in ((2, "epoch 1 after batch 2"), (4, "epoch 2 after batch 2")):
        calls = iter(range(1, 99))
        listener = loop.Listener(lambda _: None, lambda *_: None, lambda n=calls, call=call: next(n) >= call)
        with pytest.raises(Stopped, match=f"fit: stopped in {where}"):
            fit(SOURCE, trials, parsed, folder=tmp_path, listener=listener)
    with pytest.raises(UserError, match="set config.engine.stream to True"):
        fit(CORPUS, trials, parsed, folder=tmp_path)
    heard = []
    listener = loop.Listener(lambda p: heard.append(p.epoch), lambda *at: heard.append(at))
    toy.trees_equal(fit(SOURCE, trials, parsed, folder=tmp_path, listener=listener, megabytes=TINY), whole)
    assert heard == [("fit", 1), 2, 3]  # what was saved is not trained again, and chunks may be of another size


def test_predictions_and_held_out_alignment_are_those_of_a_resident_corpus(plain):
    parsed, trials, whole = plain
    fold_of = np.array([trial.fold for trial in trials], np.int32)
    engine = toy.engine()._replace(stream_megabytes=TINY, eval_size=2)
    examples = np.int32([[1, 4, 2, -1, -1], [0, 7, 6, 5, 3]])
    terms = parse_losses({"cca": dict(kind="dcca", a="latent/weaker", b="latent/stronger", weight=1.0, k=2)})
    found = [
        (
            predictor.predict_split(
                toy.Model(), whole.params, fold_of, part, FOLDS, examples, "prediction", engine, ("b",)
            ),
            predictor.measure_alignment(toy.Model(), whole.params, fold_of, part, FOLDS, terms, engine)["cca"],
        )
        for part in (CORPUS, SOURCE)
    ]
    toy.trees_equal(*found, rtol=1e-5)


def test_what_trials_of_one_device_read_alike_is_cut_once():
    keys, key_of_slot = chunks.assign_to_replicas([(0, 0), (0, 1), (0, 0), (1, 0), (1, 0), (1, 0)], 2)
    assert keys == (((0, 0), (0, 1)), ((1, 0), (1, 0)))
    np.testing.assert_array_equal(key_of_slot, [0, 1, 0, 0, 0, 0])


def test_what_nobody_alive_reads_is_not_cut():
    schedule = chunks.schedule_predictions(SOURCE, [0, 1], np.asarray(FOLDS.validation), toy.engine())
    chunk = chunks.cut_chunk(SOURCE, chunks.ChunkRequest(schedule, 0, 0, {(1,)}), [0]).replicas[0]
    toy.trees_equal(*(jax.tree.map(lambda x, g=g: x[g], chunk) for g in (0, 1)))
