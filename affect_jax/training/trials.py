"""Trials of a study: fold x seed x hyper-parameters, planned on the host and traced on the device."""

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
      variant: the variant's name, as a table prints it.
      fold: number of the fold.
      seed: root of its randomness; trials of one seed share initial weights and batch order.
      hyper: config path -> value, every traced hyper-parameter of the study.
    """

    variant: str
    fold: int
    seed: int
    hyper: dict[str, float]


@struct.dataclass
class TrialArrays:
    """Trials as arrays: fold int32 [R], seed int32 [R], hyper path -> float32 [R], live bool [R]."""

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
    """Raises UserError for a path that trials cannot differ in."""
    for path in paths:
        if path not in traced:
            raise UserError(
                f"{where} sets {path!r}{suggest_nearest(path, traced)}, which trials of one study cannot differ in; "
                f"they can in {sorted(traced)}"
            )


def plan_trials(
    variants: Mapping[str, Mapping[str, float]],
    axes: Mapping[str, Sequence[float]],
    traced: Mapping[str, float],
    folds: int,
    seeds: Sequence[int],
) -> list[Trial]:
    """Every variant x point of the grid x fold x seed. An axis that a variant fixes itself is no axis of that variant.

    Trials of one (fold, seed) stand together: what they share in an earlier stage is trained once.

    Args:
      variants: name -> path -> value.
      axes: path -> values to try; {} for none.
      traced: path -> default, all paths there are.
      folds: how many.
      seeds: which.

    Raises:
      UserError: a path that is not traced.
    """
    check_paths(sorted(axes), traced, "the search grid")
    trials = []
    for fold, seed in itertools.product(range(folds), seeds):
        for variant, fixed in variants.items():
            check_paths(sorted(fixed), traced, f"variant {variant!r}")
            free = {path: values for path, values in sorted(axes.items()) if path not in fixed}
            for point in itertools.product(*free.values()):
                hyper = {**traced, **dict(zip(free, point, strict=True)), **fixed}
                trials.append(Trial(variant, fold, seed, {path: float(v) for path, v in hyper.items()}))
    return trials


def stack_trials(trials: Sequence[Trial]) -> TrialArrays:
    """Trials -> arrays."""
    return TrialArrays(
        fold=jnp.array([trial.fold for trial in trials], jnp.int32),
        seed=jnp.array([trial.seed for trial in trials], jnp.int32),
        hyper={path: jnp.array([trial.hyper[path] for trial in trials], jnp.float32) for path in trials[0].hyper},
    )


def find_distinct(trials: Sequence[Trial], reads: Sequence[str]) -> tuple[list[int], list[int]]:
    """Trials that differ in what has been read so far, and where each trial finds itself among them.

    Two trials of the same fold and seed whose values agree on the paths `reads` train to the same weights.

    Returns:
      (numbers of the first trial of every kind, for each trial the position of its kind).
    """
    first: dict[tuple, int] = {}
    chosen, position = [], []
    for number, trial in enumerate(trials):
        kind = (trial.fold, trial.seed, *(trial.hyper[path] for path in reads))
        if kind not in first:
            first[kind] = len(chosen)
            chosen.append(number)
        position.append(first[kind])
    return chosen, position
