"""A small corpus of debates whose conflict is heard in some clips and said in others, with planted answers.

A clip has ten tenths, and its level says in how many of them there is conflict (`sspnet_conflict.compute_level`: -10 if
in none, 10 if in all). There are two kinds of clips, as many of either in each split:

    heated    two people talk over one another with raised voices in these tenths, but what is said says nothing
    polite    everybody talks calmly, one at a time, and in these tenths somebody disagrees; in the others they agree

So of a heated clip the words, and of a polite one the sound, are those of a clip without conflict. A model of one of
the two can know the level of one kind alone, and cannot tell which kind a clip is of where it finds none.

In a tenth something neutral is said and, in polite clips, a word of accord or dissent. In heated clips every opinion is
one of accord. Word vectors are those of a word's meaning and something of its own, as of static vectors of words.
Voices are those of the SSPNet Conflict Corpus' twin, whose other random differences these clips share.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.sspnet_conflict import voices
from affect_jax.datasets.sspnet_conflict.synthetic import RATE as RENDERED
from affect_jax.datasets.sspnet_conflict.synthetic import TENTHS, compute_level, deal_tenths, render_clip
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError
from affect_jax.features import audio

MODALITIES = ("voice", "words")
TARGET = "conflict"
KINDS = ("heated", "polite")
PLANTED_FILE, TRANSCRIPTS_FILE, VECTORS_FILE = "planted.csv", "transcripts.csv", "vectors.txt"
RATE = 8000
"""Hz of the recordings."""
WIDTH = 16
"""Numbers of a word."""
_CLIPS = 6  # clips of a debate
_MEANINGS = {
    "accord": ("agree", "indeed", "exactly", "right", "true", "gladly", "yes", "certainly"),
    "dissent": ("disagree", "hardly", "doubt", "wrong", "refuse", "contrary", "object", "mistaken"),
    "neutral": (
        *("the", "we", "budget", "with", "respect", "colleague", "that", "minister", "vote", "year", "of"),
        *("law", "proposal", "and", "school", "city", "tax", "this", "plan", "question"),
    ),
}
_OWN = 0.6  # how far the vector of a word lies from that of its meaning, in each direction


def synthesize(
    folder: Path, *, train: int = 120, validation: int = 40, test: int = 80, seconds: int = 2, seed: int = 0
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    manifest.csv lists recordings and vectors of words; transcripts.csv recordings and what is said, whose vectors are
    in vectors.txt, a file as GloVe's; planted.csv the kind of each clip and the tenths with conflict.

    Args:
      folder: must not exist.
      train: clips of the training split.
      validation: clips of the validation split.
      test: clips of the test split.
      seconds: length of each clip.
      seed: of all random numbers.

    Raises:
      UserError: a split without both kinds of clips, clips of less than 2 s, or the folder exists or cannot be written.
    """
    import soundfile

    counts = {"train": train, "validation": validation, "test": test}
    if min(*counts.values(), seconds) < 2:
        raise UserError(
            "config.corpus.synthetic is too small; give at least 2 clips in each split, and clips of at least 2 s"
        )
    rng = np.random.default_rng(seed)
    vectors = draw_vectors(rng)
    rows, debates = [], 0
    with make_whole_folder(Path(folder)) as place:
        for name in MODALITIES:
            (place / name).mkdir()
        for split, number in counts.items():
            kinds = np.arange(number) % len(KINDS)
            shares = np.zeros(number, int)
            for kind in range(len(KINDS)):
                shares[kinds == kind] = deal_tenths(rng, int((kinds == kind).sum()))
            for at in range(0, number, _CLIPS):
                debates += 1
                people, quiet = [voices.draw_voice(rng) for _ in range(3)], rng.uniform(0.01, 0.05)
                for n in range(at, min(at + _CLIPS, number)):
                    kind, name = KINDS[kinds[n]], f"debate{debates}_{n - at + 1}"
                    planted = np.sort((rng.integers(TENTHS) + np.arange(shares[n])) % TENTHS).tolist()
                    sound = render_clip(rng, people, planted if kind == "heated" else [], seconds, quiet)
                    sound = audio.resample_audio(audio.Sound(sound, RENDERED), RATE)
                    soundfile.write(place / "voice" / f"{name}.wav", audio.to_int16(sound), RATE, subtype="PCM_16")
                    said = write_words(rng, planted if kind == "polite" else [])
                    np.save(place / "words" / f"{name}.npy", np.stack([vectors[word] for word in said]))
                    rows.append((name, f"debate{debates}", split, kind, planted, said))
        _write_tables(place, rows, vectors)
        write_marker(place, "spoken_conflict", {**counts, "seconds": seconds, "seed": seed}, counts)


def draw_vectors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Word -> float32 [WIDTH], rounded to four decimals: words of one meaning lie together."""
    vectors = {}
    for words in _MEANINGS.values():
        meaning = rng.normal(size=WIDTH)
        vectors |= {word: np.round(meaning + _OWN * rng.normal(size=WIDTH), 4).astype(np.float32) for word in words}
    return vectors


def write_words(rng: np.random.Generator, dissent: Iterable[int]) -> list[str]:
    """What is said in a clip in whose tenths `dissent` somebody disagrees."""
    said = []
    for tenth in range(TENTHS):
        opinion = str(rng.choice(_MEANINGS["dissent" if tenth in dissent else "accord"]))
        around = rng.choice(_MEANINGS["neutral"], size=rng.integers(1, 4)).tolist()
        around.insert(int(rng.integers(len(around) + 1)), opinion)
        said += around
    return said


def _write_tables(place: Path, rows: list[tuple], vectors: dict[str, np.ndarray]) -> None:
    head = ("id", "group", "split", f"label:{TARGET}", "voice")
    common = [
        (name, group, split, round(compute_level(len(planted) / TENTHS), 1), f"voice/{name}.wav")
        for name, group, split, _, planted, _ in rows
    ]
    said = [words for *_, words in rows]
    files = [f"words/{row[0]}.npy" for row in rows]
    _write_csv(
        place / "manifest.csv", (*head, "words"), [(*row, file) for row, file in zip(common, files, strict=True)]
    )
    texts = [(*row, " ".join(words)) for row, words in zip(common, said, strict=True)]
    _write_csv(place / TRANSCRIPTS_FILE, (*head, "transcript"), texts)
    planted_rows = [(name, kind, " ".join(map(str, planted))) for name, _, _, kind, planted, _ in rows]
    _write_csv(place / PLANTED_FILE, ("id", "kind", "tenths"), planted_rows)
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in vector)}\n" for word, vector in vectors.items()]
    (place / VECTORS_FILE).write_text("".join(lines))


def _write_csv(path: Path, head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
