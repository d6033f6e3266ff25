import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import read, variants
from affect_jax.evaluation.read import Source
from affect_jax.reports import side_by_side, thesis_tables

PAIR = "configs/seqsew.py:mosi,video+text"


def grid_of(folder):
    runs = variants.read_runs([folder])
    return side_by_side.make_table(variants.compare_runs(runs, find_published=thesis_tables.find_expected))


def test_the_printed_figure_and_the_difference_stand_beside_ours(make_run):
    run = read.read_run(make_run(PAIR, [("teachers", "SeqSEW"), ("no_decoder", "-(LFA & Decoder)")]))
    printed = thesis_tables.find_expected(run, Source("", "teachers", "SeqSEW"), "test", "accuracy")
    assert (printed.mean, printed.std, printed.table) == (pytest.approx(0.634), None, "5.6")
    grid = grid_of(run.path)
    at = grid.header.index(("accuracy %", "ours"))
    assert [name for _, name in grid.header[at : at + 3]] == ["ours", "thesis", "difference"]
    ours = read.find_figure(run, read.list_variants(run)[0], "test", "accuracy").mean
    text = f"{100 * ours - 63.4:+.1f}".replace("-", "−")
    assert grid.rows[0][at + 1 : at + 3] == ("63.4 (5.6)", text)
    assert grid.rows[1][at + 1 : at + 3] == ("", ""), "the thesis has no such control"


def test_fractions_with_a_spread_become_percent(make_fusion_run):
    run = read.read_run(make_fusion_run("configs/fusion.py:all,iemocap", {"intra": 0.3, "T2V": 0.3}))
    printed = thesis_tables.find_expected(run, Source("", "intra", "intra"), "test", "uar")
    assert (printed.mean, printed.std, printed.table) == (0.587, 0.022, "4.1")
    grid = grid_of(run.path)
    at = grid.header.index(("UAR %", "thesis"))
    assert [row[at] for row in grid.rows[:4]] == ["58.7 ± 2.2 (4.1)", "55.0 ± 2.5 (4.3)", "", ""]


@pytest.mark.parametrize("changed", [dict(synthetic=True), dict(corpus="manifest")])
def test_only_the_real_corpus_has_published_figures(make_run, changed):
    run = read.read_run(make_run(PAIR, [("teachers", "SeqSEW")], **changed))
    assert thesis_tables.find_expected(run, Source("", "teachers", "SeqSEW"), "test", "accuracy") is None
    grid = grid_of(run.path)
    assert not any(name == "thesis" for _, name in grid.header)
    assert all("63.4" not in cell for row in grid.rows for cell in row)
    text = "no published figure stands beside a synthetic" if run.synthetic else "prints no figure of the variants"
    assert any(text in note for note in grid.notes)


def test_an_unknown_source_is_refused():
    thesis_tables.check_expected("thesis")
    thesis_tables.check_expected("")
    with pytest.raises(UserError, match=r"--expect=paper: no such published figures; choose thesis"):
        thesis_tables.check_expected("paper")
