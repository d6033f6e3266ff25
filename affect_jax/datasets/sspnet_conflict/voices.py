"""Makes speech-like sound: glottal pulses that ring through formants, in syllables and phrases, calm or raised.

A pulse is the impulse response of a few parallel resonators: a sum of damped sinusoids at the formants of a vowel.
There are no words, but pitch, loudness, spectral tilt, rhythm and pauses have the values that they have in speech.
"""

from typing import NamedTuple

import numpy as np

RATE = 16000
"""Hz; nothing below needs more."""
_RINGING = 0.012  # seconds after which a pulse has died away
# Hz of the first three formants of five vowels (i, e, a, o, u of an adult man, after Fant), their bandwidths, and how
# loud each is in a calm voice.
_VOWELS = np.array([[280, 2250, 2900], [430, 2000, 2550], [700, 1220, 2600], [450, 850, 2450], [310, 750, 2300]])
_BANDWIDTHS = np.array([80.0, 110.0, 160.0])
_LEVELS = np.array([1.0, 0.4, 0.2])


class Voice(NamedTuple):
    """A speaker: usual pitch in Hz, length of the vocal tract relative to an adult man's, loudness."""

    pitch: float
    tract: float
    loudness: float


class Manner(NamedTuple):
    """How somebody speaks.

    Attributes:
      pitch: relative to the speaker's usual pitch.
      loudness: relative to the speaker's usual loudness.
      bright: how much louder the second and third formant are than in a calm voice (flatter spectral tilt).
      syllables: per second.
      pauses: mean seconds between two phrases.
    """

    pitch: float
    loudness: float
    bright: float
    syllables: float
    pauses: float


CALM = Manner(pitch=1.0, loudness=1.0, bright=1.0, syllables=4.5, pauses=0.25)
RAISED = Manner(pitch=1.6, loudness=2.0, bright=2.2, syllables=5.5, pauses=0.04)


def draw_voice(rng: np.random.Generator) -> Voice:
    """Draws a man or a woman with equal probability."""
    if rng.integers(2):
        return Voice(rng.uniform(95, 135), rng.uniform(0.97, 1.03), rng.uniform(0.8, 1.25))
    return Voice(rng.uniform(165, 215), rng.uniform(0.83, 0.89), rng.uniform(0.8, 1.25))


def add_speech(
    rng: np.random.Generator, speaker: Voice, manner: Manner, start: float, end: float, out: np.ndarray
) -> None:
    """Adds speech between two moments (seconds) to `out`, float64 [T] at `RATE`; it rings on for about 10 ms."""
    now = start + rng.uniform(0, manner.pauses)
    while now < end:
        phrase = int(rng.integers(4, 10))
        for number in range(phrase):
            length = rng.uniform(0.75, 1.25) / manner.syllables
            stop = min(now + length, end)
            if stop - now > 0.04:
                # The pitch falls over a phrase; each syllable has an accent of its own.
                pitch = speaker.pitch * manner.pitch * (1.12 - 0.24 * number / phrase) * rng.uniform(0.93, 1.07)
                _add_syllable(rng, speaker, manner, (now, stop), pitch=pitch, out=out)
            now = stop
        now += rng.uniform(0.5, 1.5) * manner.pauses


def remove_low_frequencies(sound: np.ndarray) -> np.ndarray:
    """float64 [T] without frequencies below 60 Hz: lips do not radiate them, but pulses of one sign have them."""
    spectrum = np.fft.rfft(sound)
    spectrum[: int(np.ceil(60 * len(sound) / RATE))] = 0
    return np.fft.irfft(spectrum, len(sound))


def make_room_noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """float64 [count] of unit variance whose power falls with frequency, as in a room."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum /= np.sqrt(1 + np.arange(len(spectrum)) * RATE / count / 100)
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def _add_syllable(
    rng: np.random.Generator,
    speaker: Voice,
    manner: Manner,
    span: tuple[float, float],
    *,
    pitch: float,
    out: np.ndarray,
) -> None:
    """A burst of breath, as of a consonant, and a vowel that glides towards another."""
    start, end = span
    loud = speaker.loudness * manner.loudness
    onset = min(0.03, (end - start) / 4)
    first = round(start * RATE)
    burst = np.diff(rng.normal(size=1 + round(onset * RATE)))[: max(0, len(out) - first)]
    out[first : first + len(burst)] += 0.05 * loud * rng.uniform(0, 1) * np.hanning(len(burst)) * burst
    periods = np.arange(start + onset, end, 1 / pitch)
    moments = periods + rng.uniform(-0.01, 0.01, len(periods)) / pitch  # jitter
    along = np.linspace(0, 1, len(moments))
    level = loud * np.sin(np.pi * np.clip(along, 0.03, 0.97)) ** 0.7
    first_vowel, second_vowel = _VOWELS[rng.integers(len(_VOWELS), size=2)]
    formants = (first_vowel + 0.4 * along[:, None] * (second_vowel - first_vowel)) / speaker.tract
    _add_pulses(moments, level[:, None] * _LEVELS * np.array([1, manner.bright, manner.bright]), formants, out)


def _add_pulses(moments: np.ndarray, levels: np.ndarray, formants: np.ndarray, out: np.ndarray) -> None:
    """Adds pulses at `moments` [P] (seconds), of `levels` [P, 3] at `formants` [P, 3] (Hz)."""
    first = np.ceil(moments * RATE).astype(int)
    # Moments are between samples: each pulse is sampled at its own offset, or the pitch would jitter by a sample.
    ages = (first / RATE - moments)[:, None] + np.arange(round(_RINGING * RATE)) / RATE
    pulses = np.zeros_like(ages)
    for number, width in enumerate(_BANDWIDTHS):
        wave = np.sin(2 * np.pi * formants[:, number, None] * ages)
        pulses += levels[:, number, None] * np.exp(-np.pi * width * ages) * wave
    at = first[:, None] + np.arange(ages.shape[1])
    np.add.at(out, np.minimum(at, len(out) - 1), np.where(at < len(out), pulses, 0.0))
