"""Batches in pieces, rates of single submodules and the linear schedule."""

import jax
import numpy as np
import pytest

from affect_jax.config.hyper import flatten_hyper
from affect_jax.errors import UserError
from affect_jax.training import initial, loop, optimizer
from tests import toy
from tests.training.test_streamed import CORPUS, FOLDS

RATE = "stages.fit.optimizer.rates.head"


def config(**changes):
    losses = {"prediction": dict(kind="mse", prediction="prediction", target="target", weight=1.0)}
    return toy.stage_config(**{**dict(epochs=2, batch=5, dropout=0.0, losses=losses), **changes})


def fit(variants=None, **changes):
    parsed, traced = toy.stages(fit=config(**changes))
    trials = toy.trials(traced, variants, folds=1, seeds=(0,))
    return loop.fit_study(toy.Model(), parsed, "regression", CORPUS, FOLDS, trials, toy.engine())


@pytest.fixture(scope="module")
def whole():
    """Two trials with a rate of their own for the head: the usual one, and none."""
    optimizer = config()["optimizer"] | dict(rates={"head": 1.0})
    return fit({"usual": {}, "none": {RATE: 0.0}}, optimizer=optimizer)


def test_pieces_of_a_batch_train_as_the_whole(whole):
    pieces = fit(pieces=3)  # of batches of 5, so that one piece has padding
    for name in ("student", "head"):
        usual = jax.tree.map(lambda x: x[:1], whole.params[name])
        toy.trees_equal(pieces.params[name], usual, atol=1e-5)


def test_a_submodule_has_a_rate_of_its_own_which_trials_differ_in(whole):
    trials = toy.trials(toy.stages(fit=config())[1], folds=1, seeds=(0,))
    start = initial.init_params(toy.Model(), initial.FoldedCorpus(CORPUS, FOLDS), trials, toy.engine())
    np.testing.assert_array_equal(whole.params["head"]["kernel"][1], start["head"]["kernel"][0])
    assert np.abs(whole.params["head"]["kernel"][0] - start["head"]["kernel"][0]).max() > 1e-3
    assert np.abs(whole.params["student"]["kernel"][1] - start["student"]["kernel"][0]).max() > 1e-3


def test_rates_are_traced_and_name_submodules():
    parsed, traced = toy.stages(fit=config(optimizer=config()["optimizer"] | dict(rates={"heed": 0.1})))
    assert flatten_hyper(traced)["stages.fit.optimizer.rates.heed"] == 0.1
    with pytest.raises(UserError, match="has a rate of 'heed'; did you mean 'head'|has a rate of 'heed'"):
        initial.check_stages(toy.Model(), parsed, CORPUS, FOLDS)


def test_losses_of_a_whole_batch_have_no_pieces():
    losses = {"prediction": dict(kind="ccc", prediction="prediction", target="target", weight=1.0)}
    with pytest.raises(UserError, match=r"is one number of a whole batch; set config\.stages\.fit\.pieces=1"):
        toy.stages(fit=toy.stage_config(losses=losses, pieces=2))


def test_the_linear_schedule_rises_and_falls_in_lines():
    rates = [float(optimizer.schedule_rate("linear", 0.2, np.int32(n), np.float32(10))) for n in range(10)]
    np.testing.assert_allclose(rates, [0.5, 1.0, *(1 - np.arange(8) / 7)], atol=1e-6)
