"""The comparisons of chapter 4, or of any two variants, as a table.

The thesis takes its 50 values of a model (5 folds x 10 seeds) for independent in a two-tailed t-test. They are not:
the folds' training splits overlap, and the seeds of a fold share all of it. Its test stands beside ours where it prints
figures, and decides nothing.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from affect_jax.evaluation.compare import Answer, Question, list_designs
from affect_jax.evaluation.read import Runs
from affect_jax.evaluation.significance import Sample, independent_t_test
from affect_jax.reports.answers import describe_answer, describe_briefly, list_numbers
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, format_p, make_grid
from affect_jax.reports.thesis import NAMES, NAMING, PRINTED, QUESTIONS, RUNS, SIGNIFICANT, Spread
from affect_jax.runtime.score_text import label_metric


class Printed(NamedTuple):
    """What the thesis' own figures say of a question."""

    p: float  # of an independent t-test on its printed means and deviations; nan where it prints none
    starred: bool  # the thesis calls the difference significant


def list_questions(configs: Iterable[str]) -> tuple[Question, ...]:
    """The questions of chapter 4 whose two runs are both among these config arguments."""
    known = set(configs)
    return tuple(question for question in QUESTIONS if {question.a.config, question.b.config} <= known)


def check_printed(question: Question, metric: str) -> Printed:
    """The thesis' own figures of both variants, tested; those without a deviation cannot be."""
    values = [PRINTED.get((source, metric), (None, None))[1] for source in (question.a, question.b)]
    if not all(isinstance(value, Spread) for value in values):
        return Printed(math.nan, False)
    starred = metric in SIGNIFICANT.get((question.a.study, question.b.study), ())
    return Printed(independent_t_test(*(Sample(*value, RUNS) for value in values)), starred)


def make_table(answers: Sequence[Answer], runs: Runs) -> Grid:
    """A line a question and metric; the thesis' own test only where it prints any of the figures.

    The csv has every p-value, raw and corrected, and unrounded numbers.
    """
    is_own = all(run.is_own for run in runs.values() if run)
    names = {} if is_own else NAMES
    printed = [check_printed(x.question, x.metric) for x in answers]
    has_printed = any(not math.isnan(p) for p, _ in printed)
    rows = []
    for x, (p, starred) in zip(answers, printed, strict=True):
        row = {"comparison": x.label, "metric": names.get(x.metric, label_metric(x.metric))}
        if has_printed:
            row["thesis' t-test", "its figures"] = f"{format_p(p)}{' *' if starred else ''}"
            row["thesis' t-test", "ours"] = (
                format_p(independent_t_test(x.contrast.a, x.contrast.b)) if x.contrast else ""
            )
        rows.append(
            row | (describe_briefly(x, x.variants) if is_own else describe_answer(x, x.variants, x.metric in names))
        )
    facts = {"is_own": is_own, "naming": NAMING, "has_printed": has_printed, "values": RUNS}
    facts["designs"] = list_designs(answers)
    notes = write_notes(
        "significance", answers=answers, runs=runs, names_trap=any(x.metric in names for x in answers), **facts
    )
    return make_grid("Which differences are more than chance?", rows, notes, map(_list_tidy, answers, printed))


def _list_tidy(x: Answer, printed: Printed) -> dict[str, Any]:
    question = x.question
    row = {"comparison": x.label, "a": question.a.variant, "b": question.b.variant, "split": question.split}
    row |= {"metric": x.metric, "thesis_p": printed.p, "thesis_significant": printed.starred}
    return row | list_numbers(x, x.variants)
