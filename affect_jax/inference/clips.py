"""Predicts clips: a timeline of each, of windows as long as what the model was trained on, or of its steps."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.config.schema import describe_within
from affect_jax.datasets.input_form import InputForm, describe_form
from affect_jax.datasets.manifest import frame_files, unlabelled
from affect_jax.datasets.manifest.csv_table import Row as ListedRow
from affect_jax.errors import MissingPackageError, UserError
from affect_jax.extraction import cells, compute
from affect_jax.features import audio, sound_files, transcripts, video
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.inference import timeline_files
from affect_jax.inference.as_trained import average_recordings, remove_levels
from affect_jax.inference.clip_features import Extractors, extract_rows
from affect_jax.inference.output import Output, write_output
from affect_jax.inference.predict_inputs import Answer, answer_recording
from affect_jax.inference.predictor import Predictor
from affect_jax.inference.timelines import PEAKS, Timeline, calibrate_timeline, describe_fit
from affect_jax.runtime.files import expand_home, spell_path
from affect_jax.runtime.progress import Work

_WHOLE_UP_TO = 1.25
"""Windows: a clip that is not longer than this many is one."""

_UNEVEN = 1.0
"""Seconds by which the streams of a clip may end at different times, after which nothing is predicted."""


class Wishes(NamedTuple):
    """How clips are cut, and what is written of each.

    Attributes:
      window: seconds; None for the usual length of what the model was trained on.
      hop: seconds between the starts of windows; None for half a window.
      plot: draw each timeline, beside the output.
      subtitles: 'srt' or 'vtt': write subtitles, beside the output.
      coverage: of sets and intervals.
    """

    window: float | None = None
    hop: float | None = None
    plot: bool = False
    subtitles: str | None = None
    coverage: str = "0.9"


def predict_clips(
    predictor: Predictor, extractors: Extractors, clips: Sequence[tuple[Path, str]], output: Output, wishes: Wishes
) -> int:
    """Predicts clips and writes their timelines.

    Args:
      predictor: the model.
      extractors: of its inputs.
      clips: each with its transcript, a file or the words; '' where there is none.
      output: where the timelines go.
      wishes: how they are cut, and what else is written.

    Returns:
      How many clips were skipped.
    """
    described, names, written = [], (), set()
    task, labels, target = predictor.task, predictor.labels, predictor.trained["target"]
    with Work() as work:
        work.say(f"{predictor.title}: predicting {target!r} from {describe_form(extractors.form)}")
        for sentence in describe_fit(predictor.calibration, wishes.coverage):
            work.say(sentence)
        if within := predictor.trained.get("within"):
            work.say(f"note: {describe_within(within)}; here each clip stands for its own speaker")
        for path, transcript in clips:
            try:
                timeline = _answer_clip(predictor, extractors, path, transcript, wishes, work)
                timeline = calibrate_timeline(timeline, task, predictor.calibration, wishes.coverage)
            except MissingPackageError:  # no other clip can be read either
                raise
            except UserError as error:
                timeline = Timeline(spell_path(path), spell_path(str(error)))
            described.append(timeline_files.describe_timeline(timeline, task, labels))
            work.say(timeline_files.format_summary(described[-1]))
            if timeline.error:
                continue
            names = timeline_files.name_classes(task, labels, timeline.prediction.shape[-1])
            place = (output.folder, path.stem, written)
            if wishes.plot:
                picture = timeline_files.choose_path(*place, "_timeline.png")
                timeline_files.plot_timeline(picture, _add_peaks(timeline, path), task, labels, target)
                work.say(f"wrote {picture}")
            if wishes.subtitles:
                work.say(f"wrote {timeline_files.write_subtitles(*place, described[-1], wishes.subtitles, target)}")
        about = {"model": predictor.title, "task": task, "target": target}
        write_output(timeline_files.format_timelines(described, names, about, output.form), output)
        work.say(timeline_files.count_files(described, "clips"))
    return sum("error" in one for one in described)


def _answer_clip(
    predictor: Predictor, extractors: Extractors, path: Path, transcript: str, wishes: Wishes, work: Work
) -> Timeline:
    form = extractors.form
    texts = _fill_columns(extractors, path, transcript)
    seconds = _measure_seconds(extractors, texts)
    segments = [WHOLE] if form.layout == "steps" else list_windows(seconds, _choose_window(form, wishes), wishes.hop)
    rows = [compute.Row(number, texts, segment) for number, segment in enumerate(segments)]
    with tempfile.TemporaryDirectory() as folder:
        extracted = extract_rows(extractors, rows, Path(), Path(folder), work.say)
        if not any(extracted.files.values()):
            texts = dict.fromkeys(text for of_row in extracted.faults.values() for text in of_row.values())
            raise UserError("; ".join(texts) or f"{path} has no features")
        for sentence in list_faults(extracted.faults, len(rows)):
            work.say(f"note: {sentence}")
        listed = [
            ListedRow(row.number, f"{path.stem}@{row.number}", "", path.stem, {}, extracted.files[row.number])
            for row in rows
        ]
        answers = _answer_windows(predictor, form, listed)
    for remark in dict.fromkeys(remark for answer in answers if answer for remark in answer.remarks):
        work.say(f"note: {path.name}: {remark}")
    return _make_timeline(path, seconds, segments, answers, form)


def list_faults(faults: Mapping[int, Mapping[str, str]], count: int) -> Iterator[str]:
    """What could not be made of windows, a sentence for each modality.

    Args:
      faults: number of a window -> modality -> why, as an error says it: what was found; what to do.
      count: of all windows.
    """
    for name in dict.fromkeys(name for of_window in faults.values() for name in of_window):
        texts = [of_window[name] for of_window in faults.values() if name in of_window]
        where = f" in {len(texts)} of {count} windows" if count > 1 else ""
        found = texts[0].partition("; ")[0]  # nobody is asked to mend a clip of which others things can be read
        yield f"{name!r} is missing{where}: {found}"


def _fill_columns(extractors: Extractors, path: Path, transcript: str) -> dict[str, str]:
    """Column -> cell of a clip and its transcript."""
    columns = extractors.columns
    media = [name for name, kind in columns.items() if kind == "media"]
    words = [name for name, kind in columns.items() if kind == "words"]
    if len(media) > 1 or len(words) > 1:
        several = media if len(media) > 1 else words
        raise UserError(
            f"the model reads the columns {', '.join(several)}, so one file does not say which; list files in a csv "
            f"with the columns id,{','.join(columns)}, and name that"
        )
    if transcript and not (words and media):
        reads = "words alone, so name their files" if words else "no words; leave it out"
        raise UserError(f"--transcript is given, but the model reads {reads}")
    place = str(path.absolute())
    if not media:
        return {words[0]: place}
    is_file = transcript.lower().endswith(transcripts.SUFFIXES)
    name = str(expand_home(transcript).absolute()) if is_file else transcript
    return {**dict.fromkeys(media, place), **({words[0]: name} if words and name else {})}


def _measure_seconds(extractors: Extractors, texts: dict[str, str]) -> float:
    """Length of a clip: to where the first of its streams ends, unless another goes on for long."""
    lengths, faults = [], []
    for name, source in extractors.sources.items():
        made = extractors.form.modalities[name].extraction
        if texts.get(made.column) and (source.kind != "words" or "media" not in extractors.columns.values()):
            try:
                cell = cells.open_cell(texts[made.column], Path(), WHOLE, source, made.rate)
                common = (
                    video.read_facts(cell.path).common
                    if source.kind != "words" and video.is_video(cell.path)
                    else cell.seconds
                )
                lengths.append(common if common > cell.seconds - _UNEVEN else cell.seconds)
            except MissingPackageError:
                raise
            except UserError as error:  # it may lack one of its streams
                faults.append(error)
    if not lengths and faults:
        raise faults[0]
    return max(lengths, default=0.0)


def _choose_window(form: InputForm, wishes: Wishes) -> float:
    """Seconds of a window; 0 for whole clips."""
    usual = max(of.seconds for of in form.modalities.values())
    if wishes.window is not None and wishes.window <= 0.1:
        raise UserError(f"--window is {wishes.window:g} s, expected more than 0.1")
    return usual if wishes.window is None else wishes.window


def list_windows(seconds: float, window: float, hop: float | None) -> list[Segment]:
    """Stretches that cover a clip; the last one ends with it."""
    if not window or seconds <= _WHOLE_UP_TO * window:
        return [WHOLE]
    hop = window / 2 if hop is None else hop
    if not 0 < hop <= window:
        raise UserError(f"--hop is {hop:g} s and a window {window:g} s; give more than 0 and at most a window")
    count = 1 + int(np.ceil((seconds - window) / hop - 1e-6))
    starts = [min(number * hop, seconds - window) for number in range(count)]
    return [Segment(round(start, 6), round(start + window, 6)) for start in starts]


def _answer_windows(predictor: Predictor, form: InputForm, listed: Sequence[ListedRow]) -> list[Answer | None]:
    """The answer to each window; None where it has no modality. A layout of steps has one answer."""
    readers = frame_files.make_readers(form.options, hold=True)
    windows = [listed] if form.layout == "group" else [[row] if row.files else [] for row in listed]
    read = [unlabelled.make_recording(rows, form, readers) for rows in windows if rows]
    recordings = remove_levels(predictor, average_recordings(predictor, read))
    if error := next((one for one in recordings if isinstance(one, UserError)), None):
        raise error
    answers = iter([answer_recording(predictor, recording) for recording in recordings])
    return [next(answers) if rows else None for rows in windows]


def _make_timeline(
    path: Path, seconds: float, segments: Sequence[Segment], answers: Sequence[Answer | None], form: InputForm
) -> Timeline:
    first = next(answer for answer in answers if answer)
    if form.layout == "steps":
        step = form.step_seconds or seconds / len(first.values)
        middle = (form.first_step if form.step_seconds else step / 2) + step * np.arange(len(first.values))
        start, end, values = np.maximum(middle - step / 2, 0), middle + step / 2, first.values
        notes = ["; ".join(first.notes)] * len(values)
    else:
        start = np.array([segment.start for segment in segments])
        end = np.array([seconds if segment.end is None else segment.end for segment in segments])
        if form.layout == "group":
            values, notes = first.values, ["; ".join(first.notes)] * len(segments)
        else:
            empty = np.full_like(first.values[0], np.nan)
            values = np.stack([answer.values[0] if answer else empty for answer in answers])
            notes = ["; ".join(answer.notes) if answer else "" for answer in answers]
    return Timeline(
        file=spell_path(path),
        seconds=seconds,
        start=start,
        end=end,
        prediction=values,
        notes=tuple(notes),
        empty="without any modality",
    )


def _add_peaks(timeline: Timeline, path: Path) -> Timeline:
    """The timeline with the envelope of the clip's sound, for a picture; without one where it has none."""
    try:
        samples = sound_files.decode_audio(path).samples
    except UserError:
        return timeline
    edges = np.linspace(0, len(samples), min(PEAKS, len(samples)), endpoint=False).astype(np.int64)
    return timeline._replace(peaks=np.maximum.reduceat(np.abs(audio.to_float(samples)), edges))
