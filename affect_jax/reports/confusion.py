"""Which classes models take for which, as counts and as a picture (figure 4.3 of the thesis)."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.errors import UserError
from affect_jax.evaluation.confusion_counts import Confusion, count_answers
from affect_jax.evaluation.read import Run, Source
from affect_jax.reports import figures, naming
from affect_jax.reports.tables import Grid, make_grid


def make_table(confusions: Sequence[Confusion], runs: Sequence[Run]) -> Grid:
    """The counts, a line a model and true class."""
    rows = []
    for confusion in confusions:
        recalls = np.diagonal(confusion.shares)
        lines = zip(confusion.labels, confusion.counts.tolist(), confusion.unanswered.tolist(), recalls, strict=True)
        for label, counts, unanswered, recall in lines:
            answers = {("answer", answer): count for answer, count in zip(confusion.labels, counts, strict=True)}
            answers |= {("answer", "none (NaN)"): unanswered} if any(x.unanswered.any() for x in confusions) else {}
            row = {"model": confusion.name, "truth": label} | answers
            rows.append(row | {"clips": sum(counts) + unanswered, "recall %": f"{100 * recall:.1f}"})
    notes = [f"{one.name}: counts over {one.trials}; a clip is counted once a trial." for one in confusions]
    described = dict.fromkeys(map(naming.describe_run, runs))
    return make_grid(f"Confusion of {' and '.join(one.name for one in confusions)}", rows, (*notes, *described))


def make_whole_table(counted: Mapping[Source, Confusion], runs: Sequence[Run]) -> Grid | None:
    """The counts of every variant; None unless all have the same classes."""
    if len({confusion.labels for confusion in counted.values()}) != 1:
        return None
    configs = {source.config for source in counted}
    return make_table(list(counted.values()), [run for run in runs if run.key in configs])


def compare_chosen(sources: Sequence[Source], runs: Mapping[str, Run], fold: str = "") -> tuple[str, Grid, bytes]:
    """The file stem, 'confusion_intra_cross', the counts and the picture (png) of some variants.

    Raises:
      UserError: as `count_answers`, or variants of different classes.
    """
    confusions = [count_answers(runs[source.config], source, fold) for source in sources]
    for confusion in confusions:
        if confusion.labels != confusions[0].labels:
            raise UserError(
                f"{confusion.name} answers {', '.join(confusion.labels)}, {confusions[0].name} answers "
                f"{', '.join(confusions[0].labels)}; draw variants of the same classes together"
            )
    names = ["confusion", *(source.variant for source in sources), fold]
    stem = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(names)).strip("_")
    picture = figures.draw_matrices([(f"{x.name}\n{x.trials}", x.shares, x.labels) for x in confusions])
    grid = make_table(confusions, [runs[source.config] for source in sources])
    return stem, grid, figures.encode_figure(picture, "png")
