"""Every variant of finished runs of one task: mean, spread and intervals, and a test against one of them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import compare, over_groups, read
from affect_jax.evaluation.compare import Answer, Question
from affect_jax.evaluation.decision import test_mean
from affect_jax.evaluation.design import Design, derive_design
from affect_jax.evaluation.read import Figure, Run, Source
from affect_jax.evaluation.significance import LEAST_UNITS, Interval
from affect_jax.runtime.score_text import clip_interval

PER_RECORDING = "_per_recording"
"""Ends the name of a metric's mean per recording."""


FindPublished = Callable[[Run, Source, str, str], Any]


class Score(NamedTuple):
    """One variant in one metric on one split."""

    run: Run  # where it is from
    source: Source  # which variant; its config is the run's key
    split: str
    metric: str  # or one of its means per recording
    figure: Figure
    design: Design  # of its trials
    interval: tuple[float, float] | None  # of 95 % over seeds, draws or folds; None where it is not known, or over few
    over_groups: Interval | None  # over speakers or videos, of what is tested; None where it is not known
    constant: float | None  # what a constant answer scores
    published: Any = None  # what is printed of it, where that was asked for


@dataclass(frozen=True)
class Comparison:
    """Everything that the table, its csv and the page show."""

    runs: tuple[Run, ...]
    scores: tuple[Score, ...]  # those of the tested split first; in it in the order of the runs
    metric: str  # the one that is tested and drawn
    split: str  # the split in which it is
    reference: Source | None  # what the others are tested against; None where nothing is
    margin: float | None = None  # within which variants count as equivalent, as a fraction; None was not asked
    has_expected: bool = False  # whether published figures were asked for

    @cached_property
    def labels(self) -> dict[str, str]:
        """What a run is called, by its key."""
        return read.label_runs(self.runs)

    @cached_property
    def names(self) -> dict[Source, str]:
        """What a variant is called in a chart; no two are the same."""
        return read.name_variants(self.runs)

    @property
    def title(self) -> str:
        """What was compared."""
        return ", ".join(self.labels.values())

    @property
    def has_studies(self) -> bool:
        """Whether some study has another name than its variant."""
        return any(score.source.study != score.source.variant for score in self.scores)

    @property
    def tested_scores(self) -> list[Score]:
        """Scores of the split and in the metric that is tested."""
        return [score for score in self.scores if (score.split, score.metric) == (self.split, self.metric)]

    @cached_property
    def tests(self) -> dict[Source, Answer]:
        """Every variant against the reference, in one family of Holm's correction."""
        others = [
            score.source
            for score in self.tested_scores
            # An ensemble has one value where a variant has a value a seed: it is tested where that is asked for.
            if self.reference not in (None, score.source) and not read.is_ensemble(score.run, score.source)
        ]
        questions = [Question(a.variant, a, self.reference, self.split, (self.metric,)) for a in others]
        answers = compare.answer_questions(questions, read.key_runs(self.runs), margin=self.margin)
        return {answer.question.a: answer for answer in answers}

    @property
    def is_own(self) -> bool:
        """Whether all runs are of the user's own files."""
        return all(run.is_own for run in self.runs)

    @property
    def has_ensembles(self) -> bool:
        """Whether some line is of ensembles of seeds."""
        return any(run.ensembles for run in self.runs)

    @property
    def designs(self) -> list[Design]:
        """How the trials of what is shown came about: one of each kind and size, that of the tested split."""
        designs: dict[tuple[str, int, int], Design] = {}
        for score in self.scores:  # the tested split comes first
            if read.is_ensemble(score.run, score.source):
                continue
            design = score.design
            designs.setdefault((design.kind, len(design.folds), design.seeds), design)
        return list(designs.values())


def read_runs(run_folders: Sequence[str]) -> list[Run]:
    """Run folders that can stand in one comparison, each once.

    Raises:
      UserError: one is not of a finished run, or they are of different tasks.
    """
    runs = [read.read_run(folder) for folder in dict.fromkeys(run_folders)]
    for run in runs[1:]:
        if run.results.task != runs[0].results.task:
            raise UserError(
                f"{run.path} is of task {run.results.task}, {runs[0].path} of {runs[0].results.task}: their scores are "
                "not the same thing; make a report of each task"
            )
    return runs


def _list_scores(run: Run, tested: tuple[str, str], find_published: FindPublished | None) -> Iterator[Score]:
    """The scores of a run; those of the `tested` split and metric with their interval over groups."""
    results = run.results
    metrics = dict.fromkeys(summary.metric for summary in results.variants)
    for split, source in product(read.list_splits(run), read.list_variants(run)):
        matched, figures = read.match_trials(run, source), read.list_figures(run, source)
        for metric in metrics:
            figure = figures.get((split, metric))
            scores = {key: (results.trials[number].scores(split) or {}).get(metric) for key, number in matched.items()}
            scores = {key: score for key, score in scores.items() if score is not None}
            if figure is None or not scores:
                continue
            design, groups = derive_design(list(scores), split, results.corpus), None
            low, high = test_mean(list(scores.values()), design).bound()
            is_told = not math.isnan(low) and design.count_units() >= LEAST_UNITS
            interval = clip_interval(low, high, metric.removesuffix(PER_RECORDING)) if is_told else None
            if (split, metric) == tested:
                predictions = read.read_predictions(run, source.study, split)
                joined = over_groups.join_folds(predictions, [matched[key] for key in scores], design)
                count = results.corpus.counts.get(split)
                groups = over_groups.bound_score(results.task, metric, joined, figure.mean, count and count.steps)
            yield Score(
                run=run,
                source=source,
                split=split,
                metric=metric,
                figure=figure,
                design=design,
                interval=interval,
                over_groups=groups,
                constant=read.find_baseline(run, split, metric),
                published=find_published and find_published(run, source, split, metric),
            )


def choose_metric(runs: Sequence[Run], split: str, metric: str = "") -> str:
    """The metric asked for, else the one that all runs were stopped by, else the first that all of them have.

    '' for a single run that has none.

    Raises:
      UserError: they share none, or not the one asked for.
    """
    scored = [{s.metric for s in run.results.variants if s.split == split and s.mean is not None} for run in runs]
    shared = set.intersection(*scored)
    for run, known in zip(runs, map(sorted, scored), strict=True):
        if metric and metric not in known:
            raise UserError(
                f"--metric={metric}: {run.path} has none on its {split} split{suggest_nearest(metric, known)}; "
                f"it has {', '.join(known)}"
            )
    monitors = {run.results.monitor.metric for run in runs}
    for wanted in (metric, *(monitors if len(monitors) == 1 else ()), *compare.METRICS, *sorted(shared)):
        if wanted in shared:
            return wanted
    if len(runs) == 1:
        return ""  # nothing was scored
    raise UserError(
        f"{' and '.join(str(run.path) for run in runs)} have no metric in common; make a report of each of them"
    )


def compare_runs(
    runs: Sequence[Run],
    *,
    reference: str | None = None,
    metric: str = "",
    margin: float | None = None,
    find_published: FindPublished | None = None,
) -> Comparison:
    """Every variant of finished runs of one task.

    Args:
      runs: as `read_runs` gives them.
      reference: a variant's name as `compare.find_variant` takes it; '' is the first variant, None tests nothing.
      metric: what is tested and drawn; '' as `choose_metric` says.
      margin: within which variants count as equivalent, as a fraction; None does not ask.
      find_published: what is printed of a variant, split and metric, where such figures stand beside ours.

    Raises:
      UserError: no metric in common, or no such metric or variant.
    """
    split = next((split for split in read.SPLITS if all(split in read.list_splits(run) for run in runs)), None)
    if split is None and len(runs) > 1:
        raise UserError(f"{' and '.join(str(run.path) for run in runs)} have no scored split in common")
    split = split or read.SPLITS[0]
    metric = choose_metric(runs, split, metric)
    scores = [score for run in runs for score in _list_scores(run, (split, metric), find_published)]
    scores.sort(key=lambda score: score.split != split)
    tested = list(dict.fromkeys(score.source for score in scores if score.split == split))
    against = compare.find_variant(reference, read.key_runs(runs)) if reference else None
    if reference == "" and len(tested) > 1:
        against = tested[0]
    return Comparison(
        tuple(runs), tuple(scores), metric, split, against, margin=margin, has_expected=find_published is not None
    )
