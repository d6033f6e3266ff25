"""People's own recordings -> timelines: what a model of raw speech says of every window of every file.

A file is heard as the model's corpus was: mono at its rate, in 16 bits, each window scaled to a root mean square of 1
over its own samples (equation 3.4 of the thesis) and then padded with silence to the model's length. The windows of all
files go through one program in batches of one size, so nothing is compiled anew for another file.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from affect_jax.errors import UserError
from affect_jax.features import audio
from affect_jax.inference import deployment, export_folder
from affect_jax.training import mesh

PEAKS = 1000
"""Points of a file's envelope."""
CLIPPED = 0.01
"""From this share of samples at full scale on, a file is said to be clipped."""

Predict = Callable[[np.ndarray, np.ndarray], Any]
"""(float32 [B, T, 1], bool [B, T]) -> float32 [B], or [B, C] logits."""


class Sizes(NamedTuple):
    """How files are cut.

    Attributes:
      rate: samples a second that the model hears.
      steps: samples that it takes, T.
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
    """One file. Of a file that cannot be heard only the first two fields say anything.

    Attributes:
      file: its name, as it was given.
      error: why it cannot be heard; '' where it can.
      seconds: its length.
      start: float64 [W], each window's start in seconds.
      end: float64 [W], each window's end, within the file.
      prediction: float32 [W], or [W, C] logits; NaN where a window is silent.
      peaks: float32 [P], the largest magnitudes of P equal pieces of the file.
      clipped: the share of samples at full scale.
    """

    file: str
    error: str = ""
    seconds: float = 0.0
    start: np.ndarray = np.zeros(0)
    end: np.ndarray = np.zeros(0)
    prediction: np.ndarray = np.zeros(0, np.float32)
    peaks: np.ndarray = np.zeros(0, np.float32)
    clipped: float = 0.0

    @property
    def silent(self) -> np.ndarray:
        """bool [W]: the windows without a sound, and so without a prediction."""
        return np.isnan(self.prediction.reshape(len(self.start), -1)).any(1)


def sizes(rate: int, steps: int, window: float | None, hop: float | None) -> Sizes:
    """Seconds -> samples.

    Args:
      rate: of the model's speech, Hz.
      steps: samples that the model takes.
      window: seconds of speech in a window; None for as much as the model takes.
      hop: seconds between windows; None for a third of a window.

    Raises:
      UserError: a window longer than the model's or shorter than 1/10 s, or a hop that leaves gaps.
    """
    if window is not None and not 0.1 <= window <= steps / rate:
        raise UserError(f"--window is {window:g} s; this model hears between 0.1 and {steps / rate:g} s at a time")
    samples = steps if window is None else round(window * rate)
    if hop is not None and not 1 / rate <= hop <= samples / rate:
        raise UserError(f"--hop is {hop:g} s and a window {samples / rate:g} s; give more than 0 and at most a window")
    step = max(samples // 3, 1) if hop is None else round(hop * rate)
    count = len(jax.devices())
    return Sizes(rate, steps, samples, step, batch=math.ceil(4 / count) * count)


def program(deployed: deployment.Deployed | export_folder.Exported) -> Predict:
    """The model as one compiled function of a batch, which is spread over all devices; an export is made for one."""
    if isinstance(deployed, export_folder.Exported):
        return deployed.call
    devices = mesh.make_mesh()

    def one(_: tuple, x_Tx1: jax.Array, mask_T: jax.Array) -> jax.Array:
        return deployment.predict_deployed(deployed, x_Tx1[None], mask_T[None])[0]

    run = mesh.map_over_trials(devices, mesh.choose_trials_at_once(0), one)
    return lambda x, mask: mesh.to_host(run((), *mesh.shard_trials(devices, (x, mask))))


def starts(samples: int, window: int, hop: int) -> np.ndarray:
    """int64 [W]: where windows start, until one reaches the end. No window holds less than `window - hop` samples,
    but for a file that is shorter than one window."""
    return np.arange(1 + max(0, math.ceil((samples - window) / hop)), dtype=np.int64) * hop


def count(files: Iterable[str | Path], cut: Sizes) -> int:
    """About how many windows there will be, from the files' headers; a file that has none of them counts 0."""
    import soundfile

    total = 0
    for file in files:
        try:
            total += len(starts(round(soundfile.info(str(file)).duration * cut.rate), cut.window, cut.hop))
        except (OSError, TypeError, soundfile.SoundFileError):
            continue  # `hear` will say what is wrong with it
    return total


class _Open(NamedTuple):
    """A file whose windows are on their way."""

    timeline: Timeline
    samples: np.ndarray  # int16 [T]
    sounding: list[int]  # the windows that are not silent
    answers: dict[int, np.ndarray]  # window -> its prediction


def hear(
    files: Iterable[str | Path], predict: Predict, cut: Sizes, progress: Callable[[int], None] = lambda windows: None
) -> Iterator[Timeline]:
    """A timeline for each file, in their order; a bad file has an `error` and does not stop the others.

    Args:
      files: wav, flac, ogg or mp3, of any rate, length and number of channels.
      predict: a batch of windows -> their predictions; always called with the same shapes.
      cut: how long windows are.
      progress: is told how many windows were done, each time.

    Raises:
      UserError: the model's answers are not finite.
    """
    waiting: deque[_Open] = deque()
    batch: list[tuple[_Open, int, np.ndarray]] = []

    def flush() -> None:
        x = np.zeros((cut.batch, cut.steps, 1), np.float32)
        mask = np.zeros((cut.batch, cut.steps), bool)
        for line, (_, _, samples) in enumerate(batch):
            x[line, : len(samples), 0] = audio.normalize_rms(samples)
            mask[line, : len(samples)] = True
        values = np.asarray(predict(x, mask), np.float32)[: len(batch)]
        if not np.isfinite(values).all():
            raise UserError(
                "the model answers with numbers that are not finite; choose another --trial or train it again"
            )
        for (opened, window, _), value in zip(batch, values, strict=True):
            opened.answers[window] = value
        progress(len(batch))
        batch.clear()

    def done() -> Iterator[Timeline]:
        while waiting and len(waiting[0].answers) == len(waiting[0].sounding):
            yield _closed(waiting.popleft())

    for file in files:
        opened = _open(file, cut)
        waiting.append(opened)
        progress(len(opened.timeline.start) - len(opened.sounding))
        for window in opened.sounding:
            first = window * cut.hop
            batch.append((opened, window, opened.samples[first : first + cut.window]))
            if len(batch) == cut.batch:
                flush()
        yield from done()
    if batch:
        flush()
    yield from done()


def read(file: str | Path, rate: int) -> tuple[np.ndarray, audio.Sound]:
    """A file as models hear it, int16 [T] mono at `rate`, and as it was.

    Raises:
      UserError: it cannot be read, is shorter than one sample at `rate`, or is silent.
    """
    sound = audio.decode_audio(file)
    # 16 bits, as corpora are stored: what is not heard there (dither, the tail of a filter) is silence here, too.
    samples = audio.to_int16(audio.resample_audio(sound, rate))
    if not samples.size:
        raise UserError(f"{file} has {len(sound.samples)} samples at {sound.rate} Hz, too few to be heard at {rate} Hz")
    if not samples.any():
        raise UserError(f"{file} is silent throughout (all samples are 0); record it again")
    return samples, sound


def _open(file: str | Path, cut: Sizes) -> _Open:
    """A file before it is heard."""
    try:
        samples, sound = read(file, cut.rate)
    except UserError as error:
        return _Open(Timeline(str(file), str(error)), np.zeros(0, np.int16), [], {})
    start = starts(len(samples), cut.window, cut.hop)
    edges = np.linspace(0, len(samples), min(PEAKS, len(samples)), endpoint=False).astype(np.int64)
    timeline = Timeline(
        file=str(file),
        seconds=len(samples) / cut.rate,
        start=start / cut.rate,
        end=np.minimum(start + cut.window, len(samples)) / cut.rate,
        peaks=np.maximum.reduceat(np.abs(audio.to_float(samples)), edges),
        clipped=audio.measure_clipping(sound.samples),
    )
    return _Open(timeline, samples, [w for w, s in enumerate(start) if samples[s : s + cut.window].any()], {})


def _closed(opened: _Open) -> Timeline:
    if opened.timeline.error:
        return opened.timeline
    shape = next(iter(opened.answers.values())).shape
    prediction = np.full((len(opened.timeline.start), *shape), np.nan, np.float32)
    for window, value in opened.answers.items():
        prediction[window] = value
    return opened.timeline._replace(prediction=prediction)
