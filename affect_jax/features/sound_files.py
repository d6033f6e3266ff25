"""Recordings from files: any kind of sound file becomes one channel of float32, and what is odd about it is told.

What is judged (silence, clipping, channels that cancel, a wrong scale) is judged from the samples of the file, before
channels are averaged and anything is rounded.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.features import audio
from affect_jax.features.audio import Sound
from affect_jax.features.sound_streams import Stream, open_stream

FULL_SCALE = 0.999
"""A sample of at least this magnitude counts as clipped: 16-bit converters stop at 32767 / 32768."""
LIMIT = "AFFECT_JAX_RECORDING_GB"
"""Environment variable: the most memory that the samples of one recording may take, in GB; 4 without it."""
_CANCELLED = 0.1  # channels whose mean has less than this share of their level cancel each other
_SILENT_CHANNEL = 1e-3  # a channel with less than this share of the loudest one's level is left out
_MOST_PEAK, _MOST_BEYOND = 1.25, 1e-3  # decoders overshoot full scale a little; more than that is another scale
_WHOLE_NUMBERS = 32.0  # from this peak on, a float file holds the whole numbers of a converter
_QUIET = 2.0**-9  # below this peak, 16 bits would keep less than 7 of a sample
_NEARLY_SILENT = 4 / 32768
_OFFSET = 0.02


class _Totals(NamedTuple):
    """What is counted while a file is decoded; arrays have one entry a channel.

    Attributes:
      count: samples.
      squares: sums of squares.
      sums: sums.
      mean_squares: sum of squares of the mean of all channels.
      peak: largest magnitude.
      beyond: samples beyond full scale.
      clipped: samples at full scale.
      wrong: samples that are NaN or infinite in any channel.
      first_wrong: where the first of them is.
    """

    count: int
    squares: np.ndarray
    sums: np.ndarray
    mean_squares: float = 0.0
    peak: float = 0.0
    beyond: int = 0
    clipped: int = 0
    wrong: int = 0
    first_wrong: int = 0


def read_audio(path: str | Path, *, rate: int) -> np.ndarray:
    """Reads a file as mono speech at one rate.

    Args:
      path: a file of sound of any kind, rate and number of channels.
      rate: in Hz.

    Returns:
      float32 [T]; may be a little outside of [-1, 1] where resampling overshoots.

    Raises:
      UserError: as `decode_audio`; or the file is shorter than one sample at `rate`.
    """
    sound = decode_audio(path)
    samples = resample_sound(sound, rate, str(path))
    if not samples.size:
        raise UserError(f"{path} has {sound.samples.size} samples at {sound.rate} Hz, too few to be read at {rate} Hz")
    return samples


def decode_audio(path: str | Path) -> Sound:
    """Reads a file at its own rate and averages its channels.

    Channels that are silent beside another one are left out; of channels that cancel each other the first is read.
    Samples at another scale than [-1, 1], and those of a recording so quiet that 16 bits could not hold it, are scaled.
    Each of these is told in `Sound.remarks`. An ogg or mp3 file that was cut between two of its frames looks like a
    shorter one.

    Raises:
      UserError: the file is missing, is no ordinary file or no audio, is cut short or damaged, has no samples, NaN or
        infinite ones, an impossible rate, or more samples than `LIMIT` allows.
    """
    path = Path(path)
    with open_stream(path) as stream:
        samples, totals = _average_channels(stream, path, None)
        rate, channels, is_fine, remarks = stream.rate, stream.channels, stream.is_fine, list(stream.remarks)
    if not totals.count:
        raise UserError(f"{path} has no samples (zero length); record or copy it again")
    if totals.wrong:
        raise UserError(
            f"{path} has {totals.wrong} NaN or infinite samples, the first at {totals.first_wrong / rate:.3f} s;"
            " write the file again"
        )
    chosen, remark = _choose_channels(totals, channels)
    if remark:
        remarks.append(remark)
        with open_stream(path) as stream:
            samples, _ = _average_channels(stream, path, chosen)
    factor, remark = _choose_scale(totals, is_fine)
    if remark:
        remarks.append(remark)
        samples *= np.float32(factor)
    remarks.extend(_describe_level(totals, factor))
    clipped = totals.clipped / (totals.count * channels) if factor >= 1 else 0.0
    return Sound(samples, rate, clipped, tuple(remarks))


def resample_sound(sound: Sound, rate: int, name: str) -> np.ndarray:
    """Returns float32 [about T * rate / sound.rate], see `audio.resample_audio`.

    Raises:
      UserError: that would be more samples than `LIMIT` allows.
    """
    seconds = len(sound.samples) / sound.rate
    _check_size(seconds * rate, f"{name} has {seconds:.0f} s, which", rate)
    return audio.resample_audio(sound, rate)


def check_sounding(samples: np.ndarray, sound: Sound, rate: int, name: str) -> None:
    """Refuses recordings in which nothing is to be heard.

    Args:
      samples: float32 [T] at `rate`, of `sound`.
      sound: the recording at its own rate.
      rate: in Hz.
      name: of the file, for the message.

    Raises:
      UserError: all samples are 0, or all are one value, or nothing is left below rate / 2.
    """
    if not sound.samples.any():
        raise UserError(f"{name} is silent throughout (all samples are 0); leave it out or record it again")
    if len(sound.samples) > 1 and np.ptp(sound.samples) == 0:
        raise UserError(
            f"{name} is silent throughout (all samples are {sound.samples[0]:g}); leave it out or record it again"
        )
    if not audio.to_int16(samples).any():
        raise UserError(
            f"{name} is silent below {rate / 2:g} Hz, all that is heard at a rate of {rate} Hz; raise the rate, or"
            " leave it out"
        )


def estimate_seconds(path: str | Path) -> float:
    """The length of a file by its header; 0 where that does not say it or the file cannot be read."""
    try:
        with open_stream(Path(path)) as stream:
            return stream.announced / stream.rate
    except UserError:
        return 0.0


def _average_channels(stream: Stream, path: Path, chosen: list[int] | None) -> tuple[np.ndarray, _Totals]:
    """float32 [T], the mean of the chosen channels (None for all), and what all channels hold."""
    parts, most = [], _count_allowed_samples()
    totals = _Totals(0, np.zeros(stream.channels), np.zeros(stream.channels))
    _check_size(stream.announced, f"{path} announces {stream.announced / stream.rate:.0f} s, which", stream.rate)
    for block in stream.blocks:
        part = block if chosen is None else block[:, chosen]
        mean = part[:, 0].copy() if part.shape[1] == 1 else part.mean(axis=1)
        totals = _add_block(totals, block, mean)
        parts.append(mean)
        if totals.count > most:
            _check_size(totals.count, f"{path} is longer than {totals.count / stream.rate:.0f} s, which", stream.rate)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32), totals


def _count_allowed_samples() -> int:
    text = os.environ.get(LIMIT, "4")
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = 0.0
    if not 0 < gigabytes < 1e6:
        raise UserError(f"the environment variable {LIMIT} is {text!r}, expected gigabytes, such as 4")
    return int(gigabytes * 1e9 / 4)


def _check_size(samples: float, what: str, rate: int) -> None:
    most = _count_allowed_samples()
    if samples > most:
        raise UserError(
            f"{what} would take {samples * 4e-9:.3g} GB at {rate} Hz, more than the {most * 4e-9:g} GB that are"
            f" allowed; cut it into parts, or set the environment variable {LIMIT}"
        )


def _add_block(totals: _Totals, block: np.ndarray, mean: np.ndarray) -> _Totals:
    magnitude = np.abs(block)
    peak = float(magnitude.max(initial=0))
    wrong, first = totals.wrong, totals.first_wrong
    if not np.isfinite(peak):
        bad = ~np.isfinite(block).all(axis=1)
        first = first if wrong else totals.count + int(np.argmax(bad))
        return totals._replace(count=totals.count + len(block), wrong=wrong + int(bad.sum()), first_wrong=first)
    is_loud = peak >= FULL_SCALE
    return totals._replace(
        count=totals.count + len(block),
        squares=totals.squares + np.einsum("tc,tc->c", block, block, dtype=np.float64),
        sums=totals.sums + block.sum(axis=0, dtype=np.float64),
        mean_squares=totals.mean_squares + float(np.einsum("t,t->", mean, mean, dtype=np.float64)),
        peak=max(totals.peak, peak),
        beyond=totals.beyond + (int(np.count_nonzero(magnitude > 1)) if is_loud else 0),
        clipped=totals.clipped + (int(np.count_nonzero(magnitude >= FULL_SCALE)) if is_loud else 0),
    )


def _choose_channels(totals: _Totals, channels: int) -> tuple[list[int], str]:
    """Which channels are averaged, and what is told where these are not all."""
    everything = list(range(channels))
    loudest = float(totals.squares.max())
    if channels == 1 or not loudest:
        return everything, ""
    sounding = [c for c in everything if totals.squares[c] > _SILENT_CHANNEL**2 * loudest]
    if len(sounding) < channels:
        silent = [str(c + 1) for c in everything if c not in sounding]
        names = ", ".join(str(c + 1) for c in sounding)
        return sounding, f"a silent channel is left out ({', '.join(silent)} of {channels}; heard: {names})"
    if totals.mean_squares < _CANCELLED**2 * loudest:
        first = int(np.argmax(totals.squares))
        return [first], f"channels cancel each other, so only one is heard ({first + 1} of {channels})"
    return everything, ""


def _choose_scale(totals: _Totals, is_fine: bool) -> tuple[float, str]:
    """What samples are multiplied by, and what is told where that is not 1."""
    peak, beyond = totals.peak, totals.beyond / (totals.count * len(totals.squares))
    if peak > _WHOLE_NUMBERS:
        full = next((2.0**bits for bits in (15, 23, 31) if peak <= 2.0**bits), 2.0 ** np.ceil(np.log2(peak)))
        kind = {2.0**15: "16-bit", 2.0**23: "24-bit", 2.0**31: "32-bit"}.get(full, "larger than 32-bit")
        return 1 / full, f"{kind} numbers in a file of floats, divided by {full:.0f} (they reach {peak:.6g})"
    if peak > _MOST_PEAK or (peak > 1 and beyond > _MOST_BEYOND):
        full = 2.0 ** np.ceil(np.log2(peak))
        share = f"{100 * beyond:.2g} % of its samples, which reach {peak:.3g} times that"
        return 1 / full, f"beyond full scale, so divided by {full:.0f} ({share})"
    if is_fine and 0 < peak < _QUIET:
        full = 2.0 ** np.floor(-1 - np.log2(peak))
        return full, f"very quiet, so multiplied (its samples reach {peak:.2g} of full scale; by {full:.0f})"
    return 1.0, ""


def _describe_level(totals: _Totals, factor: float) -> list[str]:
    """Remarks on near silence and on a constant offset."""
    peak, level = totals.peak * factor, np.sqrt(totals.squares.max() / totals.count) * factor
    offset = np.abs(totals.sums).max() / totals.count * factor
    if not 0 < peak:
        return []
    if peak <= _NEARLY_SILENT:
        return [f"nearly silent (its samples reach {peak * 32768:.2g} of 32768)"]
    if offset > _OFFSET and offset > level / 2:
        return [f"a constant offset is most of its level ({100 * offset:.2g} % of full scale)"]
    return []
