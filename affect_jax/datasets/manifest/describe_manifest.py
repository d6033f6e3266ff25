"""What a manifest holds, in lines of text, before anything is built."""

import collections
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.lengths import find_outliers
from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.cells import Cell, Cells, Survey
from affect_jax.datasets.manifest.csv_table import Sheet, join_names
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.segments import count_sources
from affect_jax.datasets.manifest.settings import Settings
from affect_jax.datasets.manifest.split_plan import SplitPlan
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import format_count

_MOST_RATES = 4
_MOST_CLASSES = 10
_MOST_LISTED = 50
_MOST_NAMED = 5
_DESCRIPTORS = 100.0  # frames a second of MFCC and eGeMAPS


def describe_manifest(
    sheet: Sheet, survey: Survey, labels: Mapping[str, Labels], plan: SplitPlan, settings: Settings
) -> Iterator[str]:
    """Yields lines about items and groups, modalities, label columns, what is missing, the splits, and how it was read.

    Args:
      sheet: the manifest's table.
      survey: measurements of its files.
      labels: name -> label column.
      plan: splits of the items.
      settings: `config.corpus`.
    """
    cells = survey.cells
    groups = collections.Counter(row.group for row in sheet.rows)
    grouping = (
        f" of {len(groups)} groups, {_format_spread(groups.values())} items each"
        if sheet.grouped
        else ", each its own group"
    )
    yield f"manifest     {sheet.path}: {format_count(len(sheet.rows), 'item')}{grouping}"
    for modality in sheet.modalities:
        yield f"{modality:<12} {_describe_modality(sheet, cells, modality, settings)}"
        if outliers := _describe_outliers(sheet, cells, modality, settings):
            yield f"{'far longer':<12} {outliers}"
    for name, column in labels.items():
        yield f"{'label':<12} {name}: {_describe_label(column)}"
    yield f"{'absent':<12} {_describe_absent(sheet)}"
    yield f"{'not finite':<12} {_describe_not_finite(sheet, cells, settings.nonfinite)}"
    if sheet.unread:
        yield f"{'not read':<12} {join_names(sheet.unread)}"
    groups_text = (
        "no group is in two of them" if sheet.grouped else "there is no column 'group', so groups cannot be kept apart"
    )
    yield f"{'splits':<12} {_describe_splits(sheet, plan, settings)}; {groups_text}"
    for remark in sheet.remarks:
        yield f"{'note':<12} {sheet.path.name}: {remark}"
    for name, column in labels.items():
        for remark, count in column.remarks:
            yield f"{'note':<12} label {name}: {remark}{_count_files(count) if column.per_step and count else ''}"
    for (modality, remark), count in survey.remarks.items():
        yield f"{'note':<12} {modality}: {remark}{_count_files(count)}"


def _count_files(count: int) -> str:
    return f" ({count} file{'s' if count > 1 else ''})"


def _format_spread(numbers: Sequence[float], form: str = "g") -> str:
    """`least / median / most`, or one number where all three are equal."""
    texts = [format(x, form) for x in (min(numbers), statistics.median(numbers), max(numbers))]
    return texts[0] if len(set(texts)) == 1 else f"{' / '.join(texts)} (least / median / most)"


def _describe_modality(sheet: Sheet, cells: Cells, modality: str, settings: Settings) -> str:
    rows = [row for row in sheet.rows if modality in row.files]
    measured = [cells[row.number, modality] for row in rows]
    lengths = [cell.frames for cell in measured]
    by_file = {row.files[modality]: cell.rate for row, cell in zip(rows, measured, strict=True)}
    counts = collections.Counter(round(rate, 2) for rate in by_file.values() if rate)
    rates = ", ".join(f"{rate:g} Hz ({format_count(count, 'file')})" for rate, count in counts.most_common(_MOST_RATES))
    if len(counts) > _MOST_RATES:  # as of words, which come at any times
        rates = f"{min(counts):g} to {max(counts):g} Hz"
    width = measured[0].width
    if not frame_files.is_sound(rows[0].files[modality]):
        clock = f", {rates} by their times" if rates else ""
        return f"{count_sources(rows, modality, 'files')} of {width} features{clock}; frames {_format_spread(lengths)}"
    source = f"{count_sources(rows, modality, 'recordings')} at {rates}, read at {settings.rate} Hz as {settings.sound}"
    if not width:
        seconds = [length / settings.rate for length in lengths]
        return f"{source}; seconds {_format_spread(seconds, '.2f')}, {sum(seconds) / 3600:.2f} h in all"
    return f"{source} ({width} features); frames {_format_spread(lengths)}"


def measure_rate(cell: Cell, path: Path, settings: Settings) -> float:
    """Frames a second of what a file becomes; 0 where nothing tells."""
    if not frame_files.is_sound(path):
        return round(cell.rate, 2)
    return float(settings.rate if not cell.width else _DESCRIPTORS)


def _round_length(length: float) -> str:
    """Whole from 10 on, else with one decimal."""
    return f"{length:,.0f}" if length >= 10 or length == int(length) else f"{length:.1f}"


def _describe_outliers(sheet: Sheet, cells: Cells, modality: str, settings: Settings) -> str:
    """`voice: 'clip_07' has 300 s, the 19 others 0.8 to 1.2 s`; '' where no file is far longer than the others."""
    rows = [row for row in sheet.rows if modality in row.files]
    lengths = [cells[row.number, modality].frames for row in rows]
    outliers = find_outliers(lengths)
    if not outliers:
        return ""
    rates = {measure_rate(cells[row.number, modality], row.files[modality], settings) for row in rows}
    rate = rates.pop() if len(rates) == 1 else 0.0
    lengths = [frames / (rate or 1) for frames in lengths]
    unit = "s" if rate else "frames"
    named = [f"{quote_values(rows[n].id)} has {_round_length(lengths[n])} {unit}" for n in outliers[:_MOST_NAMED]]
    more = f" and {len(outliers) - len(named)} more" if len(outliers) > len(named) else ""
    far = set(outliers)
    others = [length for n, length in enumerate(lengths) if n not in far]
    least, most = _round_length(min(others)), _round_length(max(others))
    spread = f"{least if least == most else f'{least} to {most}'} {unit}"
    return f"{modality}: {', '.join(named)}{more}, the {len(others)} others {spread}; is the path right?"


def _describe_label(column: Labels) -> str:
    values = np.concatenate(list(column.values.values()))
    steps = f" per step, {_format_spread([len(x) for x in column.values.values()])}" if column.per_step else ""
    if column.kind == "number":
        text = (
            f"numbers{steps}, {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}, sd {values.std():.3f}"
        )
        distinct = np.unique(values)
        # Few whole numbers are often codes of classes, and learning them as numbers would be a mistake.
        if len(distinct) <= _MOST_CLASSES and (distinct == np.rint(distinct)).all():
            codes = ", ".join(f"{x:g}" for x in distinct)
            text += f" (only {codes}: if these are classes, set config.corpus.classes)"
        return text
    counts = np.bincount(values.astype(int), minlength=len(column.classes)).tolist()
    each = ", ".join(f"{name} {count}" for name, count in zip(column.classes[:_MOST_LISTED], counts, strict=False))
    each += ", ..." if len(counts) > _MOST_LISTED else ""
    return f"{len(counts)} classes{steps}: {each} (majority {100 * max(counts) / sum(counts):.1f} %)"


def _describe_absent(sheet: Sheet) -> str:
    lacking = {m: sum(m not in row.files for row in sheet.rows) for m in sheet.modalities}
    texts = [f"{modality} in {count} of {len(sheet.rows)} items" for modality, count in lacking.items() if count]
    return ", ".join(texts) or "no modality of any item"


def _describe_not_finite(sheet: Sheet, cells: Cells, policy: str) -> str:
    measured = [(row, m, cells[row.number, m]) for m in sheet.modalities for row in sheet.rows if m in row.files]
    bad = [(row, m, cell) for row, m, cell in measured if cell.bad]
    if not bad:
        return "no value is missing, NaN or infinite"
    row, modality, cell = bad[0]
    return (
        f"{sum(cell.bad for _, _, cell in bad)} values in {len(bad)} files, the first in row {row.number}, {modality}"
        f" {cell.first}; replaced by config.corpus.nonfinite={policy!r}"
    )


def _describe_splits(sheet: Sheet, plan: SplitPlan, settings: Settings) -> str:
    counts = ", ".join(f"{split} {len(rows)}" for split, rows in plan.splits.items())
    origin = f"drawn with seed {settings.seed}"
    if plan.folds:
        sizes = ", ".join(f"{name} {len(rows.test)}" for name, rows in plan.folds.items())
        return (
            f"{len(plan.folds)} folds {'of the column fold' if sheet.split_column else origin}, tested items: {sizes}"
        )
    draws = f"; {len(plan.draws)} validation draws from train, {origin}" if plan.draws else ""
    return f"of the column split: {counts}{draws}"
