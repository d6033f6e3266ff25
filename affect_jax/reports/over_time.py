"""Continuous labels: how well each recording is followed, and when."""

from collections.abc import Sequence

from affect_jax.evaluation import read
from affect_jax.evaluation.courses import list_recordings
from affect_jax.evaluation.read import Run
from affect_jax.reports.tables import Grid, make_grid


def make_table(runs: Sequence[Run]) -> Grid:
    """CCC of every recording, a line a variant and recording."""
    rows, labels = [], read.label_runs(runs)
    for run in runs:
        split = next(iter(read.list_splits(run)), "")
        for source in read.list_variants(run):
            for recording in list_recordings(run, source, split):
                scores = recording.score()
                row = {"run": labels[source.config], "study": source.study, "variant": source.variant, "split": split}
                row |= {"recording": recording.name, "steps": len(recording.target), "n": len(scores)}
                std = f"{scores.std(ddof=1):.3f}" if len(scores) > 1 else ""
                rows.append(row | {"CCC": f"{scores.mean():.3f}", "std": std})
    notes = ("CCC over the whole recording: mean and sample standard deviation over the n trials that predict it.",)
    return make_grid("CCC of every recording", rows, notes)
