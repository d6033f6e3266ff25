"""Which modality is the stronger one (thesis 5.2.1): the modalities of a run that has a model of each alone, ranked.

The mean validation score over folds and seeds ranks them, and so chooses who teaches whom. Test scores stand beside and
choose nothing.
"""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from affect_jax.config.modalities import map_single_modalities
from affect_jax.reports import read, tables
from affect_jax.reports.compare import METRICS, Answer, answer_questions, list_designs
from affect_jax.reports.read import Figure, Run
from affect_jax.reports.render import write_notes, write_plain
from affect_jax.reports.sources import Question, Source
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import VALIDATION_TRAP
from affect_jax.runtime.score_text import label_metric


class Ranked(NamedTuple):
    """A modality's only variant, and its scores; `test` is None where the test split has no labels."""

    modality: str
    source: Source
    validation: Figure
    test: Figure | None


class Ranking(NamedTuple):
    """The modalities of a run, the strongest first, and the tests of every two of them, in that order."""

    run: Run
    metric: str
    ranked: tuple[Ranked, ...]
    tests: tuple[Answer, ...]


def rank_modalities(run: Run) -> Ranking | None:
    """The ranking of a run; None where it has not one variant for each of two modalities or more."""
    modality_of = map_single_modalities(run.config) if run.config.get("studies") and "model" in run.config else {}
    variants = read.list_variants(run)
    sources = {modality_of.get(source.study, ""): source for source in variants}
    if len(sources) < 2 or len(sources) < len(variants) or "" in sources:
        return None
    metric = run.results.monitor.metric
    if run.results.monitor.goal != "max":  # less of it is better: another score
        metric = next(m for m in METRICS if read.find_figure(run, variants[0], "validation", m) is not None)
    ranked = []
    for modality, source in sources.items():
        validation, test = (read.find_figure(run, source, split, metric) for split in ("validation", "test"))
        if validation is None:
            return None
        ranked.append(Ranked(modality, source, validation, test))
    ranked.sort(key=lambda one: (-one.validation.mean, one.modality))
    questions = [
        Question(f"{a.modality} vs {b.modality}", a.source, b.source, "validation", (metric,))
        for a, b in combinations(ranked, 2)
    ]
    return Ranking(run, metric, tuple(ranked), tuple(answer_questions(questions, {run.key: run})))


def _describe_test(test: Answer, is_own: bool) -> dict[str, str]:
    a, _, b = test.question.label.partition(" vs ")
    row = test.describe_briefly((a, b)) if is_own else test.describe((a, b))
    return row | ({"verdict": test.missing} if test.missing else {})


def make_table(ranking: Ranking) -> Grid:
    """A line a modality, the strongest first, tested against the next one, and a line for the constant answer."""
    run, metric, label = ranking.run, ranking.metric, label_metric(ranking.metric)
    tests = {(test.question.a, test.question.b): _describe_test(test, run.is_own) for test in ranking.tests}
    rows = []
    for place, one in enumerate(ranking.ranked, start=1):
        row = {"rank": place, "modality": run.mark(one.modality)}
        for split, figure in (("validation", one.validation), ("test", one.test)):
            row[split, label] = "–" if figure is None else f"{tables.format_figure(figure, metric)} (n={figure.n})"
        following = ranking.ranked[place].source if place < len(ranking.ranked) else None
        test = tests.get((one.source, following), {})
        rows.append(row | {("against the next", name): text for name, text in test.items() if name != "scores"})
    constant = {"modality": read.describe_baseline(run)}
    for split in ("validation", "test"):
        constant[split, label] = tables.format_score(read.find_baseline(run, split, metric), metric) or "–"
    ends = ranking.ranked[0], ranking.ranked[-1]
    notes = write_notes(
        "ranking",
        pair=[one.modality for one in ends],
        verdict=tests[ends[0].source, ends[1].source]["verdict"],
        designs=list_designs(ranking.tests),
        validation_trap=VALIDATION_TRAP,
        run=run,
    )
    return make_grid(f"Modalities of {run.path.name}, the stronger first", [*rows, constant], notes)


def make_pair_table(ranking: Ranking) -> Grid:
    """A line a pair of modalities."""
    rows = [{"modalities": test.question.label} | _describe_test(test, ranking.run.is_own) for test in ranking.tests]
    title = f"Every two modalities of {ranking.run.path.name}, by validation {label_metric(ranking.metric)}"
    return make_grid(title, rows, write_notes("ranking", pair=None, designs=list_designs(ranking.tests)))


def summarize_ranking(folder: Path) -> str:
    """The ranking of a finished run as aligned text for a terminal; '' where it is none."""
    ranking = rank_modalities(read.read_run(folder))
    return "" if ranking is None else write_plain(make_table(ranking))
