"""The points of a search: all of a grid, or some that are drawn from ranges."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.config.hyper import flatten_paths
from affect_jax.config.problems import Problems
from affect_jax.config.schema import Search

Points = tuple[dict[str, float], ...]
"""Each a path -> value; one empty point where nothing is searched."""


def check_search(search: Search, problems: Problems) -> dict[str, tuple[float, ...]]:
    """Notes what is wrong with `config.search`; returns path -> the values of a grid, or (least, greatest)."""
    axes = {}
    for path, values in flatten_paths(search.grid or {}).items():
        if _are_numbers(values):
            axes[path] = tuple(values)
        else:
            problems.add(f"config.search.grid has {path} = {values!r}; set a tuple of numbers")
    ranges = {} if search.random == 0 else search.ranges or {}  # those of the config, whose search a flag turned off
    for path, values in flatten_paths(ranges).items():
        if not _are_numbers(values) or len(values) != 2 or not 0 <= values[0] < values[1]:
            problems.add(
                f"config.search.ranges has {path} = {values!r}; set (least, greatest), two numbers of at least 0, "
                "such as (1e-4, 1e-2)"
            )
        else:
            axes[path] = tuple(values)
    if ranges and not search.random:
        problems.add(
            "config.search.ranges is set, but config.search.random is not; set how many points are drawn, "
            "0 for no search"
        )
    if search.random and not search.ranges:
        example = "{'stages': {'fit': {'optimizer': {'learning_rate': (1e-4, 1e-2)}}}}"
        problems.add(
            f'config.search.random is {search.random}, but there are no ranges; set config.search.ranges="{example}"'
        )
    if search.rounds > 1 and not search.random and (search.random is None or search.grid):
        problems.add(
            f"config.search.rounds is {search.rounds}, but later rounds need points from ranges; set "
            "config.search.random and config.search.ranges"
        )
    if search.halving and not (search.random or search.grid):
        problems.add(
            f"config.search.halving is {search.halving}, but there are no points to drop; set config.search.random and "
            "config.search.ranges, or a grid"
        )
    if search.halving and search.rounds > 1:
        problems.add(
            f"config.search.halving is {search.halving} and config.search.rounds {search.rounds}: scores of points "
            "that were dropped early would teach later rounds little; set one of the two"
        )
    if search.random and search.grid:
        problems.add("config.search has a grid and random points; set one of config.search.grid, config.search.random")
    return axes


def list_points(search: Search, axes: Mapping[str, Sequence[float]]) -> Points:
    """The points of one study, whose program has these axes."""
    if search.random and axes:
        return draw_points(axes, search.random, search.draw)
    values = {path: axes[path] for path in sorted(axes)}
    return tuple(dict(zip(values, map(float, point), strict=True)) for point in itertools.product(*values.values()))


def draw_points(ranges: Mapping[str, Sequence[float]], count: int, seed: int) -> Points:
    """Points from ranges: uniform in the logarithm, or plainly where a range begins at 0; whole numbers of choices.

    J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13, 281-305, 2012. Each path has
    draws of its own, so studies that share a path try the same values of it, whatever else they have.
    """
    columns = {}
    for path in sorted(ranges):
        least, greatest = ranges[path]
        share = np.random.default_rng([seed, *path.encode()]).random(count)
        if ".choices." in path:
            columns[path] = np.floor(least + share * (greatest - least + 1))
        elif least > 0:
            columns[path] = np.exp(math.log(least) + share * math.log(greatest / least))
        else:
            columns[path] = least + share * (greatest - least)
    return tuple({path: float(values[at]) for path, values in columns.items()} for at in range(count))


def _are_numbers(values: Any) -> bool:
    return (
        isinstance(values, list | tuple)
        and bool(values)
        and all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < float("inf") for x in values)
    )
