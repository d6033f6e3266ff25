import csv
import json

import numpy as np
import pytest
from scipy import stats

from affect_jax.reports import cotraining, render, report_files
from affect_jax.reports.answers import give_verdict
from affect_jax.reports.thesis import PAIRS, TABLES

MOSI = (TABLES["5.4"], TABLES["5.6"])
VIDEO = next(pair for pair in PAIRS if pair.label == "SeqSEW mosi,video+text")
DRAWS = ("draw_0", "draw_1", "draw_2")
GOOD = {"SeqSEW": 0.05, "BiGRU+TE+Classifier": 0.5, "-LFA": 0.5, "-Decoder": 0.5, "-(LFA & Decoder)": 0.5}


def replace(comparison, **changes):
    """The comparison with another contrast."""
    contrast = comparison.answer.contrast._replace(**changes)
    return comparison._replace(answer=comparison.answer._replace(contrast=contrast))


def pick(comparisons, reference, metric="accuracy"):
    return next(c for c in comparisons if c.reference == reference and c.metric == metric)


@pytest.fixture
def compared(mosi_runs, tmp_path):
    def make(synthetic=False, **options):
        mosi_runs(synthetic, **options)
        return cotraining.compare_pairs([VIDEO], report_files.gather_runs(MOSI, tmp_path / "runs"))

    return make


def test_help_is_found(compared):
    comparisons = compared(error=GOOD, seeds=3, folds=DRAWS)
    assert [c.reference for c in comparisons[:5]] == [
        "unimodal BiGRU+TE",
        "-LFA",
        "-Decoder",
        "-(LFA & Decoder)",
        "majority",
    ]
    unimodal = pick(comparisons, "unimodal BiGRU+TE")
    assert give_verdict(unimodal.answer) == "better"
    assert unimodal.answer.contrast.interval.groups == 6
    assert unimodal.answer.contrast.interval.difference == pytest.approx(unimodal.answer.contrast.difference)
    assert "yes, co-learning helped, +" in cotraining.write_sentence(VIDEO, comparisons)
    assert "against the majority answer, which knows the labels, better" in cotraining.write_sentence(
        VIDEO, comparisons
    )


def test_rows_are_matched_and_tested(compared, tmp_path):
    comparisons = compared(error=GOOD, seeds=3)
    rows = {}
    for name in ("seqsew_mosi_video_text", "seqsew_unimodal_mosi"):
        for row in json.loads((tmp_path / "runs" / name / "results.json").read_text())["trials"]:
            rows[row["study"], row["variant"], row["fold"], row["seed"]] = row["test"]["accuracy"]
    keys = [(f"draw_{fold}", seed) for fold in range(2) for seed in range(3)]
    a = [rows["teachers", "SeqSEW", *key] for key in keys]
    b = [rows["video/bigru+te", "BiGRU+TE+Classifier", *key] for key in keys]
    unimodal = pick(comparisons, "unimodal BiGRU+TE")
    test, difference = unimodal.answer.contrast.test, np.subtract(a, b)
    tested = {
        "t, draws x seeds": difference,
        "t, draws": difference.reshape(2, 3).mean(1),
        "t, seeds of draws": difference.reshape(2, 3).mean(0),
    }[test.rule]
    assert test.p == pytest.approx(stats.ttest_1samp(tested, 0).pvalue)
    assert pick(comparisons, "majority").answer.contrast.b.mean == pytest.approx(2 / 3)


def test_holm_is_over_one_method_and_metric(compared):
    comparisons = [c for c in compared(error=GOOD) if c.metric == "accuracy"]
    smallest = min((c.answer.contrast for c in comparisons), key=lambda contrast: contrast.test.p)
    assert (smallest.family, smallest.holm) == (5, pytest.approx(min(1.0, 5 * smallest.test.p)))


def test_harm_is_found(compared):
    comparisons = compared(error={"SeqSEW": 0.9, "BiGRU+TE+Classifier": 0.05}, seeds=3, folds=DRAWS)
    assert give_verdict(pick(comparisons, "unimodal BiGRU+TE").answer) == "worse"
    assert "no, co-learning hurt, −" in cotraining.write_sentence(VIDEO, comparisons)


def test_a_control_without_a_teacher_must_be_beaten_as_well(compared):
    sentence = cotraining.write_sentence(VIDEO, compared(error=GOOD | {"-(LFA & Decoder)": 0.05}, seeds=3, folds=DRAWS))
    assert "better than unimodal BiGRU+TE, +" in sentence
    assert "but not shown to be by its teacher; against the control without a teacher, -(LFA & Decoder): " in sentence
    assert "yes" not in sentence


def test_no_difference_is_said(compared):
    comparisons = compared(error={"SeqSEW": 0.3, "BiGRU+TE+Classifier": 0.3})
    assert pick(comparisons, "unimodal BiGRU+TE").answer.outcome == "none"
    assert ": no help shown, " in cotraining.write_sentence(VIDEO, comparisons)


def test_sure_over_seeds_is_not_sure_over_videos(compared):
    comparison = pick(compared(error=GOOD, seeds=3, folds=DRAWS), "unimodal BiGRU+TE")
    contrast = comparison.answer.contrast
    doubtful = replace(comparison, interval=contrast.interval._replace(low=-0.1))
    assert give_verdict(doubtful.answer) == "better over draws and seeds, not certain over groups"
    assert replace(comparison, interval=None).answer.outcome == "better in part"


def test_without_predictions_no_interval(compared):
    comparisons = compared(error=GOOD, predictions=False)
    assert all(c.answer.contrast.interval is None and c.answer.contrast.test.rule for c in comparisons)


def test_one_row_is_no_evidence(compared):
    comparisons = compared(folds=("draw_0",), seeds=1)
    assert "not answered, one trial only, not tested" in cotraining.write_sentence(VIDEO, comparisons)


def test_missing_runs(make_run, tmp_path):
    comparisons = cotraining.compare_pairs([VIDEO], {})
    assert {give_verdict(c.answer) for c in comparisons} == {"not run"}
    assert cotraining.write_sentence(VIDEO, comparisons).endswith("not answered, seqsew_mosi_video_text was not run.")
    make_run(VIDEO.method.config, [("teachers", "SeqSEW")])
    comparisons = cotraining.compare_pairs([VIDEO], report_files.gather_runs(MOSI, tmp_path / "runs"))
    assert pick(comparisons, "unimodal BiGRU+TE").answer.missing == "seqsew_unimodal_mosi was not run"
    assert give_verdict(pick(comparisons, "-LFA").answer) == "not comparable"
    assert pick(comparisons, "majority").answer.contrast.n == 4
    assert "not answered, seqsew_unimodal_mosi was not run" in cotraining.write_sentence(VIDEO, comparisons)


def test_two_corpora_are_not_compared(make_run, tmp_path):
    make_run(VIDEO.method.config, [("teachers", "SeqSEW")])
    make_run("configs/seqsew_unimodal.py:mosi", [("video/bigru+te", "BiGRU+TE+Classifier")], synthetic=True)
    comparisons = cotraining.compare_pairs([VIDEO], report_files.gather_runs(MOSI, tmp_path / "runs"))
    assert "were not scored on the same examples" in pick(comparisons, "unimodal BiGRU+TE").answer.missing
    assert pick(comparisons, "unimodal BiGRU+TE").answer.synthetic


def test_only_rows_of_both_count(make_run, tmp_path):
    make_run(VIDEO.method.config, [("teachers", "SeqSEW")], seeds=3)
    make_run("configs/seqsew_unimodal.py:mosi", [("video/bigru+te", "BiGRU+TE+Classifier")], seeds=2)
    comparisons = cotraining.compare_pairs([VIDEO], report_files.gather_runs(MOSI, tmp_path / "runs"))
    assert pick(comparisons, "unimodal BiGRU+TE").answer.contrast.n == 4


def test_steps_are_matched_by_id(compared, tmp_path):
    before = pick(compared(error=GOOD), "unimodal BiGRU+TE")
    path = tmp_path / "runs" / "seqsew_unimodal_mosi" / "predictions.npz"
    arrays = dict(np.load(path, allow_pickle=False))
    order = np.random.default_rng(0).permutation(48)
    study = "video/bigru+te/test"
    for name in ("target", "id", "group"):
        arrays[f"{study}/{name}"] = arrays[f"{study}/{name}"][order]
    arrays[f"{study}/prediction"] = arrays[f"{study}/prediction"][:, order]
    np.savez(path, **arrays)
    runs = report_files.gather_runs(MOSI, tmp_path / "runs")
    assert (
        pick(cotraining.compare_pairs([VIDEO], runs), "unimodal BiGRU+TE").answer.contrast.interval
        == before.answer.contrast.interval
    )
    arrays[f"{study}/target"] = 1 - arrays[f"{study}/target"]
    np.savez(path, **arrays)
    assert pick(cotraining.compare_pairs([VIDEO], runs), "unimodal BiGRU+TE").answer.contrast.interval is None


def test_regression_pairs(make_run, tmp_path):
    pair = next(pair for pair in PAIRS if pair.label == "SEW arousal,geo+audio")
    cells = [("teachers", "SEW"), ("teachers", "-CCA"), ("unimodal_video_geometric", "unimodal video_geometric")]
    make_run(pair.method.config, cells, task="regression", split="validation")
    comparisons = cotraining.compare_pairs([pair], report_files.gather_runs([TABLES["5.2"]], tmp_path / "runs"))
    assert [c.reference for c in comparisons] == [
        "unimodal weaker",
        "-S_D2",
        "-CCA",
        "-S_D1",
        "-(CCA & S_D1)",
        "constant",
    ]
    assert comparisons[0].answer.contrast.test.p == 1.0
    assert [sample.mean for sample in comparisons[-1].answer.contrast[:2]] == [pytest.approx(0.505), 0.0]
    assert "+0.000 CCC" in cotraining.write_sentence(pair, comparisons)


@pytest.mark.parametrize("synthetic", [True, False])
def test_three_formats(mosi_runs, tmp_path, synthetic):
    mosi_runs(synthetic, error=GOOD)
    runs = report_files.gather_runs(MOSI, tmp_path / "runs")
    texts = render.write_formats(cotraining.make_table([VIDEO], runs), "python -m x")
    rows = list(csv.DictReader(line for line in texts["csv"].splitlines() if not line.startswith("# ")))
    assert len(rows) == 10
    comparisons = cotraining.compare_pairs([VIDEO], runs)
    assert float(rows[0]["difference"]) == pytest.approx(comparisons[0].answer.contrast.difference, rel=1e-5)
    assert float(rows[0]["p_holm"]) == pytest.approx(comparisons[0].answer.contrast.holm, rel=1e-5)
    assert float(rows[0]["low"]) == pytest.approx(comparisons[0].answer.contrast.interval.low, rel=1e-5)
    assert "Validation trap" in texts["md"]
    assert cotraining.write_sentence(VIDEO, comparisons) in texts["csv"]
    assert texts["tex"].count("{") == texts["tex"].count("}")
    for text in texts.values():
        for line in text.splitlines():
            if "SeqSEW mosi" in line:
                assert ("(synthetic)" in line) is synthetic


def test_pairs_of_the_tables():
    assert [pair.label for pair in cotraining.list_pairs(["configs/seqsew.py:mosi,audio+text"])] == [
        "SeqSEW mosi,audio+text"
    ]
    assert cotraining.list_pairs(["configs/seqsew_unimodal.py:mosi"]) == ()
