"""Any finished runs side by side: every variant's mean, spread and intervals, and a test against one of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
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
from affect_jax.reports import naming, tables
from affect_jax.reports.answers import BRIEF, COLUMNS, describe_answer, describe_briefly, give_verdict
from affect_jax.reports.render import write_notes
from affect_jax.reports.sources import FUSION
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.reports.thesis import NAMING, VALIDATION_TRAP
from affect_jax.reports.thesis_tables import Expected, find_expected
from affect_jax.runtime.score_text import clip_interval, label_metric

_PER_RECORDING = "_per_recording"
_OVER_GROUPS = "95 % over groups"


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
    margin: float | None = None  # within which variants count as equivalent, as a fraction; None was not asked

    @cached_property
    def labels(self) -> dict[str, str]:
        """What a run is called, by its key."""
        return naming.label_runs(self.runs)

    @cached_property
    def names(self) -> dict[Source, str]:
        """What a variant is called in a chart; no two are the same."""
        return naming.name_variants(self.runs)

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
        others = [score.source for score in self.tested_scores if self.reference not in (None, score.source)]
        questions = [Question(a.variant, a, self.reference, self.split, (self.metric,)) for a in others]
        answers = compare.answer_questions(questions, read.key_runs(self.runs), margin=self.margin)
        return {answer.question.a: answer for answer in answers}

    @property
    def is_own(self) -> bool:
        """Whether all runs are of the user's own files."""
        return all(run.is_own for run in self.runs)

    @property
    def designs(self) -> list[Design]:
        """How the trials of what is shown came about: one of each kind and size, that of the tested split."""
        designs: dict[tuple[str, int, int], Design] = {}
        for design in (score.design for score in self.scores):  # the tested split comes first
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


def _list_scores(run: Run, tested: tuple[str, str], has_expected: bool) -> Iterator[Score]:
    """The scores of a run; those of the `tested` split and metric with their interval over groups."""
    results, read_once = run.results, read.make_reader()
    metrics = dict.fromkeys(summary.metric for summary in results.variants)
    for split, source in product(read.list_splits(run), read.list_variants(run)):
        matched = read.match_trials(run, source)
        for metric in metrics:
            figure = read.find_figure(run, source, split, metric)
            scores = {key: (results.trials[number].scores(split) or {}).get(metric) for key, number in matched.items()}
            scores = {key: score for key, score in scores.items() if score is not None}
            if figure is None or not scores:
                continue
            design, groups = derive_design(list(scores), split, results.corpus), None
            low, high = test_mean(list(scores.values()), design).bound()
            is_told = not math.isnan(low) and design.count_units() >= LEAST_UNITS
            interval = clip_interval(low, high, metric.removesuffix(_PER_RECORDING)) if is_told else None
            if (split, metric) == tested:
                predictions = read_once(run, source.study, split)
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
                published=find_expected(run, source, split, metric) if has_expected else None,
                constant=read.find_baseline(run, split, metric),
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
    has_expected: bool = False,
    margin: float | None = None,
) -> Comparison:
    """Every variant of finished runs of one task.

    Args:
      runs: as `read_runs` gives them.
      reference: a variant's name as `compare.find_variant` takes it; '' is the first variant, None tests nothing.
      metric: what is tested and drawn; '' as `choose_metric` says.
      has_expected: whether published figures stand beside ours.
      margin: within which variants count as equivalent, as a fraction; None does not ask.

    Raises:
      UserError: no metric in common, or no such metric or variant.
    """
    split = next((split for split in read.SPLITS if all(split in read.list_splits(run) for run in runs)), None)
    if split is None and len(runs) > 1:
        raise UserError(f"{' and '.join(str(run.path) for run in runs)} have no scored split in common")
    split = split or read.SPLITS[0]
    metric = choose_metric(runs, split, metric)
    scores = [score for run in runs for score in _list_scores(run, (split, metric), has_expected)]
    scores.sort(key=lambda score: score.split != split)
    variants = list(dict.fromkeys(score.source for score in scores if score.split == split))
    against = compare.find_variant(reference, read.key_runs(runs)) if reference else None
    if reference == "" and len(variants) > 1:
        against = variants[0]
    return Comparison(tuple(runs), tuple(scores), metric, split, against, has_expected=has_expected, margin=margin)


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
    heads = {m: (label_metric(m), "ours") if m in printed else label_metric(m) for m in metrics}
    rows = [_describe_variant(comparison, *line, scores, heads) for line, scores in lines.items()]
    constants: dict[str, dict[Head, Any]] = {}
    for run, split in ((score.run, score.split) for score in comparison.scores):
        if scores := run.results.baselines.get(split):
            corpus = run.results.corpus.name
            row = {"run": run.mark(corpus), "variant": naming.describe_baseline(run), "split": split}
            row |= {head: tables.format_score(scores.get(metric), metric) for metric, head in heads.items()}
            constants.setdefault(f"{corpus} {split} {sorted(scores.items())}", row)
    records = (_list_tidy(comparison, score) for score in comparison.scores)
    return make_grid(f"Variants of {comparison.title}", [*rows, *constants.values()], _write_notes(comparison), records)


def summarize_table(comparison: Comparison, grid: Grid) -> Grid:
    """What a person asks first, narrow enough for a screen: the tested split and metric, its interval, the verdict."""
    heads = label_metric(comparison.metric), _OVER_GROUPS
    sources = {score.source for score in comparison.scores}
    told = {"run": len(comparison.runs) > 1, "study": len({(s.config, s.variant) for s in sources}) < len(sources)}
    split = grid.header.index(("", "split")) if ("", "split") in grid.header else None
    rows = tuple(row for row in grid.rows if split is None or row[split] == comparison.split)

    def is_asked(group: str, name: str) -> bool:
        if group.startswith("against "):
            return name in ("difference", "p", "verdict") if comparison.is_own else name in ("difference", "verdict")
        if name in told:  # only where it tells variants apart
            return told[name]
        return name in ("variant", "n") or name in heads or group in heads

    return tables.pick_columns(grid._replace(rows=rows), is_asked)


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
        if metric == comparison.metric and any(one.over_groups for one in comparison.scores):
            row[_OVER_GROUPS] = "" if score is None else _format_over_groups(score)
        if metric == comparison.metric and comparison.reference is not None:
            against = f"against {comparison.names[comparison.reference]}"
            row |= {(against, column): text for column, text in _describe_test(comparison, source, split).items()}
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


def _format_over_groups(score: Score) -> str:
    """'[60.1, 66.5] (31)'."""
    interval = score.over_groups
    if interval is None:
        return ""
    edges = ", ".join(tables.format_score(edge, score.metric) for edge in (interval.low, interval.high))
    return f"[{edges}] ({interval.groups})"


def _describe_test(comparison: Comparison, source: Source, split: str) -> dict[str, str]:
    """The columns of the test against the reference; blank for what is not tested."""
    test, is_own = comparison.tests.get(source) if split == comparison.split else None, comparison.is_own
    if test is None:
        columns = dict.fromkeys(BRIEF if is_own else COLUMNS, "")
    else:
        columns = describe_briefly(test) if is_own else describe_answer(test)
    if (source, split) == (comparison.reference, comparison.split):
        columns["difference"] = "0 (reference)"
    return {name: text for name, text in columns.items() if name != "scores"}


def _write_notes(comparison: Comparison) -> tuple[str, ...]:
    untested: dict[str, list[str]] = {}
    for source, test in comparison.tests.items():
        if test.doubt:
            untested.setdefault(test.missing or test.doubt, []).append(comparison.names[source])
    return write_notes(
        "comparison",
        partial=_list_partial(comparison),
        c=comparison,
        constant=naming.describe_baseline(comparison.runs[0]),
        metric=label_metric(comparison.metric),
        untested=untested,
        tested=len(comparison.tests) - sum(map(len, untested.values())),
        is_fusion=any(run.results.config_arg.startswith(FUSION) and not run.is_own for run in comparison.runs),
        naming=NAMING,
        validation_trap=VALIDATION_TRAP,
    )


def _list_partial(comparison: Comparison) -> list[str]:
    """What is said of each difference over fewer trials than a mean beside it: only trials that both have count."""
    counts = {score.source: score.figure.n for score in comparison.tested_scores}
    told = []
    for source, test in comparison.tests.items():
        c = test.contrast
        if c is not None and c.n < max(counts[source], counts[comparison.reference]):
            means = " and ".join(tables.format_score(one.mean, comparison.metric) for one in (c.a, c.b))
            names = f"{comparison.names[source]} and {comparison.names[comparison.reference]}"
            told.append(f"{names}: the difference is over the {c.n} trials that both have, whose means are {means}")
    return told


def _list_tidy(comparison: Comparison, score: Score) -> dict[str, Any]:
    run, source, interval = score.run, score.source, score.interval
    is_tested = (score.split, score.metric) == (comparison.split, comparison.metric)
    test = comparison.tests.get(source) if is_tested else None
    row = {"run": run.path.name, "corpus": run.results.corpus.name, "synthetic": run.synthetic}
    row |= {"study": source.study, "variant": source.variant, "split": score.split, "metric": score.metric}
    row |= score.figure._asdict() | {"folds": len(score.design.folds)}
    row |= {"low": interval and interval[0], "high": interval and interval[1], "constant": score.constant}
    row |= tables.pick_fields(score.over_groups, groups_low="low", groups_high="high", groups="groups")
    if comparison.has_expected:
        row |= tables.pick_fields(score.published, thesis="mean", thesis_std="std", thesis_table="table")
    row |= {"reference": test and comparison.reference.variant}
    row |= tables.pick_fields(
        test and test.contrast, difference="difference", test="test.rule", p="test.p", p_holm="holm"
    )
    return row | {"verdict": test and give_verdict(test), "untested": test and (test.missing or test.doubt)}
