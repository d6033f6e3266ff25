"""Timelines as JSON, csv and pictures."""

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.features import transcripts
from affect_jax.inference.timelines import CLIPPED, Timeline
from affect_jax.metrics.conformal import choose_sets
from affect_jax.runtime import files, spreadsheet

_PLAIN = ("start", "end", "prediction", "probabilities", "note")
"""What a window has beside its set or interval."""
CLASSES = ("binary", "multiclass")
"""Tasks whose predictions are classes."""


def name_classes(task: str, labels: Sequence[str], classes: int) -> tuple[str, ...]:
    """Names of the columns of `compute_probabilities`: the run's, or the classes' numbers; () for a regression."""
    if task not in CLASSES:
        return ()
    count = 2 if task == "binary" else classes
    return tuple(labels) if len(labels) == count else tuple(str(c) for c in range(count))


def compute_probabilities(task: str, prediction: np.ndarray) -> np.ndarray:
    """float32 [W, C] of logits [W, C], or of the probabilities of class 1 [W] of a binary run."""
    if task == "binary":
        return np.stack([1 - prediction, prediction], axis=1)
    shifted = np.exp(prediction - prediction.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def describe_timeline(timeline: Timeline, task: str, labels: Sequence[str]) -> dict[str, Any]:
    """One file as plain values: its windows, and a summary of those that are not silent.

    A window has `start` and `end` in seconds and a `prediction`: a number, or for classes the name of the most probable
    one beside all `probabilities`; and where the timeline has a threshold, `set_90` with classes, or `low_90` and
    `high_90`, by its coverage. A silent window has null and a note. The summary has the mean, the largest number
    and its window; for classes the mean probabilities, the class with the largest, and the window where that class is
    most probable. A file that cannot be read has an `error` instead.
    """
    if timeline.error:
        return {"file": timeline.file, "error": timeline.error}
    if task in CLASSES:
        curve, summary, windows = _describe_classes(timeline, task, labels)
    else:
        curve, summary, windows = _describe_numbers(timeline)
    top = int(np.nanargmax(curve))
    times = [
        {"start": round(float(s), 3), "end": round(float(e), 3)}
        for s, e in zip(timeline.start, timeline.end, strict=True)
    ]
    return {
        "file": timeline.file,
        "seconds": round(timeline.seconds, 3),
        "summary": summary | {"max": round(float(curve[top]), 6), "max_at": times[top]},
        "windows": _join_windows(times, windows, timeline),
        "notes": list_doubts(timeline),
    }


def _join_windows(
    times: Sequence[dict[str, Any]], windows: Sequence[dict[str, Any]], timeline: Timeline
) -> list[dict[str, Any]]:
    """The entries of windows: their times, what is predicted, and a note where there is one."""
    doubts = _list_doubts_of_windows(timeline, windows)
    entries = [time | window | doubt for time, window, doubt in zip(times, windows, doubts, strict=True)]
    for entry, note in zip(entries, timeline.notes, strict=False):
        if note and "note" not in entry:
            entry["note"] = note
    return entries


def _list_doubts_of_windows(timeline: Timeline, windows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The set or interval of each window that has a prediction."""
    threshold, name = timeline.threshold, timeline.coverage.removeprefix("0.").ljust(2, "0")
    doubts: list[dict[str, Any]] = []
    for window in windows:
        value, shares = window["prediction"], window.get("probabilities")
        if threshold is None or value is None:
            doubts.append({})
        elif shares is None:
            doubts.append({f"low_{name}": round(value - threshold, 6), f"high_{name}": round(value + threshold, 6)})
        else:
            chosen = choose_sets(np.array([*shares.values()]), threshold)
            members = [label for label, is_in in zip(shares, chosen, strict=True) if is_in]
            doubts.append({f"set_{name}": members})
    return doubts


class _Described(NamedTuple):
    """The number of each window whose largest one the summary names, the summary, and each window's entry."""

    curve: np.ndarray
    summary: dict[str, Any]
    windows: list[dict[str, Any]]


def _describe_classes(timeline: Timeline, task: str, labels: Sequence[str]) -> _Described:
    values = compute_probabilities(task, timeline.prediction)
    names = name_classes(task, labels, values.shape[1])
    mean = values[~timeline.silent].mean(0)
    main = int(np.argmax(mean))
    windows = [
        {"prediction": None, "probabilities": None, "note": timeline.empty}
        if is_silent
        else {"prediction": names[int(np.argmax(window))], "probabilities": _name_probabilities(names, window)}
        for window, is_silent in zip(values, timeline.silent, strict=True)
    ]
    summary = {"prediction": names[main], "probabilities": _name_probabilities(names, mean)}
    return _Described(values[:, main], summary, windows)


def _describe_numbers(timeline: Timeline) -> _Described:
    windows = [
        {"prediction": None, "note": timeline.empty} if is_silent else {"prediction": round(float(value), 6)}
        for value, is_silent in zip(timeline.prediction, timeline.silent, strict=True)
    ]
    mean = timeline.prediction[~timeline.silent].mean()
    return _Described(timeline.prediction, {"mean": round(float(mean), 6)}, windows)


def _name_probabilities(names: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, probabilities, strict=True)}


def list_doubts(timeline: Timeline) -> list[str]:
    """Reasons to doubt a file's predictions: what is odd about the file, silent windows, clipping."""
    doubts = [*timeline.remarks]
    if timeline.silent.any():
        doubts.append(
            f"{int(timeline.silent.sum())} of {len(timeline.start)} windows are {timeline.empty} and have no prediction"
        )
    if timeline.clipped > CLIPPED:
        doubts.append(f"{100 * timeline.clipped:.1f} % of the samples are at full scale: the recording is clipped")
    return doubts


def format_summary(described: dict[str, Any]) -> str:
    """A file's summary as one line for a person."""
    if "error" in described:
        return f"skipped: {described['error']}"
    summary, at = described["summary"], described["summary"]["max_at"]
    peak = f"largest {summary['max']:.3f} at {at['start']:g} to {at['end']:g} s"
    if "mean" in summary:
        text = f"mean {summary['mean']:.3f}, {peak}"
    else:
        text = (
            f"{summary['prediction']}, mean probability {summary['probabilities'][summary['prediction']]:.3f}, {peak}"
        )
    count = len(described["windows"])
    line = f"{described['file']}: {described['seconds']:g} s, {count} window{'' if count == 1 else 's'}, {text}"
    return "; ".join([line, *described["notes"]])


def count_files(described: Sequence[dict[str, Any]], what: str) -> str:
    """How many files were predicted and skipped, as a line for a person."""
    skipped = sum("error" in file for file in described)
    line = f"{len(described) - skipped} of {len(described)} {what} predicted"
    return line + (f", {skipped} skipped" if skipped else "")


def format_timelines(
    described: Sequence[dict[str, Any]], names: Sequence[str], about: dict[str, Any], form: str
) -> str:
    """All files as `format_json` or `format_csv` writes them, by `form`: 'json' or 'csv'."""
    return format_json(described, about) if form == "json" else format_csv(described, names)


def format_json(described: Sequence[dict[str, Any]], about: dict[str, Any]) -> str:
    """All files as one JSON document, with `about`, what is known of the model, at its top."""
    return json.dumps({**about, "files": list(described)}, indent=1, ensure_ascii=False) + "\n"


def format_csv(described: Sequence[dict[str, Any]], names: Sequence[str]) -> str:
    """One row a window; a file that cannot be read has one row, with the reason in its last column.

    Where windows have a set or an interval, it stands before the note, classes with a `|` between.

    Args:
      described: from `describe_timeline`.
      names: of the classes, each of which gets a column of probabilities; () for a regression.
    """
    windows = [window for file in described for window in file.get("windows", ())]
    doubts = tuple(dict.fromkeys(key for window in windows for key in window if key not in _PLAIN))
    rows: list[Sequence[Any]] = [("file", "start", "end", "prediction", *names, *doubts, "note")]
    for file in described:
        if "error" in file:
            rows.append((file["file"], *[""] * (3 + len(names) + len(doubts)), file["error"]))
            continue
        for window in file["windows"]:
            shares = window.get("probabilities") or {}
            times = (file["file"], window["start"], window["end"])
            cells = (*times, window["prediction"], *(shares.get(name) for name in names))
            rows.append((*cells, *(_format_doubt(window.get(key)) for key in doubts), window.get("note", "")))
    return spreadsheet.format_csv(rows)


def _format_doubt(value: Any) -> Any:
    return "|".join(value) if isinstance(value, list) else value


def write_subtitles(folder: Path, stem: str, taken: set[Path], described: dict[str, Any], form: str, what: str) -> Path:
    """Writes what a file's windows say as subtitles, which play beside it.

    Where windows overlap, each is shown around its middle; neighbours of one class are one subtitle, with their mean
    probability. Windows without a prediction have none.

    Args:
      folder, stem, taken: as `choose_path`; never the name of the file's own transcript.
      described: from `describe_timeline`.
      form: 'srt' or 'vtt'.
      what: name of a regression's target.
    """
    path = choose_path(folder, stem, taken, f"_predictions.{form}")
    files.write_atomic(path, transcripts.format_cues(list_cues(described, what), form).encode())
    return path


def list_cues(described: dict[str, Any], what: str) -> list[tuple[float, float, str]]:
    """(start, end, text) of the subtitles of a file, see `write_subtitles`."""
    windows = described["windows"]
    middles = [(window["start"] + window["end"]) / 2 for window in windows]
    edges = [windows[0]["start"], *((a + b) / 2 for a, b in itertools.pairwise(middles)), windows[-1]["end"]]
    cues: list[tuple[float, float, str]] = []
    places = zip(windows, itertools.pairwise(edges), strict=True)
    for label, group in itertools.groupby(places, key=lambda place: _name_cue(place[0])):
        members = list(group)
        start, end = members[0][1][0], members[-1][1][1]
        if label is None:
            continue
        if not isinstance(label, str):
            cues += [(begin, stop, f"{what} {window['prediction']:.2f}") for window, (begin, stop) in members]
            continue
        share = sum(window["probabilities"][label] for window, _ in members) / len(members)
        cues.append((start, end, f"{label} {share:.0%}"))
    return cues


def _name_cue(window: dict[str, Any]) -> str | bool | None:
    """The class of a window; True where it has a number, None where it has no prediction."""
    prediction = window["prediction"]
    return prediction if prediction is None or isinstance(prediction, str) else True


def choose_path(folder: Path, stem: str, taken: set[Path], ending: str) -> Path:
    """A name that no other file of this call has: a_timeline.png, a_2_timeline.png, ..."""
    number = 1
    while (path := folder / f"{stem}{'' if number == 1 else f'_{number}'}{ending}") in taken:
        number += 1
    taken.add(path)
    return path


def plot_timeline(path: Path, timeline: Timeline, task: str, labels: Sequence[str], what: str) -> None:
    """Draws one file as a png: its envelope, and below it each window's prediction over the length of the window.

    Args:
      path: the file to write.
      timeline: of a file that could be read.
      task: of the run.
      labels: names of its classes.
      what: name of a regression's target, for the axis.
    """
    # Here, because it takes half a second and only --plot needs it; not pyplot, which keeps every figure open.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    at = np.linspace(0, timeline.seconds, len(timeline.peaks), endpoint=False)
    above.fill_between(at, -timeline.peaks, timeline.peaks, linewidth=0, color="0.6")
    above.set(ylabel="amplitude", title=Path(timeline.file).name.replace("$", r"\$"), xlim=(0, timeline.seconds))
    middle = (timeline.start + timeline.end) / 2
    if task in CLASSES:
        values = compute_probabilities(task, timeline.prediction)
        curves = dict(zip(name_classes(task, labels, values.shape[1]), values.T, strict=True))
        below.set(ylabel="probability", ylim=(0, 1))
    else:
        curves = {what: timeline.prediction}
        below.set(ylabel=what)
    for name, curve in curves.items():
        drawn = below.plot(middle, curve, marker="o", markersize=3, label=name)[0]
        below.hlines(curve, timeline.start, timeline.end, color=drawn.get_color(), alpha=0.3)
    for start, end in zip(timeline.start[timeline.silent], timeline.end[timeline.silent], strict=True):
        below.axvspan(start, end, color="0.9", zorder=0)
    if len(curves) > 1:
        below.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    below.set(xlabel="seconds")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    files.write_atomic(path, buffer.getvalue())
