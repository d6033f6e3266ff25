"""Studies of examples in buckets: what holds of the engine without them holds with them."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.data import buckets, streaming
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.models import attention_fusion, mdre, seqsew
from affect_jax.training import batching, initial, loop, predictor
from affect_jax.training.trials import TrialArrays
from tests import toy

MADE = [
    recording._replace(id=f"{n}", group=f"{n}", steps=tuple(f"{n}@{t}" for t in range(len(recording.steps))))
    for n, recording in enumerate([*toy.recordings(count=9, length=5), *toy.recordings(count=3, length=25, seed=1)])
]
SPLITS = [
    folding.FoldMembers("f0", tuple("0123459") + ("10",), ("6", "7", "11")),
    folding.FoldMembers("f1", tuple("345678") + ("11",), ("0", "1", "9", "10")),
]


@pytest.fixture(autouse=True)
def _in_small(monkeypatch):
    monkeypatch.setattr(buckets, "LEAST", 0)


def build(made=MADE, **kwargs):
    corpus, index = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit="recording", **kwargs)
    if kwargs:
        corpus = streaming.make_source(corpus, index, made)
    return corpus, folding.build_folds(corpus, index, SPLITS, {"a": True, "b": True})


CORPUS, FOLDS = build()


def engine(most=2, **kwargs):
    return toy.engine(**kwargs)._replace(buckets=most)


def fit(trials, parsed, data=(CORPUS, FOLDS), folder=None, listener=None, **kwargs):
    where = dict(folder=folder, listener=listener)
    return loop.fit_study(toy.Model(), parsed, "regression", *data, trials, engine(**kwargs), **where)


@pytest.fixture(scope="module")
def whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "LEAST", 0)
        parsed, traced = toy.stages(fit=toy.stage_config(train=("*",), epochs=3, batch=3))
        trials = toy.trials(traced)
        return parsed, trials, fit(trials, parsed)


def test_an_epoch_takes_every_example_once_in_batches_of_one_bucket(whole):
    (stage,), trials, _ = whole
    folds = initial.arrange_folds(toy.Model(), (stage,), CORPUS, FOLDS, engine())
    assert len(folds.train_buckets) == len(folds.validation_buckets) == 2
    batches = batching.list_batches(stage, folds.train_buckets)
    lengths = np.asarray(CORPUS.target.length)

    @jax.jit
    def order_epoch(trial, epoch):
        return batching.order_epoch(stage, folds, trial, epoch)

    orders = []
    for trial in trials:
        order = np.asarray(order_epoch(TrialArrays(jnp.int32(trial.fold), jnp.int32(trial.seed), {}), jnp.int32(0)))
        orders.append(order)
        train = np.asarray(FOLDS.train)[trial.fold]
        np.testing.assert_array_equal(np.sort(order[order >= 0]), np.sort(train[train >= 0]))
        for row, (bucket, size) in zip(order, batches, strict=True):
            assert (row[size:] == -1).all()
            assert (lengths[row[row >= 0]] <= folds.train_buckets[bucket].target).all()
    assert (orders[0] != orders[1]).any()  # another seed
    first = TrialArrays(jnp.int32(trials[0].fold), jnp.int32(trials[0].seed), {})
    again = np.asarray(order_epoch(first, jnp.int32(1)))
    assert (orders[0] != again).any()  # another epoch


def test_resumed_equals_continued(whole, tmp_path):
    parsed, trials, together = whole

    def die(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(trials, parsed, folder=tmp_path, listener=loop.Listener(die))
    toy.trees_equal(fit(trials, parsed, folder=tmp_path), together)


def test_trials_are_the_same_streamed_in_another_study_and_over_devices(whole):
    parsed, trials, together = whole
    data, others = build(toy.left_in_files(MADE), resident=False), jax.tree.map(lambda x: x[1:], together)
    toy.trees_equal(fit(trials[1:], parsed, data=data, devices=2, at_once=2), others, rtol=1e-5, atol=1e-6)


def test_lengths_that_are_alike_train_by_the_program_without_buckets():
    corpus, _, folds = toy.development()
    parsed, _ = toy.stages(fit=toy.stage_config(train=("*",)))
    assert initial.arrange_folds(toy.Model(), parsed, corpus, folds, engine(3)) is folds


def draw_items(count=12):
    """Items with two modalities of other lengths, some without `b`, and one label."""
    draw = np.random.default_rng(3)
    items = []
    for n in range(count):
        length = 40 if n in (2, 7) else 6 + n % 3
        features = {"a": draw.normal(size=(length, 3)).astype(np.float32)}
        if n % 4:
            features["b"] = draw.normal(size=(2 * length, 2)).astype(np.float32)
        items.append(MADE[0]._replace(id=f"{n}", group=f"{n}", steps=(f"{n}",), features=features))
    return [item._replace(targets={"y": np.float32([n % 3])}) for n, item in enumerate(items)]


FUSION = dict(modalities=("a", "b"), classes=3, units=4, heads=2, hidden=4, input_dropout=(0, 0))
MODELS = {
    "mapped": (attention_fusion.Model(**FUSION, map_steps=(4, 5)), "item"),
    "one map": (attention_fusion.Model(**FUSION, map_steps=(4, 0), attention="cross"), "item"),
    "mdre": (mdre.Model(modalities=("a", "b"), classes=3, units=(4, 4), prosody="", audio="a"), "item"),
    "seqsew": (
        seqsew.Model(weaker="a", latent=4, feed_forward=4, transformer_layers=1, classifier_width=4),
        "recording",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_predictions_of_buckets_are_those_of_padded_batches(name):
    model, unit = MODELS[name]
    made = draw_items() if unit == "item" else MADE
    corpus, index = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit=unit)
    members = [folding.FoldMembers("f", tuple(r.id for r in made[:9]), tuple(r.id for r in made[9:]))]
    folds = folding.build_folds(corpus, index, members, {"a": True, "b": True})
    examples = np.arange(len(made), dtype=np.int32)[None]
    assert initial.arrange_rows(model, corpus, examples, engine(2))[1]
    draw, shapes = np.random.default_rng(0), initial.trace_shapes(model, corpus, folds).params
    params = jax.tree.map(lambda x: draw.normal(size=(1, *x.shape)).astype("f4") / np.sqrt(x.shape[0]), shapes)

    def predict(most):
        where = dict(output="prediction", engine=engine(most))
        return predictor.predict_split(model, params, np.zeros(1, int), corpus, folds, examples, **where)

    np.testing.assert_allclose(predict(2), predict(1), rtol=1e-4, atol=1e-6)


class Hears(nn.Module):
    """A model whose padding counts."""

    reads_padding = ("a",)


def test_modalities_of_one_clock_are_cut_alike():
    corpus, _ = corpora.build_corpus(draw_items(), modalities=("a", "b"), target="y", unit="item")
    rows = np.arange(len(draw_items()), dtype=np.int32)[None]
    for aligned in (False, True):
        model = dataclasses.make_dataclass("Steps", [("aligned", bool, aligned)])()
        made = initial.arrange_rows(model, corpus, rows, engine(3))[1]
        assert made
        assert all(len(set(dict(bucket.steps).values())) == 1 for bucket in made) == aligned


def test_a_model_that_reads_padding_is_given_all_of_it():
    rows = np.asarray(FOLDS.train)
    assert initial.arrange_rows(Hears(), CORPUS, rows, engine(3))[1] == ()
