"""Renders a synthetic utterance: words, word vectors, frames of video or audio, and a voice."""

import numpy as np

from affect_jax.datasets.iemocap.planted_emotions import SIGN


def render_frames(
    rng: np.random.Generator, code: np.ndarray, mixing: np.ndarray, own: np.ndarray, length: int, noise: float
) -> np.ndarray:
    """Renders frames, float64 [length, D], that show the code during at least half of them and nothing in the rest.

    Args:
      rng: of the utterance.
      code: [K].
      mixing: [K, D], the same in the whole corpus.
      own: [D], look or voice of the speaker.
      length: how many frames.
      noise: standard deviation of the noise in every frame.
    """
    stretch = max(1, int(round(length * rng.uniform(0.5, 1.0))))
    start = int(rng.integers(length - stretch + 1))
    shows_code = np.zeros((length, 1))
    shows_code[start : start + stretch] = 1.0
    return shows_code * (code @ mixing)[None, :] + own[None, :] + noise * rng.normal(size=(length, len(own)))


# Words that show a group, words of the two signs, and words that say nothing.
_GROUP_WORDS = (
    ("stop", "enough", "never", "again", "listen", "wrong"),
    ("great", "love", "wonderful", "married", "yes", "amazing"),
    ("miss", "gone", "lost", "alone", "died", "sorry"),
    ("okay", "form", "line", "number", "address", "license"),
    ("what", "really", "oh", "wow", "seriously", "no"),
)
_SIGN_WORDS = (("they", "them", "those"), ("we", "us", "our"))  # -1, +1
_FILLERS = ("the", "a", "it", "is", "to", "and", "of", "that", "um", "in")
UNKNOWN_WORD = "um"
"""A word that the release form's GloVe file lacks."""
VOCABULARY = tuple(word for words in (*_GROUP_WORDS, *_SIGN_WORDS, _FILLERS) for word in words)


def _compute_group_odds(code: np.ndarray) -> np.ndarray:
    """[5] share of each group: mostly the largest, and they sum to 1."""
    odds = np.exp(5.0 * code[:5])
    return odds / odds.sum()


def draw_words(rng: np.random.Generator, code: np.ndarray, longest: int) -> list[str]:
    """Draws 4 to `longest` words that show a code: about half of them the group, three of ten the sign."""
    length = int(rng.integers(4, longest + 1))
    kinds = rng.choice(3, size=length, p=(0.5, 0.3, 0.2))
    kinds[rng.permutation(length)[:2]] = (0, 1)
    groups = rng.choice(5, size=length, p=_compute_group_odds(code))
    return [
        str(rng.choice((_GROUP_WORDS[group], _SIGN_WORDS[int(code[5] > 0)], _FILLERS)[kind]))
        for kind, group in zip(kinds.tolist(), groups.tolist(), strict=True)
    ]


def make_word_vectors(seed: int, width: int) -> dict[str, np.ndarray]:
    """Makes word -> float32 [width]: words of a kind are close, and the words of the two signs are opposite."""
    rng = np.random.default_rng([seed, 3])
    mixing = rng.normal(size=(6, width))
    vectors = {}
    for number, group in enumerate((*_GROUP_WORDS, *_SIGN_WORDS, _FILLERS)):
        code = np.zeros(6)
        if number < 7:
            code[min(number, 5)] = (1.0, 1.0, 1.0, 1.0, 1.0, -SIGN, SIGN)[number]
        for word in group:
            vectors[word] = np.round(0.3 * (code @ mixing + 0.4 * rng.normal(size=width)), 4).astype(np.float32)
    return vectors


# Of each group: semitones above neutral, dB above neutral, dB an octave less steep than neutral, dB of breath.
_VOICES = np.array(
    [
        (4.0, 10.0, 4.0, 0.0),  # hostile
        (7.0, 5.0, 1.0, 4.0),  # joyful
        (-3.0, -8.0, -3.0, 6.0),  # sad
        (0.0, 0.0, 0.0, 0.0),  # neutral
        (9.0, 0.0, 3.0, 10.0),  # surprised
    ]
)
_LEVEL, _BREATH = 0.03, 0.02  # root mean square of the neutral voice, and of its breath relative to the voice
_FORMANTS = {-1: (500.0, 1000.0), 1: (500.0, 2400.0)}  # Hz, of the two signs: o and e


def render_voice(
    rng: np.random.Generator, code: np.ndarray, own: np.ndarray, man: bool, samples: int, rate: int
) -> np.ndarray:
    """Renders a vowel that shows a code: its sign by the vowel, its group by pitch, loudness, brightness and breath.

    Args:
      rng: of the utterance.
      code: [6].
      own: [4], how far the speaker's pitch, loudness, brightness and breath are above the mean, in units of `_VOICES`.
      man: whether the voice is an octave lower.
      samples: how many.
      rate: sampling rate in Hz.

    Returns:
      float64 [samples] within [-1, 1].
    """
    height, level, bright, breath = _compute_group_odds(code) @ _VOICES + own
    pitch = (110.0 if man else 220.0) * 2 ** (height / 12)
    harmonics = np.arange(1, int(5000 / pitch))
    formants = np.array(_FORMANTS[int(np.sign(code[5]))])
    peaks = np.exp(-0.5 * ((harmonics[:, None] * pitch - formants) / 200) ** 2).sum(axis=1)
    strength = (0.05 + peaks) * (harmonics * pitch / 200) ** ((bright - 9.0) / 6.02)
    turns = 2 * np.pi * pitch / rate * np.arange(samples) + rng.uniform(0, 2 * np.pi)
    tone = np.sin(harmonics[:, None] * turns).T @ strength
    tone /= np.sqrt(np.mean(tone**2))
    hiss = _BREATH * 10 ** (breath / 20) * rng.normal(size=samples)
    return np.clip(_LEVEL * 10 ** (level / 20) * (tone + hiss), -1, 1)
