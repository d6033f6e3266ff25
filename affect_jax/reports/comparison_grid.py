"""A comparison as a table to read, and as one figure a line to compute with."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affect_jax.reports import comparison, folders, formats, matching, tables
from affect_jax.reports.comparison import PER_RECORDING, Comparison, Entry
from affect_jax.reports.expected import Expected
from affect_jax.reports.folders import Figure, Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.sources import FUSION
from affect_jax.reports.thesis import NAMING, NOTES

_READING = (
    "mean ± sample standard deviation over n rows (fold x seed) [95 % interval of the mean]; accuracy, UAR and F1 in "
    "percent. Lines called {}."
)
_CONSTANT = {
    "majority": "majority answer the most frequent class",
    "constant": "constant answer one number, the mean of the part's own labels",
}
_ONE_FOLD = "Interval and test over rows of one fold: Student's t; it speaks of other seeds, not of other data."
_FOLDS = (
    "Interval and test over several folds: Student's t with the variance of Nadeau and Bengio (2003), because folds "
    "share training data and the seeds of a fold share all of it; the plain one would be too narrow."
)
_UNKNOWN = "No interval or test where the size of the folds is not known (predictions.npz does not hold it)."


def run_names(found: Comparison) -> str:
    """What was compared, for a title."""
    return ", ".join(found.labels.values())


def score(figure: Figure, interval: tuple[float, float] | None, metric: str, recording: Figure | None = None) -> str:
    """'63.4 ± 0.8 [62.9, 63.9]', then the mean per recording where there is one."""
    text = tables.mean_std(figure, metric)
    if interval is not None:
        text += f" [{tables.number(interval[0], metric)}, {tables.number(interval[1], metric)}]"
    return text if recording is None else f"{text}; per recording {tables.mean_std(recording, metric)}"


def _shown(entry: Entry, metric: str) -> str:
    figure = entry.figures.get(metric)
    if figure is None:
        return ""
    return score(figure, entry.intervals.get(metric), metric, entry.figures.get(metric + PER_RECORDING))


def _printed(value: Expected | None, metric: str) -> str:
    if value is None:
        return ""
    spread = "" if value.std is None else f" ± {tables.number(value.std, metric)}"
    return f"{tables.number(value.mean, metric)}{spread} ({value.table})"


def _difference(entry: Entry, metric: str) -> str:
    value = entry.published.get(metric)
    return "" if value is None else matching.signed(entry.figures[metric].mean - value.mean, metric in tables.PERCENT)


def _tested(found: Comparison, entry: Entry) -> tuple[str, str, str]:
    test = found.tests.get(entry.source) if entry.split == found.split else None
    if entry.source == found.reference and entry.split == found.split:
        return "0 (reference)", "", ""
    if test is None or math.isnan(test.difference):
        return "", "", ""
    difference = f"{matching.signed(test.difference, found.metric in tables.PERCENT)} (n={test.n})"
    return difference, matching.p_value(test.p), matching.p_value(test.holm)


def constants(found: Comparison) -> list[tuple[str, str, Run]]:
    """Corpus, split and a run that knows what a constant answer scores there; each score once."""
    rows, said = [], set()
    for entry in found.entries:
        corpus = entry.run.results["corpus"]["name"]
        scores = entry.run.results["baselines"].get(entry.split)
        known = (corpus, entry.split, str(sorted((scores or {}).items())))
        if scores and known not in said:
            said.add(known)
            rows.append((f"{corpus} (synthetic)" if entry.run.synthetic else corpus, entry.split, entry.run))
    return rows


def _notes(found: Comparison) -> tuple[str, ...]:
    runs = list({entry.source.config: entry.run for entry in found.entries}.values())
    names = _CONSTANT[folders.baseline_name(runs[0])] if runs else ""
    notes = [_READING.format(names)]
    many = [entry for entry in found.entries if entry.folds > 1]
    notes += [_ONE_FOLD] if len(many) < len(found.entries) else []
    notes += [_FOLDS] if many else []
    if any(set(entry.figures) - set(entry.intervals) for entry in many if entry.figures[min(entry.figures)].n > 1):
        notes.append(_UNKNOWN)
    if found.reference is not None:
        tested = sum(not math.isnan(test.p) for test in found.tests.values())
        notes.append(
            f"Difference: {tables.label(found.metric)} of the cell minus that of {found.names[found.reference]} "
            f"({found.labels[found.reference.config]}) on the {found.split} part, over rows of the same fold and seed; "
            "p: two-tailed, paired; Holm: corrected (Holm 1979) for all tests of this table, of which there are "
            f"{tested}."
        )
        for why in dict.fromkeys(test.missing for test in found.tests.values() if test.missing):
            held = [found.names[a] for a, test in found.tests.items() if test.missing == why]
            notes.append(f"No test of {', '.join(held)}: {why}.")
    if found.expect:
        notes += _notes_of_thesis(found)
    if any(run.results["corpus"]["name"] == "cmu_mosi" for run in runs):
        notes += NOTES["cmu_mosi"][1:2]
    if any(run.results["config_arg"].startswith(FUSION) for run in runs):
        notes.append(NAMING)
    return (*notes, *(folders.describe(run) for run in runs))


def _notes_of_thesis(found: Comparison) -> list[str]:
    notes = [
        f"{name}: no published figure stands beside a synthetic corpus."
        for config, name in found.labels.items()
        if any(entry.run.synthetic for entry in found.entries if entry.source.config == config)
    ]
    if any(entry.published for entry in found.entries):
        notes.append(
            "thesis: the printed figure with the number of its table; difference: ours minus it. Empty where it has no "
            "such cell."
        )
    elif len(notes) < len(found.labels):
        notes.append("The thesis prints no figure of the cells of a real corpus here.")
    return notes


def report(found: Comparison, command: str = "") -> Grid:
    """A line a cell and part, constant answers below them; the tested metric and its tests come before the others."""
    metrics = sorted(found.metrics, key=lambda metric: metric != found.metric)
    beside = [m for m in metrics if any(m in entry.published for entry in found.entries)]
    against = "" if found.reference is None else f"against {found.names[found.reference]}"
    lines = [_line(found, entry, metrics, beside) for entry in found.entries]
    lines += [_constant(found, metrics, beside, *constant) for constant in constants(found)]
    header = [("", name) for name in ("run", "study", "variant", "split", "n")]
    for metric in metrics:
        name = tables.label(metric)
        header += [(name, "ours"), (name, "thesis"), (name, "difference")] if metric in beside else [("", name)]
        if metric == found.metric and against:
            header += [(against, name) for name in ("difference", "p", "p, Holm")]
    if all(entry.source.study == entry.source.cell for entry in found.entries):
        header, lines = header[:1] + header[2:], [line[:1] + line[2:] for line in lines]
    title = f"Cells of {run_names(found)}"
    return Grid(title, tuple(header), tuple(map(tuple, lines)), _notes(found), command)


def _line(found: Comparison, entry: Entry, metrics: Sequence[str], beside: Sequence[str]) -> list[str]:
    n = max(figure.n for figure in entry.figures.values())
    cells = [found.labels[entry.source.config], entry.source.study, entry.source.cell, entry.split, str(n)]
    for metric in metrics:
        cells.append(_shown(entry, metric))
        if metric in beside:
            cells += [_printed(entry.published.get(metric), metric), _difference(entry, metric)]
        if metric == found.metric and found.reference is not None:
            cells += _tested(found, entry)
    return cells


def _constant(
    found: Comparison, metrics: Sequence[str], beside: Sequence[str], corpus: str, split: str, run: Run
) -> list[str]:
    cells = [corpus, "", folders.baseline_name(run), split, ""]
    for metric in metrics:
        value = folders.baseline(run, split, metric)
        cells.append("" if value is None else tables.number(value, metric))
        cells += ["", ""] if metric in beside else []
        cells += ["", "", ""] if metric == found.metric and found.reference is not None else []
    return cells


_TIDY = (
    "run",
    "corpus",
    "synthetic",
    "study",
    "variant",
    "split",
    "metric",
    "mean",
    "std",
    "n",
    "folds",
    "low",
    "high",
)
_TIDY_MORE = ("constant", "thesis", "thesis_std", "thesis_table", "reference", "difference", "p", "p_holm", "untested")


def _plain(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.6g}"


def tidy(found: Comparison, command: str = "") -> Grid:
    """A line a figure, unrounded, all scores as fractions."""
    rows = []
    for entry in found.entries:
        test = found.tests.get(entry.source) if entry.split == found.split else None
        for metric, figure in entry.figures.items():
            low, high = entry.intervals.get(metric, (None, None))
            printed = entry.published.get(metric)
            cells = [entry.run.path.name, entry.run.results["corpus"]["name"], "yes" if entry.run.synthetic else ""]
            cells += [entry.source.study, entry.source.cell, entry.split, metric, _plain(figure.mean)]
            cells += [_plain(figure.std), str(figure.n), str(entry.folds), _plain(low), _plain(high)]
            cells.append(_plain(folders.baseline(entry.run, entry.split, metric)))
            cells += ["", "", ""] if printed is None else [_plain(printed.mean), _plain(printed.std), printed.table]
            if test is None or metric != found.metric:
                cells += [""] * 5
            else:
                tested = (_plain(test.difference), _plain(test.p), _plain(test.holm), test.missing)
                cells += [found.reference.cell, *tested]
            rows.append(tuple(cells))
    header = tuple(("", name) for name in (*_TIDY, *_TIDY_MORE))
    return Grid(f"Cells of {run_names(found)}", header, tuple(rows), _notes(found), command)


def render(found: Comparison, command: str = "") -> dict[str, str]:
    """The table's text by file extension: md, csv, tex."""
    grid = report(found, command)
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(tidy(found, command)),
        "tex": formats.latex(grid),
    }


def summary(results: dict[str, Any]) -> str:
    """What one run's results.json says, as aligned text for a terminal."""
    return formats.plain(report(comparison.compare([Run(Path(results["name"]), results, {})])))


def chosen(found: Comparison) -> Sequence[Entry]:
    """The entries that are drawn: of the part and with the metric that is tested."""
    return [entry for entry in found.entries if entry.split == found.split and found.metric in entry.figures]
