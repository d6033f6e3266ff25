"""The comparisons of chapter 4, or of any two variants, as a table: the thesis' t-test and one that allows for folds.

The thesis takes its 50 values of a model (5 folds x 10 seeds) for independent in a two-tailed t-test. They are not:
the folds' training splits overlap, and the seeds of a fold share all of it. Beside that test stands the resampled
t-test that allows for it, corrected for the number of comparisons; only it decides.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from affect_jax.evaluation.significance import Sample, independent_t_test
from affect_jax.reports import read
from affect_jax.reports.compare import LEVEL, NOT_RUN, Answer, answer_questions, find_doubt
from affect_jax.reports.read import Runs
from affect_jax.reports.sources import QUESTIONS, Question, Source
from affect_jax.reports.tables import Grid, format_difference, format_p, label_metric, make_grid, write_formats
from affect_jax.reports.thesis import GROUPS, NAMES, NAMING, TABLES, chapter_4

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
    f"({chapter_4.RUNS} values each); * where the thesis calls the difference significant."
)


class Printed(NamedTuple):
    """What the thesis' own figures say of a question.

    Attributes:
      p: of an independent t-test on its printed means and deviations; nan where it prints none.
      starred: the thesis calls the difference significant.
    """

    p: float
    starred: bool


def list_questions(configs: Iterable[str]) -> tuple[Question, ...]:
    """The questions of chapter 4 whose two runs are both among these config arguments."""
    known = set(configs)
    return tuple(question for question in QUESTIONS if {question.a.config, question.b.config} <= known)


def answer(questions: Iterable[Question], runs: Runs) -> list[Answer]:
    """Every question in every metric, in order, corrected by Holm over the tested questions of one metric."""
    return answer_questions(questions, runs, TESTS)


def _find_sample(source: Source, metric: str) -> Sample | None:
    """What chapter 4 prints of one of its models, where it prints it first."""
    for number in GROUPS["fusion"]:
        for row in TABLES[number].rows:
            for column, of_row, value in zip(TABLES[number].columns, row.sources, row.published, strict=True):
                if of_row == source and column.metric == metric:
                    return Sample(*value, chapter_4.RUNS)
    return None


def check_printed(question: Question, metric: str) -> Printed:
    """The thesis' own figures of both variants, tested."""
    samples = [_find_sample(source, metric) for source in (question.a, question.b)]
    if None in samples:
        return Printed(math.nan, False)
    starred = metric in chapter_4.SIGNIFICANT.get((question.a.study, question.b.study), ())
    return Printed(independent_t_test(*samples), starred)


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


def _label(x: Answer) -> str:
    return f"{x.question.label} (synthetic)" if x.synthetic else x.question.label


def make_table(answers: Sequence[Answer], runs: Runs, command: str = "") -> Grid:
    """A line a question and metric; the column of the thesis only where it prints any of the figures."""
    printed = [check_printed(x.question, x.metric) for x in answers]
    has_printed = any(not math.isnan(p) for p, _ in printed)
    rows = []
    for x, (p, starred) in zip(answers, printed, strict=True):
        row = [_label(x), NAMES.get(x.metric, label_metric(x.metric))]
        row += [f"{format_p(p)}{' *' if starred else ''}"] if has_printed else []
        if x.contrast is None:
            row += [""] * 6
        else:
            c, spread = x.contrast, "" if math.isnan(x.contrast.std) else f" ± {x.contrast.std:.3f}"
            row += [f"{c.a.mean:.3f} / {c.b.mean:.3f}"]
            row += [f"{format_difference(c.difference, x.metric, fractions=True)}{spread} (n={c.n})"]
            row += [*(format_p(x.p(test)) for test in TESTS), format_p(x.holm("resampled"))]
        rows.append((*row, give_verdict(x)))
    header = ["comparison", "metric", *(["p thesis"] if has_printed else []), "scores", "difference", "p", "p paired"]
    header += ["p resampled", "p resampled, Holm", "verdict"]
    return make_grid(_TITLE, header, rows, _write_notes(answers, runs, has_printed), command)


def make_tidy(answers: Sequence[Answer], runs: Runs, command: str = "") -> Grid:
    """The same with every p-value, raw and corrected, and unrounded numbers."""
    rows: list[list[Any]] = []
    for x in answers:
        printed = check_printed(x.question, x.metric)
        row = [_label(x), x.question.a.variant, x.question.b.variant, x.question.split, x.metric, *printed]
        if x.contrast is None:
            row += [None] * 15
        else:
            c = x.contrast
            row += [c.n, *c.a[:2], *c.b[:2], c.difference, c.std, *(x.p(test) for test in TESTS)]
            row += [*(x.holm(test) for test in TESTS), *(c.sizes or (None, None))]
        rows.append([*row, give_verdict(x), x.missing])
    header = ["comparison", "a", "b", "split", "metric", "thesis_p", "thesis_significant", "n", "a_mean", "a_std"]
    header += ["b_mean", "b_std", "difference", "std", *(f"p_{t}" for t in TESTS), *(f"p_{t}_holm" for t in TESTS)]
    header += ["n_train", "n_test", "verdict", "missing"]
    has_printed = any(not math.isnan(check_printed(x.question, x.metric).p) for x in answers)
    return make_grid(_TITLE, header, rows, _write_notes(answers, runs, has_printed), command)


def render(answers: Sequence[Answer], runs: Runs, command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv, tex."""
    return write_formats(make_table(answers, runs, command), make_tidy(answers, runs, command))
