"""Scores a finished run with modalities missing, study by study, into missing.json."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from affect_jax.errors import join_words
from affect_jax.evaluation.missing import checked_run, masked_scores, missing_file
from affect_jax.experiment import kept_weights
from affect_jax.experiment.results_file import read_results
from affect_jax.runtime.progress import Work

COUNTS = (5, 10, 100)
"""K of K nearest neighbours, where nobody asks for others."""


def score_run(
    run: Path,
    out: Path,
    command: str,
    *,
    also: Sequence[Path] = (),
    studies: Sequence[str] = (),
    counts: Sequence[int] = (),
    metrics: Sequence[str] = ("euclidean", "cosine"),
) -> dict[str, Any]:
    """Scores the studies that missing.json does not have yet, and writes it after each one.

    Weights and the corpus are read only if there is such a study.

    Args:
      run: a finished run folder.
      out: the folder of missing.json; what it, or else RUN/missing, holds of the same run and settings is kept.
      command: for the record.
      also: run folders that are set beside the run.
      studies: to score; () for all that can be.
      counts: K of K nearest neighbours; () takes those of `COUNTS` that every fold has, or as many as it has.
      metrics: distances, of affect_jax.evaluation.imputation.METRICS.

    Returns:
      The document with the studies of the other runs, as tables and figures show it.

    Raises:
      UserError: a run cannot be scored, or has too few training examples.
    """
    checked = checked_run.check_run(run, studies)
    others = missing_file.read_other_runs(checked, also)
    document, unscored = _start(checked, counts or COUNTS, metrics, out, command)
    with Work() as work:
        if unscored:
            kept_weights.check_weights(run, checked.results)
            loaded = checked_run.load_corpus(checked)
            if not counts:
                counts = masked_scores.choose_neighbour_counts(loaded, unscored, COUNTS)
                document, unscored = _start(checked, counts, metrics, out, command)
                if counts != COUNTS:
                    work.say(f"note: neighbours {join_words(counts)}, as no fold has more examples of all modalities")
            for study in unscored:
                masked_scores.check_neighbour_counts(loaded, study, counts)
        if unscored:
            kind = "synthetic " if checked.results.corpus.synthetic else ""
            work.say(f"{kind}corpus {checked.results.corpus.name}: {', '.join(s.spec.name for s in unscored)}")
        for study in unscored:
            name = study.spec.name
            progress = partial(work.progress, name)
            document["studies"][name] = masked_scores.score_study(checked, loaded, study, counts, metrics, progress)
            missing_file.write_missing(document, out)
    documents = [missing_file.read_missing(other.folder) for other in others]
    merged = missing_file.merge_studies(document, [other for other in documents if other])
    missing_file.add_originals(merged, [missing_file.OtherRun(run, read_results(run)), *others])
    # The merged document shares this run's studies, so the file gets their originals, but no studies of other runs.
    missing_file.write_missing(document, out)
    return merged


def _start(
    checked: checked_run.CheckedRun, counts: Sequence[int], metrics: Sequence[str], out: Path, command: str
) -> tuple[dict[str, Any], list[checked_run.TestedStudy]]:
    """The document, and the studies that it does not have yet."""
    document = missing_file.start_document(checked, counts, metrics, out, command)
    return document, [study for study in checked.studies if study.spec.name not in document["studies"]]
