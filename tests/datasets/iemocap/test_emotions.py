import itertools

import pytest

from affect_jax.datasets.iemocap import emotions
from affect_jax.errors import UserError


def test_the_published_counts():
    assert {name: sum(classes.counts) for name, classes in emotions.LABELS.items()} == {
        "emotion7": 7487,
        "emotion6": 7380,
        "emotion4": 5531,
    }
    assert emotions.COUNTS == dict(ang=1103, exc=1041, hap=595, sad=1084, fru=1849, sur=107, neu=1708)


@pytest.mark.parametrize("name", list(emotions.LABELS))
def test_classes_and_their_codes(name):
    classes = emotions.LABELS[name]
    for number, (codes, count) in enumerate(zip(classes.codes.values(), classes.counts, strict=True)):
        assert sum(emotions.COUNTS[code] for code in codes) == count
        assert {classes.find_class(code) for code in codes} == {number}
    left = {"emotion7": (), "emotion6": ("sur",), "emotion4": ("fru", "sur")}[name]
    assert tuple(code for code in emotions.COUNTS if classes.find_class(code) is None) == left
    assert all(classes.find_class(code) is None for code in emotions.LEFT_OUT)


def test_happy_and_excited_are_one_of_four():
    classes = emotions.LABELS["emotion4"]
    assert classes.names == ("angry", "happy", "sad", "neutral")
    assert classes.find_class("exc") == classes.find_class("hap") == 1


def test_numbers_are_known_by_how_many_have_them():
    for order in itertools.islice(itertools.permutations(emotions.COUNTS), 0, None, 500):
        found = {number: emotions.COUNTS[code] for number, code in enumerate(order)}
        assert emotions.decode_numbers(found, emotions.COUNTS, "x") == dict(enumerate(order))


@pytest.mark.parametrize(
    "found", [{}, {0: 1103}, {0: 1103, 1: 1041, 2: 595, 3: 1084, 4: 1849, 5: 107, 6: 1707}, {0: 7487}]
)
def test_other_numbers_than_the_release_s(found):
    with pytest.raises(UserError, match="the folder has .* expected 7487, 1103 ang, 1041 exc, .* in any order"):
        emotions.decode_numbers(found, emotions.COUNTS, "the folder")


def test_check_names_the_first_code_that_differs():
    emotions.check_counts({**emotions.COUNTS, "xxx": 2507}, emotions.COUNTS, "x")
    with pytest.raises(
        UserError, match=r"x has 594 utterances of 'hap', expected 595 \(and 7486 in all, expected 7487\)"
    ):
        emotions.check_counts({**emotions.COUNTS, "hap": 594}, emotions.COUNTS, "x")
