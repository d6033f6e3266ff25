"""Successive halving: who goes on, that it changes nobody who does, and that an interruption changes nothing."""

import jax
import numpy as np
import pytest

from affect_jax.runtime.signals import Stopped
from affect_jax.training import halving, loop
from tests import toy

RATES = (0.001, 0.01, 0.05, 0.1, 0.2)
PATH = "stages.fit.optimizer.learning_rate"
DATA = toy.development()


def fit(trials, parsed, folder=None, stop=None, **options):
    corpus, _, folds = DATA
    told = []
    listener = loop.Listener(told.append, lambda *_: None, stop or (lambda: False))
    where = dict(folder=folder, listener=listener, **options)
    return loop.fit_study(toy.Model(), parsed, "regression", corpus, folds, trials, toy.engine(), **where), told


@pytest.fixture(scope="module")
def study():
    """5 points x 2 folds x 2 seeds, of 8 epochs; one of two goes on after 2 and after 4."""
    parsed, traced = toy.stages(fit=toy.stage_config(epochs=8))
    trials = toy.trials(traced, axes={PATH: RATES})
    whole, told = fit(trials, parsed, halving_rate=2)
    return parsed, trials, whole, told


def test_rungs():
    assert halving.plan_rungs(27, 81, 3) == {3: 3, 9: 9, 27: 27}
    assert halving.plan_rungs(5, 8, 2) == {2: 2, 4: 4}
    assert halving.plan_rungs(1, 8, 2) == {}
    assert halving.plan_rungs(9, 2, 3) == {1: 9}, "too few epochs for two rungs: both at once"
    assert [halving.count_kept(5, divisor) for divisor in (2, 4)] == [3, 2]
    assert halving.count_epochs(27, 81, 3) == 27 * 3 + 9 * 6 + 3 * 18 + 54
    assert halving.count_epochs(1, 81, 3) == 81


def test_the_better_points_of_each_fold_go_on(study):
    _, trials, whole, told = study
    epochs = whole.epochs["fit"]
    for fold in (0, 1):
        mine = halving.group_points(trials)["toy", fold]
        assert sorted(int(epochs[places[0]]) for places in mine.values()) == [2, 2, 4, 8, 8]
        assert all(len(set(epochs[places].tolist())) == 1 for places in mine.values()), "seeds stay together"
        means = {point: whole.score[places].mean() for point, places in mine.items()}
        best = max(means, key=means.get)
        assert epochs[mine[best][0]] == 8, "the best point is one that went on to the end"
    assert [progress.live for progress in told] == [20, 12, 12, 8, 8, 8, 8, 0]


def test_who_goes_on_equals_those_trials_without_the_others(study):
    parsed, trials, whole, _ = study
    kept = np.flatnonzero(whole.epochs["fit"] == 8)
    alone, _ = fit([trials[number] for number in kept], parsed)  # as many as the study packs together at the end
    jax.tree.map(np.testing.assert_array_equal, pick(alone, np.arange(len(kept))), pick(whole, kept))


def pick(fitted, number):
    return jax.tree.map(lambda x: x[number], (fitted.params, fitted.score, fitted.epochs, fitted.best_epoch))


@pytest.mark.parametrize("end", [1, 2, 4])  # before a rung, right after one, and after the next
def test_resuming_equals_continuing(study, tmp_path, end):
    parsed, trials, whole, _ = study
    calls = iter(range(100))
    with pytest.raises(Stopped):
        fit(trials, parsed, tmp_path, stop=lambda: next(calls) == end, halving_rate=2)
    again, rest = fit(trials, parsed, tmp_path, halving_rate=2)
    everyone = np.arange(len(trials))
    jax.tree.map(np.testing.assert_array_equal, pick(again, everyone), pick(whole, everyone))
    assert len(rest) == 8 - end
