"""A small corpus in RAVDESS' layout with planted answers, read by the same reader as the release.

What is planted: a clip is a string of voiced syllables over a quiet hiss, with silence before and after it. Its emotion
sets the pitch and its range, the loudness, the brightness of the voice and the rate of the syllables (`_VOICES`), all
strongly enough for simple statistics to hear; strong intensity goes half as far again from neutral. Every actor has
their own pitch (by sex), loudness and brightness, so that absolute values mislead and a model must learn from other
actors. The two statements differ in the vowels and number of their syllables, which tells nothing.

In the form 'video' the same voices are heard in clips of drawn faces, whose mouth and brows show the emotion.

Action units: each emotion has a face (a seeded vector), which strong intensity deepens, and each actor has their own
face. They share only the emotion with the voice.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from affect_jax.datasets.ravdess.actors import choose_actors, is_man
from affect_jax.datasets.ravdess.release import (
    ACTION_UNITS,
    ACTION_UNITS_FILE,
    EMOTIONS,
    STRONG,
    Clip,
    Sizes,
    list_clips,
)
from affect_jax.datasets.ravdess.settings import FORMS
from affect_jax.datasets.recordings import check_choice
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.synthetic_videos import FPS, draw_face, write_video
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError
from affect_jax.features.audio import to_int16

# emotion -> semitones above neutral, semitones that the pitch moves, dB above neutral, dB an octave less steep than
# neutral, syllables a second
_VOICES = {
    "neutral": (0.0, 1.0, 0.0, 0.0, 5.0),
    "calm": (-1.0, 0.6, -3.0, -1.0, 4.2),
    "happy": (5.0, 4.0, 6.0, 1.5, 6.0),
    "sad": (-2.0, 0.8, -6.0, -2.0, 3.6),
    "angry": (4.0, 2.0, 12.0, 4.0, 5.5),
    "fearful": (7.0, 1.5, 5.0, 1.0, 7.0),
    "disgust": (-3.0, 2.5, 2.0, 2.0, 4.0),
    "surprised": (9.0, 6.0, 4.0, 1.0, 5.0),
}
# emotion -> corners of the mouth up, brows down towards the nose, mouth open
_FACES = {
    "neutral": (0.0, 0.0, 0.0),
    "calm": (0.25, 0.0, 0.0),
    "happy": (1.0, -0.1, 0.3),
    "sad": (-0.8, -0.7, 0.0),
    "angry": (-0.5, 1.0, 0.3),
    "fearful": (-0.3, -1.0, 0.5),
    "disgust": (-1.0, 0.4, 0.2),
    "surprised": (0.0, -0.5, 1.0),
}
_VOWELS = ((700, 1200), (300, 2200), (500, 900), (400, 1800), (350, 750), (600, 1700))  # two formants in Hz
_SYLLABLES = {1: (0, 3, 1, 4, 2, 5, 0), 2: (2, 1, 5, 3, 0, 4, 1, 3)}  # statement -> vowels
_SILENCE = (0.15, 0.35)  # seconds before and after
_LEVEL, _HISS = 0.012, 1e-4  # root mean square of neutral speech and of the hiss


def synthesize(
    folder: Path,
    *,
    actors: int = 10,
    statements: int = 2,
    repetitions: int = 1,
    rate: int = 16000,
    seed: int = 0,
    form: str = "audio",
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      actors: how many; they have numbers of the release that fill the published folds evenly.
      statements: 1 or 2.
      repetitions: 1 or 2; an actor has 15 clips times statements times repetitions.
      rate: sampling rate of the files, in Hz.
      seed: of all random numbers.
      form: 'audio' (wav files) or 'video' (mp4 files).

    Raises:
      UserError: a size is impossible, the folder exists or cannot be written, or PyAV, which writes videos, is missing.
    """
    check_choice("form", form, FORMS)
    if not (3 <= actors <= 24 and statements in (1, 2) and repetitions in (1, 2) and rate >= 2000):
        raise UserError(
            f"config.corpus.synthetic has {actors} actors, {statements} statements, {repetitions} repetitions and"
            f" {rate} Hz; expected 3 to 24, 1 or 2, 1 or 2, and 2000 or more"
        )
    sizes = Sizes(choose_actors(actors), statements, repetitions)
    parameters = dict(actors=actors, statements=statements, repetitions=repetitions, rate=rate, seed=seed)
    with make_whole_folder(Path(folder)) as place:
        _write_clips(place, sizes, rate, seed, form)
        _write_action_units(place / ACTION_UNITS_FILE, sizes, seed)
        write_marker(place, "ravdess", parameters, sizes._asdict())


def _write_clips(place: Path, sizes: Sizes, rate: int, seed: int, form: str) -> None:
    import soundfile

    manner = {actor: np.random.default_rng([seed, 1, actor]).normal(size=3) for actor in sizes.actors}
    for clip in list_clips(sizes):
        rng = np.random.default_rng([seed, 2, *clip])
        path = place / f"Actor_{clip.actor:02d}" / f"{clip.id}.wav"
        path.parent.mkdir(exist_ok=True)
        voice = render_voice(rng, clip, manner[clip.actor], rate)
        if form == "audio":
            soundfile.write(path, voice, rate, subtype="PCM_16")
        else:
            path = path.with_name(f"{clip.id.replace('03-', '01-', 1)}.mp4")
            faces = _draw_faces(rng, clip, manner[clip.actor], len(voice) / rate)
            write_video(path, faces, to_int16(voice), rate)


def _draw_faces(rng: np.random.Generator, clip: Clip, manner: np.ndarray, seconds: float) -> Iterator[np.ndarray]:
    """The pictures of a clip: a face that moves about the emotion's, on the actor's own."""
    far = 1.5 if clip.intensity == STRONG else 1.0
    face = far * np.array(_FACES[EMOTIONS[clip.emotion - 1]]) + 0.15 * np.tanh(manner) + rng.normal(scale=0.1, size=3)
    for _ in range(max(1, round(seconds * FPS))):
        smile, brow, mouth = face + rng.normal(scale=0.1, size=3)
        yield draw_face(smile, brow, max(mouth, 0.0), 0.5 + 0.2 * float(np.tanh(manner[2])))


def render_voice(rng: np.random.Generator, clip: Clip, manner: np.ndarray, rate: int) -> np.ndarray:
    """Renders the waveform of one clip.

    Args:
      rng: for what differs between clips.
      clip: what to say, and how.
      manner: [3], the actor's pitch, loudness and brightness in standard deviations.
      rate: in Hz.

    Returns:
      float64 [T], within [-1, 1].
    """
    plain = np.array(_VOICES["neutral"])
    far = 1.5 if clip.intensity == STRONG else 1.0
    height, moves, level, bright, pace = plain + far * (np.array(_VOICES[EMOTIONS[clip.emotion - 1]]) - plain)
    height += 1.5 * manner[0] + rng.normal(scale=0.5)
    level += 2.0 * manner[1] + rng.normal()
    bright += 0.7 * manner[2] + rng.normal(scale=0.4)
    vowels = _SYLLABLES[clip.statement]
    length = int(rate / (pace * np.exp(rng.normal(scale=0.05))))
    total = length * len(vowels)

    # The pitch falls over the sentence and moves with each syllable.
    fall = np.linspace(1.0, -1.0, total) + np.repeat(rng.normal(scale=0.7, size=len(vowels)), length)
    pitch = (115.0 if is_man(clip.actor) else 205.0) * 2 ** ((height + 0.5 * moves * fall) / 12)
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / rate)
    # The gain of a vowel at a harmonic is computed once per syllable, at its mean pitch, which is fast and close.
    mean = pitch.reshape(len(vowels), length).mean(axis=1)
    formants = np.array([_VOWELS[v] for v in vowels], float)
    highest = min(4000, 0.45 * rate)
    speech, harmonic = np.zeros(total), np.ones(total, complex)
    for number in range(1, 1 + int(highest / pitch.max())):
        harmonic *= turn
        frequency = number * mean
        peaks = np.exp(-0.5 * ((frequency[:, None] - formants) / (120 + 0.1 * formants)) ** 2).sum(axis=1)
        steep = (frequency / 200) ** ((bright - 9.0) / 6.02)  # neutral voices fall by 9 dB an octave
        speech += np.repeat((0.05 + peaks) * steep, length) * harmonic.imag
    speech *= np.tile(np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 0.7, len(vowels))
    speech *= _LEVEL * 10 ** (level / 20) / np.sqrt(np.mean(speech**2))
    before, after = (int(rate * rng.uniform(*_SILENCE)) for _ in range(2))
    whole = np.pad(speech, (before, after)) + _HISS * rng.normal(size=before + total + after)
    return np.clip(whole, -1, 1)


def _write_action_units(path: Path, sizes: Sizes, seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    highest = np.array([5.0 if name.endswith("_r") else 1.0 for name in ACTION_UNITS])
    faces = np.concatenate([np.zeros((1, len(highest))), rng.normal(scale=0.6, size=(len(EMOTIONS) - 1, len(highest)))])
    own = {
        actor: np.random.default_rng([seed, 4, actor]).normal(scale=0.8, size=len(highest)) for actor in range(1, 25)
    }
    with path.open("w", newline="") as file:
        table = csv.writer(file, delimiter=";", lineterminator="\n")
        table.writerow([*ACTION_UNITS, "speech", "name", "path", "index"])
        for clip in list_clips(sizes):
            far = 1.5 if clip.intensity == STRONG else 1.0
            face = far * faces[clip.emotion - 1] + own[clip.actor] + rng.normal(scale=1.5, size=len(highest))
            means = highest / (1 + np.exp(1.5 - face))
            name = clip.id.replace("03-01-", "01-01-", 1)  # the table was made from the films
            table.writerow([*np.round(means, 4).tolist(), round(float(rng.uniform(0.3, 0.9)), 4), name, name, 0])
