"""Reads the files of RAVDESS' speech: what names say, which clips exist, and the action units.

    Actor_{01..24}/03-01-EE-II-SS-RR-AA.{wav,flac}    60 clips per actor, 1440 in all, at any rate
    Actor_{01..24}/01-01-EE-II-SS-RR-AA.mp4           the same with pictures; 02-... are the pictures without sound
    action_units_mean.csv                             OpenFace's action units, means over each clip (not of the release)

A name's fields are modality (03: audio alone), vocal channel (01 speech, 02 song), emotion, intensity (01 normal, 02
strong), statement, repetition and actor; odd actors are men. Neutral has no strong intensity. Only names count: the
folder that a clip is in is not read. Songs, files of other kinds, and pictures without sound are ignored.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.ravdess.labels import EMOTIONS
from affect_jax.datasets.release_files import convert_to_float32, parse_floats, read_rows
from affect_jax.errors import UserError

NEUTRAL, ANGRY, STRONG = 1, 5, 2

ACTION_UNITS_FILE = "action_units_mean.csv"
_INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
ACTION_UNITS = (
    *(f"AU{number:02d}_r" for number in _INTENSITIES),
    *(f"AU{number:02d}_c" for number in (*_INTENSITIES[:16], 28, 45)),
)
"""OpenFace's 35 columns: 17 intensities (_r, 0 to 5) and 18 presences (_c, 0 to 1), means over a clip."""

SUFFIXES = (".wav", ".flac")
VIDEOS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
_FOLDERS = ("Audio_Speech_Actors_01-24", "audio_speech_actors_01-24")
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


class Clip(NamedTuple):
    """What the name of a clip says, in the numbers of the release."""

    emotion: int
    intensity: int
    statement: int
    repetition: int
    actor: int

    @property
    def id(self) -> str:
        """The name of its audio file, without suffix."""
        return "03-01-" + "-".join(f"{field:02d}" for field in self)


class Sizes(NamedTuple):
    """Which clips a release must hold: every emotion and intensity of these actors, statements and repetitions."""

    actors: tuple[int, ...]
    statements: int
    repetitions: int


RELEASE = Sizes(actors=tuple(range(1, 25)), statements=2, repetitions=2)


def list_clips(sizes: Sizes) -> list[Clip]:
    """Lists all clips of a release of this size, in the order of actors and then of names."""
    return [
        Clip(emotion, intensity, statement, repetition, actor)
        for actor in sizes.actors
        for emotion in range(1, len(EMOTIONS) + 1)
        for intensity in ((1,) if emotion == NEUTRAL else (1, STRONG))
        for statement in range(1, sizes.statements + 1)
        for repetition in range(1, sizes.repetitions + 1)
    ]


def parse_name(name: str, where: str, modalities: tuple[str, ...]) -> Clip | None:
    """Parses the name of a file or row; None for a song.

    Args:
      name: without suffix.
      where: the file or row, for messages.
      modalities: which first fields to expect: ('03',) for audio.

    Raises:
      UserError: it is not the name of a RAVDESS clip of these modalities.
    """
    match = _NAME.fullmatch(name)
    fields = match.groups() if match else ()
    clip = Clip(*map(int, fields[2:])) if fields else None
    is_known = (
        clip is not None
        and fields[0] in modalities
        and fields[1] in ("01", "02")
        and 1 <= clip.emotion <= len(EMOTIONS)
        and clip.intensity in ((1,) if clip.emotion == NEUTRAL else (1, STRONG))
        and clip.statement in (1, 2)
        and clip.repetition in (1, 2)
        and clip.actor in RELEASE.actors
    )
    if not is_known:
        raise UserError(
            f"{where} is not named after a RAVDESS clip; expected {'|'.join(modalities)}-01-EMOTION-INTENSITY-STATEMENT"
            "-REPETITION-ACTOR with emotion 01 to 08, intensity, statement and repetition 01 or 02 (neutral has"
            " intensity 01 only) and actor 01 to 24: correct the name or remove the file"
        )
    return clip if fields[1] == "01" else None


def find_clips(folder: Path, sizes: Sizes, form: str = "audio") -> dict[Clip, Path]:
    """Finds the file of every clip, in the order of `list_clips`: of sound, or in the form 'video' of both.

    Raises:
      UserError: there is no folder of an actor, a name is wrong, a clip is repeated, or clips are missing or too many.
    """
    root = next((folder / name for name in _FOLDERS if (folder / name).is_dir()), folder)
    folders = sorted(path for path in root.glob("Actor_*") if path.is_dir())
    if form == "video":
        folders += sorted(path for path in root.glob("Video_Speech_Actor_*/Actor_*") if path.is_dir())
    suffixes, kind, others = (VIDEOS, "01", ("02", "03")) if form == "video" else (SUFFIXES, "03", ())
    if not folders:
        archive = "Video_Speech_Actor_01.zip, ... were" if form == "video" else "Audio_Speech_Actors_01-24.zip was"
        raise UserError(
            f"{folder} holds no folder Actor_01, Actor_02, ...; set config.corpus.manual_dir to the folder into which"
            f" RAVDESS' {archive} unpacked"
        )
    files: dict[Clip, Path] = {}
    for path in sorted(path for actor in folders for path in actor.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):  # macOS leaves ._* beside each file
            continue
        if path.stem.partition("-")[0] in others:
            continue
        clip = parse_name(path.stem, str(path), (kind,))
        if clip is None:
            continue
        if clip in files:
            raise UserError(f"{path} and {files[clip]} are the same clip; keep one")
        files[clip] = path
    if form == "video" and not files:
        raise UserError(
            f"{root} has no videos with sound (01-01-*.mp4); unpack Video_Speech_Actor_01.zip, ... there, or set"
            " config.corpus.form to 'audio'"
        )
    _check_complete(files, sizes, root)
    return {clip: files[clip] for clip in list_clips(sizes)}


def _check_complete(found_clips: Iterable[Clip], sizes: Sizes, root: Path) -> None:
    expected = list_clips(sizes)
    clips = set(found_clips)
    actors = {clip.actor for clip in clips}
    absent = [actor for actor in sizes.actors if actor not in actors]
    if absent:
        raise UserError(
            f"{root} has no clips of actor {', '.join(f'{actor:02d}' for actor in absent)}, expected"
            f" {len(sizes.actors)} actors; unpack the release again"
        )
    missing = [clip for clip in expected if clip not in clips]
    if missing or len(clips) != len(expected):
        odd = missing[0] if missing else min(clips - set(expected))
        fault = "is missing" if missing else "is one too many"
        count = sum(clip.actor == odd.actor for clip in clips)
        raise UserError(
            f"{root} has {len(clips)} clips, expected {len(expected)}; {odd.id} {fault} (actor {odd.actor:02d} has"
            f" {count} of {sum(clip.actor == odd.actor for clip in expected)}): unpack the release again"
        )


def read_action_units(path: Path, wanted: Iterable[Clip]) -> dict[Clip, np.ndarray]:
    """Reads clip -> float32 [1, 35], the columns `ACTION_UNITS` in that order.

    The table was made from the films, so its names begin with 01 (audio and video) or 02 (video alone).

    Args:
      path: the table, with `;` between columns; rows of songs and other columns are ignored.
      wanted: clips that must have a row.

    Raises:
      UserError: the table is missing, lacks a column or the row of a clip, has a row that is repeated, of another width
        or not named after a RAVDESS clip, or has values that are not finite numbers.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is missing (OpenFace's action units, one row per clip); put it there, or leave 'action_units' out"
            " of config.corpus.modalities"
        )
    header, *rows = read_rows(path, delimiter=";")
    absent = [name for name in (*ACTION_UNITS, "name") if name not in header]
    if absent:
        raise UserError(
            f"{path} has no column {absent[0]!r}; expected {len(ACTION_UNITS)} columns AU.._r and AU.._c and the column"
            " name, with ';' between them: copy it again"
        )
    unit_columns = [header.index(name) for name in ACTION_UNITS]
    name_columns = [header.index(name) for name in ("name", "path") if name in header]
    values = convert_to_float32(parse_floats([[row[i] for i in unit_columns] for row in rows], path, first_row=2))
    units: dict[Clip, np.ndarray] = {}
    for number, (row, means) in enumerate(zip(rows, values, strict=True), start=2):
        where = f"{path} row {number} ({row[name_columns[0]][:60]})"
        if len({Path(row[i]).name.partition(".")[0] for i in name_columns}) > 1:
            raise UserError(
                f"{where} has another clip in its column path, {row[name_columns[1]][:60]}; correct the row"
            )
        clip = parse_name(Path(row[name_columns[0]]).name.partition(".")[0], where, ("01", "02"))
        if clip is None:
            continue
        if clip in units:
            raise UserError(f"{where} is repeated; keep one row per clip")
        if not np.isfinite(means).all():
            column = ACTION_UNITS[int(np.flatnonzero(~np.isfinite(means))[0])]
            raise UserError(f"{where} has no finite value in column {column}; correct the row or copy the table again")
        units[clip] = means[None, :]
    lacking = [clip for clip in wanted if clip not in units]
    if lacking:
        raise UserError(f"{path} has no row of {lacking[0].id} ({len(lacking)} clips have none); copy the table again")
    return units
