"""Settings of a manifest -> `Recordings`, and what the manifest holds."""

import collections
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets import release_files
from affect_jax.datasets.feature_frames import ReadingOptions
from affect_jax.datasets.manifest import (
    clocks,
    csv_table,
    describe_manifest,
    frame_files,
    labels,
    layouts,
    locations,
    measurements,
    record_form,
    segments,
)
from affect_jax.datasets.manifest.cells import Reading, Survey
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.settings import LOWEST_RATES, Settings
from affect_jax.datasets.manifest.split_plan import SplitPlan, assemble_corpus, plan_splits
from affect_jax.datasets.manifest.unusable_files import leave_unusable_out, report_unusable
from affect_jax.datasets.missing_values import MissingValues, join_missing_values, replace_missing_values
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.features import egemaps
from affect_jax.features.recordings import measure_step


class Column(NamedTuple):
    """A modality as `load` gives it.

    Attributes:
      name: of its column in the csv file.
      kind: 'features' or 'waveform'.
      width: D of float32 [T, D]; 1 of a waveform.
      longest: T of the longest recording (samples of a waveform).
      lengths: T of every item that has it, in the layout `item`; () in others.
    """

    name: str
    kind: str
    width: int
    longest: int
    lengths: tuple[int, ...] = ()


class Label(NamedTuple):
    """A label column.

    Attributes:
      name: of the column, without `label:`.
      kind: 'class' or 'number'.
      classes: names of classes 0, 1, ...; () for numbers.
      per_step: whether each item has one label for each step.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool


class Description(NamedTuple):
    """What a manifest holds.

    Attributes:
      modalities: name -> column.
      labels: name -> label column, in the order of the csv file.
      split_column: 'split', 'fold', or '' where the csv file has neither.
      items: how many rows.
      groups: how many groups.
      steps: of each recording that `load` gives.
      rate: steps a second where labels are per step and some modality has a clock; 0 where nothing tells.
      remarks: on labels and features whose clocks are not one, or that have none.
    """

    modalities: dict[str, Column]
    labels: dict[str, Label]
    split_column: str
    items: int
    groups: int
    steps: tuple[int, ...] = ()
    rate: float = 0.0
    remarks: tuple[str, ...] = ()


class _CheckedManifest(NamedTuple):
    """A manifest without faults, its files measured."""

    settings: Settings
    data_dir: Path
    sheet: csv_table.Sheet
    survey: Survey
    labels: dict[str, labels.Labels]
    target: str
    plan: SplitPlan
    clocks: Mapping[tuple[str, str], int]


def describe(corpus: Mapping[str, Any]) -> Description:
    """What a manifest holds, after all checks and without building anything.

    Widths and lengths are those of the recordings that `load` gives in this layout.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a wrong setting; or anything wrong in the csv file or the files that it names, one line a problem.
    """
    checked = _check_manifest(corpus)
    sheet = checked.sheet
    return Description(
        modalities={name: _describe_column(name, checked) for name in sheet.modalities},
        labels={
            name: Label(name, column.kind, column.classes, column.per_step) for name, column in checked.labels.items()
        },
        split_column=sheet.split_column,
        items=len(sheet.rows),
        groups=len({row.group for row in sheet.rows}),
        steps=_count_steps(checked),
        rate=_measure_step_rate(checked),
        remarks=(*_remark_labels(checked), *_remark_clocks(checked)),
    )


def _remark_labels(checked: _CheckedManifest) -> list[str]:
    """What is remarked of the labels that are learned."""
    column, rows = checked.labels[checked.target], len(checked.sheet.rows)
    remarks = [remark for remark, _ in column.remarks]
    if len(column.values) < rows:
        remarks.append(f"{rows - len(column.values)} of {rows} rows have no label, and train without one")
    return [f"label {checked.target}: {remark}" for remark in remarks]


def _remark_clocks(checked: _CheckedManifest) -> list[str]:
    return [
        f"{modality}: {text} (rows: {count})"
        for (modality, text), count in checked.clocks.items()
        if text != clocks.BY_TIMES
    ]


def list_contents(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines about everything that a person who prepares the corpus should see before it is built; all is checked.

    Raises:
      UserError: as `describe`.
    """
    checked = _check_manifest(corpus)
    return tuple(
        describe_manifest.describe_manifest(
            checked.sheet, checked.survey, checked.labels, checked.plan, checked.settings
        )
    )


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    The only target is named as its column; classes count from 0 in the order of `describe`. Where an item lacks a
    modality, its features do not have that key.

    Raises:
      UserError: as `describe`.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and how many values were missing in the features."""
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.manifest.builder import build_features

    checked = _check_manifest(corpus)
    settings, sheet = checked.settings, checked.sheet
    reading = choose_reading(settings)
    features, times = build_features(sheet, checked.survey, reading, data_dir=checked.data_dir)
    files = {row.id: row.files for row in sheet.rows}

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        return f"{files[recording.id][modality]} frame {step} column {column} (from 0)"

    def locate_step(recording: Recording, modality: str, step: int, column: int) -> str:
        return f"{files[recording.id][modality]} column {column} at step {step} of the labels (from 0)"

    def find_times(row: csv_table.Row, modality: str) -> np.ndarray:
        frames = len(features[row.number][modality])
        if frame_files.is_sound(row.files[modality]):
            return np.arange(frames) * measure_step(settings.sound, settings.rate)
        of_file = times[row.number].get(modality, ())
        return of_file if len(of_file) == frames else np.zeros(0)

    items = [Recording(row.id, row.group, (), features[row.number], {}) for row in sheet.rows]
    replaced, missing = replace_missing_values({"items": items}, settings.nonfinite, locate)
    features = {row.number: item.features for row, item in zip(sheet.rows, replaced["items"], strict=True)}
    target = checked.labels[checked.target]
    recordings, names = layouts.arrange_recordings(sheet.rows, features, target, settings.layout, find_times)
    if settings.layout == "steps":
        # Steps in gaps of the features' clocks have none only now.
        replaced, gaps = replace_missing_values({"items": recordings}, settings.nonfinite, locate_step)
        recordings, missing = replaced["items"], join_missing_values(missing, gaps)
    assembled = assemble_corpus(
        checked.plan,
        recordings,
        names,
        target,
        corpus="manifest",
        synthetic=(sheet.path.parent / release_files.MARKER).is_file(),
    )
    form = record_form.record_form(sheet, checked.survey, target, settings, reading, features)
    return assembled._replace(inputs=form), missing


def _check_manifest(corpus: Mapping[str, Any]) -> _CheckedManifest:
    settings = check_settings(corpus)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    path = Path(settings.manifest).expanduser()
    problems = Problems(path)
    sheet = csv_table.read_table(path, settings.modalities or (), problems, settings.largest_file)
    target = settings.target or sheet.labels[0]
    if target not in sheet.labels:
        raise UserError(
            f"config.corpus.target is {target!r}{suggest_nearest(target, sheet.labels)}; {path} has the labels"
            f" {', '.join(sheet.labels)}"
        )
    has_sound = any(frame_files.is_sound(p) for row in sheet.rows for p in row.files.values())
    if settings.sound == "egemaps" and has_sound:
        egemaps.check_opensmile()
    # All checks below only collect problems, so that one run shows everything that is wrong.
    finder, reading = locations.FileFinder(path.parent), choose_reading(settings)
    sheet = segments.group_by_recording(locations.locate_files(sheet, finder, problems), problems)
    survey = measurements.measure_cells(sheet, reading, settings.nonfinite, data_dir, problems)
    if survey.unusable and settings.unusable == "leave_out":
        sheet = leave_unusable_out(sheet, survey)
    else:
        report_unusable(survey, problems)
    columns = {
        name: labels.read_labels(
            sheet,
            name,
            is_target=name == target,
            as_classes=settings.classes and name == target,
            problems=problems,
            may_miss=settings.unlabelled == "train" and name == target,
            finder=finder,
            options=reading.options._replace(rate=settings.label_rate),
        )
        for name in sheet.labels
    }
    settings = _choose_layout(settings, columns[target], problems)
    remarks = _check_segments(sheet, survey, settings, problems)
    if settings.min_confidence is not None and not any("confidence" in remark for _, remark in survey.remarks):
        problems.add(
            0,
            f"config.corpus.min_confidence is {settings.min_confidence:g}, but no file has a column 'confidence' or"
            " 'success'; leave it out",
        )
    told = clocks.check_clocks(sheet, survey.cells, columns[target], settings, problems)
    layouts.check_layout(sheet, survey.cells, columns, target, settings.layout, problems)
    plan = plan_splits(sheet, columns[target], folds=settings.folds, seed=settings.seed, problems=problems)
    problems.raise_if_any()
    return _CheckedManifest(
        settings=settings,
        data_dir=data_dir,
        sheet=sheet._replace(
            remarks=(*sheet.remarks, *remarks, *(f"{count} {what}" for what, count in finder.remarks.items()))
        ),
        survey=survey._replace(remarks={**survey.remarks, **told}),
        clocks=told,
        labels=columns,
        target=target,
        plan=plan,
    )


def _check_segments(sheet: csv_table.Sheet, survey: Survey, settings: Settings, problems: Problems) -> list[str]:
    """What is remarked of stretches of recordings; collects what is wrong with them."""
    remarks = [*segments.check_overlaps(sheet, survey.cells, problems)]
    return [*remarks, *segments.list_disordered(sheet)] if settings.layout == "group" else remarks


def _choose_layout(settings: Settings, target: labels.Labels, problems: Problems) -> Settings:
    """The settings with the layout that the target asks for, where it is left open."""
    layout = settings.layout or ("steps" if target.per_step else "item")
    if settings.unlabelled == "train" and layout != "item":
        problems.add(
            0, "config.corpus.unlabelled is 'train', which only the layout 'item' allows; leave it out, or give labels"
        )
    return dataclasses.replace(settings, layout=layout)


def check_settings(corpus: Mapping[str, Any]) -> Settings:
    """The settings of `config.corpus`, checked.

    Raises:
      UserError: a wrong setting, or no manifest.
    """
    settings = resolve_settings(corpus, Settings)
    lowest = LOWEST_RATES[settings.sound]
    if settings.rate < lowest:
        raise UserError(
            f"config.corpus.rate is {settings.rate} Hz, expected {lowest} or more for config.corpus.sound="
            f"{settings.sound!r}"
        )
    if not settings.manifest:
        raise UserError("config.corpus.manifest is not set; name the csv file of your corpus (docs/own_data.md)")
    return settings


def choose_reading(settings: Settings) -> Reading:
    """How the files of a manifest are read."""
    options = ReadingOptions(settings.array, settings.min_confidence, settings.largest_file, settings.feature_rate)
    return Reading(settings.sound, settings.rate, options)


def _count_steps(checked: _CheckedManifest) -> tuple[int, ...]:
    """Steps of each recording in this layout."""
    if checked.settings.layout == "steps":
        return tuple(len(values) for values in checked.labels[checked.target].values.values())
    if checked.settings.layout == "group":
        return tuple(collections.Counter(row.group for row in checked.sheet.rows).values())
    return (1,) * len(checked.sheet.rows)


def _measure_step_rate(checked: _CheckedManifest) -> float:
    """Labels a second, by their own times or the clocks of the modalities beside them: the usual rate, to three digits;
    0 where nothing tells."""
    if checked.settings.layout != "steps":
        return 0.0
    labels = checked.labels[checked.target].values
    times = [times for times in checked.labels[checked.target].times.values() if len(times) > 1]
    rates = [1 / np.median(np.diff(of_row)) for of_row in times]
    for row in checked.sheet.rows if not rates else ():
        for modality, path in row.files.items():
            cell = checked.survey.cells[row.number, modality]
            rate = describe_manifest.measure_rate(cell, path, checked.settings)
            if rate:
                rates.append(len(labels[row.number]) / cell.frames * rate)
    return float(f"{np.median(rates):.3g}") if rates else 0.0


def _describe_column(name: str, checked: _CheckedManifest) -> Column:
    cells = [checked.survey.cells[row.number, name] for row in checked.sheet.rows if name in row.files]
    width, longest = cells[0].width, max(cell.frames for cell in cells)
    layout = checked.settings.layout
    if layout == "steps":
        longest = max(len(values) for values in checked.labels[checked.target].values.values())
    if layout == "group":
        # Means over time, and standard deviations behind them where any item has several frames.
        width *= 2 if longest > 1 else 1
        longest = max(collections.Counter(row.group for row in checked.sheet.rows).values())
    lengths = tuple(cell.frames for cell in cells) if layout == "item" else ()
    return Column(name, "features" if width else "waveform", width or 1, longest, lengths)
