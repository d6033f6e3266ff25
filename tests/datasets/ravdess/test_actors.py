import csv

import pytest

from affect_jax.datasets.ravdess import actors
from affect_jax.errors import UserError


def test_folds_are_the_published_ones(shared_data):
    index = shared_data / "ravdess" / "index.csv"
    if not index.is_file():
        pytest.skip(f"{index} is not there")
    published = {}
    with index.open(newline="") as file:
        for row in csv.DictReader(file):
            published.setdefault(f"fold_{row['fold_luna_jimenez']}", set()).add(int(row["actor"]))
            assert actors.is_man(int(row["actor"])) is (row["sex"] == "M")
    assert {name: set(fold) for name, fold in actors.FOLDS.items()} == published


def test_every_actor_is_tested_once():
    assert sorted(actor for fold in actors.FOLDS.values() for actor in fold) == list(range(1, 25))


def test_validation_of_the_whole_release():
    result = actors.make_folds(range(1, 25))
    assert {name: test for name, (_, test) in result.items()} == actors.FOLDS
    assert {name: validation for name, (validation, _) in result.items()} == {
        "fold_1": (3, 6),
        "fold_2": (10, 11),
        "fold_3": (8, 17),
        "fold_4": (1, 4),
        "fold_5": (2, 5),
    }
    for validation, _ in result.values():
        assert sorted(actors.is_man(actor) for actor in validation) == [False, True]


@pytest.mark.parametrize("count", range(3, 25))
def test_some_actors_of_each_fold(count):
    """Whatever actors there are: each is tested once, nobody is on two sides, and somebody is left to train on."""
    chosen = actors.choose_actors(count)
    assert len(set(chosen)) == count
    result = actors.make_folds(chosen)
    assert len(result) == min(count, 5)
    assert sorted(actor for _, test in result.values() for actor in test) == list(chosen)
    for validation, test in result.values():
        assert validation
        assert not set(validation) & set(test)
        assert set(chosen) - set(validation) - set(test)


def test_actors_of_too_few_folds():
    with pytest.raises(UserError, match="actors 2, 3, 5 belong to 2 of the five published folds, expected 3"):
        actors.make_folds((2, 5, 3))
