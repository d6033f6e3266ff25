import numpy as np
import pytest

from affect_jax.baselines import learners

ALL = [learners.LINEAR, learners.SVM, learners.KNN]
NAMES = ["linear", "svm", "knn"]


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
