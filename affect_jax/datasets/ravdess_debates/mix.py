"""Mixes utterances into the waveform of a clip."""

from collections.abc import Sequence

import numpy as np

from affect_jax.datasets.ravdess_debates.debate_plan import Turn
from affect_jax.features.audio import to_int16

_FRAME = 0.01  # seconds
_QUIET = 30.0  # dB below the loudest frame
_PEAK = 0.9
_FADE = 0.02  # seconds


def find_speech(speech: np.ndarray, rate: int) -> tuple[int, int]:
    """Finds the samples from the first 10 ms to after the last 10 ms that are within 30 dB of the loudest 30 ms.

    Args:
      speech: float [T], not silent.
      rate: in Hz.
    """
    frame_length = max(1, int(rate * _FRAME))
    count = max(1, len(speech) // frame_length)
    power = np.array([np.mean(np.square(frame, dtype=np.float64)) for frame in np.array_split(speech, count)])
    smooth = np.convolve(power, np.ones(3) / 3)[1:-1]
    loud = np.flatnonzero(smooth >= smooth.max() * 10 ** (-_QUIET / 10))
    edges = np.linspace(0, len(speech), count + 1).astype(int)
    return int(edges[loud[0]]), int(edges[loud[-1] + 1])


def mix_turns(turns: Sequence[Turn], speech: Sequence[np.ndarray], samples: int, rate: int) -> np.ndarray:
    """Adds up recordings so that the speech of each begins with its turn.

    A recording is used whole, with the sound of the room before and after the speech, faded over 20 ms at its ends.
    Recordings keep their relative levels. The clip as a whole is scaled to a peak of 0.9, which the RMS normalisation
    before any model undoes: it only protects the stored numbers from clipping and coarse steps.

    Args:
      turns: what to say and when.
      speech: the float [T] recording of each turn's utterance.
      samples: length of the clip; sound beyond its ends is cut off.
      rate: in Hz.

    Returns:
      int16 [samples].
    """
    clip = np.zeros(samples, np.float64)
    for (utterance, at), whole in zip(turns, speech, strict=True):
        fade = min(int(rate * _FADE), len(whole) // 2)
        ends = np.ones(len(whole))
        ends[:fade] = np.arange(fade) / fade
        ends[len(whole) - fade :] = ends[:fade][::-1]
        first = at - utterance.start
        start, stop = max(0, first), min(samples, first + len(whole))
        clip[start:stop] += (whole * ends)[start - first : stop - first]
    return to_int16(_PEAK * clip / np.abs(clip).max())
