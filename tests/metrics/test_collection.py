"""Scores merge: any split of the entries, in any order and over any devices, has the score of the whole."""

import functools

import clu.metrics
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax import metrics
from affect_jax.metrics import classification, collection, regression, sentiment

N, CLASSES = 24, 3
rng = np.random.default_rng(0)
MASK = rng.random(N) < 0.8
TARGET = {
    "regression": rng.normal(size=N).astype(np.float32),
    "binary": (rng.random(N) < 0.6).astype(np.float32),
    "multiclass": rng.integers(CLASSES, size=N).astype(np.float32),
}
TARGET["signed_regression"] = TARGET["regression"]
TARGET["sentiment_regression"] = 2 * np.round(TARGET["regression"], 1)
PREDICTION = {
    "regression": (0.5 * TARGET["regression"] + rng.normal(size=N)).astype(np.float32),
    "binary": rng.random(N).astype(np.float32),
    "multiclass": rng.normal(size=(N, CLASSES)).astype(np.float32),
}
PREDICTION["signed_regression"] = PREDICTION["regression"]
PREDICTION["sentiment_regression"] = 2 * PREDICTION["regression"]


def garble(task):
    """(prediction, target), with NaN and classes that do not exist where the mask is False."""
    prediction, target = PREDICTION[task].copy(), TARGET[task].copy()
    prediction[~MASK], target[~MASK] = np.nan, 1e9
    return prediction, target


@functools.partial(jax.jit, static_argnums=0)
def measure(task, prediction, target, mask):
    of = metrics.make_collection(task, CLASSES)
    return of.single_from_model_output(prediction=prediction, target=target, mask=mask)


merge = jax.jit(lambda a, b: a.merge(b))
compute = jax.jit(lambda total: total.compute())


def score(task, order, pieces):
    """The scores of the entries in this order, measured in pieces and merged."""
    of = metrics.make_collection(task, CLASSES)
    prediction, target = garble(task)
    total = of.empty()
    for piece in np.split(order, pieces):
        total = merge(total, measure(task, prediction[piece], target[piece], MASK[piece]))
    return compute(total)


def assert_same(task, ours, theirs):
    """Counts give the same bits; sums of floats depend on their order."""
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if name.startswith(("accuracy", "uar", "weighted_f1", "macro_f1", "f1")):
            np.testing.assert_array_equal(ours[name], value, err_msg=name)
        else:
            np.testing.assert_allclose(ours[name], value, rtol=2e-5, err_msg=f"{task} {name}")


def compute_by_hand(task, prediction, target, mask):
    """The scores by the pure functions, without a collection."""
    if "regression" in task:
        m = regression.compute_moments(prediction, target, mask)
        scores = {"ccc": regression.ccc(m), "pcc": regression.pcc(m), "rmse": regression.rmse(m)}
        if task == "regression":
            return scores
        if task == "sentiment_regression":
            counts = sentiment.count_answers(prediction, target, mask)
            return scores | {name: of_counts(counts) for name, of_counts in sentiment.SCORES.items()}
        counts = classification.count_confusions(prediction >= 0, target >= 0, mask, 2)
        return scores | {"accuracy": classification.accuracy(counts), "uar": classification.uar(counts)}
    predicted = prediction >= 0.5 if task == "binary" else jnp.argmax(prediction, axis=-1)
    counts = classification.count_confusions(predicted, target, mask, 2 if task == "binary" else CLASSES)
    names = ("accuracy", "uar", "weighted_f1", "macro_f1")
    scores = {name: getattr(classification, name)(counts) for name in names}
    return scores | {"log_loss": classification.log_loss(prediction, target, mask)}


@pytest.mark.parametrize("task", metrics.TASKS)
def test_evaluate_is_the_pure_functions_to_the_last_bit(task):
    prediction, target = garble(task)
    both = jax.jit(lambda *given: [of(task, *given) for of in (metrics.evaluate, compute_by_hand)])
    ours, by_hand = both(prediction, target, MASK)
    jax.tree.map(np.testing.assert_array_equal, ours, by_hand)
    assert ours.keys() == by_hand.keys()


@pytest.mark.parametrize("task", metrics.TASKS)
def test_any_split_of_a_batch_is_the_whole(task):
    whole = score(task, np.arange(N), 1)
    assert all(np.isfinite(value) for value in whole.values())
    for pieces in (3, N):
        assert_same(task, score(task, np.arange(N), pieces), whole)
        assert_same(task, score(task, np.random.default_rng(pieces).permutation(N), pieces), whole)


@pytest.mark.parametrize("task", metrics.TASKS)
def test_nothing_merged_changes_nothing(task):
    of = metrics.make_collection(task, CLASSES)
    update, empty = measure(task, *garble(task), MASK), of.empty()
    for total in (
        merge(empty, update),
        merge(update, empty),
        merge(update, measure(task, *garble(task), ~MASK & MASK)),
    ):
        jax.tree.map(np.testing.assert_array_equal, compute(total), compute(update))
    nothing = compute(merge(empty, empty))
    assert {name for name, value in nothing.items() if np.isnan(value)} == {"rmse", "log_loss", "mae"} & nothing.keys()
    assert all(value == 0 for name, value in nothing.items() if name not in ("rmse", "log_loss", "mae"))
    assert isinstance(empty, clu.metrics.Collection)


@pytest.mark.parametrize("task", metrics.TASKS)
def test_sharded_is_unsharded(task):
    prediction, target = garble(task)
    shards = [x.reshape(4, N // 4, *x.shape[1:]) for x in (prediction, target, MASK)]
    of = metrics.make_collection(task, CLASSES)

    @functools.partial(jax.vmap, axis_name="data")
    def gather(prediction, target, mask):
        return of.gather_from_model_output(axis_name="data", prediction=prediction, target=target, mask=mask)

    everywhere = jax.device_get(jax.jit(gather)(*shards))
    whole = compute(measure(task, prediction, target, MASK))
    for device in range(4):
        assert_same(task, compute(jax.tree.map(lambda x, device=device: x[device], everywhere)), whole)


@pytest.mark.parametrize("task", metrics.TASKS)
def test_a_scan_may_carry_a_collection(task):
    prediction, target = garble(task)
    pieces = [x.reshape(6, N // 6, *x.shape[1:]) for x in (prediction, target, MASK)]

    def add(total, piece):
        return total.merge(measure(task, *piece)), None

    total, _ = jax.jit(lambda empty: jax.lax.scan(add, empty, tuple(pieces)))(
        metrics.make_collection(task, CLASSES).empty()
    )
    assert_same(task, compute(total), compute(measure(task, prediction, target, MASK)))


@pytest.mark.parametrize("task", metrics.TASKS)
def test_a_nan_in_one_piece_stays(task):
    prediction, target = garble(task)
    broken = prediction.copy()
    broken[np.flatnonzero(MASK)[0]] = np.nan
    for pair in ((broken, prediction), (prediction, broken)):
        total = merge(*(measure(task, x, target, MASK) for x in pair))
        assert all(np.isnan(value) for value in compute(total).values())


def test_single_metrics_have_the_interface_of_clu():
    outputs = dict(prediction=PREDICTION["regression"], target=TARGET["regression"], mask=MASK)
    for metric in (collection.CCC, collection.PCC, collection.RMSE):
        of = jax.jit(
            lambda metric=metric: metric.empty().merge(metric.from_model_output(**outputs, unused=0)).compute()
        )
        value = of()
        np.testing.assert_allclose(value, score("regression", np.arange(N), 1)[metric.__name__.lower()], rtol=1e-6)
    own = clu.metrics.Collection.create(agreement=collection.CCC, right=collection.Accuracy)
    outputs = dict(prediction=PREDICTION["binary"], target=TARGET["binary"], mask=MASK)
    values = jax.jit(lambda: own.single_from_model_output(**outputs).compute())()
    np.testing.assert_array_equal(values["right"], score("binary", np.arange(N), 1)["accuracy"])


def test_a_collection_is_made_once():
    assert metrics.make_collection("binary") is metrics.make_collection("binary")
    assert metrics.make_collection("multiclass", 3) is not metrics.make_collection("multiclass", 4)
    with pytest.raises(ValueError, match="'ranking'"):
        metrics.make_collection("ranking")
