"""Joined corpora: what a model that was trained on some of them scores on each, `datasets.joined`."""

from typing import NamedTuple

import numpy as np

from affect_jax.datasets.joined.settings import ARROW
from affect_jax.evaluation import read
from affect_jax.evaluation.group_gaps import ValueScore, describe_values
from affect_jax.evaluation.read import Run, Source


class Line(NamedTuple):
    """A line of the matrix.

    Attributes:
      source: which variant.
      trained: names of the corpora that it was trained on.
      tested: of each corpus that it was tested on, its score over trials; `value` is its name.
    """

    source: Source
    trained: str
    tested: tuple[ValueScore, ...]


def score_across(run: Run, split: str, metric: str) -> list[Line]:
    """A line a variant, and of a run that leaves one corpus out at a time a line a fold; [] of any other corpus."""
    if run.results.corpus.name != "joined":
        return []
    trained = {fold: fold.partition(ARROW)[0] for fold in run.results.corpus.folds}
    lines = []
    for source, values in describe_values(run, _find_corpora(run), split, metric):
        for names in sorted(set(trained.values())):
            # Of a fold for each corpus, a corpus belongs to the fold that names it behind the arrow.
            parts = {part for fold in trained if trained[fold] == names for part in _list_tested(fold)}
            tested = tuple(value for value in values if value.value in parts)
            lines += [Line(source, names, tested)] if tested else []
    return lines


def _list_tested(fold: str) -> list[str]:
    """'a->b+c.1' -> ['b', 'c']."""
    return fold.partition(ARROW)[2].partition(".")[0].split("+")


def _find_corpora(run: Run) -> dict[str, str]:
    """Group -> the corpus that it is of, which stands before it."""
    groups = {str(name) for one in read.read_all_predictions(run) for name in np.unique(one.group)}
    return {name: name.partition("/")[0] for name in groups}
