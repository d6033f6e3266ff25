import csv
import re

import pytest

from affect_jax.evaluation import read
from affect_jax.reports import render, report_files, thesis_tables
from affect_jax.reports.render import FORMATS
from affect_jax.reports.thesis import TABLES

MOSI = (TABLES["5.4"], TABLES["5.6"])
TAUGHT = [(method, variant) for method in ("hmtl", "seq2seq2sentiment") for variant in (method, "control")]
COMPARED = [(f"{m}/{name}", name) for m in ("video", "audio") for name in ("catlstm", "mu_sa")]


def parsed(text):
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("# ")))


def row_of(text, label):
    return next(line for line in text.splitlines() if line.startswith(f"| {label} |"))


def test_a_table_beside_the_thesis(mosi_runs, tmp_path):
    mosi_runs(False, error={"SeqSEW": 0.0})
    text = render.write_formats(
        thesis_tables.make_table(TABLES["5.6"], report_files.gather_runs(MOSI, tmp_path / "runs")), "python -m x"
    )["md"]
    assert text.startswith("**Table 5.6. CMU-MOSI")
    cell = "100.0 ± 0.0 (n=4; majority 66.7)"
    second = "99.0 ± 0.0 (n=4; majority 53.3)"
    assert row_of(text, "SeqSEW (+text)") == (
        f"| SeqSEW (+text) | 63.4 | {cell} | 63.9 | {second} | 64.8 | {cell} | 64.3 | {second} |"
    )
    label = "MU-SA, the thesis' rerun"
    assert row_of(text, label) == f"| {label} | 62.8 |  | 61.9 |  | 59.7 |  | 58.4 |  |"
    assert "synthetic" not in text
    assert "Validation trap" in text
    assert "alignment dcca; validation draws draw\\_0, draw\\_1" in text
    assert "Split: test" in text
    assert text.endswith("Made by `python -m x`\n")


def test_missing_runs_are_not_run(make_run, tmp_path):
    make_run("configs/seqsew.py:mosi,video+text", [("teachers", "SeqSEW")])
    texts = render.write_formats(
        thesis_tables.make_table(TABLES["5.6"], report_files.gather_runs(MOSI, tmp_path / "runs"))
    )
    line = row_of(texts["md"], "SeqSEW (+text)")
    assert line.count("not run") == 2
    assert row_of(texts["md"], "SeqSEW (+text) -LFA").count("not run") == 4
    command = r"python -m launch.main --config=configs/seqsew\_unimodal.py:mosi --config.corpus.manual\_dir=DIR"
    assert f"\n- Not run, unimodal BiGRU+TE+Classifier: {command}\n" in texts["md"]
    assert "seqsew_mosi_video_text has no accuracy on test of study teachers, variant -LFA." in texts["csv"]
    assert "not run" in texts["tex"]
    rows = parsed(texts["csv"])
    assert {r["status"] for r in rows} == {"published", "not run", "run"}


def test_csv_holds_the_numbers(mosi_runs, tmp_path):
    runs_ = report_files.gather_runs(MOSI, mosi_runs(False)[0].parent)
    rows = parsed(render.write_formats(thesis_tables.make_table(TABLES["5.6"], runs_))["csv"])
    record = next(r for r in rows if r["row"] == "SeqSEW (+text) -LFA" and r["column"] == "audio accuracy")
    run = runs_["configs/seqsew.py:mosi,audio+text"]
    figure = read.find_figure(run, TABLES["5.6"].rows[10].sources[2], "test", "accuracy")
    assert float(record["thesis"]) == 63.6
    assert float(record["ours"]) == pytest.approx(100 * figure.mean, rel=1e-5)
    assert float(record["std"]) == pytest.approx(100 * figure.std, rel=1e-5)
    assert (record["n"], record["baseline_kind"], record["split"]) == ("4", "majority", "test")
    assert float(record["baseline"]) == pytest.approx(66.6667)
    assert record["run"] == "seqsew_mosi_audio_text"
    published = sum(value is not None for row in TABLES["5.6"].rows for value in row.published)
    assert len(rows) == published + 12  # and the control, and eight scores of which one alone is published


def test_recola_figures(make_run):
    folder = make_run(
        "configs/sew.py:arousal,geo+audio",
        [("teachers", "SEW"), ("unimodal_video_geometric", "unimodal video_geometric")],
        task="regression",
        split="validation",
        extra_metrics={"ccc_per_recording": 0.25},
    )
    runs_ = report_files.gather_runs([TABLES["5.2"]], folder.parent)
    text = render.write_formats(thesis_tables.make_table(TABLES["5.2"], runs_))["md"]
    cell = "0.505 ± 0.006 (n=4; per recording 0.250 ± 0.000; constant 0.000)"
    assert row_of(text, "SEW").startswith(f"| SEW | 0.565 | {cell} | 0.544 | not run |")
    assert row_of(text, "unimodal weaker").startswith(f"| unimodal weaker | 0.482 | {cell} |")
    assert "The same split chose the stopping" in text
    rows = parsed(render.write_formats(thesis_tables.make_table(TABLES["5.2"], runs_))["csv"])
    assert (rows[0]["ours"], rows[0]["per_recording"], rows[0]["split"]) == ("0.505", "0.25", "validation")


def test_swapped_rows_are_marked_and_explained():
    texts = render.write_formats(thesis_tables.make_table(TABLES["5.7"], {}))
    assert row_of(texts["md"], "SVR + offset (Valstar 2016)").startswith(
        "| SVR + offset (Valstar 2016) | 0.483 † | not run | 0.379 † | not run | 0.455 |"
    )
    assert "- † the thesis prints these rows" in texts["md"]
    assert "\n# † the thesis prints" in texts["csv"]
    assert "$\\dagger$ the thesis prints" in texts["tex"]
    assert "†" not in row_of(texts["md"], "SeqSEW (+audio)")


@pytest.mark.parametrize("number", ["5.8", "5.9"])
def test_what_the_owners_score_has_no_column_of_ours(number):
    text = render.write_formats(thesis_tables.make_table(TABLES[number], {}))["md"]
    assert "ours |" not in text
    assert "owners keep" in text


@pytest.mark.parametrize("extension", FORMATS)
@pytest.mark.parametrize("table", MOSI, ids=lambda table: table.number)
def test_nothing_synthetic_stands_beside_the_thesis_unsaid(mosi_runs, make_run, tmp_path, table, extension):
    mosi_runs(True)
    make_run("configs/unimodal_mosi.py", COMPARED, synthetic=True)
    for modality in ("video", "audio"):
        make_run(f"configs/zoo.py:colearning,cmu_mosi_{modality}", TAUGHT, synthetic=True)
    runs_ = report_files.gather_runs(MOSI, tmp_path / "runs")
    text = render.write_formats(thesis_tables.make_table(table, runs_))[extension]
    both = 0
    for row in table.rows:
        published = [f"{value:{form}}" for value in row.published if value is not None for form in ("g", ".1f")]
        ours = set()
        for source, column in zip(row.sources, table.columns, strict=bool(row.sources)):
            mean = 100 * read.find_figure(runs_[source.config], source, "test", column.metric).mean
            ours |= {f"{mean:.1f}", f"{mean:.6g}"}
        for line in text.splitlines():
            numbers = set(re.findall(r"\d+\.?\d*", line))
            if numbers & set(published) and numbers & ours:
                both += 1
                assert "synthetic" in line, line
    assert both >= sum(bool(row.sources) for row in table.rows)


def test_every_synthetic_cell_and_row_says_so(mosi_runs, tmp_path):
    mosi_runs(True)
    texts = render.write_formats(
        thesis_tables.make_table(TABLES["5.4"], report_files.gather_runs(MOSI, tmp_path / "runs"))
    )
    for line in texts["md"].splitlines():
        if "(n=" in line:
            assert line.split("|")[1].strip().endswith("(synthetic)")
            assert line.count("(n=") == line.count("; synthetic)") == 2
    for line in texts["tex"].splitlines():
        if "(n=" in line:
            assert "(synthetic) &" in line
            assert line.count("(n=") == line.count("; synthetic)")
    for row in parsed(texts["csv"]):
        assert row["row"].endswith("(synthetic)")
        assert row["status"] == "run (synthetic)"


def test_one_synthetic_run_marks_only_what_it_filled(make_run, tmp_path):
    cells = [
        ("teachers", "SeqSEW"),
        ("teachers", "-LFA"),
        ("no_decoder", "-Decoder"),
        ("no_decoder", "-(LFA & Decoder)"),
    ]
    make_run("configs/seqsew.py:mosi,video+text", cells, synthetic=True)
    make_run("configs/seqsew.py:mosi,audio+text", cells)
    text = render.write_formats(
        thesis_tables.make_table(TABLES["5.6"], report_files.gather_runs(MOSI, tmp_path / "runs"))
    )["md"]
    line = row_of(text, r"SeqSEW (+text) (synthetic)")
    assert line.count("; synthetic)") == 2
    assert line.count("(n=") == 4
    assert "(synthetic)" not in row_of(text, "HMTL (+text) (Seo 2020)")


FUSION = report_files.choose_tables(["fusion"])


def test_chapter_4_prints_fractions_with_deviations_and_names(fusion_runs, tmp_path):
    fusion_runs(False)
    runs_ = report_files.gather_runs(FUSION, tmp_path / "runs")
    for table in FUSION:
        text = render.write_formats(thesis_tables.make_table(table, runs_))["md"]
        header = text.splitlines()[2]
        assert header.count("UAR (UA; the thesis' WA): ") == header.count("accuracy (WA; the thesis' UWA): ") == 2
        assert "%" not in header
        assert "Naming trap: the thesis' eq. 2.10 calls plain accuracy UWA and mean per-class recall WA" in text
        assert "Accuracy and F1 in percent" not in text
    texts = render.write_formats(thesis_tables.make_table(TABLES["4.5"], runs_))
    figure = read.find_figure(
        runs_["configs/fusion.py:moddrop,iemocap"], TABLES["4.5"].rows[3].sources[0], "test", "uar"
    )
    cells = row_of(texts["md"], "intra+moddrop").split(" | ")
    assert cells[1:3] == ["0.593 ± 0.022", f"{figure.mean:.3f} ± {figure.std:.3f} (n=15; majority 0.333)"]
    assert r"0.593 $\pm$ 0.022" in texts["tex"]
    row = next(r for r in parsed(texts["csv"]) if (r["row"], r["metric"]) == ("intra+moddrop", "uar"))
    assert (row["thesis"], row["thesis_std"], row["run"]) == ("0.593", "0.022", "fusion_moddrop_iemocap")
    assert float(row["ours"]) == pytest.approx(figure.mean, rel=1e-5)
    assert float(row["std"]) == pytest.approx(figure.std, rel=1e-5)
    assert float(row["baseline"]) == pytest.approx(1 / 3, rel=1e-5)


def test_nothing_synthetic_stands_beside_chapter_4_unsaid(fusion_runs, tmp_path):
    fusion_runs(True)
    runs_ = report_files.gather_runs(FUSION, tmp_path / "runs")
    for table in FUSION:
        texts = render.write_formats(thesis_tables.make_table(table, runs_))
        for line in texts["md"].splitlines():
            if "(n=" in line:
                assert line.split("|")[1].strip().endswith("(synthetic)")
                assert line.count("(n=") == line.count("; synthetic)") == 2
        for row in parsed(texts["csv"]):
            assert row["status"] == "run (synthetic)"
            assert row["run"].startswith("fusion_")
            assert not row["run"].endswith("iemocap")


def test_chapter_4_without_runs():
    text = render.write_formats(thesis_tables.make_table(TABLES["4.3"], {}))["md"]
    assert row_of(text, "A2V+T2V") == "| A2V+T2V | 0.569 ± 0.018 | not run | 0.622 ± 0.015 | not run |"
    command = r"python -m launch.main --config=configs/fusion.py:pairs,iemocap --config.corpus.manual\_dir=DIR"
    assert (
        f"- Not run, T2V, T2A, V2T, V2A, A2T, A2V, V2T+A2T, V2A+T2A, A2V+T2V, T2V+T2A, V2A+V2T, A2T+A2V: {command}"
        in text
    )


def test_a_row_says_what_fills_it():
    notes = thesis_tables.make_table(TABLES["5.3"], {}).notes
    release = "--config.corpus.manual_dir=DIR"
    svr = [
        f"python -m launch.baselines --config=configs/sew_unimodal.py:{of} --methods=svr --alone {release}"
        for of in ("arousal", "valence")
    ]
    raters = [
        f"python -m launch.main --config=configs/difficulty.py:{of},raters {release}" for of in ("arousal", "valence")
    ]
    assert f"Not run, SVR + offset (Valstar 2016): {'; '.join(svr)}" in notes
    assert f"Not run, MTL, PU (Han 2017b), DDAT, PU (Zhang 2019): {'; '.join(raters)}" in notes
