"""Who speaks when -> of each frame, how much of it somebody speaks in, and how much of it two or more.

A turn is a stretch of time of one speaker: 'from 1.2 s to 3.4 s, speaker 2'.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.features import audio

MODALITY = "turns"
"""What turns become beside the features: frames [T, 2]."""
FRAME = 0.010
"""Seconds from one frame to the next, those of log-mels."""
_GRID = 10  # moments within a frame that are looked at


class Turn(NamedTuple):
    """A stretch of time of one speaker.

    Attributes:
      start: in seconds.
      end: in seconds.
      speaker: a number, the same in all turns of a speaker of the clip.
    """

    start: float
    end: float
    speaker: int


def count_voices(turns: Sequence[Turn], frames: int) -> np.ndarray:
    """float32 [frames, 2]: the share of each frame in which anybody speaks, and in which two or more do.

    Frame t is the 10 ms around t * 10 ms, as of log-mels; moments a millisecond apart are looked at. Turns of one
    speaker that overlap count once, and what is beyond the frames does not count.

    Args:
      turns: in any order.
      frames: how many.
    """
    voices = np.zeros(frames * _GRID, np.int16)
    for speaker in {turn.speaker for turn in turns}:
        speaks = np.zeros(len(voices), bool)
        for turn in turns:
            if turn.speaker == speaker:
                first, last = (max(0, round((at / FRAME + 0.5) * _GRID)) for at in (turn.start, turn.end))
                speaks[first:last] = True
        voices += speaks
    shares = [(voices >= least).reshape(frames, _GRID).mean(axis=1) for least in (1, 2)]
    return np.stack(shares, axis=1).astype(np.float32)


def describe_clip(rows: np.ndarray, speech: np.ndarray, rate: int) -> np.ndarray:
    """`count_voices` of a clip, for the frames that `audio.compute_log_mel` makes of its speech.

    Args:
      rows: [N, 3], start and end of each turn in seconds, and its speaker.
      speech: [T].
      rate: of the speech, in Hz.
    """
    spoken = [Turn(float(start), float(end), int(speaker)) for start, end, speaker in rows]
    return count_voices(spoken, audio.count_mfcc_frames(len(speech), rate, "turns"))


def measure_overlap(voices: np.ndarray) -> float:
    """The share of the time with speech in which two or more speak, from `count_voices`; 0 where nobody does."""
    anybody, several = voices.sum(axis=0, dtype=np.float64)
    return float(several / anybody) if anybody else 0.0


def check_overlap(overlaps: Sequence[float], corpus: str) -> None:
    """Refuses a corpus from which nothing can be learned about overlap.

    Args:
      overlaps: of the training clips, as of `measure_overlap`.
      corpus: its name.

    Raises:
      UserError: in no clip two people speak at once.
    """
    if not any(overlaps):
        raise UserError(
            f"in none of the {len(overlaps)} training clips of {corpus} two people speak at once, so no overlap can be "
            f"learned; give clips of two speakers or more, or leave {MODALITY!r} out of config.corpus.modalities"
        )
