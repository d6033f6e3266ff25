import jax
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from affect_jax.baselines import neighbours

compute_distances = jax.jit(neighbours.compute_distances)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def planted(random, classes, useful=4, columns=36, clips=60):
    """Columns 0 ... useful - 1 tell the target, the others nothing; clip n is of group n % 6."""
    y = random.integers(classes, size=clips) if classes else random.normal(size=clips)
    x = random.normal(size=(clips, columns))
    x[:, :useful] += 3 * (y[:, None] - y.mean())
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32), y.astype(np.float32), np.arange(clips) % 6


def test_distances(random):
    a, b = random.normal(size=(5, 3)).astype(np.float32), random.normal(size=(7, 3)).astype(np.float32)
    expected = ((a[:, None] - b[None]) ** 2).sum(-1)
    np.testing.assert_allclose(compute_distances(a, b), expected, atol=1e-5)


def test_answers_are_those_of_scikit_learn(random):
    x, y, _ = planted(random, 2)
    rows = random.normal(size=(20, x.shape[1])).astype(np.float32)
    distance = compute_distances(rows, x)
    shares = np.asarray(neighbours.answer_by_neighbours(distance, y, k=5, classes=2))
    np.testing.assert_array_equal(shares.argmax(1), KNeighborsClassifier(5).fit(x, y).predict(rows))
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    values = neighbours.answer_by_neighbours(distance, y, k=5, classes=0)
    np.testing.assert_allclose(values, KNeighborsRegressor(5).fit(x, y).predict(rows), rtol=1e-5)


def test_the_nearest_decides_between_equal_votes():
    shares = neighbours.answer_by_neighbours(np.float32([[3, 1, 2]]), np.float32([0, 2, 1]), k=3, classes=3)
    assert np.asarray(shares)[0].argmax() == 2


@pytest.mark.parametrize("classes", [0, 2])
def test_what_was_planted_is_found(random, classes):
    x, y, groups = planted(random, classes)
    found = neighbours.select_features(x, y, groups, classes=classes, iterations=800, seed=0)
    assert set(range(4)) <= set(found.columns[:6].tolist())
    assert len(found.columns) == found.significant < 12
    assert (np.diff(found.relevance[found.columns]) <= 0).all()
    again = neighbours.select_features(x, y, groups, classes=classes, iterations=800, seed=0)
    np.testing.assert_array_equal(found.columns, again.columns)


def test_voices_are_not_taken_for_the_target(random):
    # Column 0 tells the group and through it, within this training part, the label; to other groups it says nothing.
    x, _, groups = planted(random, 2, useful=0)
    y = (groups % 2).astype(np.float32)
    x[:, 0] = groups * 10.0
    alone = neighbours.select_features(x, y, np.zeros(len(y)), classes=2, iterations=400, seed=0)
    apart = neighbours.select_features(x, y, groups, classes=2, iterations=400, seed=0)
    assert 0 in alone.columns
    assert apart.relevance[0] < alone.relevance[0] / 2


def test_where_nothing_stands_out_as_many_are_kept_as_a_subset_has(random):
    x, y, groups = planted(random, 2, useful=0, columns=9)
    found = neighbours.select_features(np.zeros_like(x), y, groups, classes=2, iterations=3, seed=0)
    assert found.significant == 0
    assert len(found.columns) == 3
