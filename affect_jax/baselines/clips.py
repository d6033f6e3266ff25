"""The labelled clips of a corpus, and its folds as their numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.baselines.plan import Plan
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError


class Clips(NamedTuple):
    """All N labelled clips.

    Attributes:
      recordings: N of them.
      y: float32 [N], their targets.
      groups: str [N], speakers or debates.
      number: recording id -> its place among the N.
    """

    recordings: list[Recording]
    y: np.ndarray
    groups: np.ndarray
    number: dict[str, int]


class Fold(NamedTuple):
    """One fold as numbers of clips, int arrays."""

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def mark_clips(places: np.ndarray, count: int) -> np.ndarray:
    """bool [count]: the clips with these numbers."""
    return np.isin(np.arange(count), places)


def collect_clips(plan: Plan, recordings: Recordings) -> Clips:
    """The labelled clips of all splits.

    Raises:
      UserError: a recording has several labels, or one for training or validation has none.
    """
    every = [r for split in ("train", "validation", "test") for r in recordings.splits.get(split, ())]
    several = [r for r in every if len(r.steps) != 1]
    if several:
        raise UserError(
            f"recording {several[0].id} has {len(several[0].steps)} labels, expected one: these baselines are of whole "
            "clips; use a config whose config.data.unit is 'item'"
        )
    labelled = [r for r in every if plan.target in r.targets]
    number = {r.id: n for n, r in enumerate(labelled)}
    developed = [r for split in ("train", "validation") for r in recordings.splits.get(split, ())]
    unlabelled = [r.id for r in developed if r.id not in number]
    if unlabelled or not labelled:
        raise UserError(
            f"recording {(unlabelled or [every[0].id])[0]} has no target {plan.target!r}; correct config.data.target"
        )
    targets = np.array([r.targets[plan.target][0] for r in labelled], np.float32)
    return Clips(labelled, targets, np.array([r.group for r in labelled]), number)


def index_folds(clips: Clips, recordings: Recordings, members: Sequence[FoldMembers]) -> list[Fold]:
    """The folds as numbers of clips; a fold without test members of its own is tested on the release's test split."""
    release_test = [clips.number[r.id] for r in recordings.splits.get("test", ()) if r.id in clips.number]
    folds = []
    for fold in members:
        train, validation, test = ([clips.number[i] for i in of] for of in (fold.train, fold.validation, fold.test))
        arrays = (np.array(numbers, int) for numbers in (train, validation, test or release_test))
        folds.append(Fold(fold.name, *arrays))
    return folds


def count_classes(plan: Plan, clips: Clips, recordings: Recordings) -> int:
    """How many classes the targets have.

    Raises:
      UserError: a target is not a class.
    """
    is_class = (clips.y >= 0) & (clips.y == np.rint(clips.y))
    if not is_class.all():
        raise UserError(
            f"target {plan.target!r} has the value {clips.y[~is_class][0]:g}, which is no class; correct config.task"
        )
    return 2 if plan.task == "binary" else max(len(recordings.labels), int(clips.y.max()) + 1)
