"""What a manifest holds, in lines of text, before anything is built."""

import collections
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.datasets.manifest import frame_files
from affect_jax.datasets.manifest.csv_table import Sheet, join_names
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.measurements import Cell, Cells
from affect_jax.datasets.manifest.split_plan import SplitPlan

_MOST_RATES = 4


def describe_manifest(
    sheet: Sheet, cells: Cells, labels: Mapping[str, Labels], sides: SplitPlan, settings: Mapping[str, Any]
) -> Iterator[str]:
    """Items and groups, every modality, every label column, what is missing, who is on which side.

    Args:
      sheet: the manifest's table.
      cells: what was measured in its files.
      labels: name -> label column.
      sides: of the items.
      settings: `config.corpus`.
    """
    groups = collections.Counter(row.group for row in sheet.rows)
    of = (
        f" of {len(groups)} groups, {_format_spread(groups.values())} items each"
        if sheet.grouped
        else ", each its own group"
    )
    yield f"manifest     {sheet.path}: {len(sheet.rows)} items{of}"
    for modality in sheet.modalities:
        yield f"{modality:<12} {_describe_modality(sheet, cells, modality, settings)}"
    for name, column in labels.items():
        yield f"{'label':<12} {name}: {_describe_label(column)}"
    yield f"{'absent':<12} {_describe_absent(sheet)}"
    yield f"{'not finite':<12} {_describe_not_finite(sheet, cells, settings['nonfinite'])}"
    if sheet.unread:
        yield f"{'not read':<12} {join_names(sheet.unread)}"
    apart = "no group is on two of them" if sheet.grouped else "there is no column 'group', so nobody is kept apart"
    yield f"{'sides':<12} {_describe_splits(sheet, sides, settings)}; {apart}"


def _format_spread(numbers: Sequence[float], form: str = "g") -> str:
    """`least / median / most`, or the one number that there is."""
    three = [format(x, form) for x in (min(numbers), statistics.median(numbers), max(numbers))]
    return three[0] if len(set(three)) == 1 else f"{' / '.join(three)} (least / median / most)"


def _describe_modality(sheet: Sheet, cells: Cells, modality: str, settings: Mapping[str, Any]) -> str:
    there = [(row, cells[row.number, modality]) for row in sheet.rows if modality in row.files]
    found: list[Cell] = [cell for _, cell in there]
    lengths = [cell.frames for cell in found]
    rates = collections.Counter(round(cell.rate, 2) for cell in found if cell.rate)
    told = ", ".join(f"{rate:g} Hz ({count} files)" for rate, count in rates.most_common(_MOST_RATES))
    told += f", ... ({len(rates)} rates)" if len(rates) > _MOST_RATES else ""
    if not frame_files.is_sound(there[0][0].files[modality]):
        at = f", {told} by their times" if told else ""
        return f"{len(found)} files of {found[0].width} features{at}; frames {_format_spread(lengths)}"
    read = f"{len(found)} recordings at {told}, read at {settings['rate']} Hz as {settings['sound']}"
    if not found[0].width:
        seconds = [length / settings["rate"] for length in lengths]
        return f"{read}; seconds {_format_spread(seconds, '.2f')}, {sum(seconds) / 3600:.2f} h in all"
    return f"{read} ({found[0].width} features); frames {_format_spread(lengths)}"


def _describe_label(column: Labels) -> str:
    values = np.concatenate(list(column.values.values()))
    steps = f" per step, {_format_spread([len(found) for found in column.values.values()])}" if column.per_step else ""
    if column.kind == "number":
        text = (
            f"numbers{steps}, {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}, sd {values.std():.3f}"
        )
        there = np.unique(values)
        if len(there) <= 10 and (there == np.rint(there)).all():
            text += f" (only {', '.join(f'{x:g}' for x in there)}: where these are classes, set config.corpus.classes)"
        return text
    counts = np.bincount(values.astype(int), minlength=len(column.classes)).tolist()
    each = ", ".join(f"{name} {count}" for name, count in zip(column.classes, counts, strict=True))
    return f"{len(counts)} classes{steps}: {each} (majority {100 * max(counts) / sum(counts):.1f} %)"


def _describe_absent(sheet: Sheet) -> str:
    lacking = {m: sum(m not in row.files for row in sheet.rows) for m in sheet.modalities}
    told = [f"{modality} in {count} of {len(sheet.rows)} items" for modality, count in lacking.items() if count]
    return ", ".join(told) or "no modality of any item"


def _describe_not_finite(sheet: Sheet, cells: Cells, policy: str) -> str:
    bad = [(row, m, cells[row.number, m]) for m in sheet.modalities for row in sheet.rows if m in row.files]
    bad = [(row, m, cell) for row, m, cell in bad if cell.bad]
    if not bad:
        return "no value is NaN or infinite"
    row, modality, cell = bad[0]
    return (
        f"{sum(cell.bad for _, _, cell in bad)} values in {len(bad)} files, the first in row {row.number}, {modality}"
        f" {cell.first}; replaced by config.corpus.nonfinite={policy!r}"
    )


def _describe_splits(sheet: Sheet, sides: SplitPlan, settings: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{part} {len(rows)}" for part, rows in sides.splits.items())
    drawn = f"drawn with seed {settings['seed']}"
    if sides.folds:
        sizes = ", ".join(f"{name} {len(test)}" for name, (_, test) in sides.folds.items())
        return f"{len(sides.folds)} folds {'of the column fold' if sheet.parts else drawn}, tested items: {sizes}"
    draws = f"; {len(sides.draws)} validation parts of train {drawn}" if sides.draws else ""
    return f"of the column split: {counts}{draws}"
