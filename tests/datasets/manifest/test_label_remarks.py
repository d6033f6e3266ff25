"""What is told about labels, and names that are one name in several spellings."""

import unicodedata

import numpy as np
import pytest

from affect_jax.datasets.manifest import label_remarks, spelling
from affect_jax.datasets.parse_numbers import describe_disguise


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.5, 0.2, -0.1, -999, -999], "2 labels are -999, the others -0.1 to 0.5: if it stands for a missing value"),
        ([1, 2, 3, 4, 99], "1 labels are 99, the others 1 to 4"),
        ([0, 1, 2, -1], "1 labels are -1, the others 0 to 2"),
        ([0.2, 0.7, -1], "1 labels are -1"),
        ([-1, 0, 1], ""),  # sentiment
        ([-1, 1], ""),
        ([-1, -0.5, 0.3], ""),
        ([0, 50, 88, 99], ""),
        ([1, 2, 100], ""),
    ],
)
def test_codes_of_missing_values(values, words):
    remark = label_remarks.describe_codes(np.array(values, np.float32))
    assert remark.startswith(words) if words else not remark


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["happy", "sad", "happy;sad"], "1 labels such as 'happy;sad' join several classes"),
        (["happy", "sad", "sad / happy"], "1 labels such as 'sad / happy'"),
        (["12 Hz", "13 Hz", "14.5 Hz"], "all classes are numbers with 'Hz' behind them"),
        (["happy", "and/or"], None),
        (["1st", "2nd", "3rd"], None),
        (["2020-01-01", "2020-01-02", "2020-01-03"], None),
    ],
)
def test_classes_that_may_be_something_else(classes, words):
    remarks = label_remarks.describe_classes(dict.fromkeys(classes, 1))
    assert [remark.startswith(words or "") for remark in remarks] == [True] * (words is not None)


def test_one_name_in_several_spellings():
    umlaut = unicodedata.normalize("NFD", "m\u00fcde")
    names = {"sad": 3, "Sad": 1, "s ad": 1, "sad\u200b": 3, "m\u00fcde": 2, umlaut: 1, "1": 2, "1.0": 1, "glad": 1}
    odd = {"Sad": "sad", "s ad": "sad", "sad\u200b": "sad", umlaut: "m\u00fcde"}
    assert spelling.find_misspelt(names) == odd
    assert spelling.find_misspelt(names, numbers=True) == {**odd, "1.0": "1"}
    assert spelling.describe_difference("Sad", "sad") == ""
    assert "cannot be seen" in spelling.describe_difference(umlaut, "m\u00fcde")


@pytest.mark.parametrize(
    ("text", "words"), [("50%", "per cent"), ("\u22125", "minus sign"), ("\u0661", "another script"), ("1 - sad", "")]
)
def test_what_makes_a_number_no_plain_one(text, words):
    assert words in describe_disguise(text)
    assert bool(words) == bool(describe_disguise(text))


def test_a_class_that_occurs_once_beside_a_similar_frequent_one_is_asked_about():
    (remark,) = label_remarks.describe_classes({"happy": 29, "sad": 30, "hapy": 1})
    assert "'hapy' occurs once and 'happy' 29 times; did you mean 'happy'?" in remark
    for counts in ({"happy": 29, "hapy": 2}, {"happy": 3, "hapy": 1}, {"happy": 29, "sad": 1}, {"m12": 9, "m13": 1}):
        assert label_remarks.describe_classes(counts) == []
