"""One trial under every mask and imputation, on a model whose vectors are plain means over time."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets.recordings import Recording
from affect_jax.evaluation.missing.checked_run import TestedStudy
from affect_jax.evaluation.missing.masked_answers import Plan, compile_masked_answers
from affect_jax.training import mesh, predictor
from tests import toy
from tests.weights import draw_weights

MODALITIES = ("a", "b", "c")
COUNTS, METRICS = (1, 3), ("euclidean", "cosine")
CLASSES = 3


class Model(nn.Module):
    """A linear classifier of means over time, alone or of two modalities together."""

    cross: bool = False

    @property
    def vectors(self):
        pairs = (("a", "b"), ("b", "c"), ("c", "a"))
        return pairs if self.cross else tuple((m,) for m in MODALITIES)

    @nn.compact
    def classify(self, pooled):
        """Logits of vectors."""
        kernel = self.param("kernel", nn.initializers.normal(), (pooled.shape[1] * pooled.shape[2], CLASSES))
        return pooled.reshape(pooled.shape[0], -1) @ kernel

    def __call__(self, inputs, masks, *, train):
        """Outputs as the real model names them."""
        means = {m: inputs[m].sum(1) / jnp.maximum(masks[m].sum(1), 1)[:, None] for m in MODALITIES}
        pooled = jnp.stack([sum(means[m] for m in vector) for vector in self.vectors], axis=1)
        logits = self.classify(pooled)
        return {"logits": logits, "prediction": logits, "pooled": pooled}


@pytest.fixture(scope="module")
def corpus():
    """(corpus, folds, test examples [2, n]) of 16 items; fold k tests on recordings k, k + 2 and k + 4."""
    draw = np.random.default_rng(0)
    made = [
        Recording(
            id=f"r{n}",
            group=f"g{n}",
            steps=(f"r{n}",),
            features={m: draw.normal(size=(3 + n % 2, 4)).astype(np.float32) for m in MODALITIES},
            targets={"y": np.array([n % CLASSES], np.float32)},
        )
        for n in range(16)
    ]
    built, index = corpora.build_corpus(made, modalities=MODALITIES, target="y", unit="item")
    names = [r.id for r in made]
    splits = []
    for fold in range(2):
        test, validation = tuple(f"r{fold + n}" for n in (0, 2, 4)), (f"r{6 + fold}",)
        train = tuple(name for name in names if name not in (*test, *validation))[: 10 - fold]
        splits.append(folding.FoldMembers(f"f{fold}", train, validation, test))
    return (
        built,
        folding.build_folds(built, index, splits, dict.fromkeys(MODALITIES, True)),
        folding.index_test_examples(index, splits),
    )


def answers(corpus, model, plan, trials=2, at_once=1):
    """(logits [R, M, I, n, C], parameters, engine) of first weights, trial r on fold r."""
    built, folds, examples = corpus
    engine = toy.engine(at_once=at_once)
    zeros = {m: np.zeros((1, 4, 4), np.float32) for m in MODALITIES}
    masks = {m: np.ones((1, 4), bool) for m in MODALITIES}
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), zeros, masks, train=False))["params"]
    draw = np.random.default_rng(0)  # jax's initialisers take long to compile
    first = draw_weights(shapes, draw)
    params = jax.tree.map(lambda x: np.stack([x * (1 + r) for r in range(trials)]), first)
    shared = mesh.replicate(engine.mesh, (built, folds, built, np.asarray(examples)))
    picked = mesh.shard_trials(engine.mesh, (np.arange(trials, dtype=np.int32), params))
    return np.asarray(compile_masked_answers(model, engine, plan)(shared, *picked)), params, engine


@pytest.fixture(scope="module")
def plan():
    return Plan(TestedStudy(None, Model(), MODALITIES, ()).masks, COUNTS, METRICS)


@pytest.fixture(scope="module")
def few(plan):
    """The same with one kind of neighbours, where kinds change nothing: each is code of its own to compile."""
    return plan._replace(counts=COUNTS[-1:], metrics=METRICS[-1:])


@pytest.fixture(scope="module")
def asked(corpus, plan):
    return answers(corpus, Model(), plan)


def test_every_mask_and_imputation_has_its_answers(asked, corpus, plan):
    logits = asked[0]
    assert plan.masks[0] == ("a",)
    assert plan.masks[-1] == MODALITIES
    assert len(set(plan.masks)) == 7
    assert plan.imputations[:3] == ("zeros", "mean", "knn 1 euclidean")
    assert logits.shape == (2, 7, 2 + len(COUNTS) * len(METRICS), corpus[2].shape[1], CLASSES)
    assert np.isfinite(logits).all()


def test_zeros_are_the_prediction_without_the_modalities(asked, corpus, plan):
    built, folds, examples = corpus
    logits, params, engine = asked
    for number, mask in enumerate(plan.masks):
        absent = tuple(m for m in MODALITIES if m not in mask)
        arguments = params, np.arange(2), built, folds, examples, "logits", engine
        wanted = predictor.predict_split(Model(), *arguments, absent=absent)
        for trial in range(2):
            np.testing.assert_allclose(logits[trial, number, 0], wanted[trial][examples[trial]], atol=1e-6)


def test_trials_under_one_vmap_answer_as_trials_in_turn(asked, corpus, plan, few):
    in_turn = asked[0][:, :, [plan.imputations.index(name) for name in few.imputations]]
    np.testing.assert_allclose(answers(corpus, Model(), few, at_once=2)[0], in_turn, rtol=1e-4, atol=1e-6)


def test_with_nothing_missing_every_imputation_is_the_model_itself(asked):
    whole = asked[0][:, -1]
    np.testing.assert_array_equal(whole, np.broadcast_to(whole[:, :1], whole.shape))


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_are_sought_in_the_training_part_of_the_trials_own_fold(asked, corpus, plan, metric):
    built, folds, examples = corpus
    logits, params, engine = asked
    every = np.tile(np.arange(16), (2, 1))
    pooled = predictor.predict_split(Model(), params, np.arange(2), built, folds, every, "pooled", engine)
    mask, known, lack = plan.masks.index(("a", "c")), [0, 2], [1]
    for trial in range(2):
        train = np.asarray(folds.train[trial])
        train, test = train[train >= 0], examples[trial]
        flat = pooled[trial][:, known].reshape(16, -1)
        order = NearestNeighbors(n_neighbors=3, metric=metric, algorithm="brute").fit(flat[train])
        near = train[order.kneighbors(flat[test])[1]]
        filled = pooled[trial][test].copy()
        filled[:, lack] = pooled[trial][near].mean(axis=1)[:, lack]
        wanted = filled.reshape(len(test), -1) @ params["kernel"][trial]
        number = plan.imputations.index(f"knn 3 {metric}")
        np.testing.assert_allclose(logits[trial, mask, number], wanted, rtol=1e-4, atol=1e-6)
        filled[:, lack] = pooled[trial][train].mean(axis=0)[lack]
        wanted = filled.reshape(len(test), -1) @ params["kernel"][trial]
        np.testing.assert_allclose(logits[trial, mask, 1], wanted, rtol=1e-4, atol=1e-6)


def test_where_no_vector_is_known_there_are_no_neighbours_but_zeros_and_the_mean(corpus, few):
    logits = answers(corpus, Model(cross=True), few)[0]
    alone = [number for number, mask in enumerate(few.masks) if len(mask) == 1]
    two = [number for number, mask in enumerate(few.masks) if len(mask) > 1]
    assert np.isnan(logits[:, alone, 2:]).all()
    assert np.isfinite(logits[:, alone, :2]).all()
    assert np.isfinite(logits[:, two]).all()
    # Nothing of the example is left, so all examples of a trial have the mean's answer.
    np.testing.assert_allclose(
        logits[:, alone, 1], np.broadcast_to(logits[:, alone, 1][:, :, :1], logits[:, alone, 1].shape)
    )
