"""How much of each study's score is interaction of its modalities, as a table with tests."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.evaluation.decision import Contrast
from affect_jax.evaluation.interactions import outcome_file
from affect_jax.evaluation.interactions.contrasts import Line, choose_metric, list_lines
from affect_jax.experiment.results_file import Results, read_results
from affect_jax.reports import tables
from affect_jax.reports.render import write_files, write_formats, write_notes, write_plain
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.runtime.score_text import label_metric


def give_verdict(contrast: Contrast) -> str:
    """What the test over trials or folds says; other speakers or videos are not asked."""
    if np.isnan(contrast.test.p):
        return "not tested"
    winner = contrast.find_winner()
    return {1: "interaction helps", -1: "interaction harms", 0: "no difference shown"}[winner]


def make_table(results: Results, lines: Sequence[Line], metric: str) -> Grid:
    """A line a variant and order of what is left."""
    rows, tidy = [], []
    for line in lines:
        for order, contrast in enumerate(line.contrasts, 1):
            left = "each modality alone, added up" if order == 1 else f"and what {order} modalities do together"
            changed, n = line.changed[order - 1], contrast.n
            rows.append(
                {
                    "model": line.label,
                    "n": n,
                    label_metric(metric): tables.format_score(line.means[-1], metric),
                    "what is left": left,
                    f"{label_metric(metric)} of it": tables.format_score(line.means[order - 1], metric),
                    "lost": tables.format_difference(contrast.difference, metric),
                    "p, Holm": tables.format_p(contrast.holm),
                    "verdict": give_verdict(contrast),
                    "classes changed %": "" if changed is None else f"{100 * changed:.1f}",
                    "block": line.block,
                }
            )
            tidy.append(
                {"model": line.label, "metric": metric, "order": order, "modalities": line.modalities, "n": n}
                | {"whole": line.means[-1], "projected": line.means[order - 1], "difference": contrast.difference}
                | {"p": contrast.test.p, "p_holm": contrast.holm, "test": contrast.test.rule, "changed": changed}
                | {"block": line.block, "verdict": give_verdict(contrast)}
            )
    mark = "synthetic " if results.corpus.synthetic else ""
    designs = list(dict.fromkeys(contrast.design for line in lines for contrast in line.contrasts))
    title = f"How much of the score is interaction? {mark}corpus {results.corpus.name}, test split"
    return make_grid(title, rows, write_notes("interactions", designs=designs), tidy)


def score_and_write(run: Path, out: Path, command: str, *, names: Sequence[str] = (), block: int | None = None) -> str:
    """Scores a run with and without interactions, unless an earlier call did, and writes the table.

    Args:
      run: a finished run folder.
      out: the folder of the files.
      command: for the record.
      names: of studies, as `score_run.score_run` takes them.
      block: likewise.

    Returns:
      The table as text.
    """
    outcome = outcome_file.read_outcome(run, names, block)
    if outcome is None:
        from affect_jax.evaluation.interactions.score_run import score_run  # which needs jax

        outcome = score_run(run, names, block)
        print(f"wrote {outcome_file.write_outcome(run, names, block, outcome, out)}", file=sys.stderr)
    results = read_results(run)
    metric = choose_metric(next(iter(outcome.values())).trials[0].scores[-1])
    table = make_table(results, list_lines(results, outcome, metric), metric)
    for path in write_files({"interactions": write_formats(table, command)}, out):
        print(f"wrote {path}", file=sys.stderr)
    return write_plain(table)
