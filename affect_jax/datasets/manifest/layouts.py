"""Turns the items of a manifest into recordings: one each, one each with labels per step, or one for each group."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from affect_jax.datasets.manifest.cells import Cells
from affect_jax.datasets.manifest.clocks import list_timed, sample_at_times
from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.release_files import quote_values

_SLACK = 0.1  # of the items; if more of them differ in frames per label, the corpus has no common rate


def check_layout(
    sheet: Sheet, cells: Cells, labels: Mapping[str, Labels], target: str, layout: str, problems: Problems
) -> None:
    """Reports what does not fit the layout: labels of the wrong form, missing modalities, waveforms, other lengths."""
    per_step = labels[target].per_step
    if per_step and layout != "steps":
        problems.add(
            0, f"label {target!r} has one label per step, but config.corpus.layout is {layout!r}; set it to 'steps'"
        )
    if not per_step and layout == "steps":
        problems.add(
            0, f"config.corpus.layout is 'steps', but label {target!r} has one label per item; name files of labels"
        )
    if layout == "item":
        return
    waveforms = {modality for (_, modality), cell in cells.items() if not cell.width}
    for modality in sheet.modalities:
        if modality in waveforms:
            problems.add(
                0,
                f"column {modality!r} has waveforms, which the layout {layout!r} cannot take; set config.corpus.sound"
                " to mfcc, log_mel or egemaps",
            )
    for row in sheet.rows:
        for modality in sheet.modalities:
            if row.files and modality not in row.files:
                problems.add(
                    row.number,
                    f"item {quote_values(row.id)} has no {modality!r}, which only the layout 'item' allows; fill the"
                    " cell, delete the row, or leave the modality out of config.corpus.modalities",
                )
    if layout == "steps" and per_step:
        _check_lengths(sheet, cells, [column for column in labels.values() if column.per_step], target, problems)


def _check_lengths(sheet: Sheet, cells: Cells, labels: Sequence[Labels], target: str, problems: Problems) -> None:
    """Reports items whose labels differ in number, and items with other frames per label than (nearly) all others."""
    for row in sheet.rows:
        steps = {column.name: len(column.values[row.number]) for column in labels if row.number in column.values}
        if len(set(steps.values())) > 1:
            counts = ", ".join(f"{name} {count}" for name, count in steps.items())
            problems.add(
                row.number, f"item {quote_values(row.id)} has different numbers of labels ({counts}); correct one file"
            )
    target_column = next((column for column in labels if column.name == target), None)
    if target_column is None:
        return
    untimed = {*cells} - list_timed(sheet, cells, target_column)
    for modality in sheet.modalities:
        lengths = {
            row.number: (cells[row.number, modality].frames, len(target_column.values[row.number]))
            for row in sheet.rows
            if (row.number, modality) in untimed and row.number in target_column.values
        }
        if len(lengths) < 3:
            continue  # too few to say what is usual
        usual = float(np.median([frames / steps for frames, steps in lengths.values()]))
        # Two frames more or less depend on where the last window ends.
        odd = [
            n for n, (frames, steps) in lengths.items() if abs(frames - usual * steps) > 2 + 2 * usual + 0.02 * frames
        ]
        if len(odd) <= _SLACK * len(lengths) or len(odd) == 1:
            for number in odd:
                frames, steps = lengths[number]
                problems.add(
                    number,
                    f"{steps} labels {target!r} do not fit {frames} frames of {modality!r}: the other items have about"
                    f" {usual:.3g} frames per label; correct the shorter file",
                )


def arrange_recordings(
    rows: Sequence[Row],
    features: Mapping[int, dict[str, np.ndarray]],
    target: Labels,
    layout: str,
    find_times: Callable[[Row, str], np.ndarray] = lambda row, modality: np.zeros(0),
) -> tuple[list[Recording], dict[int, str]]:
    """Arranges items into recordings.

    Args:
      rows: of the manifest, in its order.
      features: row number -> modality -> float32 [T, D] or int16 [T].
      target: with labels of every row; of items some may have none.
      layout: item, steps or group.
      find_times: (row, modality) -> float64 [T] of the frames in seconds; [0] where their file has no times.

    Returns:
      The recordings, and row number -> the id of its recording.
    """
    if layout == "group":
        return _arrange_groups(rows, features, target)
    recordings = []
    for row in rows:
        labels, arrays = target.values.get(row.number), features[row.number]
        steps = (row.id,)
        if layout == "steps":
            steps = tuple(f"{row.id}@{t}" for t in range(len(labels)))
            arrays = {m: _bring_to_labels(values, find_times(row, m), row, target) for m, values in arrays.items()}
        targets = {} if labels is None else {target.name: labels}  # an item may have none, if it only trains
        recordings.append(Recording(row.id, row.group, steps, arrays, targets))
    return recordings, {row.number: row.id for row in rows}


def _bring_to_labels(values: np.ndarray, times: np.ndarray, row: Row, target: Labels) -> np.ndarray:
    """[T, D] -> [steps, D]: by times where features and labels have them, else by relative position."""
    at = target.times.get(row.number, ())
    if len(at) and len(times) > 1:
        return sample_at_times(values, times, at)
    return sample_at_steps(values, len(target.values[row.number]))


def sample_at_steps(values: np.ndarray, steps: int) -> np.ndarray:
    """[T, D] -> [steps, D]: step t takes the frame at the relative time (t + 0.5) / steps."""
    frames = ((np.arange(steps) + 0.5) / steps * len(values)).astype(np.int64)
    return np.asarray(values)[np.minimum(frames, len(values) - 1)]


def find_varying_modalities(features: Mapping[int, dict[str, np.ndarray]]) -> set[str]:
    """Modalities with more than one frame in some item: only they have a standard deviation over time."""
    return {m for arrays in features.values() for m, values in arrays.items() if len(values) > 1}


def _arrange_groups(
    rows: Sequence[Row], features: Mapping[int, dict[str, np.ndarray]], target: Labels
) -> tuple[list[Recording], dict[int, str]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    varying = find_varying_modalities(features)
    recordings = []
    for group, members in groups.items():
        values = {
            modality: np.stack(
                [summarize_over_time(features[row.number][modality], modality in varying) for row in members]
            )
            for modality in features[members[0].number]
        }
        labels = np.concatenate([target.values[row.number] for row in members])
        recordings.append(Recording(group, group, tuple(row.id for row in members), values, {target.name: labels}))
    return recordings, {row.number: row.group for row in rows}


def summarize_over_time(values: np.ndarray, varies: bool) -> np.ndarray:
    """[T, D] -> [D] means over time, followed by D standard deviations if the modality varies."""
    frames = np.asarray(values, np.float64)
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)] if varies else [frames.mean(axis=0)]).astype(
        np.float32
    )
