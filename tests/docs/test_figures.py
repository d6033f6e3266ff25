"""Figures that a page quotes stand in the committed reports: after `<!-- figures: FILE, FILE -->`, up to the next blank
line, every number with a decimal point is in one of the files (below results/), of a csv as its rounded value."""

import csv
import math
import re

import pytest

from tests.docs.commands import ROOT

DOCS, RESULTS = ROOT / "docs", ROOT / "results"
MARK = re.compile(r"<!-- figures: (.*?) -->\n(.*?)(?:\n\n|\Z)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d*\.\d+")


def list_numbers(text):
    """Numbers with a decimal point, without a zero before it."""
    return [number.lstrip("0") for number in NUMBER.findall(re.sub(r"\]\([^)]*\)", "]", text))]


def list_values(path):
    """The numbers in a csv's cells, and those in percent."""
    rows = csv.reader(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    for cell in (cell for row in rows for cell in row):
        try:
            value = abs(float(cell))
        except ValueError:
            continue
        if math.isfinite(value):
            yield from (value, 100 * value)


def is_in(number, path):
    """Whether a report has a number."""
    if path.suffix == ".csv":
        decimals = len(number.partition(".")[2])
        return any(f"{value:.{decimals}f}".lstrip("0") == number for value in list_values(path))
    return number in list_numbers(path.read_text(encoding="utf-8"))


def list_quotes():
    for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        for number, (files, block) in enumerate(MARK.findall(page.read_text(encoding="utf-8"))):
            yield pytest.param(files.split(", "), block, id=f"{page.stem}-{number}")


@pytest.mark.parametrize(("files", "block"), list(list_quotes()))
def test_a_quoted_figure_is_in_its_file(files, block):
    quoted = list_numbers(block)
    assert quoted, "a mark without figures"
    paths = [RESULTS / file for file in files]
    assert not [number for number in quoted if not any(is_in(number, path) for path in paths)]


def test_numbers_are_found_however_they_are_written(tmp_path):
    text = "0.791 ± .012, [55.8](../results/x_5.4.md) and −1.20, table_5.4, 5 and v1.2.3"
    assert list_numbers(text) == [".791", ".012", "55.8", "1.20"]
    path = tmp_path / "x.csv"
    path.write_text("name,p\na,0.0438\n# 0.5\n")
    assert [is_in(number, path) for number in (".044", ".04", "4.4", ".045", ".5")] == [True, True, True, False, False]
