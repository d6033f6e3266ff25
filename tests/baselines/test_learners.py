import numpy as np
import pytest

from affect_jax.baselines import learners, projections

ALL = [learners.LINEAR, learners.SVM, learners.KNN, learners.CANONICAL, learners.GREEDY, learners.NYSTROEM]
NAMES = ["linear", "svm", "knn", "canonical", "greedy", "nystroem"]


def clips(task, seed=0, count=80):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 6)).astype(np.float32)
    hidden = x @ np.array([1, -1, 0.5, 0, 0, 0], np.float32)
    if task in learners.REGRESSIONS:
        return x * 100 + 7, hidden / 3
    if task == "binary":
        return x * 100 + 7, (hidden > 0).astype(np.float32)
    return x * 100 + 7, np.digitize(hidden, [-0.7, 0.7]).astype(np.float32)


def score(task, prediction, y):
    if task in learners.REGRESSIONS:
        return np.corrcoef(prediction, y)[0, 1]
    return np.mean((prediction >= 0.5) == y if task == "binary" else prediction.argmax(1) == y)


@pytest.mark.parametrize("learner", ALL, ids=NAMES)
@pytest.mark.parametrize("task", ["signed_regression", "binary", "multiclass"])
def test_all_learn_whatever_the_units_of_the_columns(learner, task):
    (x, y), (rows, truth) = clips(task), clips(task, seed=1)
    classes = {"binary": 2, "multiclass": 3}.get(task, 0)
    found = []
    for hyper in learner.choices(task):
        prediction = learners.fit_learner(learner, task, classes, hyper, x, y)(rows)
        assert prediction.dtype == np.float32
        assert prediction.shape == ((80, 3) if task == "multiclass" else (80,))
        assert np.isfinite(prediction).all()
        if task == "binary":
            assert ((prediction >= 0) & (prediction <= 1)).all()
        found.append(score(task, prediction, truth))
        scaled = learners.fit_learner(learner, task, classes, hyper, x * 8 - 3, y)(rows * 8 - 3)
        np.testing.assert_allclose(scaled, prediction, rtol=1e-2, atol=1e-2)
    assert max(found) > (0.6 if task == "multiclass" else 0.8)


@pytest.mark.parametrize("learner", ALL, ids=NAMES)
def test_a_class_that_never_trained_is_never_answered(learner):
    x, y = clips("multiclass")
    y = np.where(y == 1, 3, y)  # of 0, 1, 2, 3 there are 0, 2 and 3
    prediction = learners.fit_learner(learner, "multiclass", 4, learner.choices("multiclass")[0], x, y)(x)
    assert prediction.shape == (80, 4)
    assert not (prediction.argmax(1) == 1).any()


def test_a_machine_answers_as_it_decides():
    from sklearn.svm import SVC

    x, y = clips("multiclass")
    standard = (x - x.mean(0)) / x.std(0)
    prediction = learners.fit_learner(learners.SVM, "multiclass", 3, {"C": 6.0}, x, y)(x)
    theirs = SVC(kernel="linear", C=1.0, break_ties=True).fit(standard, y)  # C of the kernel divided by 6 columns
    assert (prediction.argmax(1) == theirs.predict(standard)).mean() > 0.98


def test_columns_that_go_with_the_target_come_first():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 300))
    y = x[:, 7] - 2 * x[:, 40] + 0.1 * draw.normal(size=60)
    assert set(projections.rank_by_correlation(x, y[:, None])[:2]) == {7, 40}
    classes = np.eye(3)[np.where(x[:, 7] > 0.4, 0, np.where(x[:, 40] > 0, 1, 2))]
    assert set(projections.rank_by_correlation(x, classes)[:2]) == {7, 40}


def test_a_column_that_stood_for_others_leaves_again():
    """Forward steps alone would keep the sum of three columns, which is nearest to y and of no use beside them."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 50))
    x[:, 3] = x[:, 7] + x[:, 40] + x[:, 21] + 0.5 * draw.normal(size=200)
    x -= x.mean(axis=0)[None, :]
    y = (x[:, 7] + x[:, 40] + x[:, 21])[:, None]
    assert np.abs(x.T @ y[:, 0]).argmax() == 3
    assert set(projections.select_forward_backward(x, y, 10)) == {7, 40, 21}
    assert list(projections.select_forward_backward(x, y, 1)) == [3]
    few = projections.select_forward_backward(x[:6], y[:6] + draw.normal(size=(6, 1)), 10)
    assert len(few) <= 4, "fewer than clips"
    classes = np.eye(3)[np.digitize(y[:, 0], [-0.5, 0.5])]
    assert 3 in projections.select_forward_backward(x, classes, 5)


def test_sparse_partial_least_squares_ends_at_least_squares_and_leaves_columns_out():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 5))
    x = np.linalg.qr(x - x.mean(axis=0)[None, :])[0] * 40**0.5
    y = x @ [1.6, -2.0, 0.0, 0.3, 0.0] + 0.1 * draw.normal(size=40)
    y -= y.mean()
    full = projections.fit_sparse_pls(x, y, 5, sparsity=0.0)
    np.testing.assert_allclose(full, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-8)
    sparse = projections.fit_sparse_pls(x, y, 1)
    assert (sparse != 0).tolist() == [True, True, False, False, False]
    np.testing.assert_array_equal(projections.fit_sparse_pls(x, np.zeros(40), 3), 0)


def test_an_ensemble_of_kernels_learns_what_is_not_linear():
    draw = np.random.default_rng(0)
    x, rows = draw.normal(size=(80, 4)).astype("f4"), draw.normal(size=(40, 4)).astype("f4")
    answer = projections.fit_ensemble(x, (x**2).sum(axis=1)[:, None], 6)(rows)
    assert answer.shape == (40, 1)
    assert np.corrcoef(answer[:, 0], (rows**2).sum(axis=1))[0, 1] > 0.8
