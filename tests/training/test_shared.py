"""What all trials share is one copy on the devices, and trains as a copy a trial would."""

import jax
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.training import initial, loop, predictor
from tests import toy
from tests.training.test_streamed import CORPUS, FOLDS, SOURCE

TEACHER = {"kernel": np.arange(8, dtype=np.float32).reshape(2, 4) / 8, "bias": np.full(4, 0.1, np.float32)}
HEAD = {"kernel": np.full((4, 1), 0.5, np.float32), "bias": np.zeros(1, np.float32)}


class Shared(toy.Model):
    """The toy model over a teacher that comes from a file."""

    shared = ("teacher",)

    def load_submodules(self):
        """The teacher, and the head that every trial starts with."""
        return {"teacher": TEACHER, "teacher_head": HEAD}


class Copied(Shared):
    """The same with a teacher for every trial."""

    shared = ()


def fit(model, corpus, **engine):
    parsed, traced = toy.stages(fit=toy.stage_config(epochs=3, batch=4))
    trials = toy.trials(traced)
    engine = toy.engine(devices=2, **engine)._replace(stream_megabytes=0.004)
    return loop.fit_study(model, parsed, "regression", corpus, FOLDS, trials, engine), engine


@pytest.fixture(scope="module")
def fitted():
    return fit(Shared(), CORPUS)


def test_one_copy_trains_as_a_copy_a_trial_and_is_not_among_their_weights(fitted):
    shared, _ = fitted
    copied, _ = fit(Copied(), CORPUS)
    assert shared.params.keys() == copied.params.keys() - {"teacher"}
    for name in shared.params:
        toy.trees_equal(shared.params[name], copied.params[name], atol=1e-6)
    toy.trees_equal(shared.shared, {"teacher": TEACHER})
    np.testing.assert_array_equal(shared.params["teacher_head"]["kernel"], np.tile(HEAD["kernel"], (4, 1, 1)))


def test_a_streamed_study_shares_it_too_and_predicts_with_it(fitted):
    resident, engine = fitted
    streamed, _ = fit(Shared(), SOURCE)
    toy.trees_equal(streamed.params, resident.params)
    fold_of = np.array([0, 0, 1, 1], np.int32)
    predict = [
        predictor.predict_split(
            *(Shared(), resident.params, fold_of, corpus, FOLDS, np.asarray(FOLDS.validation)),
            output="prediction/stronger",
            engine=engine,
            once=resident.shared,
        )
        for corpus in (CORPUS, SOURCE)
    ]
    np.testing.assert_array_equal(*predict)
    assert np.isfinite(predict[0]).any()


def test_what_is_shared_cannot_be_trained():
    parsed, _ = toy.stages(fit=toy.stage_config(train=("teacher",)))
    with pytest.raises(UserError, match="trains 'teacher'"):
        initial.check_stages(Shared(), parsed, CORPUS, FOLDS)
    shapes = initial.trace_shapes(Shared(), CORPUS, FOLDS)
    assert shapes.shared.keys() == {"teacher"}
    assert "teacher" not in shapes.params
    assert jax.tree.leaves(shapes.shared)[0].shape == (4,)
