import jax
import numpy as np
import pytest
import sklearn.metrics as sk

from affect_jax.metrics import classification as c

count = jax.jit(c.count_confusions, static_argnums=3)


def confusion(*arguments):
    return np.asarray(count(*arguments))


@jax.jit
def scores(matrix):
    return [f(matrix) for f in (c.accuracy, c.uar, c.macro_f1, c.weighted_f1, c.majority)]


def _labels(seed, classes, n=60):
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, size=n, p=rng.dirichlet(np.ones(classes)))
    return np.where(rng.random(n) < 0.5, truth, rng.integers(classes, size=n)), truth


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("classes", [2, 7])
def test_equal_to_scikit_learn(seed, classes):
    predicted, truth = _labels(seed, classes)
    got = confusion(predicted, truth, np.ones(60, bool), classes)
    np.testing.assert_array_equal(got, sk.confusion_matrix(truth, predicted, labels=range(classes)))
    expected = [
        sk.accuracy_score(truth, predicted),
        sk.recall_score(truth, predicted, labels=np.unique(truth), average="macro"),
        sk.f1_score(truth, predicted, average="macro"),
        sk.f1_score(truth, predicted, average="weighted"),
        np.bincount(truth).max() / 60,
    ]
    np.testing.assert_allclose(scores(got), expected, rtol=1e-6)


def test_the_names_of_the_thesis():
    """Eq. 2.10 by hand: UWA is plain accuracy and WA is mean recall, the reverse of the field's WA and UA."""
    truth, predicted = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])
    matrix = confusion(predicted, truth, np.ones(4, bool), 2)
    uwa, wa = 3 / 4, (3 / 3 + 0 / 1) / 2
    assert scores(matrix)[:2] == [uwa, wa]


def test_absent_classes_are_left_out():
    truth, predicted, where = np.array([0, 0, 2, 2]), np.array([0, 3, 2, 2]), np.ones(4, bool)
    matrix = confusion(predicted, truth, where, 5)
    # class 3 is predicted but never true: F1 0; classes 1 and 4 are neither
    np.testing.assert_allclose(scores(matrix)[1:3], [(0.5 + 1) / 2, (2 / 3 + 1 + 0) / 3], rtol=1e-6)


def test_padding_never_matters_and_parts_add_up():
    predicted, truth = _labels(0, 4)
    where = np.arange(60) % 3 > 0
    garbage = np.where(where, truth, 1e30).reshape(6, 10)
    got = confusion(predicted.reshape(6, 10), garbage, where.reshape(6, 10), 4)
    np.testing.assert_array_equal(got, sk.confusion_matrix(truth[where], predicted[where], labels=range(4)))
    rest = confusion(predicted, truth, ~where, 4)
    whole = confusion(predicted, truth, np.ones(60, bool), 4)
    np.testing.assert_array_equal(got + rest, whole)


def test_labels_out_of_range_are_not_counted():
    matrix = confusion(np.array([0, 1, 0, 5]), np.array([-1, 1, 7, 0]), np.ones(4, bool), 2)
    np.testing.assert_array_equal(matrix, [[0, 0], [0, 1]])


def test_nothing_measured():
    assert scores(np.zeros((2, 2), np.int32)) == [0] * 5


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        confusion(np.zeros((4, 1), int), np.zeros(4, int), np.ones(4, bool), 2)
