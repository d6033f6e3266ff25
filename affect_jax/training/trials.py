"""Rows of a study: fold x seed x hyper-parameters, planned on the host and traced on the device."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import struct

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.types import Array


class Trial(NamedTuple):
    """One run.

    Attributes:
      cell: the variant's name, as a table prints it.
      fold: number of the fold.
      seed: root of its randomness; rows of one seed share initial weights and batch order.
      hyper: config path -> value, every traced hyper-parameter of the study.
    """

    cell: str
    fold: int
    seed: int
    hyper: dict[str, float]


@struct.dataclass
class TrialArrays:
    """Rows as arrays: fold int32 [R], seed int32 [R], hyper path -> float32 [R], live bool [R]."""

    fold: Array
    seed: Array
    hyper: dict[str, Array]


def flatten_paths(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings -> dotted paths."""
    flat = {}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        flat.update(flatten_paths(value, path) if isinstance(value, Mapping) else {path: value})
    return flat


def check_paths(paths: Sequence[str], traced: Mapping[str, float], where: str) -> None:
    """Raises UserError for a path that rows cannot differ in."""
    for path in paths:
        if path not in traced:
            raise UserError(
                f"{where} sets {path!r}{suggest_nearest(path, traced)}, which rows of one study cannot differ in; "
                f"they can in {sorted(traced)}"
            )


def plan_trials(
    cells: Mapping[str, Mapping[str, float]],
    axes: Mapping[str, Sequence[float]],
    traced: Mapping[str, float],
    folds: int,
    seeds: Sequence[int],
) -> list[Trial]:
    """Every cell x point of the grid x fold x seed. An axis that a cell fixes itself is no axis of that cell.

    Rows of one (fold, seed) stand together: what they share in an earlier stage is trained once.

    Args:
      cells: name -> path -> value.
      axes: path -> values to try; {} for none.
      traced: path -> default, all paths there are.
      folds: how many.
      seeds: which.

    Raises:
      UserError: a path that is not traced.
    """
    check_paths(sorted(axes), traced, "the search grid")
    rows = []
    for fold, seed in itertools.product(range(folds), seeds):
        for cell, fixed in cells.items():
            check_paths(sorted(fixed), traced, f"cell {cell!r}")
            free = {path: values for path, values in sorted(axes.items()) if path not in fixed}
            for point in itertools.product(*free.values()):
                hyper = {**traced, **dict(zip(free, point, strict=True)), **fixed}
                rows.append(Trial(cell, fold, seed, {path: float(v) for path, v in hyper.items()}))
    return rows


def stack_trials(rows: Sequence[Trial]) -> TrialArrays:
    """Rows -> arrays."""
    return TrialArrays(
        fold=jnp.array([row.fold for row in rows], jnp.int32),
        seed=jnp.array([row.seed for row in rows], jnp.int32),
        hyper={path: jnp.array([row.hyper[path] for row in rows], jnp.float32) for path in rows[0].hyper},
    )


def find_distinct(rows: Sequence[Trial], reads: Sequence[str]) -> tuple[list[int], list[int]]:
    """Rows that differ in what has been read so far, and where each row finds itself among them.

    Two rows of the same fold and seed whose values agree on the paths `reads` train to the same weights.

    Returns:
      (numbers of the first row of every kind, for each row the position of its kind).
    """
    first: dict[tuple, int] = {}
    chosen, position = [], []
    for number, row in enumerate(rows):
        kind = (row.fold, row.seed, *(row.hyper[path] for path in reads))
        if kind not in first:
            first[kind] = len(chosen)
            chosen.append(number)
        position.append(first[kind])
    return chosen, position
