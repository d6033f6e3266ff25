"""The comparisons of chapter 4, or of any two cells, as a table: the thesis' t-test and one that allows for folds."""

import math
from collections.abc import Sequence

from affect_jax.reports import folders, formats, tables
from affect_jax.reports.formats import Grid
from affect_jax.reports.matching import p_value, signed
from affect_jax.reports.questions import NOT_RUN, TESTS, Answer, verdict
from affect_jax.reports.thesis import NAMES, NAMING, chapter_4

_TITLE = "Which differences are more than chance?"
_READING = (
    "Difference: the first minus the second over rows of the same fold and seed, ± sample standard deviation; scores "
    "are fractions.",
    "p: Student's two-tailed t-test of two independent samples; p paired: the same of the rows' differences. The "
    "thesis says two-tailed t-test and no more. Both take the rows for independent, but folds share training clips "
    "and the seeds of a fold share all of them, so both are too small.",
    "p resampled: the paired test with the variance of Nadeau and Bengio (2003), which allows for that; Holm: "
    "corrected by Holm (1979) over the comparisons of one metric in this report. The verdict rests on that, at .05.",
)
_THESIS = (
    f"p thesis: the independent test on the thesis' printed means and deviations, rounded as they are "
    f"({chapter_4.RUNS} values each); * where the thesis calls the difference significant."
)


def _notes(made: Sequence[Answer], runs: tables.Runs) -> tuple[str, ...]:
    used = dict.fromkeys(source.config for x in made for source in (x.question.a, x.question.b))
    found = [runs[config] for config in used if runs.get(config) is not None]
    sizes = dict.fromkeys(
        f"{runs[x.question.a.config].path.name}: a row trains on {x.sizes[0]} recordings and is scored on "
        f"{x.sizes[1]}, in the mean."
        for x in made
        if x.sizes is not None
    )
    missing = dict.fromkeys(
        f"Not run: {x.missing.removesuffix(NOT_RUN)}."
        if x.missing.endswith(NOT_RUN)
        else f"{x.question.label}: {x.missing}."
        for x in made
        if x.missing
    )
    return (
        *([NAMING] if any(x.metric in NAMES for x in made) else []),
        *_READING,
        *([_THESIS] if any(not math.isnan(x.printed) for x in made) else []),
        *missing,
        *sizes,
        *(folders.describe(run) for run in found),
    )


def _label(answer: Answer) -> str:
    return f"{answer.question.label} (synthetic)" if answer.synthetic else answer.question.label


def report(made: Sequence[Answer], runs: tables.Runs, command: str = "") -> Grid:
    """A line a question and metric; the column of the thesis only where it prints any of the figures."""
    printed = any(not math.isnan(x.printed) for x in made)
    rows = []
    for x in made:
        cells = [""] * 6
        if not x.missing:
            test = x.difference
            spread = "" if math.isnan(test.std) else f" ± {test.std:.3f}"
            cells = [" / ".join(f"{y.mean:.3f}" for y in x.samples)]
            cells.append(f"{signed(test.difference, percent=False)}{spread} (n={test.n})")
            cells += [p_value(x.p.get(name, math.nan)) for name in TESTS] + [p_value(x.holm["resampled"])]
        thesis = [f"{p_value(x.printed)}{' *' if x.starred else ''}"] if printed else []
        rows.append((_label(x), NAMES.get(x.metric, tables.label(x.metric)), *thesis, *cells, verdict(x)))
    names = ["comparison", "metric", *(["p thesis"] if printed else []), "scores", "difference", "p", "p paired"]
    header = tuple(("", name) for name in (*names, "p resampled", "p resampled, Holm", "verdict"))
    return Grid(_TITLE, header, tuple(rows), _notes(made, runs), command)


def tidy(made: Sequence[Answer], runs: tables.Runs, command: str = "") -> Grid:
    """The same with every p-value, raw and corrected, and unrounded numbers."""
    rows = []
    for x in made:
        n, figures, sizes = "", [math.nan] * 12, x.sizes or ("", "")
        if not x.missing:
            n = str(x.difference.n)
            figures = [*x.samples[0][:2], *x.samples[1][:2], x.difference.difference, x.difference.std]
            figures += [held.get(name, math.nan) for held in (x.p, x.holm) for name in TESTS]
        thesis, *texts = ("" if math.isnan(value) else f"{value:.6g}" for value in (x.printed, *figures))
        said = (_label(x), x.question.a.cell, x.question.b.cell, x.question.split, x.metric, thesis)
        rows.append((*said, "yes" if x.starred else "", n, *texts, *map(str, sizes), verdict(x), x.missing))
    names = ["comparison", "a", "b", "split", "metric", "thesis_p", "thesis_significant", "n", "a_mean", "a_std"]
    names += ["b_mean", "b_std", "difference", "std", *(f"p_{t}" for t in TESTS), *(f"p_{t}_holm" for t in TESTS)]
    header = tuple(("", name) for name in (*names, "n_train", "n_test", "verdict", "missing"))
    return Grid(_TITLE, header, tuple(rows), _notes(made, runs), command)


def render(made: Sequence[Answer], runs: tables.Runs, command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv, tex."""
    grid = report(made, runs, command)
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(tidy(made, runs, command)),
        "tex": formats.latex(grid),
    }
