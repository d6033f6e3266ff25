"""Any finished runs side by side: every variant's mean, spread and interval, and a paired test against one of them.

Trials of a variant are fold x seed. Where it has several folds, their training splits overlap and the seeds of one
share all of it, so interval and test use the variance of C. Nadeau and Y. Bengio (Machine Learning 52, 2003).
Trials of a single fold differ by seeds alone: Student's t, which says nothing about other data.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import product
from typing import Any, NamedTuple

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation.significance import Sample, Sizes, mean_interval
from affect_jax.reports import compare, read, tables
from affect_jax.reports.compare import Answer
from affect_jax.reports.read import Figure, Run
from affect_jax.reports.render import write_notes
from affect_jax.reports.sources import FUSION, Question, Source
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.reports.thesis import NAMING, VALIDATION_TRAP
from affect_jax.reports.thesis_tables import Expected, find_expected

TEST = "suited"
"""The paired test of trials of one fold, the resampled one of several."""
_PER_RECORDING = "_per_recording"


class Score(NamedTuple):
    """One variant in one metric on one split."""

    run: Run  # where it is from
    source: Source  # which variant; its config is the run's key
    split: str
    metric: str  # or one of its means per recording
    figure: Figure
    folds: int  # how many its trials come from
    interval: tuple[float, float] | None  # of 95 %; None where it is not known
    published: Expected | None  # what is printed of it, where that was asked for
    constant: float | None  # what a constant answer scores


@dataclass(frozen=True)
class Comparison:
    """Everything that the table, its csv and the page show."""

    runs: tuple[Run, ...]
    scores: tuple[Score, ...]  # those of the tested split first; in it in the order of the runs
    metric: str  # the one that is tested and drawn
    split: str  # the split in which it is
    reference: Source | None  # what the others are tested against; None where nothing is
    has_expected: bool  # whether published figures were asked for

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
        """Every variant against the reference by `TEST`, in one family of Holm's correction."""
        others = [score.source for score in self.tested_scores if self.reference not in (None, score.source)]
        questions = [Question(a.variant, a, self.reference, self.split, (self.metric,)) for a in others]
        of_many_folds, answers = {score.source for score in self.tested_scores if score.folds > 1}, []
        for answer in compare.answer_questions(questions, read.key_runs(self.runs), ("paired", "resampled")):
            test = "paired" if of_many_folds.isdisjoint((answer.question.a, self.reference)) else "resampled"
            suited = {TEST: answer.p(test)} if answer.contrast and test in answer.contrast.p else {}
            answers.append(answer._replace(contrast=answer.contrast and answer.contrast._replace(p=suited)))
        return {answer.question.a: answer for answer in compare.correct_answers(answers, lambda answer: answer.metric)}


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


def _find_interval(figure: Figure, folds: int, sizes: Sizes | None) -> tuple[float, float] | None:
    if figure.std is None or (folds > 1 and sizes is None):
        return None
    overlap = sizes.test / sizes.train if folds > 1 else 0.0
    return mean_interval(Sample(figure.mean, figure.std, figure.n), overlap=overlap)


def _list_scores(run: Run, has_expected: bool) -> Iterator[Score]:
    metrics = dict.fromkeys(summary.metric for summary in run.results.variants)
    measure_sizes = cache(partial(read.measure_sizes, run))  # which reads predictions
    for split, source in product(read.list_splits(run), read.list_variants(run)):
        folds = len({trial.fold for _, trial in read.list_trials(run, source)})
        sizes = measure_sizes(source.study, split) if folds > 1 else None
        for metric in metrics:
            figure = read.find_figure(run, source, split, metric)
            if figure is not None:
                interval, constant = _find_interval(figure, folds, sizes), read.find_baseline(run, split, metric)
                published = find_expected(run, source, split, metric) if has_expected else None
                facts = {"interval": interval, "published": published, "constant": constant}
                yield Score(run, source, split, metric, figure, folds, **facts)


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
    runs: Sequence[Run], *, reference: str | None = None, metric: str = "", has_expected: bool = False
) -> Comparison:
    """Every variant of finished runs of one task.

    Args:
      runs: as `read_runs` gives them.
      reference: a variant's name as `compare.find_variant` takes it; '' is the first variant, None tests nothing.
      metric: what is tested and drawn; '' as `choose_metric` says.
      has_expected: whether published figures stand beside ours.

    Raises:
      UserError: no metric in common, or no such metric or variant.
    """
    split = next((split for split in read.SPLITS if all(split in read.list_splits(run) for run in runs)), None)
    if split is None and len(runs) > 1:
        raise UserError(f"{' and '.join(str(run.path) for run in runs)} have no scored split in common")
    split = split or read.SPLITS[0]
    metric = choose_metric(runs, split, metric)
    scores = [score for run in runs for score in _list_scores(run, has_expected)]
    scores.sort(key=lambda score: score.split != split)
    variants = list(dict.fromkeys(score.source for score in scores if score.split == split))
    against = compare.find_variant(reference, read.key_runs(runs)) if reference else None
    if reference == "" and len(variants) > 1:
        against = variants[0]
    return Comparison(tuple(runs), tuple(scores), metric, split, against, has_expected)


def make_table(comparison: Comparison) -> Grid:
    """A line a variant and split, constant answers below them; the tested metric and its tests before the others.

    The csv has a line a figure, unrounded, all scores as fractions.
    """
    lines: dict[tuple[Source, str], dict[str, Score]] = {}
    for score in comparison.scores:
        lines.setdefault((score.source, score.split), {})[score.metric] = score
    metrics = dict.fromkeys(score.metric for score in comparison.scores)
    metrics = [m for m in metrics if not (m.endswith(_PER_RECORDING) and m.removesuffix(_PER_RECORDING) in metrics)]
    metrics.sort(key=lambda metric: metric != comparison.metric)
    printed = {score.metric for score in comparison.scores if score.published}
    heads = {m: (tables.label_metric(m), "ours") if m in printed else tables.label_metric(m) for m in metrics}
    rows = [_describe_variant(comparison, *line, scores, heads) for line, scores in lines.items()]
    constants: dict[str, dict[Head, Any]] = {}
    for run, split in ((score.run, score.split) for score in comparison.scores):
        if scores := run.results.baselines.get(split):
            corpus = run.results.corpus.name
            row = {"run": run.mark(corpus), "variant": read.name_baseline(run), "split": split}
            row |= {head: tables.format_score(scores.get(metric), metric) for metric, head in heads.items()}
            constants.setdefault(f"{corpus} {split} {sorted(scores.items())}", row)
    records = (_list_tidy(comparison, score) for score in comparison.scores)
    return make_grid(f"Variants of {comparison.title}", [*rows, *constants.values()], _write_notes(comparison), records)


def _describe_variant(
    comparison: Comparison, source: Source, split: str, scores: Mapping[str, Score], heads: Mapping[str, Head]
) -> dict[Head, Any]:
    """One variant's row on one split: its scores by metric; `heads` are those of the columns with ours, by metric."""
    row: dict[Head, Any] = {"run": comparison.labels[source.config]}
    row |= {"study": source.study} if comparison.has_studies else {}
    row |= {"variant": source.variant, "split": split, "n": max(score.figure.n for score in scores.values())}
    for metric, head in heads.items():
        score, recording = scores.get(metric), scores.get(metric + _PER_RECORDING)
        row[head] = "" if score is None else _format_score(score, recording)
        if isinstance(head, tuple):
            row[head[0], "thesis"], row[head[0], "difference"] = _format_published(score)
        if metric == comparison.metric and comparison.reference is not None:
            against = f"against {comparison.names[comparison.reference]}"
            row |= {(against, column): text for column, text in _format_test(comparison, source, split).items()}
    return row


def _format_score(score: Score, recording: Score | None) -> str:
    """'63.4 ± 0.8 [62.9, 63.9]', then the mean per recording where there is one."""
    text = tables.format_figure(score.figure, score.metric)
    if score.interval is not None:
        text += f" [{', '.join(tables.format_score(edge, score.metric) for edge in score.interval)}]"
    return (
        text if recording is None else f"{text}; per recording {tables.format_figure(recording.figure, score.metric)}"
    )


def _format_published(score: Score | None) -> tuple[str, str]:
    """What the thesis prints with its table, and ours minus it."""
    if score is None or score.published is None:
        return "", ""
    (mean, std, table), metric = score.published, score.metric
    difference = tables.format_difference(score.figure.mean - mean, metric)
    return f"{tables.format_figure(Figure(mean, std, 0), metric)} ({table})", difference


def _format_test(comparison: Comparison, source: Source, split: str) -> dict[str, str]:
    """Difference to the reference, p and p by Holm."""
    texts, test = {"difference": "", "p": "", "p, Holm": ""}, comparison.tests.get(source)
    if split == comparison.split and source == comparison.reference:
        texts["difference"] = "0 (reference)"
    elif split == comparison.split and test is not None and test.contrast is not None:
        difference = tables.format_difference(test.contrast.difference, test.metric)
        texts["difference"] = f"{difference} (n={test.contrast.n})"
        texts["p"], texts["p, Holm"] = tables.format_p(test.p(TEST)), tables.format_p(test.holm(TEST))
    return texts


def _write_notes(comparison: Comparison) -> tuple[str, ...]:
    untested: dict[str, list[str]] = {}
    for source, test in comparison.tests.items():
        if math.isnan(test.p(TEST)):
            untested.setdefault(test.missing or test.find_doubt(TEST), []).append(comparison.names[source])
    return write_notes(
        "comparison",
        c=comparison,
        constant=read.name_baseline(comparison.runs[0]),
        metric=tables.label_metric(comparison.metric),
        untested=untested,
        tested=len(comparison.tests) - sum(map(len, untested.values())),
        is_fusion=any(run.results.config_arg.startswith(FUSION) for run in comparison.runs),
        naming=NAMING,
        validation_trap=VALIDATION_TRAP,
    )


def _list_tidy(comparison: Comparison, score: Score) -> dict[str, Any]:
    run, source, interval = score.run, score.source, score.interval
    is_tested = (score.split, score.metric) == (comparison.split, comparison.metric)
    test = comparison.tests.get(source) if is_tested else None
    row = {"run": run.path.name, "corpus": run.results.corpus.name, "synthetic": run.synthetic}
    row |= {"study": source.study, "variant": source.variant, "split": score.split, "metric": score.metric}
    row |= score.figure._asdict() | {"folds": score.folds}
    row |= {"low": interval and interval[0], "high": interval and interval[1], "constant": score.constant}
    row |= tables.pick_fields(score.published, thesis="mean", thesis_std="std", thesis_table="table")
    row |= {"reference": test and comparison.reference.variant}
    row |= tables.pick_fields(test and test.contrast, difference="difference")
    row |= {"p": test and test.p(TEST), "p_holm": test and test.holm(TEST)}
    return row | {"untested": test and (test.missing or test.find_doubt(TEST))}
