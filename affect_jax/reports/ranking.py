"""Which modality is the stronger one (thesis 5.2.1): the modalities of a run that has a model of each alone, ranked.

The mean validation score over folds and seeds ranks them, and so chooses who teaches whom. Test scores stand beside and
choose nothing.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from affect_jax.config.modalities import map_single_modalities
from affect_jax.errors import UserError
from affect_jax.reports import read, tables
from affect_jax.reports.compare import LEVEL, METRICS, Answer, answer_questions, find_doubt
from affect_jax.reports.read import Figure, Run
from affect_jax.reports.sources import Question, Source
from affect_jax.reports.tables import Grid, format_p, make_grid
from affect_jax.reports.thesis import NOTES

_READING = (
    "Ranked by the mean validation score, which alone chooses the pair. ± sample standard deviation over n trials "
    "(fold x seed); a model of one modality each, of the same form.",
    "p paired: Student's t-test of the differences of trials of the same fold and seed. p resampled: the same with the "
    "variance of Nadeau and Bengio (2003), for folds share training data; Holm: corrected over all pairs of "
    f"modalities. The verdict rests on the last, at {LEVEL:g}.",
)
_TESTED = ("difference", "p paired", "p resampled", "Holm", "verdict")


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

    @property
    def weaker(self) -> str:
        """The weakest: it has the most to learn."""
        return self.ranked[-1].modality

    @property
    def stronger(self) -> str:
        """The strongest: it has the most to teach."""
        return self.ranked[0].modality


def rank_modalities(run: Run) -> Ranking | None:
    """The ranking of a run; None where it has not one variant for each of two modalities or more."""
    modality_of = map_single_modalities(run.config) if run.config.get("studies") and "model" in run.config else {}
    variants = read.list_variants(run)
    sources = {modality_of.get(source.study, ""): source for source in variants}
    if len(sources) < 2 or len(sources) < len(variants) or "" in sources:
        return None
    metric = _choose_metric(run, variants)
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
    answers = answer_questions(questions, {str(run.path): run}, ("paired", "resampled"))
    return Ranking(run, metric, tuple(ranked), tuple(answers))


def _choose_metric(run: Run, sources: Sequence[Source]) -> str:
    """What the run was stopped by, or where less of that is better, another score."""
    if run.results.monitor.goal == "max":
        return run.results.monitor.metric
    return next(m for m in METRICS if read.find_figure(run, sources[0], "validation", m) is not None)


def read_ranking(folder: Path) -> Ranking:
    """The ranking of a finished run folder.

    Raises:
      UserError: it is no finished run, or none with a model of each modality alone.
    """
    ranking = rank_modalities(read.read_run(folder))
    if ranking is None:
        raise UserError(f"{folder} has no ranking of modalities; make one with configs/rank.py")
    return ranking


def _give_verdict(ranking: Ranking, test: Answer) -> str:
    names = {one.source: one.modality for one in ranking.ranked}
    if doubt := test.missing or find_doubt(test, "resampled"):
        return doubt
    if test.holm("resampled") < LEVEL:
        return f"{names[test.question.a]} better"
    return f"no difference shown to {names[test.question.b]}"


def _make_cells(ranking: Ranking, test: Answer | None) -> tuple[str, ...]:
    """Difference, p paired, p resampled, p by Holm, verdict."""
    if test is None:
        return ("",) * 5
    p = (test.p("paired"), test.p("resampled"), test.holm("resampled"))
    difference = "" if test.contrast is None else tables.format_difference(test.contrast.difference, ranking.metric)
    return (difference, *map(format_p, p), _give_verdict(ranking, test))


def make_table(ranking: Ranking) -> Grid:
    """A line a modality, the strongest first, tested against the next one."""
    run, metric = ranking.run, ranking.metric
    tests = {(t.question.a, t.question.b): t for t in ranking.tests}
    rows = []
    for place, one in enumerate(ranking.ranked, start=1):
        following = ranking.ranked[place].source if place < len(ranking.ranked) else None
        figures = (one.validation, one.test)
        scores = [f"{tables.format_figure(f, metric)} (n={f.n})" if f is not None else "–" for f in figures]
        name = f"{one.modality} (synthetic)" if run.synthetic else one.modality
        rows.append((place, name, *scores, *_make_cells(ranking, tests.get((one.source, following)))))
    constants = [read.find_baseline(run, split, metric) for split in ("validation", "test")]
    scores = ["–" if value is None else tables.format_score(value, metric) for value in constants]
    rows.append(("", f"{read.name_baseline(run)} answer", *scores, *("",) * 5))
    label = tables.label_metric(metric)
    header = ["rank", "modality", ("validation", label), ("test", label)]
    header += [("against the next", name) for name in _TESTED]
    return make_grid(f"Modalities of {run.path.name}, the stronger first", header, rows, _write_notes(ranking))


def _write_notes(ranking: Ranking) -> tuple[str, ...]:
    ends = ranking.ranked[0].source, ranking.ranked[-1].source
    test = next(t for t in ranking.tests if (t.question.a, t.question.b) == ends)
    verdict = _give_verdict(ranking, test)
    trap = NOTES["cmu_mosi"][1:2] if ranking.run.results.corpus.name == "cmu_mosi" else ()
    pair = f"Suggested pair for co-learning: {ranking.stronger} teaches {ranking.weaker} ({verdict})."
    return (pair, *_READING, *trap, read.describe_run(ranking.run))


def make_pair_table(ranking: Ranking) -> Grid:
    """A line a pair of modalities."""
    rows = [(test.question.label, *_make_cells(ranking, test)) for test in ranking.tests]
    label = tables.label_metric(ranking.metric)
    title = f"Every two modalities of {ranking.run.path.name}, by validation {label}"
    return make_grid(title, ("modalities", *_TESTED), rows, _READING[1:])


def summarize_ranking(folder: Path) -> str:
    """The ranking of a finished run as aligned text for a terminal; '' where it is none."""
    ranking = rank_modalities(read.read_run(folder))
    return "" if ranking is None else tables.write_plain(make_table(ranking))
