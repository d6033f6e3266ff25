"""How the items of a manifest become recordings: one each, one each with labels per step, or one a group."""

from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.measurements import Cells
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.release_files import quote_values

LAYOUTS = ("item", "steps", "group")
_SLACK = 0.1  # share of the items whose frames a label may differ from the others'


def check_layout(
    sheet: Sheet, cells: Cells, labels: Mapping[str, Labels], target: str, layout: str, problems: Problems
) -> None:
    """Collects what does not fit the layout: labels of the wrong form, missing modalities, waveforms, other lengths."""
    per_step = labels[target].per_step
    if per_step and layout != "steps":
        problems.add(0, f"label {target!r} is per step, which needs config.corpus.layout='steps'; it is {layout!r}")
    if not per_step and layout == "steps":
        problems.add(0, f"config.corpus.layout is 'steps', but label {target!r} is one an item; name files of labels")
    if layout == "item":
        return
    waveforms = {modality for (_, modality), cell in cells.items() if not cell.width}
    for modality in sheet.modalities:
        if modality in waveforms:
            problems.add(
                0, f"column {modality!r} is waveforms, which the layout {layout!r} cannot have; set config.corpus.sound"
            )
    for row in sheet.rows:
        for modality in sheet.modalities:
            if row.files and modality not in row.files:
                problems.add(
                    row.number,
                    f"item {quote_values(row.id)} has no {modality!r}, which only the layout 'item' may lack; fill the cell,"
                    " delete the row, or leave the modality out of config.corpus.modalities",
                )
    if layout == "steps":
        _check_lengths(sheet, cells, [column for column in labels.values() if column.per_step], target, problems)


def _check_lengths(sheet: Sheet, cells: Cells, labels: Sequence[Labels], target: str, problems: Problems) -> None:
    """Labels of one item that differ in number, and items whose frames a label are not those of (nearly) all others."""
    for row in sheet.rows:
        steps = {column.name: len(column.values[row.number]) for column in labels if row.number in column.values}
        if len(set(steps.values())) > 1:
            counts = ", ".join(f"{name} {count}" for name, count in steps.items())
            problems.add(
                row.number, f"item {quote_values(row.id)} has different numbers of labels ({counts}); mend one file"
            )
    chosen = next((column for column in labels if column.name == target), None)
    if chosen is None:
        return
    for modality in sheet.modalities:
        have = {
            row.number: (cells[row.number, modality].frames, len(chosen.values[row.number]))
            for row in sheet.rows
            if (row.number, modality) in cells and row.number in chosen.values
        }
        if len(have) < 3:
            continue
        usual = float(np.median([frames / steps for frames, steps in have.values()]))
        # Two frames more or less come from where a window ends.
        odd = [n for n, (frames, steps) in have.items() if abs(frames - usual * steps) > 2 + 2 * usual + 0.02 * frames]
        if len(odd) <= _SLACK * len(have) or len(odd) == 1:
            for number in odd:
                frames, steps = have[number]
                problems.add(
                    number,
                    f"{steps} labels {target!r} do not fit {frames} frames of {modality!r}: the other items have about"
                    f" {usual:.3g} frames a label; mend the shorter file",
                )


def arrange_recordings(
    rows: Sequence[Row], features: Mapping[int, dict[str, np.ndarray]], target: Labels, layout: str
) -> tuple[list[Recording], dict[int, str]]:
    """The recordings, and row number -> the id of its recording.

    Args:
      rows: of the manifest, in its order.
      features: row number -> modality -> float32 [T, D] or int16 [T].
      target: with labels of every row.
      layout: one of `LAYOUTS`.
    """
    if layout == "group":
        return _arrange_groups(rows, features, target)
    made = []
    for row in rows:
        labels, mine = target.values[row.number], features[row.number]
        steps = (row.id,)
        if layout == "steps":
            steps = tuple(f"{row.id}@{t}" for t in range(len(labels)))
            mine = {modality: sample_at_steps(values, len(labels)) for modality, values in mine.items()}
        made.append(Recording(row.id, row.group, steps, mine, {target.name: labels}))
    return made, {row.number: row.id for row in rows}


def sample_at_steps(values: np.ndarray, steps: int) -> np.ndarray:
    """[T, D] -> [steps, D]: step t shows the frame at the relative time (t + 0.5) / steps."""
    at = ((np.arange(steps) + 0.5) / steps * len(values)).astype(np.int64)
    return np.asarray(values)[np.minimum(at, len(values) - 1)]


def find_varying_modalities(features: Mapping[int, dict[str, np.ndarray]]) -> set[str]:
    """The modalities of which some item has more than one frame: only they have a standard deviation over time."""
    return {m for found in features.values() for m, values in found.items() if len(values) > 1}


def _arrange_groups(
    rows: Sequence[Row], features: Mapping[int, dict[str, np.ndarray]], target: Labels
) -> tuple[list[Recording], dict[int, str]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    both = find_varying_modalities(features)
    made = []
    for group, members in groups.items():
        values = {
            modality: np.stack(
                [_summarize_over_time(features[row.number][modality], modality in both) for row in members]
            )
            for modality in features[members[0].number]
        }
        labels = np.concatenate([target.values[row.number] for row in members])
        made.append(Recording(group, group, tuple(row.id for row in members), values, {target.name: labels}))
    return made, {row.number: row.group for row in rows}


def _summarize_over_time(values: np.ndarray, both: bool) -> np.ndarray:
    """[T, D] -> [D] means, and behind them D standard deviations where `both`."""
    frames = np.asarray(values, np.float64)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)] if both else [frames.mean(axis=0)]).astype(
        np.float32
    )
