"""One trial speaks for a run: of the variant that is best on validation, or the one that is asked for."""

import json

import pytest

from affect_jax.errors import UserError
from affect_jax.experiment import trial_choice
from affect_jax.experiment.chosen_trial import choose_trial
from affect_jax.experiment.results_file import Monitor, write_results
from tests.run_results import make_corpus, make_results, make_trial


def write_run(folder, scores, config=None, **changes):
    """A run of (study, variant, validation score) a trial."""
    folder.mkdir()
    trials = [
        make_trial(
            study=study,
            variant=variant,
            seed=seed,
            validation=None if score is None else {"uar": score},
            test=None if score is None else {"uar": score / 2},
        )
        for seed, (study, variant, score) in enumerate(scores)
    ]
    write_results(folder, make_results(*trials, metric="uar", task="multiclass", **changes))
    (folder / "config.json").write_text(json.dumps({"config_arg": "x", "config": config or {}}))
    return folder


@pytest.fixture
def run(tmp_path):
    """`b` has the best mean, `a` the best single trial, and `c` no score."""
    scores = [("s", "a", 0.1), ("s", "a", 0.9), ("t", "b", 0.6), ("t", "b", 0.7), ("t", "c", None)]
    return write_run(tmp_path / "run", scores, corpus=make_corpus(synthetic=False))


def test_the_best_variant_by_its_mean_and_its_best_trial(run):
    choice = choose_trial(run)
    assert (choice.number, choice.trial.variant) == (3, "b")
    assert trial_choice.describe_choice(choice) == (
        "trial 3, variant 'b', fold dev, seed 3: the best trial of the best of 2 variants on validation, by mean uar; "
        "validation UAR 70.0 %, test UAR 35.0 %; mean of all 2 trials of this variant: validation UAR 65.0 %, test "
        "UAR 32.5 %"
    )


def test_what_is_asked_for(run):
    assert choose_trial(run, variant="a").number == 1
    assert choose_trial(run, trial=4).number == 4
    assert trial_choice.describe_choice(choose_trial(run, trial=4)) == (
        "trial 4, variant 'c', fold dev, seed 4: as --trial says"
    )


def test_a_smaller_score_may_be_the_better_one(tmp_path):
    scores = [("s", "a", 0.1), ("s", "b", 0.6)]
    assert choose_trial(write_run(tmp_path / "run", scores, monitor=Monitor("uar", "min"))).number == 0


@pytest.mark.parametrize(("stronger", "number"), [(["audio"], 1), ([], 2)])
def test_a_teacher_does_not_speak_for_its_student(tmp_path, stronger, number):
    """Of co-learning, only variants that read what the student reads are compared; where nothing is taught, all."""
    config = {
        "model": {"weaker": "face", "stronger": stronger},
        "studies": {"teachers": {}, "alone": {"model": {"weaker": "audio", "stronger": []}}},
    }
    scores = [("teachers", "sew", 0.4), ("teachers", "-CCA", 0.5), ("alone", "unimodal audio", 0.8)]
    assert choose_trial(write_run(tmp_path / "run", scores, config)).number == number


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (dict(trial=5), "--trial is 5, but the run has trials 0 to 4; choose one of them"),
        (dict(variant="d"), r"--variant is 'd'.*the run has a, b, c"),
        (dict(variant="c"), "no trial of variant 'c' has a validation score; train it again"),
    ],
)
def test_what_is_not_there(run, asked, said):
    with pytest.raises(UserError, match=said):
        choose_trial(run, **asked)


def test_a_run_without_any_score(tmp_path):
    with pytest.raises(UserError, match="no trial of .* has a validation score; train it again"):
        choose_trial(write_run(tmp_path / "run", [("s", "a", None)]))
