import csv

import pytest

from affect_jax.evaluation import compare
from affect_jax.evaluation.design import derive_design
from affect_jax.reports import differences, render, report_files
from affect_jax.reports.thesis import NAMES, NAMING, QUESTIONS, TABLES

WANTED = report_files.choose_tables(["fusion"])


def parsed(text):
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("# ")))


def rendered(folder):
    runs = report_files.gather_runs(WANTED, folder / "runs")
    return render.write_formats(differences.make_table(compare.answer_questions(QUESTIONS, runs), runs))


def lines_of(text, label):
    return [line for line in text.splitlines() if line.startswith(f"| {label}")]


@pytest.mark.parametrize("synthetic", [True, False])
def test_three_formats(fusion_runs, tmp_path, synthetic):
    fusion_runs(synthetic)
    runs = report_files.gather_runs(WANTED, tmp_path / "runs")
    answers = compare.answer_questions(QUESTIONS, runs)
    texts = render.write_formats(differences.make_table(answers, runs), "python -m x")
    rows = parsed(texts["csv"])
    assert len(rows) == 2 * len(QUESTIONS)
    for row, x in zip(rows, answers, strict=True):
        assert float(row["p"]) == pytest.approx(x.contrast.test.p, rel=1e-5)
        assert float(row["p_holm"]) == pytest.approx(x.contrast.holm, rel=1e-5)
        assert float(row["difference"]) == pytest.approx(x.contrast.difference, rel=1e-5, abs=1e-9)
        assert (row["n"], row["folds"], row["seeds"], row["groups"]) == ("15", "5", "3", "5")
        assert (row["thesis_significant"] == "yes") == differences.check_printed(x.question, x.metric).starred
        assert row["metric"] == x.metric
        assert row["comparison"].endswith(" (synthetic)") is synthetic
    for extension, text in texts.items():
        assert "not run" not in text
        for line in text.splitlines():
            begins = line.removeprefix("| ").removeprefix('"')
            if any(begins.startswith(question.label) for question in QUESTIONS):
                assert ("(synthetic)" in line) is synthetic, (extension, line)
    assert texts["tex"].count("{") == texts["tex"].count("}")


def test_the_names_are_said(fusion_runs, tmp_path):
    fusion_runs(False)
    text = rendered(tmp_path)["md"]
    uar, accuracy = lines_of(text, "intra vs cross, T+V+A")
    assert uar.split(" | ")[1:3] == [NAMES["uar"], r"0.053 \*"]
    assert accuracy.split(" | ")[1:3] == [NAMES["accuracy"], "0.099"]
    assert NAMING in text
    assert "folds share training data; a trial trains on 3 groups and is scored on 1." in text


def test_what_is_missing_says_so(make_fusion_run, tmp_path):
    make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3, "cross": 0.3}, synthetic=True)
    texts = rendered(tmp_path)
    lines = lines_of(texts["md"], "intra+moddrop vs intra")
    assert len(lines) == 2
    assert all(line.split(" | ")[3:] == [""] * 7 + ["not run |"] for line in lines)
    assert texts["csv"].count("# Not run: fusion_moddrop_iemocap.") == 1
    assert [row["verdict"] for row in parsed(texts["csv"])].count("not run") == 2 * (len(QUESTIONS) - 1)


def test_one_trial_prints_no_p(make_fusion_run, tmp_path):
    folder = make_fusion_run("configs/fusion.py:trimodal,iemocap", {"intra": 0.3, "cross": 0.3}, seeds=1)
    runs = report_files.gather_runs([TABLES["4.5"]], folder.parent)
    alone = derive_design([("fold_0", 0)], "test", next(filter(None, runs.values())).results.corpus)
    answers = compare.answer_questions(QUESTIONS[:1], runs)
    answers = [x._replace(contrast=x.contrast._replace(design=alone)) for x in answers]
    assert differences.make_table(answers, runs).rows[0][-1] == "one trial only, not tested"


def test_no_column_of_the_thesis_for_another_corpus(make_fusion_run):
    folder = make_fusion_run("configs/fusion.py:trimodal,ravdess", {"intra": 0.3, "cross": 0.3}, synthetic=True)
    files = report_files.render_runs([folder], "python -m x", report_files.Asked(compare=["intra vs cross"] * 2))
    text = files["significance"]["md"]
    assert "thesis:" not in text.replace("(WA; the thesis", "")
    assert "thesis' t-test" not in text
    assert len(lines_of(text, "intra vs cross (synthetic)")) == 2
    assert NAMING in files["comparison"]["md"]
