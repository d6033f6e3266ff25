"""A grid is trials of one study: every variant, point, fold and seed once."""

import pytest

from affect_jax.config.hyper import Hyper, flatten_hyper
from affect_jax.config.schema import Search
from affect_jax.config.search import list_points
from affect_jax.errors import UserError
from affect_jax.experiment import results
from affect_jax.experiment.results_file import TrialResult
from affect_jax.training import trials

DEFAULTS = {"fit": Hyper(0.3, 0.1, 0.0, None, 0.0, {"a": 1.0, "b": 1.0})}
A, B, DROPOUT = "stages.fit.losses.a.weight", "stages.fit.losses.b.weight", "stages.fit.dropout"


def test_seven_variants_of_the_125_point_grid():
    points = list_points(Search(), dict.fromkeys((A, B, DROPOUT), (1e-3, 1e-2, 0.1, 1, 10)))
    made = trials.plan_trials({"whole": {}}, points, DEFAULTS, 1, (0,))
    assert len(made) == len({tuple(flatten_hyper(trial.hyper).values()) for trial in made}) == 125


def test_an_axis_that_a_variant_fixes_is_not_searched_for_it():
    points = list_points(Search(), {A: (1, 2), B: (1, 2)})
    made = trials.plan_trials({"whole": {}, "-a": {A: 0.0}}, points, DEFAULTS, 2, (0, 1, 2))
    assert len([trial for trial in made if trial.variant == "whole"]) == 4 * 6
    ablated = [trial for trial in made if trial.variant == "-a"]
    assert len(ablated) == 2 * 6
    assert {trial.hyper["fit"].loss_weights["a"] for trial in ablated} == {0.0}
    assert {trial.hyper["fit"].dropout for trial in made} == {0.3}


def test_a_path_that_changes_shapes_is_refused():
    with pytest.raises(UserError, match="'model.width'.*cannot differ in"):
        trials.plan_trials({"whole": {}}, [{"model.width": 1.0}], DEFAULTS, 1, (0,))


def test_selection_takes_the_best_mean_over_seeds():
    candidates = [
        results.Candidate(variant="c", fold=0, hyper={A: a}, score=score)
        for a, scores in ((1.0, (0.9, 0.1)), (2.0, (0.6, 0.6)), (3.0, (0.2, 0.2)))
        for score in scores
    ]
    assert results.select_points(candidates, 1.0)["c", 0] == ({A: 2.0}, 0.6, 3)
    assert results.select_points(candidates, -1.0)["c", 0][0] == {A: 3.0}


def test_variants_give_mean_sample_deviation_and_folds():
    scores = (("x", 0.1), ("x", 0.3), ("y", 0.5))
    trials = [TrialResult("s", "c", fold, 0, {}, validation={"ccc": score}, test=None) for fold, score in scores]
    (summary,) = results.summarize_variants(trials)
    assert (summary.split, summary.metric, summary.n) == ("validation", "ccc", 3)
    assert summary.mean == pytest.approx(0.3)
    assert summary.std == pytest.approx(0.2)
    assert summary.folds == {"x": pytest.approx(0.2), "y": pytest.approx(0.5)}
