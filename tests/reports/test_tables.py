import csv

import pytest

from affect_jax.reports import render
from affect_jax.reports.tables import Grid

COMMAND = "python -m launch.report --runs=a_b"
GRID = Grid(
    "50 % of a_b",
    (("", ""), ("accuracy %", "thesis"), ("accuracy %", "ours"), ("", "run")),
    (("-(CCA & S_D1)", "60.8", "61.0 ± 0.5 (n=2)", "a|b"), ('[1], "two"', "–", "", "")),
    ("first\nnote",),
)


def test_markdown():
    lines = render.write_markdown(GRID, COMMAND).splitlines()
    assert lines[0] == r"**50 % of a\_b**"
    assert lines[2] == "|  | accuracy %: thesis | accuracy %: ours | run |"
    assert lines[3] == "| --- | ---: | ---: | ---: |"
    assert lines[4] == r"| -(CCA & S\_D1) | 60.8 | 61.0 ± 0.5 (n=2) | a\|b |"
    assert lines[-3] == "- first note"
    assert lines[-1] == "Made by `python -m launch.report --runs=a_b`"


def test_csv_parses_back():
    text = render.write_csv(GRID, COMMAND)
    data = [line for line in text.splitlines() if not line.startswith("# ")]
    header, *rows = csv.reader(data)
    assert header == ["", "accuracy %: thesis", "accuracy %: ours", "run"]
    # The name of an ablation that begins with a minus would be a formula in a spreadsheet.
    assert [tuple(cell.removeprefix("'") for cell in row) for row in rows] == list(GRID.rows)
    assert rows[0][0] == "'-(CCA & S_D1)"
    assert text.splitlines()[-3:] == ["# 50 % of a_b", "# first note", "# made by: python -m launch.report --runs=a_b"]


def test_latex():
    text = render.write_latex(GRID, COMMAND)
    assert r"\caption{50 \% of a\_b}" in text
    assert r"\begin{tabular}{lrrr}" in text
    assert r" & \multicolumn{2}{c}{accuracy \%} &  \\" in text
    assert r"\cmidrule(lr){2-3}" in text
    assert r"-(CCA \& S\_D1) & 60.8 & 61.0 $\pm$ 0.5 (n=2) & a\textbar{}b \\" in text
    assert r"{[1], " in text, "a row that begins with [ would be an argument of the row end before it"
    assert text.splitlines()[-1] == "% made by: python -m launch.report --runs=a_b"
    for environment in ("table", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") == 1
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("50% & $1 #2 a_b", r"50\% \& \$1 \#2 a\_b"),
        ("{x}~^", r"\{x\}\textasciitilde{}\textasciicircum{}"),
        ("\\section", r"\textbackslash{}section"),
        ("p<0.1 −2 ± 1 †", r"p\textless{}0.1 $-$2 $\pm$ 1 $\dagger$"),
    ],
)
def test_latex_escapes_each_character_once(text, escaped):
    assert render.escape_latex(text) == escaped


def test_no_command_no_line():
    grid = GRID._replace(notes=())
    assert all("ade by" not in write(grid) for write in render.FORMATS.values())
