"""Names and texts of a corpus are shown as they are, and nothing runs them or follows them."""

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_jax.runtime import spreadsheet


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "-1|x", "-1 A1", "@SUM(A1)", "\t=1", "\r=1", "-", "--", "-nan"]
)
def test_formulas_are_text(cell):
    assert spreadsheet.protect_cell(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["-1", "-0.5", "+3", "-.5", "-1e-05", "-.03 ± .01", "-.1 [-.2, .05]", "1=2", "a-b", "", "'", 3, -2.5, None]
)
def test_numbers_and_words_stay(cell):
    assert spreadsheet.protect_cell(cell) == cell


@given(st.lists(st.lists(st.one_of(st.text(), st.floats(allow_nan=False)), min_size=1), min_size=1))
def test_csv_reads_back(rows):
    rows = [row if len(row) > 1 or row[0] != "" else ["x"] for row in rows]
    read = list(csv.reader(io.StringIO(spreadsheet.format_csv(rows), newline="")))
    for row, cells in zip(rows, read, strict=True):
        for value, cell in zip(row, cells, strict=True):
            if isinstance(value, float):
                assert math.isclose(float(cell), value, rel_tol=0, abs_tol=0)
            else:
                assert cell in (value, f"'{value}")
                assert cell[:1] not in ("=", "@", "\t") or not cell


@given(st.text())
def test_any_text_names_a_file_below_its_folder(text):
    name = spreadsheet.name_file(text)
    assert len(name.encode()) <= 180
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")


def test_names_stay_apart():
    texts = ["а" * 47, "а" * 48, "a" * 400 + "b", "a" * 400 + "c", ".x", "%2Ex", "..", "a b", "a%20b", "é", "e\u0301"]
    assert len({spreadsheet.name_file(text) for text in texts}) == len(texts)
