"""Which modality is the stronger one (thesis 5.2.1): the modalities of a run that has a model of each alone, ranked.

The mean validation score over folds and seeds ranks them, and so chooses who teaches whom. Test scores stand beside and
choose nothing.
"""

from pathlib import Path

from affect_jax.evaluation import read
from affect_jax.evaluation.compare import Answer, list_designs
from affect_jax.evaluation.modality_ranking import Ranking, rank_modalities
from affect_jax.reports import naming, tables
from affect_jax.reports.answers import describe_answer, describe_briefly
from affect_jax.reports.render import write_notes, write_plain
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import VALIDATION_TRAP
from affect_jax.runtime.score_text import label_metric


def _describe_test(test: Answer, is_own: bool) -> dict[str, str]:
    a, _, b = test.question.label.partition(" vs ")
    row = describe_briefly(test, (a, b)) if is_own else describe_answer(test, (a, b))
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
    constant = {"modality": naming.describe_baseline(run)}
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
