"""Do two cells differ? Tests on their rows of the same fold and seed, and what may be said after them.

The thesis takes its 50 values of a model (5 folds x 10 seeds) for independent in a two-tailed t-test. They are not:
the folds' training parts overlap, and the seeds of a fold share all of it. Beside that test stands the resampled t-test
that allows for it, corrected for the number of comparisons; only it decides.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.evaluation.significance import (
    PairedTest,
    Sample,
    corrected_resampled_t_test,
    holm,
    independent_t_test,
    paired_t_test,
    sample,
)
from affect_jax.reports import folders, matching, tables
from affect_jax.reports.folders import Run
from affect_jax.reports.sources import QUESTIONS, Question, Source
from affect_jax.reports.thesis import GROUPS, TABLES, chapter_4
from affect_jax.runtime.run_folder import name_run_folder

LEVEL = 0.05
NOT_RUN = " was not run"
TESTS = ("independent", "paired", "resampled")
METRICS = ("uar", "accuracy", "ccc", "pcc")
"""What two cells can be compared by, where both have it; of each of them, more is better."""


class Answer(NamedTuple):
    """A question in one metric.

    Attributes:
      question: which two cells.
      metric: of `question.metrics`.
      printed: p of an independent t-test on the thesis' printed means and deviations; nan where it prints none.
      starred: the thesis calls the difference significant.
      synthetic: one of the two comes from a synthetic corpus.
      samples: of a and of b, over the matched rows.
      difference: a minus b, paired.
      p: by name of `TESTS`, two-tailed; without 'resampled' where the size of the folds is not known.
      holm: the same corrected over the comparisons of this metric.
      sizes: clips that a row trains on and is scored on, in the mean.
      missing: why there is nothing to compare ('' where there is).
    """

    question: Question
    metric: str
    printed: float = math.nan
    starred: bool = False
    synthetic: bool = False
    samples: tuple[Sample, Sample] | None = None
    difference: PairedTest | None = None
    p: Mapping[str, float] = {}
    holm: Mapping[str, float] = {}
    sizes: tuple[int, int] | None = None
    missing: str = ""


def _printed(source: Source, metric: str) -> Sample | None:
    """What chapter 4 prints of one of its models, where it prints it first."""
    for number in GROUPS["fusion"]:
        for row in TABLES[number].rows:
            for column, held, value in zip(TABLES[number].columns, row.sources, row.published, strict=True):
                if held == source and column.metric == metric:
                    return Sample(*value, chapter_4.RUNS)
    return None


def _same_clips(question: Question, runs: tables.Runs, rows: matching.Matched) -> bool:
    """Features may differ, as where one model reads a modality more; clips, truth and folds may not."""
    run_a, run_b = runs[question.a.config], runs[question.b.config]
    fingerprints = [run.results["corpus"].get("fingerprint") for run in (run_a, run_b)]
    if fingerprints[0] == fingerprints[1]:
        return True
    kept = [
        folders.predictions(folders.read_arrays(run, source.study), source.study, question.split)
        for run, source in ((run_a, question.a), (run_b, question.b))
    ]
    return None not in kept and matching.same_examples(*kept, rows.rows_a, rows.rows_b)


def _answer(question: Question, metric: str, runs: tables.Runs, sizes: tuple[int, int] | None) -> Answer:
    """One question in one metric, not yet corrected."""
    a, b = question.a, question.b
    printed = [_printed(source, metric) for source in (a, b)]
    found = Answer(question, metric)
    if None not in printed:
        starred = metric in chapter_4.SIGNIFICANT.get((a.study, b.study), ())
        found = found._replace(printed=independent_t_test(*printed), starred=starred)
    run_a, run_b = runs.get(a.config), runs.get(b.config)
    if run_a is None or run_b is None:
        absent = a.config if run_a is None else b.config
        return found._replace(missing=f"{name_run_folder(absent)}{NOT_RUN}")
    found = found._replace(synthetic=run_a.synthetic or run_b.synthetic)
    rows = matching.match(run_a, a, run_b, b, question.split, metric)
    if rows is None:
        reason = f"no rows of {a.cell} and {b.cell} with the same fold and seed have a {metric} on {question.split}"
        return found._replace(missing=reason)
    if not _same_clips(question, runs, rows):
        return found._replace(missing=f"{run_a.path.name} and {run_b.path.name} are not of the same clips")
    samples, difference = (sample(rows.a), sample(rows.b)), paired_t_test(rows.a, rows.b)
    p = {"independent": independent_t_test(*samples), "paired": difference.p}
    if sizes is not None:
        p["resampled"] = corrected_resampled_t_test(rows.a, rows.b, n_train=sizes[0], n_test=sizes[1]).p
    return found._replace(samples=samples, difference=difference, p=p, sizes=sizes)


def answers(asked: Iterable[Question], runs: tables.Runs) -> list[Answer]:
    """Every question in every metric, in order, corrected by Holm over the tested questions of one metric."""
    measured: dict[Source, tuple[int, int] | None] = {}
    made = []
    for question in asked:
        run, a = runs.get(question.a.config), question.a
        if a not in measured:
            arrays = {} if run is None else folders.read_arrays(run, a.study)
            measured[a] = None if run is None else matching.sizes(run, arrays, a.study, question.split)
        made += [_answer(question, metric, runs, measured[a]) for metric in question.metrics]
    for metric in dict.fromkeys(answer.metric for answer in made):
        at = [i for i, answer in enumerate(made) if answer.metric == metric]
        columns = {test: holm(np.array([made[i].p.get(test, math.nan) for i in at])) for test in TESTS}
        for k, i in enumerate(at):
            made[i] = made[i]._replace(holm={test: float(columns[test][k]) for test in TESTS})
    return made


def questions_of(configs: Iterable[str]) -> tuple[Question, ...]:
    """The questions of chapter 4 whose two runs are both among these config arguments."""
    there = set(configs)
    return tuple(question for question in QUESTIONS if {question.a.config, question.b.config} <= there)


def parse(text: str, runs: Mapping[str, Run]) -> Question:
    """'intra vs cross' as a question about some runs: on the test part where both have one, in the metrics of both.

    Args:
      text: NAME vs NAME, as `matching.find_cell` takes them.
      runs: by what a `Source` shall call its config.

    Raises:
      UserError: not two names, a name that is none or is several cells', or nothing to compare them by.
    """
    names = [name.strip() for name in text.split(" vs ")]
    if len(names) != 2 or not all(names):
        raise UserError(f"--compare={text!r} is not two names; write --compare='intra vs cross'")
    a, b = (matching.find_cell(name, runs) for name in names)
    if a == b:
        raise UserError(f"--compare={text!r} names one cell twice; name two that differ")
    for split in ("test", "validation"):
        metrics = [m for m in METRICS if all(folders.figure(runs[s.config], s, split, m) for s in (a, b))]
        if metrics:
            return Question(" vs ".join(names), a, b, split, tuple(metrics))
    raise UserError(f"--compare={text!r}: the two share none of {', '.join(METRICS)}; compare cells of one task")


def verdict(answer: Answer) -> str:
    """Which is better by the corrected test, that nothing was shown, or why nothing can be said."""
    if answer.missing:
        return tables.NOT_RUN if answer.missing.endswith(NOT_RUN) else "not comparable"
    if answer.difference.n < 2:
        return "one row only, not tested"
    if "resampled" not in answer.p:
        return "size of the folds unknown, not tested"
    if answer.holm["resampled"] >= LEVEL:
        return "no difference shown"
    return f"{(answer.question.a if answer.difference.difference > 0 else answer.question.b).cell} better"
