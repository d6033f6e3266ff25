"""Impulse responses of rooms, from a folder of wav files, as training convolves speech with them."""

import functools
from pathlib import Path

import numpy as np

from affect_jax.errors import UserError
from affect_jax.features.sound_files import read_audio

SECONDS = 1.0
"""Of a response behind its direct sound; what is later is cut."""


@functools.lru_cache(maxsize=4)
def read_impulse_responses(folder: str, rate: int) -> np.ndarray:
    """float32 [K, L]: the wav files of a folder in the order of their names, mono at `rate`, zeros behind shorter ones.

    A response begins at its largest sample, so that nothing is delayed, and has an energy of 1, so that noise keeps its
    power.

    Raises:
      UserError: no such folder, no wav file in it, or one that is silent or cannot be read.
    """
    paths = sorted(path for path in Path(folder).expanduser().glob("*") if path.suffix.lower() == ".wav")
    if not paths:
        raise UserError(
            f"augment.impulse_responses is {folder}, which has no wav file; name a folder of impulse responses"
        )
    responses = [_read_response(path, rate) for path in paths]
    length = max(map(len, responses))
    return np.stack([np.pad(one, (0, length - len(one))) for one in responses])


def _read_response(path: Path, rate: int) -> np.ndarray:
    sound = np.asarray(read_audio(path, rate=rate), np.float64)
    first = int(np.argmax(np.abs(sound)))
    sound = sound[first : first + round(SECONDS * rate)]
    energy = float(np.sum(np.square(sound)))
    if not energy:
        raise UserError(f"{path} is silent, so it is no impulse response; take it out of the folder")
    return (sound * np.sign(sound[0]) / np.sqrt(energy)).astype(np.float32)
