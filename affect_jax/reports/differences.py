"""The comparisons of chapter 4, or of any two variants, as a table: the thesis' t-test and one that allows for folds.

The thesis takes its 50 values of a model (5 folds x 10 seeds) for independent in a two-tailed t-test. They are not:
the folds' training splits overlap, and the seeds of a fold share all of it. Beside that test stands the resampled
t-test that allows for it, corrected for the number of comparisons; only it decides.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from affect_jax.evaluation.significance import Sample, independent_t_test
from affect_jax.reports.compare import Answer, answer_questions
from affect_jax.reports.read import Runs
from affect_jax.reports.render import write_notes
from affect_jax.reports.sources import Question
from affect_jax.reports.tables import Grid, format_p, label_metric, make_grid, pick_fields
from affect_jax.reports.thesis import NAMES, NAMING, PRINTED, QUESTIONS, RUNS, SIGNIFICANT, Spread

TESTS = ("independent", "paired", "resampled")


class Printed(NamedTuple):
    """What the thesis' own figures say of a question."""

    p: float  # of an independent t-test on its printed means and deviations; nan where it prints none
    starred: bool  # the thesis calls the difference significant


def list_questions(configs: Iterable[str]) -> tuple[Question, ...]:
    """The questions of chapter 4 whose two runs are both among these config arguments."""
    known = set(configs)
    return tuple(question for question in QUESTIONS if {question.a.config, question.b.config} <= known)


def answer(questions: Iterable[Question], runs: Runs) -> list[Answer]:
    """Every question in every metric, in order, corrected by Holm over the tested questions of one metric."""
    return answer_questions(questions, runs, TESTS)


def check_printed(question: Question, metric: str) -> Printed:
    """The thesis' own figures of both variants, tested; those without a deviation cannot be."""
    values = [PRINTED.get((source, metric), (None, None))[1] for source in (question.a, question.b)]
    if not all(isinstance(value, Spread) for value in values):
        return Printed(math.nan, False)
    starred = metric in SIGNIFICANT.get((question.a.study, question.b.study), ())
    return Printed(independent_t_test(*(Sample(*value, RUNS) for value in values)), starred)


def give_verdict(x: Answer) -> str:
    """Which is better by the corrected test, that nothing was shown, or why nothing can be said."""
    return x.give_verdict("resampled", (x.question.a.variant, x.question.b.variant))


def make_table(answers: Sequence[Answer], runs: Runs) -> Grid:
    """A line a question and metric; the column of the thesis only where it prints any of the figures.

    The csv has every p-value, raw and corrected, and unrounded numbers.
    """
    printed = [check_printed(x.question, x.metric) for x in answers]
    has_printed = any(not math.isnan(p) for p, _ in printed)
    rows = []
    for x, (p, starred) in zip(answers, printed, strict=True):
        row = {"comparison": x.label, "metric": NAMES.get(x.metric, label_metric(x.metric))}
        row |= {"p thesis": f"{format_p(p)}{' *' if starred else ''}"} if has_printed else {}
        row |= x.format_contrast(fractions=True) | {"p": format_p(x.p("independent"))}
        row |= {f"p {test}": format_p(x.p(test)) for test in ("paired", "resampled")}
        rows.append(row | {"p resampled, Holm": format_p(x.holm("resampled")), "verdict": give_verdict(x)})
    names_trap = any(x.metric in NAMES for x in answers)
    facts = {"naming": NAMING, "names_trap": names_trap, "has_printed": has_printed, "values": RUNS}
    notes = write_notes("significance", answers=answers, runs=runs, **facts)
    return make_grid("Which differences are more than chance?", rows, notes, map(_list_tidy, answers, printed))


def _list_tidy(x: Answer, printed: Printed) -> dict[str, Any]:
    question = x.question
    row = {"comparison": x.label, "a": question.a.variant, "b": question.b.variant, "split": question.split}
    row |= {"metric": x.metric, "thesis_p": printed.p, "thesis_significant": printed.starred}
    row |= pick_fields(x.contrast, n="n", a_mean="a.mean", a_std="a.std", b_mean="b.mean", b_std="b.std")
    row |= x.list_numbers(TESTS) | pick_fields(x.contrast and x.contrast.sizes, n_train="train", n_test="test")
    return row | {"verdict": give_verdict(x), "missing": x.missing}
