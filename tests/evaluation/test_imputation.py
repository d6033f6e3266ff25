"""Properties of imputation by neighbours, against scikit-learn."""

import functools

import jax
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from affect_jax.evaluation import imputation

TRAINING, QUERIES, VECTORS, WIDTH = 40, 9, 3, 5


@pytest.fixture(scope="module")
def vectors():
    """(queries [Q, P, D], training [N, P, D], usable [N]), away from the origin as pooled vectors are."""
    draw = np.random.default_rng(0)
    training = draw.normal(size=(TRAINING, VECTORS, WIDTH)) + 3
    queries = draw.normal(size=(QUERIES, VECTORS, WIDTH)) + 3
    return queries.astype(np.float32), training.astype(np.float32), np.ones(TRAINING, bool)


def run(function, *arguments, **options):
    """What a function gives, by one program; its options are constants."""
    return jax.device_get(jax.jit(functools.partial(function, **options))(*arguments))


@pytest.mark.parametrize("metric", imputation.METRICS)
def test_neighbours_are_those_of_scikit_learn(vectors, metric):
    queries, training, usable = vectors
    q, t = queries.reshape(QUERIES, -1), training.reshape(TRAINING, -1)
    reference = NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute").fit(t)
    apart, found = reference.kneighbors(q)
    np.testing.assert_array_equal(run(imputation.find_nearest, q, t, usable, count=7, metric=metric), found)
    ours = np.take_along_axis(run(imputation.compute_distances, q, t, metric=metric), found, axis=1)
    np.testing.assert_allclose(ours, apart**2 if metric == "euclidean" else apart, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("metric", imputation.METRICS)
@pytest.mark.parametrize("known", [(True, False, False), (False, True, True)])
def test_imputed_vectors_are_the_mean_of_the_neighbours(vectors, metric, known):
    queries, training, usable = vectors
    have, lack = np.flatnonzero(known), np.flatnonzero(~np.array(known))
    reference = NearestNeighbors(n_neighbors=6, metric=metric, algorithm="brute")
    reference.fit(training[:, have].reshape(TRAINING, -1))
    order = reference.kneighbors(queries[:, have].reshape(QUERIES, -1))[1]
    imputed = run(imputation.impute_neighbours, *vectors, known=known, counts=(6, 2), metric=metric)
    for count, filled in zip((6, 2), imputed, strict=True):
        np.testing.assert_array_equal(filled[:, have], queries[:, have])
        wanted = training[order[:, :count]].mean(axis=1)
        np.testing.assert_allclose(filled[:, lack], wanted[:, lack], rtol=1e-5)


@pytest.mark.parametrize("metric", imputation.METRICS)
def test_an_example_of_the_training_part_gets_its_own_vectors_back(vectors, metric):
    _, training, usable = vectors
    seen = training[3:8].copy()
    seen[:, 1:] = np.nan
    options = dict(known=(True, False, False), counts=(1,), metric=metric)
    (filled,) = run(imputation.impute_neighbours, seen, training, usable, **options)
    np.testing.assert_array_equal(filled, training[3:8])


@pytest.mark.parametrize("metric", imputation.METRICS)
def test_all_neighbours_are_the_training_mean(vectors, metric):
    queries, training, usable = vectors
    usable = ~np.isin(np.arange(TRAINING), [0, 5])
    known = (True, False, True)
    options = dict(known=known, counts=(TRAINING - 2,), metric=metric)
    (filled,) = run(imputation.impute_neighbours, queries, training, usable, **options)
    mean = run(imputation.impute_mean, queries, training, usable, known=known)
    np.testing.assert_allclose(filled, mean, rtol=1e-5)
    kept = np.delete(training, [0, 5], axis=0)
    np.testing.assert_allclose(filled[:, 1], np.tile(kept[:, 1].mean(0), (QUERIES, 1)), rtol=1e-5)


def test_unusable_examples_are_no_neighbours(vectors):
    _, training, usable = vectors
    usable = np.arange(TRAINING) != 4
    found = run(imputation.find_nearest, training[4:5, 0], training[:, 0], usable, count=TRAINING - 1)
    assert 4 not in found


def test_distances_keep_their_digits_far_from_the_origin():
    far = np.array([[1000.0, 0.0], [1000.0, 0.01], [1000.0, 1.0]], np.float32)
    distances = run(imputation.compute_distances, far[:1], far, metric="euclidean")
    np.testing.assert_allclose(distances[0], [0, 1e-4, 1], rtol=1e-3, atol=1e-6)


def test_a_vector_of_zeros_has_no_direction():
    nothing, some = np.zeros((1, 2), np.float32), np.ones((3, 2), np.float32)
    assert np.all(run(imputation.compute_distances, nothing, some, metric="cosine") == 1)
