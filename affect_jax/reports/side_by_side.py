"""Any finished runs side by side: every variant's mean, spread and interval, and a paired test against one of them.

Trials of a variant are fold x seed. Where it has several folds, their training splits overlap and the seeds of one
share all of it, so interval and test use the variance of C. Nadeau and Y. Bengio (Machine Learning 52, 2003).
Trials of a single fold differ by seeds alone: Student's t, which says nothing about other data.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation.significance import Sample, Sizes, holm, mean_interval
from affect_jax.reports import compare, read, tables
from affect_jax.reports.read import Figure, Run
from affect_jax.reports.sources import FUSION, Question, Source
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import NAMING, NOTES
from affect_jax.reports.thesis_tables import Expected, find_expected

PER_RECORDING = "_per_recording"
_READING = (
    "mean ± sample standard deviation over n trials (fold x seed) [95 % interval of the mean]; accuracy, UAR and F1 in "
    "percent. Lines called {}."
)
_CONSTANT = {
    "majority": "majority answer the most frequent class",
    "constant": "constant answer one number, the mean of the split's own labels",
}
_ONE_FOLD = "Interval and test over trials of one fold: Student's t; it speaks of other seeds, not of other data."
_FOLDS = (
    "Interval and test over several folds: Student's t with the variance of Nadeau and Bengio (2003), because folds "
    "share training data and the seeds of a fold share all of it; the plain one would be too narrow."
)
_UNKNOWN = "No interval or test where the size of the folds is not known (predictions.npz does not hold it)."


class Entry(NamedTuple):
    """One variant on one split."""

    run: Run  # where it is from
    source: Source  # which variant; its config is the run's path
    split: str  # which split
    figures: Mapping[str, Figure]  # by metric; those per recording among them
    folds: int  # how many its trials come from
    intervals: Mapping[str, tuple[float, float]]  # by metric, of 95 %; without those that are not known
    published: Mapping[str, Expected]  # by metric, what is printed of it


class Tested(NamedTuple):
    """A variant against the reference: mean of its trials' differences, two-tailed p, the same by Holm; or why not."""

    difference: float = math.nan
    n: int = 0
    p: float = math.nan
    holm: float = math.nan
    missing: str = ""


class Comparison(NamedTuple):
    """Everything that the table, its csv and the page show."""

    runs: tuple[Run, ...]
    entries: tuple[Entry, ...]  # the tested split first; in it in the order of the runs
    labels: Mapping[str, str]  # what a run is called, by the config of its sources
    names: Mapping[Source, str]  # what a variant is called in a chart; no two are the same
    metrics: tuple[str, ...]  # of any entry, without those per recording
    metric: str  # the one that is tested and drawn
    split: str  # the split in which it is
    reference: Source | None  # what the others are tested against; None where nothing is
    tests: Mapping[Source, Tested]
    has_expected: bool  # whether published figures were asked for

    @property
    def title(self) -> str:
        """What was compared."""
        return ", ".join(self.labels.values())

    @property
    def drawn(self) -> list[Entry]:
        """The entries of the split and with the metric that is tested."""
        return [entry for entry in self.entries if entry.split == self.split and self.metric in entry.figures]


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


def _list_entries(run: Run, has_expected: bool) -> list[Entry]:
    entries, metrics = [], list(dict.fromkeys(summary.metric for summary in run.results.variants))
    for split in read.list_splits(run):
        sizes: dict[str, Sizes | None] = {}
        for source in read.list_variants(run):
            figures = {metric: read.find_figure(run, source, split, metric) for metric in metrics}
            figures = {metric: figure for metric, figure in figures.items() if figure is not None}
            if not figures:
                continue
            folds = len({trial.fold for _, trial in read.list_trials(run, source)})
            if folds > 1 and source.study not in sizes:
                sizes[source.study] = read.measure_sizes(run, source.study, split)
            intervals = {m: _find_interval(figure, folds, sizes.get(source.study)) for m, figure in figures.items()}
            published = {m: find_expected(run, source, split, m) for m in figures} if has_expected else {}
            known = ({m: value for m, value in x.items() if value is not None} for x in (intervals, published))
            entries.append(Entry(run, source, split, figures, folds, *known))
    return entries


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


def _test_entries(entries: Sequence[Entry], reference: Source, runs: Mapping[str, Run], metric: str) -> dict:
    """Every entry of one split but the reference, in one family of Holm's correction."""
    others = [entry for entry in entries if entry.source != reference and metric in entry.figures]
    questions = [Question(e.source.variant, e.source, reference, e.split, (metric,)) for e in others]
    has_one_fold = {entry.source: entry.folds == 1 for entry in entries}
    tests = {}
    for answer in compare.answer_questions(questions, runs, ("paired", "resampled")):
        source = answer.question.a
        if answer.missing:
            tests[source] = Tested(missing=answer.missing)
            continue
        p = answer.p("paired" if has_one_fold[source] and has_one_fold.get(reference, True) else "resampled")
        doubt = compare.find_doubt(answer, "resampled") if math.isnan(p) else ""
        tests[source] = Tested(answer.contrast.difference, answer.contrast.n, p, missing=doubt)
    corrected = holm(np.array([test.p for test in tests.values()]))
    return {a: test._replace(holm=float(p)) for (a, test), p in zip(tests.items(), corrected, strict=True)}


def compare_runs(
    runs: Sequence[Run], *, reference: str | None = None, metric: str = "", has_expected: bool = False
) -> Comparison:
    """Every variant of finished runs of one task.

    Args:
      reference: a variant's name as `compare.find_variant` takes it; '' is the first variant, None tests nothing.

    Raises:
      UserError: no metric in common, or no such metric or variant.
    """
    split = next((split for split in read.SPLITS if all(split in read.list_splits(run) for run in runs)), None)
    if split is None and len(runs) == 1:
        split = read.SPLITS[0]
    if split is None:
        raise UserError(f"{' and '.join(str(run.path) for run in runs)} have no scored split in common")
    metric = choose_metric(runs, split, metric)
    entries = [entry for run in runs for entry in _list_entries(run, has_expected)]
    entries.sort(key=lambda entry: entry.split != split)
    mine, keyed = [entry for entry in entries if entry.split == split], read.key_runs(runs)
    against = compare.find_variant(reference, keyed) if reference else None
    if reference == "" and len(mine) > 1:
        against = mine[0].source
    scored = dict.fromkeys(name for entry in entries for name in entry.figures)
    return Comparison(
        runs=tuple(runs),
        entries=tuple(entries),
        labels=read.label_runs(runs),
        names=read.name_variants(runs),
        metrics=tuple(m for m in scored if not (m.endswith(PER_RECORDING) and m.removesuffix(PER_RECORDING) in scored)),
        metric=metric,
        split=split,
        reference=against,
        tests=_test_entries(mine, against, keyed, metric) if against is not None else {},
        has_expected=has_expected,
    )


def _format_entry(entry: Entry, metric: str) -> str:
    """'63.4 ± 0.8 [62.9, 63.9]', then the mean per recording where there is one."""
    figure, interval = entry.figures.get(metric), entry.intervals.get(metric)
    if figure is None:
        return ""
    text, recording = tables.format_figure(figure, metric), entry.figures.get(metric + PER_RECORDING)
    if interval is not None:
        text += f" [{', '.join(tables.format_score(edge, metric) for edge in interval)}]"
    return text if recording is None else f"{text}; per recording {tables.format_figure(recording, metric)}"


def _list_published(entry: Entry, metric: str) -> dict[str, str]:
    """What the thesis prints with its table, and ours minus it."""
    value = entry.published.get(metric)
    if value is None:
        return {}
    printed = f"{tables.format_figure(Figure(value.mean, value.std, 0), metric)} ({value.table})"
    return {"thesis": printed, "difference": tables.format_difference(entry.figures[metric].mean - value.mean, metric)}


def _list_tested(comparison: Comparison, entry: Entry) -> dict[str, str]:
    if entry.split != comparison.split:
        return {}
    if entry.source == comparison.reference:
        return {"difference": "0 (reference)"}
    test = comparison.tests.get(entry.source)
    if test is None or math.isnan(test.difference):
        return {}
    difference = f"{tables.format_difference(test.difference, comparison.metric)} (n={test.n})"
    return {"difference": difference, "p": tables.format_p(test.p), "p, Holm": tables.format_p(test.holm)}


def _list_constants(comparison: Comparison) -> list[tuple[str, str, Run]]:
    """Corpus, split and a run that knows what a constant answer scores there; each score once."""
    constants: dict[tuple[str, str, str], tuple[str, str, Run]] = {}
    for entry in comparison.entries:
        corpus = entry.run.results.corpus.name
        scores = entry.run.results.baselines.get(entry.split)
        if scores:
            name = f"{corpus} (synthetic)" if entry.run.synthetic else corpus
            constants.setdefault((corpus, entry.split, str(sorted(scores.items()))), (name, entry.split, entry.run))
    return list(constants.values())


def _write_notes(comparison: Comparison) -> tuple[str, ...]:
    runs = list({entry.source.config: entry.run for entry in comparison.entries}.values())
    notes = [_READING.format(_CONSTANT[read.name_baseline(runs[0])] if runs else "")]
    many = [entry for entry in comparison.entries if entry.folds > 1]
    notes += [_ONE_FOLD] if len(many) < len(comparison.entries) else []
    notes += [_FOLDS] if many else []
    if any(set(entry.figures) - set(entry.intervals) for entry in many if entry.figures[min(entry.figures)].n > 1):
        notes.append(_UNKNOWN)
    notes += _describe_tests(comparison) if comparison.reference is not None else []
    notes += _describe_expected(comparison) if comparison.has_expected else []
    if any(run.results.corpus.name == "cmu_mosi" for run in runs):
        notes += NOTES["cmu_mosi"][1:2]
    if any(run.results.config_arg.startswith(FUSION) for run in runs):
        notes.append(NAMING)
    return (*notes, *map(read.describe_run, runs))


def _describe_tests(comparison: Comparison) -> list[str]:
    tests, names, reference = comparison.tests, comparison.names, comparison.reference
    notes = [
        f"Difference: {tables.label_metric(comparison.metric)} of the variant minus that of {names[reference]} "
        f"({comparison.labels[reference.config]}) on the {comparison.split} split, over trials of the same "
        "fold and seed; p: two-tailed, paired; Holm: corrected (Holm 1979) for all tests of this table, of which there "
        "are "
        f"{sum(not math.isnan(test.p) for test in tests.values())}."
    ]
    for why in dict.fromkeys(test.missing for test in tests.values() if test.missing):
        untested = [names[source] for source, test in tests.items() if test.missing == why]
        notes.append(f"No test of {', '.join(untested)}: {why}.")
    return notes


def _describe_expected(comparison: Comparison) -> list[str]:
    synthetic = {entry.source.config for entry in comparison.entries if entry.run.synthetic}
    notes = [
        f"{name}: no published figure stands beside a synthetic corpus."
        for config, name in comparison.labels.items()
        if config in synthetic
    ]
    if any(entry.published for entry in comparison.entries):
        notes.append(
            "thesis: the printed figure with the number of its table; difference: ours minus it. Empty where it has no "
            "such variant."
        )
    elif len(notes) < len(comparison.labels):
        notes.append("The thesis prints no figure of the variants of a real corpus here.")
    return notes


def make_table(comparison: Comparison) -> Grid:
    """A line a variant and split, constant answers below them; the tested metric and its tests before the others.

    The csv has a line a figure, unrounded, all scores as fractions.
    """
    header = _list_columns(comparison)
    rows = [_describe_entry(comparison, entry) for entry in comparison.entries]
    for corpus, split, run in _list_constants(comparison):
        row = {"run": corpus, "variant": read.name_baseline(run), "split": split}
        for metric in comparison.metrics:
            value = read.find_baseline(run, split, metric)
            row[metric] = "" if value is None else tables.format_score(value, metric)
        rows.append(row)
    return make_grid(
        f"Variants of {comparison.title}",
        header.values(),
        [[row.get(key, "") for key in header] for row in rows],
        _write_notes(comparison),
        (record for entry in comparison.entries for record in _list_tidy(comparison, entry)),
    )


def _list_columns(comparison: Comparison) -> dict[Hashable, str | tuple[str, str]]:
    """Key of a cell -> head of its column."""
    columns: dict[Hashable, str | tuple[str, str]] = {name: name for name in ("run", "study", "variant", "split", "n")}
    if all(entry.source.study == entry.source.variant for entry in comparison.entries):
        del columns["study"]
    for metric in sorted(comparison.metrics, key=lambda metric: metric != comparison.metric):
        name = tables.label_metric(metric)
        columns[metric] = name
        if any(metric in entry.published for entry in comparison.entries):
            columns |= {metric: (name, "ours")} | {(metric, x): (name, x) for x in ("thesis", "difference")}
        if metric == comparison.metric and comparison.reference is not None:
            against = f"against {comparison.names[comparison.reference]}"
            columns |= {("against", x): (against, x) for x in ("difference", "p", "p, Holm")}
    return columns


def _describe_entry(comparison: Comparison, entry: Entry) -> dict[Hashable, Any]:
    """The cells of one variant's row, by the keys of `_list_columns`."""
    source = entry.source
    row = {"run": comparison.labels[source.config], "study": source.study, "variant": source.variant}
    row |= {"split": entry.split, "n": max(figure.n for figure in entry.figures.values())}
    for metric in comparison.metrics:
        row[metric] = _format_entry(entry, metric)
        row |= {(metric, column): text for column, text in _list_published(entry, metric).items()}
    return row | {("against", column): text for column, text in _list_tested(comparison, entry).items()}


def _list_tidy(comparison: Comparison, entry: Entry) -> Iterator[dict[str, Any]]:
    test = comparison.tests.get(entry.source) if entry.split == comparison.split else None
    for metric, figure in entry.figures.items():
        printed, interval = entry.published.get(metric), entry.intervals.get(metric)
        mine = test if metric == comparison.metric else None
        row = {"run": entry.run.path.name, "corpus": entry.run.results.corpus.name, "synthetic": entry.run.synthetic}
        row |= {"study": entry.source.study, "variant": entry.source.variant, "split": entry.split, "metric": metric}
        row |= figure._asdict() | {"folds": entry.folds}
        row |= {"low": interval and interval[0], "high": interval and interval[1]}
        row |= {"constant": read.find_baseline(entry.run, entry.split, metric), "thesis": printed and printed.mean}
        row |= {"thesis_std": printed and printed.std, "thesis_table": printed and printed.table}
        row |= {"reference": mine and comparison.reference.variant, "difference": mine and mine.difference}
        yield row | {"p": mine and mine.p, "p_holm": mine and mine.holm, "untested": mine and mine.missing}
