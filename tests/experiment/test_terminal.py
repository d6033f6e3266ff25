"""The table at the end of a run: what it says, and that it fits a terminal."""

import dataclasses

from affect_jax.experiment import results, terminal
from affect_jax.experiment.results_file import (
    CorpusRecord,
    Monitor,
    Provenance,
    Results,
    Selection,
    SplitCount,
    TrialResult,
)


def make_results(trials, metric="ccc", *, synthetic=True):
    count = {"train": SplitCount(2, 20)}
    return Results(
        name="a name " * 20,
        config_arg="configs/sew.py",
        task="regression",
        monitor=Monitor(metric, "max"),
        corpus=CorpusRecord("recola", "arousal", synthetic, "f" * 64, count),
        trials=tuple(trials),
        variants=results.summarize_variants(trials),
        selected=(),
        baselines={"validation": {metric: 0.25}},
        provenance=Provenance("unknown", {}, "3.11", "python"),
    )


def make_trials(study, variant, scores, metric="ccc", **changes):
    return [
        TrialResult(study, variant, "dev", seed, {}, validation={metric: score}, test=None, **changes)
        for seed, score in enumerate(scores)
    ]


def test_a_variant_has_its_mean_spread_and_paired_difference_to_the_first():
    text = terminal.format_results(
        make_results([*make_trials("s", "SEW", (0.1, 0.3)), *make_trials("s", "-CCA", (0.2, 0.6))])
    )
    assert "against SEW" in text
    row = next(line for line in text.splitlines() if "-CCA" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["-CCA", "0.400", "± 0.283", "2", "+0.200 ± 0.141"]
    assert "constant of scored part" in text
    assert "0.250" in text


def test_one_variant_is_against_nothing():
    text = terminal.format_results(make_results(make_trials("s", "SEW", (0.1, 0.3))))
    assert "against" not in text
    assert "paired" not in text
    assert "constant of scored part" in text


def test_it_fits_100_columns_and_says_what_is_synthetic():
    trials = make_trials("study", "a variant of a very long name " * 5, (0.5,))
    text = terminal.format_results(make_results(trials))
    assert max(map(len, text.splitlines())) <= terminal.WIDTH
    assert "synthetic" in text
    assert "synthetic" not in terminal.format_results(make_results(trials, synthetic=False))


def test_a_variant_of_several_studies_is_told_by_its_study():
    trials = [*make_trials("audio", "regressor", (0.5,)), *make_trials("video", "regressor", (0.6,))]
    text = terminal.format_results(make_results(trials))
    assert "audio: regressor" in text
    assert "video: regressor" in text


def test_scores_of_classes_are_percentages_and_the_test_split_comes_first():
    trials = make_trials("s", "a", (0.5,), "accuracy")
    tested = [dataclasses.replace(trial, test={"accuracy": 0.75}) for trial in trials]
    text = terminal.format_results(make_results(tested, "accuracy"))
    assert "test split" in text
    assert " 75.0 " in text
    assert "no test split" in terminal.format_results(make_results(trials, "accuracy"))


def test_what_a_grid_chose_is_shown_for_every_fold():
    rate, weight = "stages.fit.optimizer.learning_rate", "stages.fit.losses.align.weight"
    chosen = [Selection("s", "a", fold, {rate: 0.001, weight: 2.0}, 0.5, 6) for fold in ("fold_1", "fold_2")]
    plain = make_results(make_trials("s", "a", (0.5,)))
    text = terminal.format_results(dataclasses.replace(plain, selected=tuple(chosen)))
    row = next(line for line in text.splitlines() if "fold_2" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["a", "fold_2", "0.001", "2", "0.500", "6"]
    assert "learning_rate" in text
    assert "align.weight" in text
    assert "what the search chose" not in terminal.format_results(plain)


def test_paths_are_shortened_until_they_differ():
    paths = ["stages.a.dropout", "stages.b.dropout", "stages.a.losses.x.weight", "stages.a.optimizer.learning_rate"]
    assert list(terminal.shorten_paths(paths).values()) == ["a.dropout", "b.dropout", "x.weight", "learning_rate"]


def test_a_variant_with_a_trial_without_a_score_has_no_mean():
    trials = [*make_trials("s", "a", (0.5, 0.7)), *make_trials("s", "b", (0.9, None))]
    text = terminal.format_results(make_results(trials))
    row = next(line for line in text.splitlines() if "│ b" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["b", "not finite", "", "2", ""]
    assert "not finite: a trial answers with NaN" in text
    assert "not finite" not in terminal.format_results(make_results(make_trials("s", "a", (0.5,))))
