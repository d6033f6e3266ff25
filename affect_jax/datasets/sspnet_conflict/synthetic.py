"""A small corpus in the layout of the SSPNet Conflict Corpus with planted answers, read by the same reader.

What is planted: a clip has ten super-samples, its tenths. In some of them, which are known, two people talk over one
another with raised voices: higher, louder, brighter, and with hardly a pause. In the others one person at a time talks
calmly. The level follows from the share of quarrelling tenths (`compute_level`): -10 if there are none, 10 if all are.
planted.csv lists them for each clip: an explanation of a model that hears conflict should point there. Who speaks when
is in manualdiarization/: two people speak at once in the planted tenths alone.

Nothing else tells the level: the numbers of planted tenths are dealt out evenly within each split, regardless of debate
and speakers. Their place in the clip, the speakers' usual pitch and loudness, the noise of the room and the gain of the
recording are random. The loudness of a clip as a whole says nothing once it is normalised (equation 3.4); that some
tenths are louder than others does.
"""

import csv
import datetime
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.sspnet_conflict import diarization, release, voices
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError
from affect_jax.features import audio

RATE = 48000
"""Hz, as in the release."""
TENTHS = 10
PLANTED_FILE = "planted.csv"
_CLIPS = 6  # clips of a debate
_TURN = (0.8, 2.5)  # seconds that one calm speaker has the floor
_FIRST = datetime.date(2005, 1, 5)


def compute_level(share: float) -> float:
    """The level of a clip by the share in [0, 1] of its tenths that are planted: 20 * share - 10."""
    return 20 * share - 10


def synthesize(
    folder: Path, *, train: int = 48, validation: int = 16, test: int = 16, seconds: int = 6, seed: int = 0
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      train: clips of the training split.
      validation: clips of the validation split.
      test: clips of the test split.
      seconds: length of each clip; in the release it is 30 s.
      seed: of all random numbers.

    Raises:
      UserError: a split without clips, clips of less than 2 s, or the folder exists or cannot be written.
    """
    import soundfile

    counts = {"train": train, "validation": validation, "test": test}
    if min(*counts.values(), seconds - 1) < 1:
        raise UserError(
            "config.corpus.synthetic is too small; give at least 1 clip in each split, and clips of at least 2 s"
        )
    rng = np.random.default_rng(seed)
    rows, debates = [], 0
    with make_whole_folder(Path(folder)) as place:
        (place / release.AUDIO_FOLDER).mkdir()
        for split, number in counts.items():
            shares = deal_tenths(rng, number) / TENTHS
            for at in range(0, number, _CLIPS):
                date = (_FIRST + datetime.timedelta(days=7 * debates)).strftime("%y-%m-%d")
                debates += 1
                people = [voices.draw_voice(rng) for _ in range(rng.integers(3, 6))]
                quiet = rng.uniform(0.01, 0.05)
                for k, share in enumerate(shares[at : at + _CLIPS]):
                    name = f"{date}_{2 * k * seconds}_{(2 * k + 1) * seconds}"
                    # One run, which may wrap around the end of the clip, so that every tenth is equally likely.
                    planted = np.sort((rng.integers(TENTHS) + np.arange(round(share * TENTHS))) % TENTHS)
                    samples, spoken = _render_turns(rng, people, planted.tolist(), seconds, quiet)
                    diarization.write_turns(place / diarization.FOLDER / f"{name}.csv", spoken)
                    path = place / release.AUDIO_FOLDER / f"{name}.wav"
                    soundfile.write(path, audio.to_int16(samples), RATE, subtype="PCM_16")
                    rows.append((name, split, planted.tolist(), float(share)))
        _write_tables(place, rows, counts, seconds, seed)


def render_clip(
    rng: np.random.Generator, people: list[voices.Voice], planted: list[int], seconds: float, quiet: float
) -> np.ndarray:
    """float32 [seconds * 48000] in (-1, 1).

    Args:
      rng: for all random numbers.
      people: two or more speakers of the debate.
      planted: the tenths of the clip in which two of them quarrel.
      seconds: its length.
      quiet: loudness of the room, relative to a calm speaker.
    """
    return _render_turns(rng, people, planted, seconds, quiet)[0]


def _render_turns(
    rng: np.random.Generator, people: list[voices.Voice], planted: list[int], seconds: float, quiet: float
) -> tuple[np.ndarray, np.ndarray]:
    """A clip, see `render_clip`, and who speaks when in it: float64 [N, 3], start and end in seconds, and speaker."""
    speech, turns = np.zeros(round(seconds * voices.RATE)), []
    for first, last, quarrel in _find_runs(planted):
        start, end = first * seconds / TENTHS, last * seconds / TENTHS
        if quarrel:
            for number in rng.choice(len(people), size=2, replace=False):
                voices.add_speech(rng, people[number], voices.RAISED, start, end, speech)
                turns.append((start, end, number))
            continue
        while start < end:
            turn = min(start + rng.uniform(*_TURN), end)
            number = rng.integers(len(people))
            voices.add_speech(rng, people[number], voices.CALM, start, turn, speech)
            turns.append((start, turn, number))
            start = turn
    speech = voices.remove_low_frequencies(speech) + quiet * voices.make_room_noise(rng, len(speech))
    whole = audio.resample_audio(audio.Sound(speech.astype(np.float32), voices.RATE), RATE)
    return whole * np.float32(rng.uniform(0.3, 0.9)) / np.abs(whole).max(), np.array(turns)


def deal_tenths(rng: np.random.Generator, count: int) -> np.ndarray:
    """int [count]: numbers of planted tenths, 0 to 10, each equally often, in random order."""
    even = np.arange(count) * (TENTHS + 1) // count if count > 1 else np.array([TENTHS // 2])
    return rng.permutation(even)


def _find_runs(planted: Iterable[int]) -> list[tuple[int, int, bool]]:
    """(first tenth, tenth after the last, planted) of each stretch of equal tenths."""
    flags = np.isin(np.arange(TENTHS), list(planted))
    edges = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), TENTHS]
    return [(a, b, bool(flags[a])) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _write_tables(place: Path, rows: list[tuple], counts: dict[str, int], seconds: int, seed: int) -> None:
    levels = {name: round(compute_level(share), 1) for name, _, _, share in rows}
    folder_of = {"train": "train", "validation": "val", "test": "test"}
    _write_csv(place / release.LABELS_FILE, ("Name", "Value"), levels.items())
    _write_csv(place / release.PARTITION_FILE, ("Name", "split"), ((n, folder_of[split]) for n, split, _, _ in rows))
    _write_csv(
        place / PLANTED_FILE,
        ("Name", "Tenths", "Share", "Level"),
        ((name, " ".join(map(str, planted)), share, levels[name]) for name, _, planted, share in rows),
    )
    sizes = {
        "clips": counts,
        "high": {split: sum(s == split and levels[name] >= 0 for name, s, _, _ in rows) for split in counts},
        "seconds": seconds,
    }
    parameters = {**counts, "seconds": seconds, "seed": seed}
    write_marker(place, "sspnet_conflict", parameters, sizes)


def _write_csv(path: Path, head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
