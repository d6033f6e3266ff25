"""Recordings -> timelines: what a model of raw speech predicts for every window of every file.

A file is prepared as the model's corpus was: mono at the model's rate, in 16 bits, each window scaled to a root mean
square of 1 over its own samples (equation 3.4 of the thesis) and then padded with silence to the model's length. The
windows of all files go through one program in batches of one size, so no file needs a compilation of its own.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from affect_jax.errors import UserError
from affect_jax.experiment.calibrations import Calibration, calibrate_predictions
from affect_jax.features import audio, sound_files
from affect_jax.inference import deployment, export_folder
from affect_jax.inference.split_files import describe_calibration
from affect_jax.runtime.files import spell_path
from affect_jax.training import mesh

PEAKS = 1000
"""Points of a file's envelope."""
CLIPPED = 0.01
"""A file with a larger share of samples at full scale is reported as clipped."""

Predict = Callable[[np.ndarray, np.ndarray], Any]
"""(float32 [B, T, 1], bool [B, T]) -> float32 [B], or [B, C] logits."""


class Windows(NamedTuple):
    """How files are cut into windows.

    Attributes:
      rate: samples a second that the model reads.
      steps: samples that it reads at once, T.
      window: samples of a file in one window, at most T.
      hop: samples between the starts of two windows, at most `window`.
      batch: windows at a time, B.
    """

    rate: int
    steps: int
    window: int
    hop: int
    batch: int


class Timeline(NamedTuple):
    """The predictions for one file. Only the first two fields are set where the file cannot be read.

    Attributes:
      file: its name, as it was given; see `spell_path` for names that are not text.
      error: why it cannot be read; '' where it can.
      seconds: its length.
      start: float64 [W], each window's start in seconds.
      end: float64 [W], each window's end, within the file.
      prediction: float32 [W], or [W, C] logits; NaN where a window is silent.
      peaks: float32 [P], the largest magnitude in each of P equal pieces of the file.
      clipped: the share of samples at full scale.
      remarks: what is odd about the file, see `audio.Sound`.
      notes: of each window; () where nothing is said of any.
      empty: what a window without a prediction is, in words.
      coverage: how often sets and intervals hold the truth, as '0.9'.
      threshold: what makes them, see `metrics.conformal`; None where there are none.
    """

    file: str
    error: str = ""
    seconds: float = 0.0
    start: np.ndarray = np.zeros(0)
    end: np.ndarray = np.zeros(0)
    prediction: np.ndarray = np.zeros(0, np.float32)
    peaks: np.ndarray = np.zeros(0, np.float32)
    clipped: float = 0.0
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    empty: str = "silent"
    coverage: str = ""
    threshold: float | None = None

    @property
    def silent(self) -> np.ndarray:
        """bool [W]: windows that are silent, or empty otherwise, and have no prediction."""
        return np.isnan(self.prediction.reshape(len(self.start), -1)).any(1)


def plan_windows(rate: int, steps: int, window: float | None, hop: float | None) -> Windows:
    """Converts the lengths of windows and hops from seconds to samples.

    Args:
      rate: of the model's speech, Hz.
      steps: samples that the model reads at once.
      window: seconds in a window; None for as much as the model reads.
      hop: seconds between the starts of windows; None for a third of a window.

    Raises:
      UserError: a window longer than the model's or shorter than 1/10 s, or a hop that leaves gaps.
    """
    if window is not None and not 0.1 <= window <= steps / rate:
        raise UserError(f"--window is {window:g} s; this model reads between 0.1 and {steps / rate:g} s at a time")
    samples = steps if window is None else round(window * rate)
    if hop is not None and not 1 / rate <= hop <= samples / rate:
        raise UserError(f"--hop is {hop:g} s and a window {samples / rate:g} s; give more than 0 and at most a window")
    step = max(samples // 3, 1) if hop is None else round(hop * rate)
    count = len(jax.devices())
    # A CPU predicts one window after another anyway, and what fills up the last batch takes as long as a window.
    together = 1 if jax.default_backend() == "cpu" else 4
    return Windows(rate, steps, samples, step, batch=math.ceil(together / count) * count)


def compile_model(deployed: deployment.Deployed | export_folder.Exported) -> Predict:
    """Compiles a model as a function of a batch, which is spread over all devices; an export uses one device."""
    if isinstance(deployed, export_folder.Exported):
        return deployed.call
    devices = mesh.make_mesh()
    params = mesh.replicate(devices, deployed.params)

    def predict_window(params: Any, x_Tx1: jax.Array, mask_T: jax.Array) -> jax.Array:
        return deployment.predict_deployed(deployed._replace(params=params), x_Tx1[None], mask_T[None])[0]

    run = mesh.map_over_trials(devices, mesh.choose_trials_at_once(0), predict_window)
    return lambda x, mask: mesh.to_host(run(params, *mesh.shard_trials(devices, (x, mask))))


def list_window_starts(samples: int, window: int, hop: int) -> np.ndarray:
    """int64 [W]: where windows start; the last one reaches the end of the file.

    Every window holds at least `window - hop` samples, except where the file is shorter than one window.
    """
    return np.arange(_count_starts(samples, window, hop), dtype=np.int64) * hop


def _count_starts(samples: int, window: int, hop: int) -> int:
    return 1 + max(0, math.ceil((samples - window) / hop))


def count_windows(files: Iterable[str | Path], cut: Windows) -> int:
    """About how many windows there will be, by the files' headers; a file whose header does not say it counts 0."""
    seconds = [sound_files.estimate_seconds(file) for file in files]
    return sum(_count_starts(round(length * cut.rate), cut.window, cut.hop) for length in seconds if length)


class _OpenRecording(NamedTuple):
    """A file whose windows wait for their predictions.

    Attributes:
      timeline: what is known of it so far.
      samples: int16 [T].
      sounding: the windows that are not silent.
      predictions: window -> its prediction, filled as batches are done.
    """

    timeline: Timeline
    samples: np.ndarray
    sounding: list[int]
    predictions: dict[int, np.ndarray]


class _Window(NamedTuple):
    """One window of a file on its way into a batch."""

    recording: _OpenRecording
    number: int
    samples: np.ndarray


def predict_recordings(
    files: Iterable[str | Path], predict: Predict, cut: Windows, progress: Callable[[int], None] = lambda windows: None
) -> Iterator[Timeline]:
    """Yields a timeline for each file, in order; a bad file gets an `error` and does not stop the others.

    Args:
      files: of sound of any kind, rate, length and number of channels.
      predict: a batch of windows -> their predictions; always called with the same shapes.
      cut: how long windows are.
      progress: receives how many further windows are done.

    Raises:
      UserError: a prediction is not finite.
    """
    waiting: deque[_OpenRecording] = deque()
    batch: list[_Window] = []
    for file in files:
        opened = _open_recording(file, cut)
        waiting.append(opened)
        # Silent windows are done at once: nothing is predicted for them.
        progress(len(opened.timeline.start) - len(opened.sounding))
        for window in opened.sounding:
            first = window * cut.hop
            batch.append(_Window(opened, window, opened.samples[first : first + cut.window]))
            if len(batch) == cut.batch:
                _predict_batch(batch, predict, cut)
                progress(len(batch))
                batch.clear()
        # A batch may hold windows of several files, so a file is finished only when all its predictions are there.
        while waiting and len(waiting[0].predictions) == len(waiting[0].sounding):
            yield _finish_timeline(waiting.popleft())
    if batch:
        _predict_batch(batch, predict, cut)
        progress(len(batch))
    for opened in waiting:
        yield _finish_timeline(opened)


def _predict_batch(batch: Sequence[_Window], predict: Predict, cut: Windows) -> None:
    """Predicts up to `cut.batch` windows and hands each prediction to its recording."""
    x = np.zeros((cut.batch, cut.steps, 1), np.float32)
    mask = np.zeros((cut.batch, cut.steps), bool)
    for place, window in enumerate(batch):
        x[place, : len(window.samples), 0] = audio.normalize_rms(window.samples)
        mask[place, : len(window.samples)] = True
    values = np.asarray(predict(x, mask), np.float32)[: len(batch)]
    if not np.isfinite(values).all():
        raise UserError("the model's predictions are not finite; choose another --trial or train it again")
    for window, value in zip(batch, values, strict=True):
        window.recording.predictions[window.number] = value


def read_recording(file: str | Path, rate: int) -> tuple[np.ndarray, audio.Sound]:
    """Reads a file: int16 [T] mono at `rate`, as models read it, and the sound as it was.

    Raises:
      UserError: the file cannot be read, is shorter than one sample at `rate`, or is silent.
    """
    sound = sound_files.decode_audio(file)
    resampled = sound_files.resample_sound(sound, rate, str(file))
    if not resampled.size:
        raise UserError(
            f"{file} has {len(sound.samples)} samples at {sound.rate} Hz, too few for a model that reads {rate} Hz"
        )
    sound_files.check_sounding(resampled, sound, rate, str(file))
    # Corpora are stored in 16 bits; what is lost there (dither, the tail of a filter) must be silence here, too.
    return audio.to_int16(resampled), sound


def _open_recording(file: str | Path, cut: Windows) -> _OpenRecording:
    """Reads a file and plans its windows."""
    try:
        samples, sound = read_recording(file, cut.rate)
    except UserError as error:
        return _OpenRecording(Timeline(spell_path(file), spell_path(str(error))), np.zeros(0, np.int16), [], {})
    start = list_window_starts(len(samples), cut.window, cut.hop)
    edges = np.linspace(0, len(samples), min(PEAKS, len(samples)), endpoint=False).astype(np.int64)
    timeline = Timeline(
        file=spell_path(file),
        seconds=len(samples) / cut.rate,
        start=start / cut.rate,
        end=np.minimum(start + cut.window, len(samples)) / cut.rate,
        peaks=np.maximum.reduceat(np.abs(audio.to_float(samples)), edges),
        clipped=sound.clipped,
        remarks=sound.remarks,
    )
    return _OpenRecording(timeline, samples, [w for w, s in enumerate(start) if samples[s : s + cut.window].any()], {})


def _finish_timeline(opened: _OpenRecording) -> Timeline:
    """The timeline with its predictions; silent windows have NaN."""
    if opened.timeline.error:
        return opened.timeline
    shape = next(iter(opened.predictions.values())).shape
    prediction = np.full((len(opened.timeline.start), *shape), np.nan, np.float32)
    for window, value in opened.predictions.items():
        prediction[window] = value
    return opened.timeline._replace(prediction=prediction)


def calibrate_timeline(timeline: Timeline, task: str, fitted: Calibration | None, coverage: str) -> Timeline:
    """A timeline with calibrated probabilities, and what makes its sets or intervals, where validation tells them.

    Args:
      timeline: as the model gives it.
      task: of the model.
      fitted: on validation; None for nothing.
      coverage: of sets and intervals, a key of the calibration's thresholds.
    """
    if timeline.error or fitted is None:
        return timeline
    calibrated = calibrate_predictions(task, timeline.prediction, fitted)
    return timeline._replace(prediction=calibrated, coverage=coverage, threshold=fitted.thresholds.get(coverage))


def describe_fit(fitted: Calibration | None, coverage: str) -> Iterator[str]:
    """A line on what validation tells of the answers of timelines."""
    if fitted is not None:
        promise, is_kept = describe_calibration(fitted, coverage), fitted.thresholds.get(coverage) is not None
        yield f"note: {promise}{', where windows are like the clips of validation' if is_kept else ''}"
