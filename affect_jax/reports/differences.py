"""The comparisons of chapter 4, or of any two variants, as a table: the thesis' t-test and one that allows for folds.

The thesis takes its 50 values of a model (5 folds x 10 seeds) for independent in a two-tailed t-test. They are not:
the folds' training splits overlap, and the seeds of a fold share all of it. Beside that test stands the resampled
t-test that allows for it, corrected for the number of comparisons; only it decides.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from affect_jax.evaluation.significance import Sample, independent_t_test
from affect_jax.reports import read
from affect_jax.reports.compare import (
    LEVEL,
    NOT_RUN,
    Answer,
    answer_questions,
    find_doubt,
    format_contrast,
    label_question,
    list_numbers,
)
from affect_jax.reports.read import Runs
from affect_jax.reports.sources import QUESTIONS, Question, Source
from affect_jax.reports.tables import Grid, format_p, label_metric, make_grid
from affect_jax.reports.thesis import GROUPS, NAMES, NAMING, RUNS, SIGNIFICANT, TABLES

TESTS = ("independent", "paired", "resampled")
_TITLE = "Which differences are more than chance?"
_READING = (
    "Difference: the first minus the second over trials of the same fold and seed, ± sample standard deviation; scores "
    "are fractions.",
    "p: Student's two-tailed t-test of two independent samples; p paired: the same of the trials' differences. The "
    "thesis says two-tailed t-test and no more. Both take the trials for independent, but folds share training clips "
    "and the seeds of a fold share all of them, so both are too small.",
    "p resampled: the paired test with the variance of Nadeau and Bengio (2003), which allows for that; Holm: "
    "corrected by Holm (1979) over the comparisons of one metric in this report. The verdict rests on that, at .05.",
)
_THESIS = (
    f"p thesis: the independent test on the thesis' printed means and deviations, rounded as they are "
    f"({RUNS} values each); * where the thesis calls the difference significant."
)


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


@cache
def _map_samples() -> dict[tuple[Source | None, str], Sample]:
    """What chapter 4 prints of its models in each metric; where it does so twice, the first."""
    samples: dict[tuple[Source | None, str], Sample] = {}
    for table in (TABLES[number] for number in GROUPS["fusion"]):
        for row in table.rows:
            for column, source, value in zip(table.columns, row.sources, row.published, strict=True):
                samples.setdefault((source, column.metric), Sample(*value, RUNS))
    return samples


def check_printed(question: Question, metric: str) -> Printed:
    """The thesis' own figures of both variants, tested."""
    a, b = (_map_samples().get((source, metric)) for source in (question.a, question.b))
    if a is None or b is None:
        return Printed(math.nan, False)
    starred = metric in SIGNIFICANT.get((question.a.study, question.b.study), ())
    return Printed(independent_t_test(a, b), starred)


def give_verdict(x: Answer) -> str:
    """Which is better by the corrected test, that nothing was shown, or why nothing can be said."""
    if doubt := find_doubt(x, "resampled"):
        return doubt
    if x.holm("resampled") >= LEVEL:
        return "no difference shown"
    return f"{(x.question.a if x.contrast.difference > 0 else x.question.b).variant} better"


def _write_notes(answers: Sequence[Answer], runs: Runs, has_printed: bool) -> tuple[str, ...]:
    used = dict.fromkeys(source.config for x in answers for source in (x.question.a, x.question.b))
    sizes = dict.fromkeys(
        f"{runs[x.question.a.config].path.name}: a trial trains on {x.contrast.sizes.train} recordings and is scored "
        f"on {x.contrast.sizes.test}, in the mean."
        for x in answers
        if x.contrast and x.contrast.sizes
    )
    missing = dict.fromkeys(
        f"Not run: {x.missing.removesuffix(NOT_RUN)}."
        if x.missing.endswith(NOT_RUN)
        else f"{x.question.label}: {x.missing}."
        for x in answers
        if x.missing
    )
    return (
        *([NAMING] if any(x.metric in NAMES for x in answers) else []),
        *_READING,
        *([_THESIS] if has_printed else []),
        *missing,
        *sizes,
        *(read.describe_run(runs[config]) for config in used if runs.get(config) is not None),
    )


def make_table(answers: Sequence[Answer], runs: Runs) -> Grid:
    """A line a question and metric; the column of the thesis only where it prints any of the figures.

    The csv has every p-value, raw and corrected, and unrounded numbers.
    """
    printed = [check_printed(x.question, x.metric) for x in answers]
    has_printed = any(not math.isnan(p) for p, _ in printed)
    rows = []
    for x, (p, starred) in zip(answers, printed, strict=True):
        row = [label_question(x, x.question.label), NAMES.get(x.metric, label_metric(x.metric))]
        row += [f"{format_p(p)}{' *' if starred else ''}"] if has_printed else []
        row += [*format_contrast(x, fractions=True), *(format_p(x.p(test)) for test in TESTS)]
        rows.append([*row, format_p(x.holm("resampled")), give_verdict(x)])
    header = ["comparison", "metric", *(["p thesis"] if has_printed else []), "scores", "difference", "p", "p paired"]
    header += ["p resampled", "p resampled, Holm", "verdict"]
    return make_grid(_TITLE, header, rows, _write_notes(answers, runs, has_printed), map(_list_tidy, answers, printed))


def _list_tidy(x: Answer, printed: Printed) -> dict[str, Any]:
    c, question = x.contrast, x.question
    row = {"comparison": label_question(x, question.label), "a": question.a.variant, "b": question.b.variant}
    row |= {"split": question.split, "metric": x.metric, "thesis_p": printed.p, "thesis_significant": printed.starred}
    row |= {"n": c and c.n, "a_mean": c and c.a.mean, "a_std": c and c.a.std}
    row |= {"b_mean": c and c.b.mean, "b_std": c and c.b.std} | list_numbers(x, TESTS)
    row |= {"n_train": c and c.sizes and c.sizes.train, "n_test": c and c.sizes and c.sizes.test}
    return row | {"verdict": give_verdict(x), "missing": x.missing}
