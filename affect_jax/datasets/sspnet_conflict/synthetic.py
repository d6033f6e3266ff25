"""A small corpus in the layout of the SSPNet Conflict Corpus with planted answers, read by the same reader.

What is planted. A clip has ten super-samples, its tenths. In some, known ones, two people talk over one another with
raised voices: higher pitch, louder, brighter, and hardly a pause. In the others one person at a time talks calmly. The
level is what the share of those tenths says, `level`: -10 where there is none, 10 where all are. planted.csv says for
each clip which they are: an explanation of a model that hears conflict should point there.

Nothing else tells the level: the number of planted tenths is dealt out evenly within each part, regardless of debate
and speakers; where they are in the clip, the speakers' usual pitch and loudness, the room's noise and the gain of the
recording are random. A clip's loudness as a whole says nothing once it is normalised (equation 3.4); that parts of it
are louder than others does.
"""

import csv
import datetime
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from affect_jax.datasets.building import make_whole_folder
from affect_jax.datasets.reading import MARKER
from affect_jax.datasets.sspnet_conflict import release, voices
from affect_jax.errors import UserError
from affect_jax.features import audio

RATE = 48000
"""Hz, as in the release."""
TENTHS = 10
PLANTED_FILE = "planted.csv"
_CLIPS = 6  # in a debate
_TURN = (0.8, 2.5)  # seconds that one calm speaker has the floor
_FIRST = datetime.date(2005, 1, 5)


def level(share: float) -> float:
    """The level of a clip of whose tenths a share in [0, 1] is planted: 20 * share - 10."""
    return 20 * share - 10


def synthesize(
    folder: Path, *, train: int = 48, validation: int = 16, test: int = 16, seconds: int = 6, seed: int = 0
) -> None:
    """Writes the corpus; `folder` must not exist and is there only when everything is written.

    Args:
      folder: where.
      train: clips of the training part.
      validation: clips of the validation part.
      test: clips of the test part.
      seconds: of each clip; the release has 30.
      seed: of all that is random.

    Raises:
      UserError: a part without clips, clips of less than 2 s, or the folder exists or cannot be written.
    """
    import soundfile

    counts = {"train": train, "validation": validation, "test": test}
    if min(*counts.values(), seconds - 1) < 1:
        raise UserError("config.corpus.synthetic needs at least 1 clip in each part, and clips of at least 2 s")
    rng = np.random.default_rng(seed)
    rows, debates = [], 0
    with make_whole_folder(Path(folder)) as place:
        (place / release.AUDIO_FOLDER).mkdir()
        for part, number in counts.items():
            shares = _deal(rng, number) / TENTHS
            for at in range(0, number, _CLIPS):
                date = (_FIRST + datetime.timedelta(days=7 * debates)).strftime("%y-%m-%d")
                debates += 1
                people = [voices.voice(rng) for _ in range(rng.integers(3, 6))]
                quiet = rng.uniform(0.01, 0.05)
                for k, share in enumerate(shares[at : at + _CLIPS]):
                    name = f"{date}_{2 * k * seconds}_{(2 * k + 1) * seconds}"
                    # One run that may go on from the end at the beginning, so that every tenth is as likely.
                    planted = np.sort((rng.integers(TENTHS) + np.arange(round(share * TENTHS))) % TENTHS)
                    samples = clip(rng, people, planted.tolist(), seconds, quiet)
                    path = place / release.AUDIO_FOLDER / f"{name}.wav"
                    soundfile.write(path, audio.to_int16(samples), RATE, subtype="PCM_16")
                    rows.append((name, part, planted.tolist(), float(share)))
        _write(place, rows, counts, seconds, seed)


def clip(
    rng: np.random.Generator, people: list[voices.Voice], planted: list[int], seconds: float, quiet: float
) -> np.ndarray:
    """float32 [seconds * 48000] in (-1, 1).

    Args:
      rng: of all that is random.
      people: two or more, who are in the debate.
      planted: the tenths of the clip in which two of them quarrel.
      seconds: its length.
      quiet: the loudness of the room against that of a calm speaker.
    """
    spoken = np.zeros(round(seconds * voices.RATE))
    for first, last, quarrel in _runs(planted):
        start, end = first * seconds / TENTHS, last * seconds / TENTHS
        if quarrel:
            for number in rng.choice(len(people), size=2, replace=False):
                voices.speak(rng, people[number], voices.RAISED, start, end, spoken)
            continue
        while start < end:
            turn = min(start + rng.uniform(*_TURN), end)
            voices.speak(rng, people[rng.integers(len(people))], voices.CALM, start, turn, spoken)
            start = turn
    spoken = voices.radiated(spoken) + quiet * voices.noise(rng, len(spoken))
    whole = audio.resample_audio(audio.Sound(spoken.astype(np.float32), voices.RATE), RATE)
    return whole * np.float32(rng.uniform(0.3, 0.9)) / np.abs(whole).max()


def _deal(rng: np.random.Generator, count: int) -> np.ndarray:
    """int [count]: numbers of planted tenths, 0 to 10, each as often as the others, in random order."""
    even = np.arange(count) * (TENTHS + 1) // count if count > 1 else np.array([TENTHS // 2])
    return rng.permutation(even)


def _runs(planted: Iterable[int]) -> list[tuple[int, int, bool]]:
    """(first tenth, tenth after the last, planted) of each stretch of equal tenths."""
    flags = np.isin(np.arange(TENTHS), list(planted))
    edges = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), TENTHS]
    return [(a, b, bool(flags[a])) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _write(place: Path, rows: list[tuple], counts: dict[str, int], seconds: int, seed: int) -> None:
    levels = {name: round(level(share), 1) for name, _, _, share in rows}
    folder_of = {"train": "train", "validation": "val", "test": "test"}
    _write_csv(place / release.LABELS_FILE, ("Name", "Value"), levels.items())
    _write_csv(place / release.PARTITION_FILE, ("Name", "split"), ((n, folder_of[part]) for n, part, _, _ in rows))
    _write_csv(
        place / PLANTED_FILE,
        ("Name", "Tenths", "Share", "Level"),
        ((name, " ".join(map(str, planted)), share, levels[name]) for name, _, planted, share in rows),
    )
    sizes = {
        "clips": counts,
        "high": {part: sum(p == part and levels[name] >= 0 for name, p, _, _ in rows) for part in counts},
        "seconds": seconds,
    }
    parameters = {**counts, "seconds": seconds, "seed": seed}
    manifest = {"corpus": "sspnet_conflict", "synthetic": True, "parameters": parameters, "sizes": sizes}
    (place / MARKER).write_text(json.dumps(manifest, indent=1) + "\n")


def _write_csv(path: Path, head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
