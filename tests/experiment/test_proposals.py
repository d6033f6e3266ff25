"""Sequential model-based search: later rounds try points that the scores so far promise much of."""

import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.config.hyper import Hyper
from affect_jax.config.schema import Search
from affect_jax.config.search import draw_points, list_points
from affect_jax.errors import UserError
from affect_jax.experiment import study
from affect_jax.experiment.proposals import propose_points

RATE, LAYER = "stages.fit.optimizer.learning_rate", "stages.fit.choices.layer"
RANGES = {RATE: (1e-5, 1e-1), LAYER: (0.0, 3.0)}


def score(point):
    """Best at a rate of 1e-3 and layer 2."""
    return -abs(math.log10(point[RATE]) + 3) - abs(point[LAYER] - 2)


def test_choices_are_drawn_as_whole_numbers_each_as_often_as_another():
    numbers, counts = np.unique([point[LAYER] for point in draw_points(RANGES, 2000, 0)], return_counts=True)
    assert numbers.tolist() == [0, 1, 2, 3]
    assert abs(counts / 2000 - 0.25).max() < 0.04


def test_proposed_points_are_new_and_better_than_drawn_ones():
    means = []
    for seed in range(5):
        points = draw_points(RANGES, 12, seed)
        scores = [score(point) for point in points]
        proposed = propose_points(RANGES, points, scores, 12, seed + 100)
        assert len(proposed) == 12
        assert not {tuple(p.items()) for p in points} & {tuple(p.items()) for p in proposed}
        means.append(np.mean([score(p) for p in proposed]))
    assert proposed == propose_points(RANGES, points, scores, 12, seed + 100)
    assert np.mean(means) > np.mean([score(p) for p in draw_points(RANGES, 500, 7)]) + 0.5


def test_failures_count_as_the_worst_and_an_exhausted_space_ends_the_search():
    points = draw_points(RANGES, 12, 1)
    scores = [-math.inf if point[LAYER] < 2 else score(point) for point in points]
    proposed = propose_points(RANGES, points, scores, 10, 2)
    assert np.mean([point[LAYER] >= 2 for point in proposed]) > 0.8
    assert len(propose_points(RANGES, points, [-math.inf] * 12, 3, 2)) == 3
    few = tuple({LAYER: float(layer)} for layer in range(4))
    assert propose_points({LAYER: (0, 3)}, few, [1, 2, 3, 4], 5, 0) == ()
    assert propose_points({LAYER: (0, 3)}, few[:3], [1, 2, 3], 5, 0) == few[3:]


def test_a_search_of_several_rounds_learns_from_each_fold_by_itself(monkeypatch):
    """Fold 0 likes layer 3, fold 1 layer 0; a variant that fixes the layer searches the rate alone."""
    search = Search(random=8, rounds=3, ranges={"stages": {"fit": {"optimizer": {"learning_rate": (1e-5, 0.1)}}}})
    search.ranges["stages"]["fit"]["choices"] = {"layer": (0, 3)}
    hyper = {"fit": Hyper(0.0, 0.1, 0.0, None, 0.0, {"prediction": 1.0}, {"layer": 0.0})}
    searched = SimpleNamespace(
        name="s",
        hyper=hyper,
        stages=(SimpleNamespace(name="fit", sign=-1.0),),
        variants={"open": {}, "first": {LAYER: 0.0}},
        points=list_points(search, RANGES),
    )
    run = SimpleNamespace(experiment=SimpleNamespace(search=search), fold_names=("a", "b"))
    names = []

    def fit(run, study, model, name, trials):
        names.append(name)
        likes = {0: 3.0, 1: 0.0}
        return [abs(trial.hyper["fit"].choices["layer"] - likes[trial.fold]) for trial in trials]

    monkeypatch.setattr(study, "_fit_search", fit)
    monkeypatch.setattr(study.batches, "split_into_batches", lambda run, model, trials: [trials[:20], trials[20:]])
    chosen, selections, tried = study._search(run, searched, None)
    assert names == [f"s-search-{number:03d}" for number in range(6)]
    assert (chosen["open", 0][LAYER], chosen["open", 1][LAYER]) == (3, 0)
    assert set(chosen["first", 0]) == {RATE}
    assert {selection.candidates for selection in selections} == {24}
    assert len(tried) == 4 * 24
    assert {(one.variant, one.fold, tuple(one.hyper)) for one in tried if one.variant == "first"} == {
        ("first", fold, (RATE,)) for fold in "ab"
    }


def test_a_run_without_later_rounds_does_not_wait_for_forests(repo_root):
    heavy = ("sklearn.ensemble", "scipy.stats")
    code = f"import sys, affect_jax.experiment.run; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_halving_sees_all_points_of_a_variant_and_fold_together(monkeypatch):
    """Ten trials of each of two folds; of each, all or none go into a batch."""
    trials = [SimpleNamespace(variant="v", fold=number % 2, number=number) for number in range(20)]
    engine = SimpleNamespace(trial_batch_gigabytes=0.1)
    run = SimpleNamespace(experiment=SimpleNamespace(engine=engine))
    monkeypatch.setattr(study.batches, "split_into_batches", lambda run, model, trials: [trials[:15], trials[15:]])
    split = study.batches.split_into_brackets(run, None, trials)
    assert [{trial.fold for trial in batch} for batch in split] == [{0}, {1}]
    assert [len(batch) for batch in split] == [10, 10]
    monkeypatch.setattr(study.batches, "split_into_batches", lambda run, model, trials: [trials[:9], trials[9:]])
    with pytest.raises(
        UserError, match="compares 10 trials of a variant and fold, and 9 fit config.engine.trial_batch"
    ):
        study.batches.split_into_brackets(run, None, trials)
