"""One definition of a number, of a missing value and of a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_jax.datasets import parse_numbers
from affect_jax.datasets.parse_numbers import parse_column, parse_times

NUMBERS = {
    "1": 1,
    "-2.5": -2.5,
    "+.5": 0.5,
    "5.": 5,
    "1e-3": 1e-3,
    " 7 ": 7,
    "0012": 12,
    "inf": np.inf,
    "-1.#INF": -np.inf,
}
NO_NUMBERS = ("1_0", "\u0661", "0x10", "1 2", "1e", "--1", "50%", "\u22121", "1d5", "e5", ".", "1,2,3")
MISSING = ("", "nan", "NaN", "-nan", "-nan(ind)", "1.#QNAN", "-1.#IND", "?", "NA", "N/A", "#N/A", "null", "None", "--")


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers(text):
    assert parse_column([text, "x"]).values[0] == NUMBERS[text]
    assert parse_column([text, "3"]).values.tolist() == [NUMBERS[text], 3]
    assert parse_numbers.is_number(text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text):
    column = parse_column(["1", text, "2"])
    assert column.wrong == (1,)
    assert not column.is_text
    assert not parse_numbers.is_number(text)


@pytest.mark.parametrize("text", MISSING)
def test_missing_values(text):
    column = parse_column(["1", text, "2", f" {text} "])
    assert (column.wrong, column.numbers, column.missing.tolist()) == ((), 2, [False, True, False, True])
    np.testing.assert_array_equal(column.values, [1, np.nan, 2, np.nan])


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["0,5", "-1,25", "2"], [0.5, -1.25, 2]),
        (["1,0", ",5", "3,"], [1, 0.5, 3]),
        (["1,234", "0,5", "2,125"], [1.234, 0.5, 2.125]),
        (["0,123", "0,456"], [0.123, 0.456]),
        (["1,5e3", ""], [1500, np.nan]),
    ],
)
def test_decimal_commas(cells, values):
    column = parse_column(cells)
    assert column.decimal_comma
    assert column.fault is None
    np.testing.assert_array_equal(column.values, values)


@pytest.mark.parametrize(
    ("cells", "at", "words"),
    [
        (["0.5", "1.234,5"], 1, "has thousands separators"),
        (["1,234.5", "2"], 0, "has thousands separators"),
        (["1,234,567"], 0, "has thousands separators"),
        (["0,5", "0.5", "0,7"], 1, "has a decimal point, but other cells of its column have a decimal comma"),
        (["1,234", "12,500"], 0, "may mean 1.234 or 1234"),
    ],
)
def test_what_is_not_guessed_at(cells, at, words):
    place, fault = parse_column(cells).fault
    assert place == at
    assert words in fault


def test_another_column_settles_what_a_comma_is():
    assert parse_column(["1,234", "12,500"], decimal_comma=True).values.tolist() == [1.234, 12.5]
    assert parse_column(["1.234", "2.500"], decimal_comma=True).fault is not None
    assert parse_column(["0.04", "0.08"], decimal_comma=True).fault is None


def test_mostly_texts_are_a_column_of_texts():
    assert parse_column(["a", "b", "1"]).is_text
    assert not parse_column(["1", "b", "2"]).is_text
    assert not parse_column(["", "?"]).is_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0 days 00:00:01.5", 1.5),
        ("1 days 01:02:03", 90123),
        ("0 days, 00:00:00.010000", 0.01),
        ("00:01:02.25", 62.25),
        ("01:02,5", 62.5),
        ("3.25", 3.25),
    ],
)
def test_times(text, seconds):
    assert parse_times([text]).values.tolist() == [seconds]


def test_what_is_no_time():
    assert parse_times(["0 days 00:00:01.5", "soon", "2020-01-01 00:00:00"]).wrong == (1, 2)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.floats(allow_nan=True, width=64), min_size=1, max_size=20), st.sampled_from([".", ","]))
def test_what_is_written_is_what_is_read(values, mark):
    cells = [repr(value).replace(".", mark) for value in values]
    column = parse_column(cells, decimal_comma=mark == ",")
    if column.fault is None:
        np.testing.assert_array_equal(column.values, values)
        assert not column.wrong


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_any_text_is_a_number_missing_or_wrong(cells):
    column = parse_column(cells)
    is_value = ~np.isnan(column.values)
    assert is_value.sum() + column.missing.sum() + len(column.wrong) == len(cells) or column.fault is not None
    assert not is_value[list(column.wrong)].any()
