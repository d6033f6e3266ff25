"""Groups are never on two sides, whoever draws the sides."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affect_jax.datasets import manifest
from affect_jax.datasets.manifest import split_plan
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.errors import UserError


def sheet_of(groups, parts=None, kind=""):
    rows = tuple(
        Row(n + 2, f"i{n}", parts[n] if parts else "", group, {"label": ""}, {}) for n, group in enumerate(groups)
    )
    return Sheet(Path("c.csv"), rows, ("label",), (), (), kind, True)


def column(values, classes=()):
    found = {n + 2: np.array([value], np.float32) for n, value in enumerate(values)}
    return Labels("label", "class" if classes else "number", classes, False, found)


def arranged(sheet, target, **more):
    problems = Problems(sheet.path)
    found = split_plan.plan_splits(sheet, target, **{"folds": 4, "seed": 0, **more}, problems=problems)
    problems.raise_if_any()
    return found


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(3, 6), st.integers(0, 3), st.booleans())
def test_drawn_folds_never_split_a_group(numbers, folds, seed, classes):
    groups = [f"g{n}" for n in numbers]
    target = column([n % 2 for n in range(len(groups))], ("a", "b") if classes else ())
    if len(set(groups)) < folds:
        with pytest.raises(UserError, match="add groups"):
            arranged(sheet_of(groups), target, folds=folds, seed=seed)
        return
    problems = Problems(Path("c.csv"))  # of classes that somebody alone has; the folds are there all the same
    found = split_plan.plan_splits(sheet_of(groups), target, folds=folds, seed=seed, problems=problems)
    assert classes or not problems
    group_of = {n + 2: group for n, group in enumerate(groups)}
    assert len(found.folds) == folds
    tested = [row for _, test in found.folds.values() for row in test]
    assert sorted(tested) == sorted(group_of)
    for validation, test in found.folds.values():
        assert test
        assert validation
        mine = [{group_of[row] for row in rows} for rows in (validation, test, group_of.keys() - {*validation, *test})]
        assert mine[2]
        assert not any(one & other for one, other in itertools.combinations(mine, 2))


def test_drawn_folds_are_even_and_seeded():
    groups = [f"g{n // 5}" for n in range(100)]
    target = column([n // 5 % 4 for n in range(100)], ("a", "b", "c", "d"))
    found = arranged(sheet_of(groups), target, folds=5)
    for _, test in found.folds.values():
        assert [int(target.values[row][0]) for row in test].count(0) == 5
        assert len(test) == 20
    assert arranged(sheet_of(groups), target, folds=5) == found
    assert arranged(sheet_of(groups), target, folds=5, seed=1) != found


def test_folds_of_the_column_follow_one_another_naturally():
    parts = ["f10", "f2", "f1", "f2"]
    found = arranged(sheet_of(["a", "b", "c", "d"], parts, "fold"), column([0, 1, 0, 1]))
    assert found.folds == {"f1": ((3, 5), (4,)), "f2": ((2,), (3, 5)), "f10": ((4,), (2,))}
    with pytest.raises(UserError, match="has 2 folds, expected 3 or more"):
        arranged(sheet_of(["a", "b"], ["x", "y"], "fold"), column([0, 1]))


def test_splits_are_taken_as_they_are():
    parts = ["train", "test", "validation", "train"]
    found = arranged(sheet_of("abcd", parts, "split"), column([0, 1, 2, 3]))
    assert found == split_plan.SplitPlan({"train": (2, 5), "validation": (4,), "test": (3,)}, {}, {})


def test_without_validation_groups_of_train_are_drawn():
    parts = ["train"] * 6 + ["test"]
    found = arranged(sheet_of("aabbcct", parts, "split"), column(range(7)), folds=3)
    assert sorted(found.draws) == ["draw_1", "draw_2", "draw_3"]
    assert sorted(found.draws.values()) == [(2, 3), (4, 5), (6, 7)]
    assert (found.folds, found.splits["test"]) == ({}, (8,))


@pytest.mark.parametrize(
    ("parts", "values", "message"),
    [
        (["test", "validation"], [0, 1], "has no row of the split 'train'"),
        (["train", "train"], [0, 1], "has rows of the split 'train' only"),
        (
            ["train", "validation", "test"],
            [0, 0, 1],
            "row 4: class 'b' of label 'label' is in split 'test' but in none",
        ),
        (["train", "train", "test"], [0, 1, 1], "row 3: class 'b' of label 'label' is in draw_"),
    ],
)
def test_splits_that_cannot_be(parts, values, message):
    with pytest.raises(UserError, match=message):
        arranged(sheet_of("xyz"[: len(parts)], parts, "split"), column(values, ("a", "b")), folds=2)


def test_through_load(corpus):
    corpus.column("vector")
    for number, row in enumerate(corpus.rows):
        row["fold"] = f"f{number % 3}"
    corpus.write()
    found = manifest.load(corpus.settings())
    assert list(found.folds) == ["f0", "f1", "f2"]
    assert found.folds["f0"].test == ("i0", "i3", "i6", "i9")
    grouped = manifest.load(corpus.settings(layout="group"))
    assert (grouped.folds["f0"].validation, grouped.folds["f0"].test) == (("g1", "g4"), ("g0", "g3"))
