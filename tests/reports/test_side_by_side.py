import csv
import dataclasses
import json
import math
import re

import numpy as np
import pytest
from scipy import stats

from affect_jax.errors import UserError
from affect_jax.evaluation import over_groups, read, variants
from affect_jax.evaluation.design import derive_design
from affect_jax.evaluation.significance import holm
from affect_jax.reports import render, report_files, side_by_side
from affect_jax.runtime.score_text import clip_interval

TRIMODAL = "configs/fusion.py:trimodal"
PAIR = "configs/seqsew.py:mosi,video+text"


def compared(*run_folders, **options):
    return variants.compare_runs(variants.read_runs(run_folders), **options)


def column(comparison, name, group=""):
    grid = side_by_side.make_table(comparison)
    at = grid.header.index((group, name))
    return [row[at] for row in grid.rows]


def change(folder, edit):
    path = folder / "results.json"
    results = json.loads(path.read_text())
    edit(results)
    path.write_text(json.dumps(results))


def test_every_cell_and_the_constant_answer_have_a_line(mosi_runs):
    grid = side_by_side.make_table(compared(*mosi_runs(True)[:2], reference=""))
    assert [name for _, name in grid.header] == [
        *("run", "study", "variant", "split", "n", "accuracy %", "95 % over groups"),
        *("difference", "p", "p, Holm", "test", "95 % over groups", "verdict", "weighted F1 %"),
    ]
    assert len(grid.rows) == 9
    assert grid.rows[0][:5] == ("seqsew_mosi_video_text (synthetic)", "teachers", "SeqSEW", "test", "4")
    blanks = ("",) * 7
    majority = "majority of the scored part"
    assert grid.rows[-1] == ("cmu_mosi (synthetic)", "", majority, "test", "", "66.7", *blanks, "53.3")
    assert any("Validation trap" in note for note in grid.notes)
    assert all("synthetic" in row[0] for row in grid.rows), "every line says what its numbers are worth"


def test_the_interval_of_a_mean_is_by_the_rule_that_tests_differences(make_fusion_run, make_traces):
    score = compared(make_fusion_run(TRIMODAL, {"intra": 0.3}), metric="uar").tested_scores[0]
    of_folds = np.array([trial.test["uar"] for trial in score.run.results.trials]).reshape(5, 3).mean(1)
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 3) * of_folds.var(ddof=1))
    assert score.interval == pytest.approx((of_folds.mean() - half, of_folds.mean() + half), abs=1e-6)
    score = compared(make_traces({"SEW": 0.4}, seeds=5)).tested_scores[0]
    scores = [trial.validation["ccc"] for trial in score.run.results.trials]
    theirs = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
    assert score.interval == pytest.approx((theirs.low, theirs.high))


def test_what_other_speakers_would_change_stands_beside_what_other_seeds_would(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.3})
    interval = compared(folder, metric="uar").tested_scores[0].over_groups
    assert (interval.groups, interval.low < interval.difference < interval.high) == (5, True)
    assert column(compared(folder, metric="uar"), "95 % over groups")[0].endswith("] (5)")
    bare = compared(make_fusion_run("configs/fusion.py:all", {"intra": 0.3}, predictions=False), metric="accuracy")
    assert bare.tested_scores[0].over_groups is None, "the release has no test split whose size is known"


def test_folds_are_joined_by_what_each_was_asked(make_fusion_run):
    """As runs write it, each trial's row says which steps were its own: joined, every speaker was asked once."""
    run = read.read_run(make_fusion_run(TRIMODAL, {"intra": 0.3}))
    source = read.list_variants(run)[0]
    matched = read.match_trials(run, source)
    design = derive_design(list(matched), "test", run.results.corpus)
    plain = read.read_predictions(run, source.study, "test").select_trials(list(matched.values()))
    said = plain._replace(asked=plain.is_known, trial=np.array(list(matched.values())))
    joined = over_groups.join_folds(said, list(matched.values()), design)
    assert joined.is_known.shape == (design.seeds, plain.target.size)
    assert joined.is_known.all()
    answers = [over_groups.bound_score(run.results.task, "uar", x, 0.5, None) for x in (joined, said)]
    assert answers[0].groups == 5
    assert answers[1] is None, "no step was asked of all folds"


def test_no_interval_over_fewer_than_five(make_fusion_run, make_traces):
    few = compared(make_traces({"SEW": 0.4}, seeds=4)).tested_scores[0]
    assert (few.interval, few.over_groups) == (None, None), "four seeds, three recordings"
    run = read.read_run(make_fusion_run(TRIMODAL, {"intra": 0.3}))
    source = read.list_variants(run)[0]
    whole = read.read_predictions(run, source.study, "test")
    names = np.unique(whole.group)
    for groups, is_told in ((4, False), (5, True)):
        kept = np.isin(whole.group, names[:groups])
        some = whole._replace(
            prediction=np.where(np.isfinite(whole.prediction), whole.prediction, 0)[:, kept],
            target=whole.target[kept],
            id=whole.id[kept],
            group=whole.group[kept],
            asked=None,
        )
        task = run.results.task
        assert (over_groups.bound_score(task, "uar", some, 0.5, None) is not None) == is_told
        bounded = over_groups.bound_difference(task, "uar", few.design, some, some)
        assert (bounded is not None) == is_told
    for steps, is_told in ((4, False), (5, True)):
        assert (over_groups.bound_score("binary", "accuracy", None, 0.5, steps) is not None) == is_told


def test_no_interval_that_would_be_a_guess(make_fusion_run, make_run):
    bare = compared(make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.3}, has_records=False), reference="")
    assert not any(score.interval for score in bare.scores)
    notes = side_by_side.make_table(bare).notes
    assert sum("did not record what folds share" in note for note in notes) == 1
    assert "No test of cross: folds not recorded, not tested." in notes
    one = compared(make_run(PAIR, [("teachers", "SeqSEW")], folds=("draw_0",), seeds=1))
    assert one.scores[0].interval is None
    assert column(one, "accuracy %")[0].count("±") == 0


def test_all_are_tested_against_one_and_corrected_together(make_fusion_run):
    error = {"intra": 0.1, "cross": 0.5, "both": 0.15, "none": 0.6}
    comparison = compared(make_fusion_run(TRIMODAL, error), reference="intra", metric="accuracy")
    assert comparison.reference.study == "intra"
    assert {source.study for source in comparison.tests} == {"cross", "both", "none"}
    rows = read.read_run(comparison.runs[0].path).results.trials
    scores = {s: np.array([row.test["accuracy"] for row in rows if row.study == s]) for s in error}
    p = {}
    for source, test in comparison.tests.items():
        of_folds = (scores[source.study] - scores["intra"]).reshape(5, 3).mean(1)
        t = of_folds.mean() / math.sqrt((1 / 5 + 1 / 3) * of_folds.var(ddof=1))
        p[source.study] = 2 * stats.t.sf(abs(t), 4)
        assert test.contrast.test.p == pytest.approx(p[source.study], rel=1e-4)
        assert test.contrast.n == 15
        assert test.contrast.difference == pytest.approx((scores[source.study] - scores["intra"]).mean())
    expected = holm(np.array([p[source.study] for source in comparison.tests]))
    assert [test.contrast.holm for test in comparison.tests.values()] == pytest.approx(list(expected), rel=1e-4)
    cells = column(comparison, "difference", "against intra")
    assert cells[0] == "0 (reference)"
    assert all(cell.startswith("−") and cell.endswith("(n=15)") for cell in cells[1:4])
    assert cells[4:] == [""] * 6, "validation scores and the majority are not tested"


def test_the_first_cell_is_the_reference_unless_there_is_nothing_to_test(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1, "cross": 0.5})
    assert compared(folder).reference is None
    assert compared(folder, reference="").reference.study == "intra"
    assert compared(make_fusion_run("configs/fusion.py:all", {"intra": 0.1}), reference="").reference is None
    with pytest.raises(UserError, match="no run has a study or variant 'inter'"):
        compared(folder, reference="inter")


def test_other_clips_are_not_tested(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1})
    other = make_fusion_run("configs/fusion.py:all", {"cross": 0.1}, fingerprint="another", prefix="utterance")
    comparison = compared(folder, other, reference="")
    assert [test.missing for test in comparison.tests.values()] == [
        "fusion_all and fusion_trimodal were not scored on the same examples"
    ]
    assert any(
        note.startswith("No test of cross: fusion_all and") for note in side_by_side.make_table(comparison).notes
    )


def test_the_metric_is_the_one_that_stopped_the_runs(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1})
    assert compared(folder).metric == "uar", "the first of those that are compared elsewhere"
    change(folder, lambda results: results.update(monitor={"metric": "accuracy", "goal": "max"}))
    assert compared(folder).metric == "accuracy"
    assert compared(folder, metric="uar").metric == "uar"
    with pytest.raises(UserError, match=r"--metric=uarr: .*has none on its test split \(did you mean 'uar'\?\)"):
        compared(folder, metric="uarr")


def test_runs_that_cannot_stand_together(make_fusion_run, make_run, make_traces):
    fusion, traces = make_fusion_run(TRIMODAL, {"intra": 0.1}), make_traces({"SEW": 0.1})
    with pytest.raises(UserError, match=r"is of task regression, .* of multiclass: .* make a report of each task"):
        variants.read_runs([fusion, traces])
    other = make_run("configs/sew.py:valence,geo+audio", [("teachers", "SEW")], task="regression", split="test")
    with pytest.raises(UserError, match="have no scored split in common"):
        compared(traces, other)
    change(other, lambda r: r.update(variants=[{**r["variants"][0], "metric": "rmse", "split": "validation"}]))
    with pytest.raises(UserError, match="have no metric in common; make a report of each"):
        compared(traces, other)


def test_unfinished_and_damaged_folders(make_fusion_run, tmp_path):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1, "cross": 0.2})
    (folder / "predictions.npz").write_bytes((folder / "predictions.npz").read_bytes()[:400])
    with pytest.raises(UserError, match=r"predictions\.npz cannot be read"):
        compared(folder)
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="begun has no results.json: its run is not finished"):
        variants.read_runs([tmp_path / "begun"])
    with pytest.raises(UserError, match="name the folder of a finished run"):
        variants.read_runs([tmp_path / "nothing"])


def test_a_folder_counts_once(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1})
    assert len(variants.read_runs([folder, folder])) == 1


def test_the_csv_has_a_figure_a_line(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.1, "cross": 0.5}, synthetic=True)
    texts = render.write_formats(
        side_by_side.make_table(compared(folder, reference="intra", metric="uar")), "python -m x"
    )
    rows = list(csv.DictReader(line for line in texts["csv"].splitlines() if not line.startswith("# ")))
    assert [(row["variant"], row["split"], row["metric"]) for row in rows] == [
        (cell, split, metric)
        for split in ("test", "validation")
        for cell in ("intra", "cross")
        for metric in ("accuracy", "uar")
    ]
    assert {row["synthetic"] for row in rows} == {"yes"}
    assert [row["reference"] for row in rows] == ["", "", "", "intra", "", "", "", ""]
    assert float(rows[3]["p"]) < 0.05
    assert float(rows[3]["low"]) < float(rows[3]["mean"]) < float(rows[3]["high"])
    assert all("python -m x" in text for text in texts.values())
    assert texts["tex"].count("{") == texts["tex"].count("}")


def test_means_per_recording_stand_behind_those_of_all_steps(make_run):
    variants = [("teachers", "SEW"), ("unimodal_audio", "unimodal audio")]
    options = dict(task="regression", split="validation", synthetic=True, extra_metrics={"ccc_per_recording": 0.25})
    folder = make_run("configs/sew.py:arousal,geo+audio", variants, folds=("dev",), **options)
    lines = render.write_plain(side_by_side.make_table(compared(folder))).splitlines()
    assert lines[2].split() == "run study variant split n CCC 95 % over groups".split()
    assert re.match(
        r"sew_arousal_geo_audio \(synthetic\)  teachers +SEW +validation  2  0\.505 ± 0\.007; per rec", lines[3]
    )
    assert "; per recording 0.250 ± 0.000" in lines[3]
    assert "[" not in lines[3].split("per recording")[0], "two trials have no interval"
    assert lines[5].split() == ["recola", "(synthetic)", *"constant of the scored part validation 0.000".split()]
    assert "fingerprint recolaTrue; alignment dcca; folds dev" in lines[-1]


def test_a_run_in_which_nothing_could_be_scored_has_a_table(make_traces):
    folder = make_traces({"SEW": 0.1})
    change(folder, lambda results: results.update(variants=[], baselines={}))
    assert side_by_side.make_table(compared(folder)).title == "Variants of sew_arousal_geo_audio"


def test_a_difference_over_fewer_trials_says_whose_means_it_is_of(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.2})
    notes = side_by_side.make_table(compared(folder, reference="")).notes
    assert not [note for note in notes if "that both have" in note]
    change(folder, lambda results: results.update(trials=results["trials"][:-3]))
    comparison = compared(folder, reference="")
    (note,) = (note for note in side_by_side.make_table(comparison).notes if "that both have" in note)
    (answer,) = comparison.tests.values()
    means = " and ".join(f"{100 * one.mean:.1f}" for one in (answer.contrast.a, answer.contrast.b))
    assert f"over the {answer.contrast.n} trials that both have, whose means are {means}." in note


def test_intervals_stay_within_what_a_score_can_be(make_traces, make_fusion_run):
    assert clip_interval(-0.1, 1.2, "uar") == (0.0, 1.0)
    assert clip_interval(-1.1, 1.2, "ccc") == (-1.0, 1.0)
    assert clip_interval(-1.1, 9.2, "rmse") == (0.0, 9.2)
    comparison = compared(make_fusion_run(TRIMODAL, {"intra": 0.02}))
    bounds = [score.interval for score in comparison.scores if score.interval and score.metric == "accuracy"]
    assert bounds
    assert all(0 <= low <= high <= 1 for low, high in bounds)


def test_on_one_s_own_corpus_there_is_one_p_and_the_thesis_is_silent(make_fusion_run, change_results):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.1})
    change_results(folder, lambda results: {"corpus": dataclasses.replace(results.corpus, name="manifest")})
    grid = side_by_side.make_table(compared(folder, reference=""))
    columns = [name for group, name in grid.header if group.startswith("against")]
    assert columns == ["difference", "p", "verdict"]
    assert any("comparison.csv has the other p-values" in note for note in grid.notes)
    assert not [text for text in (grid.title, *grid.notes) if "thesis" in text.lower()]
    asked = report_files.Asked(compare=["intra vs cross"])
    table = report_files.render_runs([folder], "command", asked)["significance"]["md"]
    assert "UAR % |" in table
    assert "thesis" not in table.lower()
    assert "| p |" in table
