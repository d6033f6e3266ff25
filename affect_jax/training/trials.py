"""Trials of a study: fold x seed x hyper-parameters, planned on the host and traced on the device."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import struct

from affect_jax.config.hyper import Hyper, check_paths, flatten_hyper, replace_hyper
from affect_jax.types import Array


class Trial(NamedTuple):
    """One run.

    Attributes:
      variant: the variant's name, as a table prints it.
      fold: number of the fold.
      seed: root of its randomness; trials of one seed share initial weights and batch order.
      hyper: stage -> its traced hyper-parameters.
    """

    variant: str
    fold: int
    seed: int
    hyper: dict[str, Hyper]


@struct.dataclass
class TrialArrays:
    """Trials as arrays: fold int32 [R], seed int32 [R], and the hyper-parameters of every stage, leaves float32 [R]."""

    fold: Array
    seed: Array
    hyper: dict[str, Hyper]


def plan_trials(
    variants: Mapping[str, Mapping[str, float]],
    points: Sequence[Mapping[str, float]],
    defaults: Mapping[str, Hyper],
    folds: int,
    seeds: Sequence[int],
) -> list[Trial]:
    """Plans a trial for every variant, point of a search, fold and seed; a variant's own values are not searched.

    Trials of one (fold, seed) are neighbours: what they share in an earlier stage is trained once.

    Args:
      variants: name -> path -> value.
      points: path -> value, of each point; one empty point where nothing is searched.
      defaults: stage -> its hyper-parameters where nothing else is said.
      folds: how many.
      seeds: of each fold.

    Raises:
      UserError: a path that is not traced.
    """
    paths = flatten_hyper(defaults)
    check_paths({path for point in points for path in point}, paths, "the search")
    trials = []
    # Fold and seed outside: a batch of trials then holds many that share their earlier stages.
    for fold, seed in itertools.product(range(folds), seeds):
        for variant, fixed in variants.items():
            check_paths(fixed, paths, f"variant {variant!r}")
            # Points that differ only in what the variant fixes are one.
            for values in dict.fromkeys(tuple({**point, **fixed}.items()) for point in points):
                numbers = {path: float(value) for path, value in values}
                trials.append(Trial(variant, fold, seed, replace_hyper(defaults, numbers)))
    return trials


def stack_trials(trials: Sequence[Trial]) -> TrialArrays:
    """Trials -> arrays on the host."""
    return TrialArrays(
        fold=np.array([trial.fold for trial in trials], np.int32),
        seed=np.array([trial.seed for trial in trials], np.int32),
        hyper=jax.tree.map(lambda *values: np.array(values, np.float32), *(trial.hyper for trial in trials)),
    )


def find_distinct(trials: Sequence[Trial], stages: Sequence[str]) -> tuple[list[int], list[int]]:
    """Finds the trials that differ in what was read so far, and the place of each trial among them.

    Two trials of the same fold and seed whose hyper-parameters of the `stages` agree train to the same weights.

    Returns:
      (numbers of the first trial of every kind, for each trial the position of its kind).
    """
    first: dict[tuple, int] = {}
    distinct, place = [], []
    for number, trial in enumerate(trials):
        # The variant is only a name: two variants with the same numbers so far share their training.
        kind = (trial.fold, trial.seed, *flatten_hyper({stage: trial.hyper[stage] for stage in stages}).values())
        if kind not in first:
            first[kind] = len(distinct)
            distinct.append(number)
        place.append(first[kind])
    return distinct, place


def pick_trials(tree: Any, trials: Sequence[int]) -> Any:
    """Leaves [R, ...] on the host -> [len(trials), ...], of the trials at these places."""
    return jax.tree.map(lambda x: x[np.asarray(trials)], tree)
