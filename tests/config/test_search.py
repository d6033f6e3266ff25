"""Points of a search: all of a grid, or drawn from ranges, the same for all studies."""

import math

import pytest

from affect_jax.config.load import load_config
from affect_jax.config.problems import Problems
from affect_jax.config.schema import Search
from affect_jax.config.search import check_search, list_points
from affect_jax.errors import UserError
from configs import zoo

RATE, DROPOUT = "stages.fit.optimizer.learning_rate", "stages.fit.dropout"
RANGES = {"stages": {"fit": {"optimizer": {"learning_rate": (1e-4, 1e-2)}, "dropout": (0.0, 0.6)}}}


def _list(search):
    problems = Problems()
    axes = check_search(search, problems)
    problems.raise_any()
    return axes, list_points(search, axes)


def test_a_grid_has_all_combinations():
    _, points = _list(
        Search(grid={"stages": {"fit": {"dropout": (0, 0.5), "optimizer": {"learning_rate": (1, 2, 3)}}}})
    )
    assert len({tuple(point.items()) for point in points}) == 6
    assert points[1] == {DROPOUT: 0.0, RATE: 2.0}


def test_nothing_to_search_is_one_empty_point():
    assert _list(Search())[1] == ({},)


def test_random_points_lie_in_their_ranges_uniform_in_the_logarithm_or_plainly_from_zero():
    _, points = _list(Search(random=2000, ranges=RANGES))
    rates, dropouts = ([point[path] for point in points] for path in (RATE, DROPOUT))
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    assert all(0 <= dropout <= 0.6 for dropout in dropouts)
    assert sum(rate < 1e-3 for rate in rates) / 2000 == pytest.approx(0.5, abs=0.04)
    assert sum(dropout < 0.3 for dropout in dropouts) / 2000 == pytest.approx(0.5, abs=0.04)
    assert abs(sum((math.log(r) + 6.9) * (d - 0.3) for r, d in zip(rates, dropouts, strict=True)) / 2000) < 0.02


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_flag_of_no_points_turns_the_search_of_a_config_off(rounds):
    assert _list(Search(random=0, ranges=RANGES, rounds=rounds)) == ({}, ({},))
    config = zoo.get_config("fusion,synthetic,mfas")
    assert config.search.rounds == 3
    config.search.random = 0
    (study,) = load_config(config).studies
    assert study.points == ({},)


def test_studies_that_share_a_path_try_the_same_values_of_it():
    search = Search(random=5, ranges=RANGES)
    axes, points = _list(search)
    alone = list_points(search, {RATE: axes[RATE]})
    assert [point[RATE] for point in alone] == [point[RATE] for point in points]
    assert points == _list(search)[1] != _list(Search(random=5, ranges=RANGES, draw=1))[1]
    assert list_points(search, {}) == ({},)  # a study that has none of the paths


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (Search(random=5), r"config.search.random is 5, but there are no ranges; set config.search.ranges="),
        (Search(ranges=RANGES), "config.search.random is not; set how many points are drawn"),
        (Search(random=5, ranges=RANGES, grid={"stages": {"fit": {"dropout": (0.1,)}}}), "a grid and random points"),
        (Search(random=5, ranges={"a": (1e-2, 1e-4)}), r"ranges has a = \(0.01, 0.0001\); set \(least, greatest\)"),
        (Search(random=5, ranges={"a": (-1.0, 1.0)}), "two numbers of at least 0"),
        (Search(random=5, ranges={"a": (1, 2, 3)}), "set \\(least, greatest\\)"),
        (Search(random=5, ranges={"a": ("1", 2)}), "set \\(least, greatest\\)"),
    ],
)
def test_a_search_that_makes_no_sense_is_told(search, message):
    with pytest.raises(Exception, match=message):
        _list(search)


def test_halving_needs_points_and_leaves_no_later_rounds():
    _, points = _list(Search(random=4, ranges=RANGES, halving=2))
    assert len(points) == 4
    with pytest.raises(UserError, match="config.search.halving is 2, but there are no points to drop"):
        _list(Search(halving=2))
    with pytest.raises(UserError, match="halving is 3 and config.search.rounds 2: scores of points that were dropped"):
        _list(Search(random=9, ranges=RANGES, halving=3, rounds=2))
